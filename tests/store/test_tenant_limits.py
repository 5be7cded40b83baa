"""What one tenant may have under way and bring in: a share, so that it cannot shut others out."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import redis

from chalicelib import keyspace, limits, visits
from chalicelib.errors import InboxFull, QueueFull, RateLimited, RouterError, TooManyJobs
from chalicelib.inbox import Inbox
from chalicelib.jobs import Draft, Job, JobState
from chalicelib.leasing import JobLeases
from chalicelib.queueing import Idempotency, JobQueue
from chalicelib.store import Store, connect
from chalicelib.sweeping import Sweeper
from chalicelib.visits import Visit
from chalicelib.waiting import WaitingRoom
from tests.servers import Server
from tests.store.harness import (
    BROKEN,
    CANCELLED,
    DONE,
    FLAKY,
    SETTINGS,
    claim,
    contents,
    dead_letter,
    draft,
    job_id,
    pass_deadline,
    pass_retention,
    request,
    submit,
    sweep,
    where,
)  # fmt: skip

REQUEST = {"prompt": "x" * 100}
SIZE = len(json.dumps(REQUEST))
DAY_MS = 86_400_000
PER_DAY = 50_000
COST = SIZE + limits.JOB_KEPT_BYTES


def asked(tenant: str = "acme") -> Draft:
    return Draft(job_id(), tenant, REQUEST)


def counted(raw: "redis.Redis", tenant: str = "acme") -> dict[str, str]:
    """Return the counts of a tenant's jobs that have not ended."""
    counts = {str(name): str(n) for name, n in raw.hgetall(keyspace.tenant_counts(tenant)).items()}
    return {name: n for name, n in counts.items() if name != "inbox"}


@pytest.fixture
def two(store: Store) -> JobQueue:
    """A queue in which a tenant may have two jobs under way."""
    return JobQueue(store, replace(SETTINGS, tenant_queue_length=2))


def test_tenant_has_so_many_jobs_under_way_and_no_more(two: JobQueue, raw: "redis.Redis") -> None:
    submit(two), submit(two)
    stored = contents(raw)

    with pytest.raises(TooManyJobs) as refused:
        two.submit(request(), Idempotency("k", "h"))

    assert (refused.value.status, refused.value.code) == (429, "too_many_jobs")
    assert int(refused.value.headers["Retry-After"]) > 0
    assert contents(raw) == stored


def test_tenant_at_its_bound_leaves_others_theirs(two: JobQueue) -> None:
    submit(two), submit(two)

    assert submit(two, "umbrella").state is JobState.QUEUED


def test_running_and_delayed_jobs_are_under_way(two: JobQueue, leases: JobLeases) -> None:
    submit(two), submit(two)
    claim(leases)
    leases.finish(claim(leases), FLAKY)

    with pytest.raises(TooManyJobs):
        submit(two)


def test_requests_fill_a_tenants_share_to_the_last_byte(store: Store, raw: "redis.Redis") -> None:
    small = JobQueue(store, replace(SETTINGS, tenant_queue_bytes=2 * SIZE))
    small.submit(asked()), small.submit(asked())

    with pytest.raises(TooManyJobs):
        small.submit(Draft(job_id(), "acme", {}))

    assert counted(raw) == {"jobs": "2", "bytes": str(2 * SIZE)}


def test_repeat_is_answered_though_the_tenant_is_at_its_bound(two: JobQueue) -> None:
    first = request()
    job = two.submit(first, Idempotency("k", "h")).job
    submit(two)

    assert two.submit(first, Idempotency("k", "h")).job.id == job.id
    assert two.submit(request(), Idempotency("k", "h")).job.id == job.id


def test_refused_job_is_not_charged(store: Store, raw: "redis.Redis") -> None:
    queue = JobQueue(
        store,
        replace(SETTINGS, tenant_queue_length=1, rate_per_minute=6, tenant_bytes_per_day=9999),
    )
    submit(queue)
    charged = [raw.get(keyspace.rate("acme")), raw.get(keyspace.bytes_in("acme"))]

    with pytest.raises(TooManyJobs):
        submit(queue)

    assert [raw.get(keyspace.rate("acme")), raw.get(keyspace.bytes_in("acme"))] == charged


