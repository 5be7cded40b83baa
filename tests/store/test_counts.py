"""What the moves count: each thing once, whoever repeats a call, and times by bounds."""

from collections.abc import Callable, Mapping

import pytest
import redis

from chalicelib import gauging, keyspace
from chalicelib.bounds import QueueSettings
from chalicelib.counting import Tally
from chalicelib.errors import RateLimited, StoreUnavailable
from chalicelib.inbox import Inbox
from chalicelib.inbox_leases import InboxLeases
from chalicelib.jobs import JobState
from chalicelib.leasing import JobLeases
from chalicelib.queueing import Idempotency, JobQueue
from chalicelib.store import Store, connect
from chalicelib.sweeping import Sweeper
from tests.servers import Server
from tests.store.harness import (
    BROKEN,
    CANCELLED,
    DONE,
    FLAKY,
    claim,
    dead_letter,
    draft,
    lapse,
    place,
    request,
    submit,
    token,
)  # fmt: skip

TIMES = ("wait", "run", "first_token")


def counted(store: Store) -> Mapping[str, int]:
    """Return what was counted, but for times."""
    counts = gauging.measure(store).counts
    return {name: count for name, count in counts.items() if name.partition(":")[0] not in TIMES}


def timed(store: Store, what: str) -> Mapping[str, int]:
    """Return how a time was counted, by bound, and its sum."""
    counts = gauging.measure(store).counts
    return {
        name.removeprefix(f"{what}:"): count
        for name, count in counts.items()
        if name.startswith(f"{what}:")
    }


def test_store_that_nobody_used_has_counted_nothing(store: Store) -> None:
    measured = gauging.measure(store)

    assert measured.counts == {}
    assert measured.gauge.waiting == 0


def test_each_life_of_a_job_is_counted_once(
    store: Store, queue: JobQueue, leases: JobLeases
) -> None:
    for outcome in (DONE, DONE, BROKEN):
        submit(queue)
        leases.finish(claim(leases), outcome)
    asked = submit(queue)
    held = claim(leases)
    queue.cancel("acme", asked.id)
    leases.finish(held, CANCELLED)
    queue.cancel("acme", submit(queue).id)
    overdue = queue.submit(request(deadline_seconds=0)).job
    queue.fetch("acme", overdue.id)

    assert counted(store) == {
        "submitted": 6,
        "attempts": 4,
        "ended:succeeded": 2,
        "ended:failed": 1,
        "ended:cancelled": 2,
        "ended:expired": 1,
    }


def test_repeats_count_nothing(
    store: Store, queue: JobQueue, leases: JobLeases, inbox: Inbox
) -> None:
    asked, one, made = request(), token(), draft()
    queue.submit(asked, Idempotency("k", "h"))
    held = leases.claim(one)
    assert held

    for _ in range(3):
        queue.submit(asked, Idempotency("k", "h"))
        leases.claim(one)
        leases.append(held, 0, ["a"])
    for _ in range(3):
        leases.finish(held, DONE)
        inbox.publish(made, "h", "k")
        inbox.acknowledge("acme", made.id)

    told = {"submitted", "attempts", "ended:succeeded", "published", "acknowledged"}
    assert counted(store) == dict.fromkeys(told, 1)
    for what in TIMES:
        assert sum(n for bound, n in timed(store, what).items() if bound != "sum") == 1


def test_another_attempt_is_counted_by_what_brought_it(
    store: Store,
    queue: JobQueue,
    leases: JobLeases,
    sweeper: Sweeper,
    raw: "redis.Redis",
) -> None:
    submit(queue)
    leases.finish(claim(leases), FLAKY)
    submit(queue)
    lost = claim(leases)
    held = place(raw, lost.job.id)
    lapse(raw, lost)
    assert sweeper.reclaim(held) == JobState.QUEUED
    assert not sweeper.reclaim(held)

    assert counted(store) == {"submitted": 2, "attempts": 2, "retried": 1, "reclaimed": 1}


def test_dead_letter_and_its_redrive_are_counted(
    store: Store,
    queue: JobQueue,
    leases: JobLeases,
    sweeper: Sweeper,
    raw: "redis.Redis",
) -> None:
    submit(queue)
    dead = dead_letter(leases, sweeper, raw)
    version = queue.fetch("acme", dead.id).version

    for _ in range(2):
        queue.redrive("acme", dead.id, version)

    assert counted(store) == {
        "submitted": 1,
        "attempts": 3,
        "reclaimed": 3,
        "dead": 1,
        "ended:failed": 1,
        "rerun": 1,
    }


def test_last_attempt_that_fails_is_no_retry(store: Store, leases: JobLeases) -> None:
    once = JobQueue(store, QueueSettings(lease_seconds=30, max_attempts=1, queue_length=9))
    submit(once)

    leases.finish(claim(leases), FLAKY)

    assert counted(store) == {
        "submitted": 1,
        "attempts": 1,
        "dead": 1,
        "ended:failed": 1,
    }


