"""What a caller asks for is done while its API key stands and its requests last, else not at all.

Every move is held to it here: none can forget, for none knows of it (docs/adr/0010-visits.md).
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from chalicelib import keyspace, visits
from chalicelib.bounds import RetentionSettings
from chalicelib.errors import RateLimited, RouterError, StoreUnavailable, TokenRejected
from chalicelib.inbox import Inbox
from chalicelib.inbox_leases import InboxLeases
from chalicelib.leasing import JobLeases
from chalicelib.listing import JobLists
from chalicelib.patience import Patience
from chalicelib.queueing import JobQueue
from chalicelib.refusals import Rate
from chalicelib.scripts import Script
from chalicelib.service import FrontDoor
from chalicelib.store import Store, connect
from chalicelib.streaming import TokenStreams
from chalicelib.upkeep import Upkeep
from chalicelib.visits import Visit
from chalicelib.waiting import WaitingRoom
from tests.servers import Server
from tests.store.deeds import DEEDS, Side
from tests.store.harness import DONE, SETTINGS, claim, contents, now_ms, submit
from tests.store.proxy import Proxy
from tests.store.scripts import SCRIPTS, move_of
from tests.store.test_full_memory import full

KEY = "key_" + "1" * 32
RECORD = keyspace.api_key("acme", KEY)
DIGEST = "d" * 64
QUOTA, KEY_QUOTA = 6, 4
FOREVER_MS = 10**13
BUCKETS = (keyspace.requests("acme"), keyspace.key_requests("acme", KEY))

OF_NOTHING = [keyspace.job(str(number)) for number in range(30)]
NO_TERMS = ["{}"] * 20


def keyed(quota: int = 0, key_quota: int = 0) -> Visit:
    return Visit("acme", KEY, quota, key_quota, DIGEST)


def let_stand(raw: "redis.Redis", ends_at_ms: float | str = FOREVER_MS) -> None:
    """Keep a record of the API key that ends at a time."""
    raw.hset(RECORD, mapping={"ends_at": ends_at_ms, "digest": DIGEST})


def dumped(raw: "redis.Redis") -> dict[str, object]:
    """Return all that the store holds, to the byte, and until when."""
    return {key: (raw.dump(key), raw.pexpiretime(key)) for key in raw.scan_iter(count=1000)}


@pytest.fixture
def side(store: Store, raw: "redis.Redis") -> Side:
    """All moves."""
    return Side(store, raw)


@pytest.fixture
def door(store: Store) -> FrontDoor:
    """The use cases of callers, where one may wait."""
    return FrontDoor(
        JobQueue(store, SETTINGS),
        JobLists(store),
        TokenStreams(store),
        Inbox(store, SETTINGS),
        InboxLeases(store),
        Patience(WaitingRoom(store, 1), time.monotonic),
    )


# The API key


@pytest.mark.parametrize("script", SCRIPTS, ids=move_of)
def test_script_does_nothing_for_a_key_without_a_record(
    store: Store, raw: "redis.Redis", script: Script
) -> None:
    submit(JobQueue(store, SETTINGS))
    before = dumped(raw)

    with visits.serving(keyed(QUOTA, KEY_QUOTA)), pytest.raises(TokenRejected) as refused:
        store.run(script, OF_NOTHING, NO_TERMS)

    assert refused.value.code == "key_revoked"
    assert dumped(raw) == before


@pytest.mark.slow  # every move once more: all scripts are held to it quickly
@pytest.mark.parametrize("name", DEEDS)
def test_move_does_nothing_for_a_key_without_a_record(
    side: Side, raw: "redis.Redis", name: str
) -> None:
    call = DEEDS[name].arrange(side)
    before = dumped(raw)

    with visits.serving(keyed(QUOTA, KEY_QUOTA)), pytest.raises(TokenRejected) as refused:
        call(side)

    assert refused.value.code == "key_revoked"
    assert dumped(raw) == before


@pytest.mark.slow  # test_declared_keys.py does them all for a caller quickly
@pytest.mark.parametrize("name", DEEDS)
def test_move_for_a_key_that_stands_answers_as_for_nobody(
    side: Side, raw: "redis.Redis", name: str
) -> None:
    let_stand(raw)
    call = DEEDS[name].arrange(side)

    with visits.serving(keyed(QUOTA, KEY_QUOTA)):
        visited = call(side)
    stored = contents(raw)
    repeated = call(side)

    assert visited == repeated
    assert contents(raw) == stored


@pytest.mark.parametrize("ends_at", ["0", "1", "", "soon", "nan", "-inf"])
def test_key_whose_record_does_not_say_that_it_stands_is_revoked(
    side: Side, raw: "redis.Redis", ends_at: str
) -> None:
    let_stand(raw, ends_at)

    with visits.serving(keyed()), pytest.raises(TokenRejected):
        side.queue.gauge()


@pytest.mark.parametrize("digest", [None, "", DIGEST[:-1], DIGEST.upper(), f" {DIGEST}"])
@pytest.mark.parametrize("shown", ["", DIGEST])
def test_key_whose_record_is_not_of_its_very_text_is_revoked(
    side: Side, raw: "redis.Redis", digest: str | None, shown: str
) -> None:
    let_stand(raw)
    raw.hdel(RECORD, "digest")
    if digest is not None:
        raw.hset(RECORD, "digest", digest)

    with visits.serving(Visit("acme", KEY, key_digest=shown)), pytest.raises(TokenRejected):
        side.queue.gauge()


def test_key_stands_until_the_end_of_its_record_by_the_stores_clock(
    side: Side, raw: "redis.Redis"
) -> None:
    let_stand(raw, now_ms(raw) + 60_000)
    with visits.serving(keyed()):
        side.queue.gauge()

    let_stand(raw, now_ms(raw))

    with visits.serving(keyed()), pytest.raises(TokenRejected):
        side.queue.gauge()


@pytest.mark.parametrize(
    "another",
    [
        Visit("umbrella", KEY, key_digest=DIGEST),
        Visit("acme", KEY[:-1] + "2", key_digest=DIGEST),
        Visit("acme:x", KEY, key_digest=DIGEST),
        Visit("acme", KEY, key_digest="e" * 64),
        Visit("acme", KEY),
    ],
)
def test_record_is_of_one_tenant_and_one_key(
    side: Side, raw: "redis.Redis", another: Visit
) -> None:
    let_stand(raw)

    with visits.serving(another), pytest.raises(TokenRejected):
        side.queue.gauge()


def test_key_revoked_during_a_request_is_refused_what_it_asks_for_next(
    side: Side, raw: "redis.Redis"
) -> None:
    let_stand(raw)

    with visits.serving(keyed(QUOTA)):
        side.queue.gauge()
        raw.delete(RECORD)
        with pytest.raises(TokenRejected):
            submit(side.queue)

    assert side.queue.gauge().waiting == 0


def test_revoked_key_hears_of_it_rather_than_of_a_dead_letter(
    door: FrontDoor, raw: "redis.Redis"
) -> None:
    del raw
    letters = [{"tenant": "acme", "id": "job_" + "0" * 32, "version": 1}]

    with visits.serving(keyed()), pytest.raises(TokenRejected):
        door.redrive(letters)


def _revoke_and_ring(store: Store, raw: "redis.Redis") -> None:
    raw.delete(RECORD)
    claim(JobLeases(store, SETTINGS))  # a change of the job, which wakes who waits for it


def test_key_revoked_while_its_caller_waits_is_noticed_at_the_next_look(
    door: FrontDoor, store: Store, raw: "redis.Redis"
) -> None:
    let_stand(raw)
    job = submit(door.queue)
    began = time.monotonic()
    threading.Timer(0.1, _revoke_and_ring, (store, raw)).start()

    with visits.serving(keyed()), pytest.raises(TokenRejected) as refused:
        door.fetch("acme", job.id, None, 20)

    assert refused.value.code == "key_revoked"
    assert time.monotonic() - began < 10
    assert raw.zcard(keyspace.WAITERS) == 0


def test_key_revoked_while_its_caller_waits_for_nothing_is_noticed_when_the_wait_ends(
    door: FrontDoor, raw: "redis.Redis"
) -> None:
    let_stand(raw)
    threading.Timer(0.1, raw.delete, (RECORD,)).start()

    with visits.serving(keyed()), pytest.raises(TokenRejected):
        door.page("acme", 0, 10, None, 0.3)

    assert raw.zcard(keyspace.WAITERS) == 0


# What a request costs


def test_a_request_is_charged_once_however_much_it_asks_for(side: Side, raw: "redis.Redis") -> None:
    let_stand(raw)
    visit = keyed(QUOTA, KEY_QUOTA)

    with visits.serving(visit):
        for _ in range(3):
            side.lists.jobs("acme", None, 10)
            submit(side.queue)

    assert visit.rates == [
        Rate("requests", QUOTA, QUOTA - 1, 10),
        Rate("key-requests", KEY_QUOTA, KEY_QUOTA - 1, 15),
    ]


def test_read_is_charged_as_a_move_is(store: Store, raw: "redis.Redis") -> None:
    let_stand(raw)
    raw.set("tl:{p0}:one", "1")
    visit = keyed(QUOTA, KEY_QUOTA)

    with visits.serving(visit):
        answered = [store.read(("GET", "tl:{p0}:one")) for _ in range(2)]

    assert answered == [["1"], ["1"]]
    assert [rate.left for rate in visit.rates] == [QUOTA - 1, KEY_QUOTA - 1]


def _requests_until_refused(side: Side, visit: Callable[[], Visit]) -> tuple[int, RateLimited]:
    for taken in range(100):
        with visits.serving(visit()):
            try:
                side.queue.gauge()
            except RateLimited as refused:
                return taken, refused
    raise AssertionError("never refused")


@pytest.mark.parametrize(
    ("quotas", "taken", "policy", "whose"),
    [
        ((QUOTA, 0), QUOTA, "requests", "tenant"),
        ((0, KEY_QUOTA), KEY_QUOTA, "key-requests", "key"),
        ((QUOTA, KEY_QUOTA), KEY_QUOTA, "key-requests", "key"),
        ((KEY_QUOTA, QUOTA), KEY_QUOTA, "requests", "tenant"),
    ],
)
def test_one_request_too_many_is_refused_by_the_policy_that_it_passes(
    side: Side, raw: "redis.Redis", quotas: tuple[int, int], taken: int, policy: str, whose: str
) -> None:
    let_stand(raw)

    found, refused = _requests_until_refused(side, lambda: keyed(*quotas))

    assert found == taken
    assert refused.headers["RateLimit-Policy"] == f'"{policy}";q={taken};w=60'
    assert refused.headers["RateLimit"].startswith(f'"{policy}";r=0;')
    assert int(refused.headers["Retry-After"]) == 60 // taken
    assert f"this {whose} calls" in refused.detail


@pytest.mark.slow  # every move once more: all scripts are held to it quickly
@pytest.mark.parametrize("name", DEEDS)
def test_move_does_nothing_for_a_request_too_many(
    side: Side, raw: "redis.Redis", name: str
) -> None:
    call = DEEDS[name].arrange(side)
    with visits.serving(Visit("acme", quota=1)):
        side.queue.gauge()
    before = dumped(raw)

    with visits.serving(Visit("acme", quota=1)), pytest.raises(RateLimited):
        call(side)

    assert dumped(raw) == before


@pytest.mark.parametrize("script", SCRIPTS, ids=move_of)
def test_script_does_nothing_for_a_request_too_many(
    store: Store, raw: "redis.Redis", script: Script
) -> None:
    with visits.serving(Visit("acme", quota=1)):
        submit(JobQueue(store, SETTINGS))
    before = dumped(raw)

    with visits.serving(Visit("acme", quota=1)), pytest.raises(RateLimited):
        store.run(script, OF_NOTHING, NO_TERMS)

    assert dumped(raw) == before


def test_refused_request_is_refused_all_that_it_asks_for(
    side: Side, door: FrontDoor, raw: "redis.Redis"
) -> None:
    _requests_until_refused(side, lambda: Visit("acme", quota=QUOTA))
    letters = [{"tenant": "acme", "id": "job_" + "0" * 32, "version": 1}] * 3

    with visits.serving(Visit("acme", quota=QUOTA)):
        for _ in range(3):
            with pytest.raises(RateLimited):
                submit(side.queue)
        with pytest.raises(RateLimited):
            door.redrive(letters)

    assert not raw.exists(keyspace.QUEUE)


def test_refused_request_is_not_charged(side: Side, raw: "redis.Redis") -> None:
    let_stand(raw)
    _requests_until_refused(side, lambda: keyed(0, KEY_QUOTA))
    spent = raw.get(BUCKETS[1])

    # Neither by the key's own limit, nor beside it by the tenant's, nor where the key is revoked.
    _requests_until_refused(side, lambda: keyed(QUOTA, KEY_QUOTA))
    raw.delete(RECORD)
    with visits.serving(keyed(QUOTA, KEY_QUOTA)), pytest.raises(TokenRejected):
        side.queue.gauge()

    assert raw.get(BUCKETS[1]) == spent
    assert not raw.exists(BUCKETS[0])


def test_bucket_is_forgotten_once_it_is_full(side: Side, raw: "redis.Redis") -> None:
    let_stand(raw)

    with visits.serving(keyed(QUOTA, KEY_QUOTA)):
        side.queue.gauge()

    lives = [raw.pttl(bucket) for bucket in BUCKETS]
    assert 9_000 < lives[0] <= 10_001
    assert 14_000 < lives[1] <= 15_001


def test_quota_of_zero_is_no_limit_and_writes_nothing(side: Side, raw: "redis.Redis") -> None:
    let_stand(raw)
    before = dumped(raw)

    for _ in range(10):
        with visits.serving(keyed()):
            side.lists.jobs("acme", None, 10)

    assert dumped(raw) == before


def test_quota_holds_over_connections_and_threads(server: Server, raw: "redis.Redis") -> None:
    quota, step = 60, 1.0
    stores = [connect(server.url) for _ in range(2)]
    queues = [JobQueue(store, SETTINGS) for store in stores]
    start = threading.Barrier(4)

    def ask(number: int) -> int:
        start.wait()
        admitted = 0
        for _ in range(40):
            with visits.serving(Visit("acme", quota=quota)):
                try:
                    queues[number % 2].gauge()
                    admitted += 1
                except RateLimited:
                    pass
        return admitted

    began = time.monotonic()
    with ThreadPoolExecutor(4) as threads:
        admitted = sum(threads.map(ask, range(4)))
    earned = (time.monotonic() - began) / step

    assert quota <= admitted <= quota + earned
    del raw
    for store in stores:
        store.close()


# Whom it holds for


def test_visit_is_over_after_its_block_and_after_an_exception() -> None:
    outer, inner = Visit("acme"), Visit("umbrella")
    with pytest.raises(ZeroDivisionError), visits.serving(outer):  # noqa: PT012 - both ways out
        with visits.serving(inner):
            assert visits.current() is inner
        assert visits.current() is outer
        raise ZeroDivisionError

    assert visits.current() is None


def test_visit_is_its_own_threads_alone(side: Side, raw: "redis.Redis") -> None:
    del raw
    with visits.serving(keyed()), ThreadPoolExecutor(1) as threads:
        seen = threads.submit(visits.current).result()
        elsewhere = threads.submit(side.queue.gauge).result()

    assert seen is None
    assert elsewhere.waiting == 0


def test_worker_on_the_store_and_tick_are_nobodys_visit(
    store: Store, side: Side, raw: "redis.Redis"
) -> None:
    submit(side.queue)
    side.leases.finish(claim(side.leases), DONE)
    report = Upkeep(store, SETTINGS, RetentionSettings(), time.monotonic).tick()

    assert visits.current() is None
    assert report.complete
    assert not [key for key in raw.scan_iter() if "requests:" in key or "apikey" in key]


# Where the store is not at its best


GOES_ON = ("fetch", "list jobs", "stream", "gauge", "page", "read", "acknowledge", "extend")


@pytest.mark.parametrize("name", [*GOES_ON, "extend events", "reclaim", "expire"])
def test_full_store_still_does_for_a_caller_what_it_does_for_nobody(
    side: Side, raw: "redis.Redis", name: str
) -> None:
    let_stand(raw)
    call = DEEDS[name].arrange(side)

    with full(raw), visits.serving(keyed(QUOTA, KEY_QUOTA)):
        answer = call(side)

    assert answer == call(side)


def test_full_store_takes_nothing_new_from_a_caller(side: Side, raw: "redis.Redis") -> None:
    let_stand(raw)

    with full(raw), visits.serving(keyed(QUOTA)), pytest.raises(StoreUnavailable):
        submit(side.queue)

    assert side.queue.gauge().waiting == 0


def test_server_that_forgot_its_scripts_does_and_charges_as_ever(
    store: Store, side: Side, raw: "redis.Redis"
) -> None:
    let_stand(raw)
    raw.script_flush()
    moving, reading = keyed(QUOTA, KEY_QUOTA), keyed(QUOTA, KEY_QUOTA)

    with visits.serving(moving):
        job = submit(side.queue)
    raw.script_flush()
    with visits.serving(reading):
        store.read(("EXISTS", keyspace.job(job.id)))

    assert [rate.left for rate in moving.rates] == [QUOTA - 1, KEY_QUOTA - 1]
    assert [rate.left for rate in reading.rates] == [QUOTA - 2, KEY_QUOTA - 2]


@pytest.fixture
def beside(valkey: Server) -> "Iterator[redis.Redis]":
    """The store beside the proxy, which knows the scripts and the key."""
    with valkey.client() as client:
        for script in SCRIPTS:
            client.script_load(script.guarded.source)
        let_stand(client)
        yield client


@pytest.fixture
def distant(proxy: Proxy, far: Store, beside: "redis.Redis") -> Side:
    """All moves through the proxy, on a warm connection."""
    side = Side(far, beside)
    side.queue.gauge()
    proxy.forget()
    return side


@pytest.mark.parametrize("name", DEEDS)
def test_visit_adds_no_round_trip_to_a_move(
    proxy: Proxy, distant: Side, valkey: Server, beside: "redis.Redis", name: str
) -> None:
    near = connect(valkey.url)
    call = DEEDS[name].arrange(Side(near, beside))

    with visits.serving(keyed(QUOTA, KEY_QUOTA)):
        call(distant)

    assert proxy.round_trips == DEEDS[name].round_trips
    near.close()


@pytest.mark.parametrize("lost", [1, 2])
def test_what_is_sent_again_after_a_lost_reply_costs_no_more(
    proxy: Proxy, distant: Side, beside: "redis.Redis", lost: int
) -> None:
    proxy.lose_replies = lost
    visit = keyed(QUOTA, KEY_QUOTA)

    with visits.serving(visit):
        distant.lists.jobs("acme", None, 10)
        submit(distant.queue)

    used_ms = [float(beside.get(bucket) or 0) - now_ms(beside) for bucket in BUCKETS]
    assert 5_000 < used_ms[0] <= 10_000
    assert 10_000 < used_ms[1] <= 15_000


def test_request_that_a_lost_store_never_answered_is_refused_as_such(
    proxy: Proxy, distant: Side
) -> None:
    proxy.lose_replies = 3

    with visits.serving(keyed(QUOTA)), pytest.raises(StoreUnavailable):
        submit(distant.queue)


def test_refusals_of_a_move_pass_through(side: Side, raw: "redis.Redis") -> None:
    let_stand(raw)
    job = submit(side.queue)

    with visits.serving(keyed(QUOTA)), pytest.raises(RouterError) as refused:
        side.queue.fetch("umbrella", job.id)

    assert refused.value.code == "job_not_found"