def test_tenants_own_bound_is_told_before_that_of_the_whole(store: Store) -> None:
    queue = JobQueue(store, replace(SETTINGS, tenant_queue_length=1, queue_length=1))
    submit(queue)

    with pytest.raises(TooManyJobs):
        submit(queue)
    with pytest.raises(QueueFull):
        submit(queue, "umbrella")


def test_bound_larger_than_the_whole_leaves_the_whole_to_hold(store: Store) -> None:
    queue = JobQueue(store, replace(SETTINGS, tenant_queue_length=9, queue_length=1))
    submit(queue)

    with pytest.raises(QueueFull):
        submit(queue)


def test_bound_of_zero_is_none(queue: JobQueue) -> None:
    jobs = [submit(queue) for _ in range(20)]

    assert len(jobs) == 20


type End = Callable[[JobQueue, JobLeases, "redis.Redis", Sweeper], object]


def _succeed(queue: JobQueue, leases: JobLeases, raw: "redis.Redis", sweeper: Sweeper) -> object:
    del queue, raw, sweeper
    return leases.finish(claim(leases), DONE)


def _fail(queue: JobQueue, leases: JobLeases, raw: "redis.Redis", sweeper: Sweeper) -> object:
    del queue, raw, sweeper
    return leases.finish(claim(leases), BROKEN)


def _confirm(queue: JobQueue, leases: JobLeases, raw: "redis.Redis", sweeper: Sweeper) -> object:
    del raw, sweeper
    claimed = claim(leases)
    queue.cancel("acme", claimed.job.id)
    return leases.finish(claimed, CANCELLED)


def _lose(queue: JobQueue, leases: JobLeases, raw: "redis.Redis", sweeper: Sweeper) -> object:
    del queue
    return dead_letter(leases, sweeper, raw)


def _expire(queue: JobQueue, leases: JobLeases, raw: "redis.Redis", sweeper: Sweeper) -> object:
    del sweeper
    running = claim(leases).job.id
    pass_deadline(raw, running)
    return queue.fetch("acme", running)


def _force(queue: JobQueue, leases: JobLeases, raw: "redis.Redis", sweeper: Sweeper) -> object:
    del raw, sweeper
    queue.erase("acme", claim(leases).job.id, force=True)
    return None


ENDS: list[End] = [_succeed, _fail, _confirm, _lose, _expire, _force]


@pytest.mark.parametrize("end", ENDS)
def test_every_end_makes_room_once(
    two: JobQueue, leases: JobLeases, raw: "redis.Redis", sweeper: Sweeper, end: End
) -> None:
    for _ in range(2):
        two.submit(replace(asked(), deadline_seconds=60))

    end(two, leases, raw, sweeper)

    assert counted(raw) == {"jobs": "1", "bytes": str(SIZE)}
    submit(two)
    with pytest.raises(TooManyJobs):
        submit(two)


def test_removal_of_an_ended_job_takes_nothing_off(
    two: JobQueue, leases: JobLeases, raw: "redis.Redis", sweeper: Sweeper
) -> None:
    two.submit(asked()), two.submit(asked())
    ended = claim(leases)
    leases.finish(ended, DONE)
    pass_retention(raw, ended.job.id)

    assert sweep(sweeper) == ["remove"]

    assert counted(raw) == {"jobs": "1", "bytes": str(SIZE)}


def _failed(queue: JobQueue, leases: JobLeases) -> Job:
    claimed = claim(leases)
    leases.finish(claimed, BROKEN)
    return queue.fetch("acme", claimed.job.id)