def test_acknowledging_under_a_lease_counts_each_event(
    store: Store, inbox: Inbox, inbox_leases: InboxLeases
) -> None:
    for _ in range(3):
        inbox.publish(draft())
    one = token()
    held = inbox_leases.lease("acme", one, 2, 30)

    for _ in range(2):
        inbox_leases.acknowledge("acme", one, [event.id for event in held.events])

    assert counted(store) == {"published": 3, "acknowledged": 2}


def _started(raw: "redis.Redis", job_id: str, ms_ago: int, field: str) -> None:
    """Let the *field* of a job's record be so long ago."""
    seconds, micros = raw.time()
    raw.hset(keyspace.job(job_id), field, seconds * 1000 + micros // 1000 - ms_ago)


def _wait(queue: JobQueue, leases: JobLeases, raw: "redis.Redis", ms: int) -> None:
    _started(raw, submit(queue).id, ms, "created_at")
    claim(leases)


def _run(queue: JobQueue, leases: JobLeases, raw: "redis.Redis", ms: int) -> None:
    submit(queue)
    held = claim(leases)
    _started(raw, held.job.id, ms, "started_at")
    leases.finish(held, DONE)


def _say(queue: JobQueue, leases: JobLeases, raw: "redis.Redis", ms: int) -> None:
    submit(queue)
    held = claim(leases)
    _started(raw, held.job.id, ms, "started_at")
    leases.append(held, 0, ["", "Hello"])
    leases.append(held, 2, [" again"])


@pytest.mark.parametrize("what", [("wait", _wait), ("run", _run), ("first_token", _say)])
def test_time_is_counted_under_its_bound_and_summed(
    store: Store,
    queue: JobQueue,
    leases: JobLeases,
    raw: "redis.Redis",
    what: tuple[str, Callable[[JobQueue, JobLeases, "redis.Redis", int], None]],
) -> None:
    name, take = what

    for ms in (700, 7_000, 7_500, 4_000_000):
        take(queue, leases, raw, ms)

    found = dict(timed(store, name))
    total = found.pop("sum")
    assert found == {"1000": 1, "10000": 2, "over": 1}
    assert 4_015_200 <= total < 4_025_000
    assert {"1000", "10000"} <= {str(bound) for bound in gauging.measure(store).bounds_ms}


def test_only_the_first_start_of_a_job_counts_as_its_wait(
    store: Store, queue: JobQueue, leases: JobLeases
) -> None:
    submit(queue)
    leases.release(claim(leases))
    claim(leases)

    assert sum(n for bound, n in timed(store, "wait").items() if bound != "sum") == 1
    assert counted(store)["attempts"] == 2


def test_clock_that_went_back_takes_nothing_from_a_sum(
    store: Store, queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    _wait(queue, leases, raw, -60_000)

    assert timed(store, "wait") == {"50": 1, "sum": 0}


def test_memory_is_told_in_the_same_step(store: Store, raw: "redis.Redis") -> None:
    raw.config_set("maxmemory", 10**9)
    try:
        measured = gauging.measure(store)
    finally:
        raw.config_set("maxmemory", 0)

    assert measured.memory_limit_bytes == 10**9
    assert measured.memory_bytes
    assert measured.memory_bytes > 10**5


def test_refusals_are_counted_by_code(store: Store) -> None:
    tally = Tally(store, lambda: 0.0)

    for code in ("rate_limited", "invalid_body", "rate_limited"):
        tally.refused(code)

    assert counted(store) == {"refused:rate_limited": 2, "refused:invalid_body": 1}


def test_store_that_is_away_is_left_alone_for_a_while(own: Server) -> None:
    now = [0.0]
    store = connect(own.url)
    tally = Tally(store, lambda: now[0])
    tally.refused("store_unavailable")
    now[0] = 9.9

    tally.refused("rate_limited")
    nothing = counted(store)
    now[0] = 10.0
    tally.refused("rate_limited")

    assert nothing == {}
    assert counted(store) == {"refused:rate_limited": 1}
    store.close()


class _Away(Store):
    """One that nobody reaches; counts who tried."""

    tried = 0

    def __init__(self) -> None:
        """Know no address."""

    def run(self, *_: object, **__: object) -> object:
        self.tried += 1
        raise StoreUnavailable


def test_store_that_turns_out_to_be_away_fails_nobody_and_is_left_alone() -> None:
    away = _Away()
    tally = Tally(away, lambda: 0.0)

    tally.refused("rate_limited")
    tally.refused("rate_limited")

    assert away.tried == 1


def test_refused_submit_counts_as_no_job(store: Store) -> None:
    limited = JobQueue(
        store, QueueSettings(lease_seconds=30, max_attempts=3, queue_length=9, rate_per_minute=1)
    )
    submit(limited)

    with pytest.raises(RateLimited):
        submit(limited)

    assert counted(store) == {"submitted": 1}
