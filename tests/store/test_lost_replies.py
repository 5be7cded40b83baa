"""A lost reply: the store did what it was asked and the answer never came."""

from collections.abc import Callable, Iterator

import pytest
import redis

from chalicelib import connections
from chalicelib import store as store_module
from chalicelib.errors import StoreUnavailable
from chalicelib.jobs import JobState
from chalicelib.queueing import Idempotency
from chalicelib.store import Store, connect
from chalicelib.waiting import WaitingRoom
from tests.servers import Server
from tests.store.deeds import DEEDS, Side
from tests.store.harness import DONE, claim, contents, draft, request, submit, token
from tests.store.proxy import Proxy
from tests.store.scripts import SCRIPTS

pytestmark = pytest.mark.slow  # a proxy of its own

LOST = [
    pytest.param(1, id="once"),
    pytest.param(2, id="twice"),
    pytest.param(3, id="each time"),  # the first call and both repeats: the caller hears of it
]


@pytest.fixture
def raw(valkey: Server) -> "Iterator[redis.Redis]":
    """The store beside the proxy."""
    with valkey.client() as client:
        for script in SCRIPTS:
            client.script_load(script.source)
        yield client


@pytest.fixture
def near(valkey: Server, raw: "redis.Redis") -> Iterator[Side]:
    """The moves beside the proxy."""
    store = connect(valkey.url)
    yield Side(store, raw)
    store.close()


@pytest.fixture
def side(far: Store, raw: "redis.Redis") -> Side:
    """The moves through the proxy, its connection made."""
    made = Side(far, raw)
    made.queue.gauge()
    return made


class _Lossy:
    """Calls a move whose replies are lost, and once more where its caller had to hear of it."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy

    def __call__[T](self, lost: int, move: Callable[[], T]) -> T:
        self._proxy.lose_replies = lost
        if lost < 3:
            return move()
        with pytest.raises(StoreUnavailable):
            move()
        return move()


@pytest.fixture
def lossy(proxy: Proxy) -> _Lossy:
    return _Lossy(proxy)


@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize("name", DEEDS)
def test_move_whose_reply_was_lost_answers_as_its_repeat_and_the_repeat_changes_nothing(
    near: Side, side: Side, lossy: _Lossy, name: str, lost: int
) -> None:
    call = DEEDS[name].arrange(near)

    answer = lossy(lost, lambda: call(side))
    stored = contents(side.raw)
    repeated = call(side)

    assert repeated == answer
    assert contents(side.raw) == stored


@pytest.mark.parametrize("lost", LOST)
def test_lost_reply_to_submit_makes_one_job(side: Side, lossy: _Lossy, lost: int) -> None:
    asked = request()

    submitted = lossy(lost, lambda: side.queue.submit(asked))

    assert (submitted.job.id, submitted.job.position, submitted.known) == (asked.id, 0, False)
    assert side.queue.gauge().waiting == 1


def test_lost_reply_to_submit_leaves_the_idempotency_key_to_its_own_job(
    side: Side, lossy: _Lossy
) -> None:
    idempotency = Idempotency("k", "h")
    first = lossy(1, lambda: side.queue.submit(request(), idempotency))
    assert not first.known

    again = side.queue.submit(request(), idempotency)

    assert (again.job.id, again.known) == (first.job.id, True)
    assert side.queue.gauge().waiting == 1


@pytest.mark.parametrize("lost", LOST)
def test_lost_reply_to_claim_loses_no_job(side: Side, lossy: _Lossy, lost: int) -> None:
    first, second = submit(side.queue), submit(side.queue)
    one = token()

    claimed = lossy(lost, lambda: side.leases.claim(one))

    assert claimed is not None
    assert (claimed.job.id, claimed.job.attempt) == (first.id, 1)
    assert claim(side.leases).job.id == second.id


@pytest.mark.parametrize("lost", LOST)
def test_lost_reply_to_finish_makes_one_outcome_and_one_event(
    side: Side, lossy: _Lossy, lost: int
) -> None:
    claimed = side.claimed()

    lossy(lost, lambda: side.leases.finish(claimed, DONE))

    ended = side.queue.fetch("acme", claimed.job.id)
    (event,) = side.inbox.page("acme", 0, 10)
    assert (ended.state, ended.version) == (JobState.SUCCEEDED, 3)
    assert event.payload["job_id"] == claimed.job.id


@pytest.mark.parametrize("lost", LOST)
def test_lost_reply_to_publish_makes_one_event(side: Side, lossy: _Lossy, lost: int) -> None:
    made = draft()

    published = lossy(lost, lambda: side.inbox.publish(made, "h", "k"))

    assert (published.event.id, published.known) == (made.id, False)
    assert list(side.inbox.page("acme", 0, 10)) == [published.event]


@pytest.mark.parametrize("lost", LOST)
def test_lost_reply_to_an_inbox_lease_hides_no_event(side: Side, lossy: _Lossy, lost: int) -> None:
    first, second = side.published(), side.published()
    one = token()

    lease = lossy(lost, lambda: side.inbox_leases.lease("acme", one, 1, 30))

    assert [event.id for event in lease.events] == [first]
    assert [event.id for event in side.inbox.page("acme", 0, 10)] == [second]


@pytest.mark.usefixtures("side")
@pytest.mark.parametrize("lost", LOST[:2])
def test_lost_reply_takes_one_place_in_the_waiting_room(
    far: Store, proxy: Proxy, lost: int
) -> None:
    room = WaitingRoom(far, places=1)
    proxy.lose_replies = lost

    with room.wait(5) as first, room.wait(5) as second:
        assert (first, second) == (True, False)


def test_late_reply_is_never_taken_for_that_of_the_next_call(
    valkey: Server, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "ANSWER_SECONDS", 0.05)
    monkeypatch.setattr(store_module, "_RETRIES", 0)
    with valkey.client() as client:
        client.mset({"one": "1", "two": "2"})
    hasty = connect(proxy.url)
    hasty.read(("GET", "one"))
    proxy.delay_seconds = 0.1

    with pytest.raises(StoreUnavailable):
        hasty.read(("GET", "one"))
    proxy.delay_seconds = 0.0

    assert hasty.read(("GET", "two")) == ["2"]
    hasty.close()