def test_retry_needs_room_and_is_counted_once(
    two: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    two.submit(asked())
    failed = _failed(two, leases)
    other = submit(two), submit(two)
    with pytest.raises(TooManyJobs):
        two.retry("acme", failed.id, failed.version)
    two.cancel("acme", other[0].id)

    for _ in range(2):
        two.retry("acme", failed.id, failed.version)

    assert counted(raw)["jobs"] == "2"


def test_redrive_needs_its_tenants_room(
    two: JobQueue, leases: JobLeases, raw: "redis.Redis", sweeper: Sweeper
) -> None:
    submit(two)
    dead = dead_letter(leases, sweeper, raw)
    version = two.fetch("acme", dead.id).version
    submit(two), submit(two)

    with pytest.raises(TooManyJobs):
        two.redrive("acme", dead.id, version)


def _end_as_an_earlier_release(raw: "redis.Redis", ended: str) -> None:
    """Leave the store as a release does that ends jobs and knows of no counts."""
    place = where(raw, ended)
    raw.zrem(keyspace.QUEUE, place), raw.zrem(keyspace.AGES, place)
    raw.zrem(keyspace.TURNS, "acme")
    raw.hset(keyspace.job(ended), mapping={"state": "failed", "lease": "", "ended_at": 1})
    raw.hincrby(keyspace.job(ended), "version", 1)
    raw.zadd(keyspace.RETENTION_JOBS, {place: 1})


def test_job_that_an_earlier_release_ended_counts_until_it_is_removed(
    two: JobQueue, raw: "redis.Redis", sweeper: Sweeper
) -> None:
    ended = two.submit(asked()).job
    _end_as_an_earlier_release(raw, ended.id)
    assert counted(raw) == {"jobs": "1", "bytes": str(SIZE)}

    assert sweep(sweeper) == ["remove"]

    assert counted(raw) == {}


def test_job_that_an_earlier_release_ended_is_counted_once_when_it_runs_again(
    two: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    ended = two.submit(asked()).job
    _end_as_an_earlier_release(raw, ended.id)

    two.retry("acme", ended.id, two.fetch("acme", ended.id).version)
    assert counted(raw) == {"jobs": "1", "bytes": str(SIZE)}
    leases.finish(claim(leases), DONE)

    assert counted(raw) == {}


def test_job_that_an_earlier_release_queued_takes_nothing_off_when_it_ends(
    two: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    two.submit(asked()), two.submit(asked())
    old = claim(leases)
    raw.hdel(keyspace.job(old.job.id), "counted", "key")
    raw.hset(keyspace.tenant_counts("acme"), mapping={"jobs": 1, "bytes": SIZE})

    leases.finish(old, DONE)

    assert counted(raw) == {"jobs": "1", "bytes": str(SIZE)}


@pytest.mark.slow
def test_fifty_callers_in_two_instances_never_exceed_a_share(
    server: Server, store: Store, raw: "redis.Redis"
) -> None:
    other, most = connect(server.url), 7
    settings = replace(SETTINGS, tenant_queue_length=most)
    sides = [(JobQueue(each, settings), JobLeases(each, settings)) for each in (store, other)]
    seen: list[int] = []

    def call(number: int) -> int:
        queue, leases = sides[number % 2]
        taken = 0
        for _ in range(20):
            try:
                submit(queue)
                taken += 1
            except TooManyJobs:
                if claimed := leases.claim(job_id()):
                    leases.finish(claimed, DONE)
            gauge = queue.gauge()
            seen.append(gauge.waiting + gauge.leased)
        return taken

    with ThreadPoolExecutor(50) as callers:
        taken = sum(callers.map(call, range(50)))

    assert max(seen) == most
    assert taken > most
    left = sum(1 for _ in raw.zrange(keyspace.QUEUE, 0, -1)) + raw.zcard(keyspace.LEASED)
    assert counted(raw).get("jobs", "0") == str(left)
    other.close()


# Bytes a day


@pytest.fixture
def daily(store: Store) -> JobQueue:
    """A queue into which a tenant may bring so many bytes a day."""
    return JobQueue(store, replace(SETTINGS, tenant_bytes_per_day=PER_DAY))


def _used(raw: "redis.Redis") -> float:
    """Return the bytes that a tenant has brought in and that time has not made up for."""
    seconds, microseconds = raw.time()
    now = int(seconds) * 1000 + int(microseconds) / 1000
    return (float(raw.get(keyspace.bytes_in("acme")) or now) - now) * PER_DAY / DAY_MS


def test_job_costs_its_request_and_what_it_weighs_besides(
    daily: JobQueue, raw: "redis.Redis"
) -> None:
    told = daily.submit(asked()).rates

    assert _used(raw) == pytest.approx(COST, abs=1)
    assert [(rate.policy, rate.quota, rate.left) for rate in told] == [
        ("bytes", PER_DAY, PER_DAY - COST)
    ]


def test_event_costs_its_size(store: Store, raw: "redis.Redis") -> None:
    inbox = Inbox(store, replace(SETTINGS, tenant_bytes_per_day=PER_DAY))

    event = inbox.publish(draft()).event

    size = int(raw.hget(keyspace.event(event.id), "size") or 0)
    assert _used(raw) == pytest.approx(size + limits.EVENT_KEPT_BYTES, abs=1)


def test_tenant_brings_in_so_much_a_day_and_no_more(
    daily: JobQueue, store: Store, raw: "redis.Redis"
) -> None:
    for _ in range(PER_DAY // COST):
        daily.submit(asked())
    stored = contents(raw)

    with pytest.raises(RateLimited) as refused:
        daily.submit(asked())

    missing = COST - PER_DAY % COST
    told = refused.value.headers
    assert told["RateLimit-Policy"] == f'"bytes";q={PER_DAY};qu="content-bytes";w=86400'
    assert int(told["Retry-After"]) == pytest.approx(missing * DAY_MS / PER_DAY / 1000, abs=2)
    assert contents(raw) == stored
    assert JobQueue(store, SETTINGS).submit(asked("umbrella")).job.state is JobState.QUEUED


def test_time_makes_up_for_what_was_brought_in(daily: JobQueue, raw: "redis.Redis") -> None:
    for _ in range(PER_DAY // COST):
        daily.submit(asked())
    with pytest.raises(RateLimited) as refused:
        daily.submit(asked())
    wait_ms = int(refused.value.headers["Retry-After"]) * 1000

    empty_at = float(raw.get(keyspace.bytes_in("acme")) or 0)
    raw.set(keyspace.bytes_in("acme"), empty_at - wait_ms, keepttl=True)

    assert daily.submit(asked()).job.state is JobState.QUEUED


def test_what_is_larger_than_the_bound_takes_all_of_it(store: Store) -> None:
    tiny = JobQueue(store, replace(SETTINGS, tenant_bytes_per_day=100))
    (rate,) = tiny.submit(asked()).rates

    with pytest.raises(RateLimited):
        tiny.submit(asked())

    assert rate.left == 0


def test_result_is_charged_with_what_was_said_and_never_refused(
    store: Store, raw: "redis.Redis"
) -> None:
    settings = replace(SETTINGS, tenant_bytes_per_day=PER_DAY)
    queue, leases = JobQueue(store, settings), JobLeases(store, settings)
    queue.submit(asked())
    claimed = claim(leases)
    leases.append(claimed, 0, ["said" * 10])
    long = replace(DONE, result={"text": "y" * PER_DAY})

    assert leases.finish(claimed, long) is JobState.SUCCEEDED

    cost = COST + 40 + limits.STREAM_KEPT_BYTES + len(json.dumps(long.result))
    assert _used(raw) == pytest.approx(cost, abs=1)
    with pytest.raises(RateLimited):
        queue.submit(asked())


def test_what_a_job_said_before_it_was_retried_is_charged_once(
    daily: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    daily.submit(asked())
    held = claim(leases)
    leases.append(held, 0, ["y" * 5_000])
    leases.finish(held, BROKEN)
    failed = daily.fetch("acme", held.job.id)
    daily.retry("acme", failed.id, failed.version)
    before = _used(raw)

    daily.cancel("acme", failed.id)

    assert _used(raw) <= before


def test_debt_is_a_day_at_most(store: Store, raw: "redis.Redis") -> None:
    settings = replace(SETTINGS, tenant_bytes_per_day=PER_DAY)
    queue, leases = JobQueue(store, settings), JobLeases(store, settings)
    queue.submit(asked()), queue.submit(asked())

    for _ in range(2):
        leases.finish(claim(leases), replace(DONE, result={"text": "y" * 3 * PER_DAY}))

    assert _used(raw) == pytest.approx(2 * PER_DAY, abs=1)
    with pytest.raises(RateLimited) as refused:
        queue.submit(asked())
    assert int(refused.value.headers["Retry-After"]) <= 86_401 * (1 + COST / PER_DAY)


def test_bytes_charged_by_a_clock_that_was_ahead_shut_nobody_out(
    daily: JobQueue, raw: "redis.Redis"
) -> None:
    daily.submit(asked())
    ahead = float(raw.get(keyspace.bytes_in("acme")) or 0) + 3 * DAY_MS
    raw.set(keyspace.bytes_in("acme"), ahead)

    assert daily.submit(asked()).job.state is JobState.QUEUED


def test_longest_refusal_is_the_one_that_is_told(store: Store) -> None:
    both = replace(SETTINGS, rate_per_minute=1, tenant_bytes_per_day=COST)
    queue = JobQueue(store, both)
    queue.submit(asked())

    with pytest.raises(RateLimited) as refused:
        queue.submit(asked())

    assert refused.value.headers["RateLimit"].startswith('"bytes"')
    assert int(refused.value.headers["Retry-After"]) > 60


def test_repeats_and_refused_calls_bring_nothing_in(
    store: Store, daily: JobQueue, raw: "redis.Redis"
) -> None:
    first = asked()
    daily.submit(first, Idempotency("k", "h"))
    before = _used(raw)
    cramped = replace(SETTINGS, tenant_bytes_per_day=PER_DAY, inbox_bytes=1)
    calls: list[Callable[[], object]] = [
        lambda: daily.submit(first),
        lambda: daily.submit(asked(), Idempotency("k", "h")),
        lambda: JobQueue(store, cramped).submit(asked()),
        lambda: Inbox(store, cramped).publish(draft()),
    ]

    refused: list[type[RouterError]] = []
    for call in calls:
        try:
            call()
        except RouterError as error:
            refused.append(type(error))

    assert refused == [InboxFull, InboxFull]
    assert before - 1 < _used(raw) <= before


# Who waits


def test_one_tenant_takes_its_share_of_the_places_and_no_more(store: Store) -> None:
    room = WaitingRoom(store, places=3, tenant_places=2)

    with (
        visits.serving(Visit("acme")),
        room.wait(5) as first,
        room.wait(5) as second,
        room.wait(5) as third,
        visits.serving(Visit("umbrella")),
        room.wait(5) as other,
    ):
        assert (first, second, third, other) == (True, True, False, True)


def test_places_of_the_whole_hold_whatever_a_tenant_may(store: Store, raw: "redis.Redis") -> None:
    room = WaitingRoom(store, places=1, tenant_places=2)

    with (
        visits.serving(Visit("acme")),
        room.wait(5) as first,
        visits.serving(Visit("umbrella")),
        room.wait(5) as second,
    ):
        assert (first, second) == (True, False)
        assert not raw.exists(keyspace.waiters("umbrella"))


def test_tenants_place_is_free_again_once_its_caller_has_left(
    store: Store, raw: "redis.Redis"
) -> None:
    room = WaitingRoom(store, places=3, tenant_places=1)
    with visits.serving(Visit("acme")), room.wait(5):
        pass

    with visits.serving(Visit("acme")), room.wait(5) as admitted:
        assert admitted

    assert not raw.exists(keyspace.WAITERS, keyspace.waiters("acme"))


def test_tenants_place_of_a_dead_caller_is_free_once_its_time_is_over(
    store: Store, raw: "redis.Redis"
) -> None:
    room, waiters = WaitingRoom(store, places=3, tenant_places=1), keyspace.waiters("acme")
    with visits.serving(Visit("acme")):
        dead = room.wait(5)
        dead.__enter__()
    (name,) = raw.zrange(waiters, 0, -1)
    (score,) = raw.zmscore(waiters, [str(name)])
    assert raw.pexpiretime(waiters) == score
    raw.zadd(waiters, {str(name): 1})

    with visits.serving(Visit("acme")), room.wait(5) as admitted:
        assert admitted

    del dead


def test_workers_over_https_wait_whatever_their_tenant_may(store: Store) -> None:
    with (
        visits.serving(Visit("acme")),
        WaitingRoom(store, places=3, tenant_places=1).wait(5) as caller,
        WaitingRoom(store, places=3).wait(5) as worker,
    ):
        assert (caller, worker) == (True, True)
