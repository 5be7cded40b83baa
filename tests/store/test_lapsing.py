"""Leases that lapse: the job returns, and its late worker is refused."""

import time

import pytest
import redis

from chalicelib import keyspace
from chalicelib.errors import LeaseLost
from chalicelib.jobs import JobState
from chalicelib.queueing import Claim, Gauge, JobQueue
from chalicelib.store import Store
from tests.store.harness import BROKEN, DONE, SETTINGS, claim, contents, lapse, submit, token


def test_lapsed_job_runs_before_those_that_came_after_it(
    queue: JobQueue, raw: "redis.Redis"
) -> None:
    first, second = submit(queue), submit(queue)
    lost = claim(queue)
    lapse(raw, lost.job.id, lost.token)

    claimed = [claim(queue).job.id for _ in range(2)]

    assert claimed == [first.id, second.id]


def test_late_worker_cannot_write_to_a_reclaimed_job(queue: JobQueue, raw: "redis.Redis") -> None:
    submit(queue)
    late = claim(queue)
    lapse(raw, late.job.id, late.token)
    assert queue.reclaim(late.job.id) is JobState.QUEUED
    stored = contents(raw)

    with pytest.raises(LeaseLost):
        queue.append(late, 0, ["a"])
    with pytest.raises(LeaseLost):
        queue.extend(late)
    with pytest.raises(LeaseLost):
        queue.finish(late, DONE)

    assert contents(raw) == stored


def test_late_worker_cannot_write_to_a_job_that_another_runs(
    queue: JobQueue, raw: "redis.Redis"
) -> None:
    submit(queue)
    late = claim(queue)
    lapse(raw, late.job.id, late.token)
    claim(queue)
    stored = contents(raw)

    with pytest.raises(LeaseLost):
        queue.append(late, 0, ["a"])
    with pytest.raises(LeaseLost):
        queue.extend(late)
    with pytest.raises(LeaseLost):
        queue.finish(late, BROKEN)

    assert contents(raw) == stored


def test_lapsed_lease_can_be_renewed_until_it_is_reclaimed(
    queue: JobQueue, raw: "redis.Redis"
) -> None:
    submit(queue)
    slow = claim(queue)
    lapse(raw, slow.job.id, slow.token)

    queue.extend(slow)

    assert queue.claim(token()) is None
    assert queue.claim(slow.token) == slow


def test_lapsed_lease_can_be_finished_until_it_is_reclaimed(
    queue: JobQueue, raw: "redis.Redis"
) -> None:
    submit(queue)
    slow = claim(queue)
    lapse(raw, slow.job.id, slow.token)

    queue.finish(slow, DONE)

    assert queue.fetch("acme", slow.job.id).state is JobState.SUCCEEDED
    assert queue.gauge() == Gauge(waiting=0, leased=0, workers=0)


def _take(queue: JobQueue, store: Store, raw: "redis.Redis") -> Claim:
    """Leave the store as a worker does that dies between the two halves of its claim."""
    job, lease_token = submit(queue), token()
    half = JobQueue(_DiesAfter(store, calls=1), SETTINGS)
    with pytest.raises(ZeroDivisionError):
        half.claim(lease_token)
    assert raw.zscore(keyspace.READY_JOBS, job.id) is None
    return Claim(job, lease_token)


class _DiesAfter(Store):
    """Lets some moves through and none after."""

    def __init__(self, store: Store, calls: int) -> None:
        self._store = store
        self._left = calls

    def run(self, *arguments: object) -> object:
        self._left -= 1
        if self._left < 0:
            raise ZeroDivisionError
        return self._store.run(*arguments)  # type: ignore[arg-type]


def test_job_taken_but_never_opened_returns_without_costing_an_attempt(
    queue: JobQueue, store: Store, raw: "redis.Redis"
) -> None:
    taken = _take(queue, store, raw)
    lapse(raw, taken.job.id, taken.token)

    claimed = claim(queue)

    assert (claimed.job.id, claimed.job.attempt) == (taken.job.id, 1)


def test_job_taken_but_not_opened_is_opened_by_the_same_token(
    queue: JobQueue, store: Store, raw: "redis.Redis"
) -> None:
    taken = _take(queue, store, raw)

    claimed = queue.claim(taken.token)

    assert claimed is not None
    assert (claimed.job.id, claimed.job.attempt) == (taken.job.id, 1)


def test_job_taken_but_not_opened_cannot_be_written_to(
    queue: JobQueue, store: Store, raw: "redis.Redis"
) -> None:
    taken = _take(queue, store, raw)
    stored = contents(raw)

    with pytest.raises(LeaseLost):
        queue.append(taken, 0, ["a"])
    with pytest.raises(LeaseLost):
        queue.extend(taken)
    with pytest.raises(LeaseLost):
        queue.finish(taken, DONE)

    assert contents(raw) == stored


def test_lease_in_force_is_not_reclaimed(queue: JobQueue, raw: "redis.Redis") -> None:
    submit(queue)
    held = claim(queue)
    stored = contents(raw)

    assert queue.reclaim(held.job.id) is None

    assert contents(raw) == stored


def test_reclaiming_again_changes_nothing(queue: JobQueue, raw: "redis.Redis") -> None:
    submit(queue)
    lost = claim(queue)
    lapse(raw, lost.job.id, lost.token)
    queue.reclaim(lost.job.id)
    stored = contents(raw)

    assert queue.reclaim(lost.job.id) is None

    assert contents(raw) == stored


def test_many_lapsed_leases_are_all_reclaimed(queue: JobQueue, raw: "redis.Redis") -> None:
    jobs = [submit(queue).id for _ in range(40)]
    for lost in [claim(queue) for _ in jobs]:
        lapse(raw, lost.job.id, lost.token)

    claimed = [claim(queue).job for _ in jobs]

    assert [job.id for job in claimed] == jobs
    assert {job.attempt for job in claimed} == {2}


def test_running_job_that_became_ready_again_keeps_its_lease(
    queue: JobQueue, raw: "redis.Redis"
) -> None:
    # A store whose clock went back between reclaim and open lets an ended lease open a ready job.
    submit(queue)
    running = claim(queue)
    raw.zadd(keyspace.READY_JOBS, {running.job.id: 1})

    assert queue.claim(token()) is None

    lapse(raw, running.job.id, running.token)
    assert claim(queue).job.attempt == 2


def test_ready_id_without_a_record_is_passed_over(queue: JobQueue, raw: "redis.Redis") -> None:
    gone, job = submit(queue), submit(queue)
    raw.delete(keyspace.job(gone.id))

    assert claim(queue).job.id == job.id

    assert queue.gauge() == Gauge(waiting=0, leased=1, workers=0)


def test_lapsed_id_without_a_record_is_passed_over(queue: JobQueue, raw: "redis.Redis") -> None:
    submit(queue)
    lost = claim(queue)
    raw.delete(keyspace.job(lost.job.id))
    lapse(raw, lost.job.id, lost.token)

    assert queue.claim(token()) is None

    assert queue.gauge() == Gauge(waiting=0, leased=0, workers=0)


def test_wait_ends_at_once_when_a_lapsed_job_was_reclaimed_since_the_claim(
    queue: JobQueue, raw: "redis.Redis"
) -> None:
    job = submit(queue)
    lost = claim(queue)
    assert queue.claim(token()) is None
    lapse(raw, job.id, lost.token)
    queue.reclaim(job.id)

    began = time.monotonic()
    queue.wait(5)

    assert time.monotonic() - began < 1
