"""Leases that lapse: the job returns, and its late worker is refused."""

import time
from typing import Any

import pytest
import redis

from chalicelib import keyspace
from chalicelib.errors import LeaseLost
from chalicelib.jobs import JobState
from chalicelib.leasing import Claim, JobLeases
from chalicelib.queueing import JobQueue
from chalicelib.store import Store
from chalicelib.sweeping import Sweeper
from tests.store.harness import (
    BROKEN,
    DONE,
    SETTINGS,
    claim,
    contents,
    lapse,
    place,
    stands,
    submit,
    sweep,
    token,
)


def test_lapsed_job_runs_before_those_that_came_after_it(
    queue: JobQueue, leases: JobLeases, sweeper: Sweeper, raw: "redis.Redis"
) -> None:
    first, second = submit(queue), submit(queue)
    lost = claim(leases)
    lapse(raw, lost)
    sweep(sweeper)

    claimed = [claim(leases).job.id for _ in range(2)]

    assert claimed == [first.id, second.id]


def test_late_worker_cannot_write_to_a_reclaimed_job(
    queue: JobQueue, leases: JobLeases, sweeper: Sweeper, raw: "redis.Redis"
) -> None:
    submit(queue)
    late = claim(leases)
    lapse(raw, late)
    assert sweep(sweeper) == ["reclaim"]
    stored = contents(raw)

    with pytest.raises(LeaseLost):
        leases.append(late, 0, ["a"])
    with pytest.raises(LeaseLost):
        leases.extend(late)
    with pytest.raises(LeaseLost):
        leases.finish(late, DONE)

    assert contents(raw) == stored


def test_late_worker_cannot_write_to_a_job_that_another_runs(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    submit(queue)
    late = claim(leases)
    lapse(raw, late)
    claim(leases)
    stored = contents(raw)

    with pytest.raises(LeaseLost):
        leases.append(late, 0, ["a"])
    with pytest.raises(LeaseLost):
        leases.extend(late)
    with pytest.raises(LeaseLost):
        leases.finish(late, BROKEN)

    assert contents(raw) == stored


def test_lapsed_lease_can_be_renewed_until_it_is_reclaimed(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    submit(queue)
    slow = claim(leases)
    lapse(raw, slow)

    leases.extend(slow)

    assert leases.claim(token()) is None
    assert leases.claim(slow.token) == slow


def test_lapsed_lease_can_be_finished_until_it_is_reclaimed(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    submit(queue)
    slow = claim(leases)
    lapse(raw, slow)

    leases.finish(slow, DONE)

    assert queue.fetch("acme", slow.job.id).state is JobState.SUCCEEDED
    assert stands(queue) == (0, 0)


def _take(queue: JobQueue, store: Store) -> Claim:
    """Leave the store as a worker does that dies between the two halves of its claim."""
    job, lease_token = submit(queue), token()
    half = JobLeases(_DiesAfter(store, calls=1), SETTINGS)
    with pytest.raises(ZeroDivisionError):
        half.claim(lease_token)
    assert stands(queue) == (0, 1)
    return Claim(job, lease_token)


class _DiesAfter(Store):
    """Lets some moves through and none after."""

    def __init__(self, store: Store, calls: int) -> None:
        self._store = store
        self._left = calls

    def run(self, *arguments: Any, **options: Any) -> Any:
        self._left -= 1
        if self._left < 0:
            raise ZeroDivisionError
        return self._store.run(*arguments, **options)


def test_job_taken_but_never_opened_returns_without_costing_an_attempt(
    queue: JobQueue, leases: JobLeases, store: Store, raw: "redis.Redis"
) -> None:
    taken = _take(queue, store)
    lapse(raw, taken)

    claimed = claim(leases)

    assert (claimed.job.id, claimed.job.attempt) == (taken.job.id, 1)


def test_job_taken_but_not_opened_is_opened_by_the_same_token(
    queue: JobQueue, leases: JobLeases, store: Store
) -> None:
    taken = _take(queue, store)

    claimed = leases.claim(taken.token)

    assert claimed is not None
    assert (claimed.job.id, claimed.job.attempt) == (taken.job.id, 1)


def test_token_whose_taken_job_was_cancelled_gets_the_next_one(
    queue: JobQueue, leases: JobLeases, store: Store
) -> None:
    taken = _take(queue, store)
    job = submit(queue)
    queue.cancel("acme", taken.job.id)

    claimed = leases.claim(taken.token)

    assert claimed is not None
    assert claimed.job.id == job.id


def test_job_taken_but_not_opened_cannot_be_written_to(
    queue: JobQueue, leases: JobLeases, store: Store, raw: "redis.Redis"
) -> None:
    taken = _take(queue, store)
    stored = contents(raw)

    with pytest.raises(LeaseLost):
        leases.append(taken, 0, ["a"])
    with pytest.raises(LeaseLost):
        leases.extend(taken)
    with pytest.raises(LeaseLost):
        leases.finish(taken, DONE)

    assert contents(raw) == stored


def test_lease_in_force_is_not_reclaimed(
    queue: JobQueue, leases: JobLeases, sweeper: Sweeper, raw: "redis.Redis"
) -> None:
    submit(queue)
    held = claim(leases)
    stored = contents(raw)

    assert sweeper.reclaim(place(raw, held.job.id)) == ""

    assert contents(raw) == stored


def test_reclaiming_again_changes_nothing(
    queue: JobQueue, leases: JobLeases, sweeper: Sweeper, raw: "redis.Redis"
) -> None:
    submit(queue)
    lost = claim(leases)
    lapse(raw, lost)
    (due,) = sweeper.due(10)
    sweeper.do(due)
    stored = contents(raw)

    assert sweeper.do(due) == ""

    assert contents(raw) == stored


def test_many_lapsed_leases_are_all_reclaimed(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    jobs = [submit(queue).id for _ in range(40)]
    for lost in [claim(leases) for _ in jobs]:
        lapse(raw, lost)

    claimed = [claim(leases).job for _ in jobs]

    assert [job.id for job in claimed] == jobs
    assert {job.attempt for job in claimed} == {2}


def test_running_job_that_became_ready_again_keeps_its_lease(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    # A store whose clock went back between reclaim and open lets an ended lease open a ready job.
    submit(queue)
    running = claim(leases)
    raw.zadd(keyspace.QUEUE, {place(raw, running.job.id): 0})
    raw.zadd(keyspace.TURNS, {"acme": 0})

    assert leases.claim(token()) is None

    lapse(raw, running)
    assert claim(leases).job.attempt == 2


def test_ready_id_without_a_record_is_passed_over(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    gone, job = submit(queue), submit(queue)
    raw.delete(keyspace.job(gone.id))

    assert claim(leases).job.id == job.id

    assert stands(queue) == (0, 1)


def test_lapsed_id_without_a_record_is_passed_over(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    submit(queue)
    lost = claim(leases)
    raw.delete(keyspace.job(lost.job.id))
    lapse(raw, lost)

    assert leases.claim(token()) is None

    assert stands(queue) == (0, 0)


def test_wait_ends_at_once_when_a_lapsed_job_was_reclaimed_since_the_claim(
    queue: JobQueue, leases: JobLeases, sweeper: Sweeper, raw: "redis.Redis"
) -> None:
    submit(queue)
    lost = claim(leases)
    assert leases.claim(token()) is None
    lapse(raw, lost)
    sweep(sweeper)

    began = time.monotonic()
    leases.wait(5)

    assert time.monotonic() - began < 1
