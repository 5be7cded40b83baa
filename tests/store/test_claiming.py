"""Claim and the leases under which workers write."""

import threading
import time

import pytest
import redis

from chalicelib import keyspace
from chalicelib.errors import LeaseLost
from chalicelib.jobs import JobState
from chalicelib.queueing import Claim, Gauge, JobQueue
from chalicelib.settings import QueueSettings
from chalicelib.store import Store
from tests.store.harness import BROKEN, DONE, SETTINGS, claim, contents, lapse, submit, token


def test_jobs_are_claimed_in_the_order_they_came(queue: JobQueue) -> None:
    jobs = [submit(queue, tenant) for tenant in ("acme", "umbrella", "acme", "acme")]

    claimed = [claim(queue).job.id for _ in jobs]

    assert claimed == [job.id for job in jobs]


def test_nothing_is_claimed_from_an_empty_queue(queue: JobQueue) -> None:
    assert queue.claim(token()) is None


def test_claimed_job_runs_and_says_so(queue: JobQueue) -> None:
    job = submit(queue)

    claimed = claim(queue).job

    assert claimed == queue.fetch("acme", job.id)
    assert claimed.state is JobState.RUNNING
    assert (claimed.attempt, claimed.version, claimed.position) == (1, 2, None)
    assert claimed.started_at is not None
    assert claimed.started_at >= job.created_at


def test_two_tokens_never_hold_the_same_job(queue: JobQueue) -> None:
    submit(queue)
    claim(queue)

    assert queue.claim(token()) is None


def test_same_token_again_answers_the_same_job(queue: JobQueue, raw: "redis.Redis") -> None:
    submit(queue), submit(queue)
    first = claim(queue)
    stored = contents(raw)

    again = queue.claim(first.token)

    assert again == first
    assert contents(raw) == stored


def test_lease_ends_by_the_stores_clock_after_its_seconds(store: Store) -> None:
    hasty = JobQueue(store, QueueSettings(lease_seconds=0.3, max_attempts=3, queue_length=10))
    job = submit(hasty)
    first = claim(hasty)
    assert hasty.claim(token()) is None

    time.sleep(0.31)
    second = claim(hasty)

    assert (second.job.id, second.job.attempt) == (job.id, 2)
    with pytest.raises(LeaseLost):
        hasty.finish(first, DONE)


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


def test_renewed_lease_holds_for_its_seconds_from_then(queue: JobQueue, raw: "redis.Redis") -> None:
    submit(queue)
    held = claim(queue)
    lapse(raw, held.job.id, held.token)

    queue.extend(held)

    left = raw.pttl(keyspace.lease(held.token))
    assert SETTINGS.lease_seconds * 1000 - 5000 < left <= SETTINGS.lease_seconds * 1000
    assert raw.zscore(keyspace.JOB_LEASES, held.job.id) == raw.pexpiretime(
        keyspace.lease(held.token)
    )


def test_renewing_again_changes_nothing_but_the_end(queue: JobQueue, raw: "redis.Redis") -> None:
    submit(queue)
    held = claim(queue)
    stored = contents(raw)

    queue.extend(held)
    queue.extend(held)

    assert contents(raw) == stored


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


def test_wait_ends_when_a_job_becomes_ready(queue: JobQueue) -> None:
    assert queue.claim(token()) is None
    late = threading.Timer(0.1, submit, (queue,))
    late.start()

    began = time.monotonic()
    queue.wait(5)

    assert 0.05 < time.monotonic() - began < 2
    late.join()
    claim(queue)


def test_wait_ends_at_once_when_a_job_came_since_the_claim(queue: JobQueue) -> None:
    assert queue.claim(token()) is None
    submit(queue)

    began = time.monotonic()
    queue.wait(5)

    assert time.monotonic() - began < 1


def test_wait_ends_after_its_seconds(queue: JobQueue) -> None:
    submit(queue)
    claim(queue)
    assert queue.claim(token()) is None

    began = time.monotonic()
    queue.wait(0.1)

    assert 0.09 < time.monotonic() - began < 1


def test_waiting_for_a_change_misses_none(queue: JobQueue) -> None:
    job = submit(queue)
    claimed = claim(queue)

    began = time.monotonic()
    queue.await_change(job, 5)
    late = threading.Timer(0.1, queue.finish, (claimed, DONE))
    late.start()
    queue.await_change(claimed.job, 5)

    assert time.monotonic() - began < 2
    assert queue.fetch("acme", job.id).state is JobState.SUCCEEDED
    late.join()


def test_gauge_counts_waiting_leased_and_live_workers(queue: JobQueue, raw: "redis.Redis") -> None:
    for _ in range(3):
        submit(queue)
    claim(queue)
    raw.zadd(keyspace.WORKERS, {"silent": 1})
    queue.beat("one")
    queue.beat("one")
    queue.beat("two")

    assert queue.gauge() == Gauge(waiting=2, leased=1, workers=2)
    assert raw.zrange(keyspace.WORKERS, 0, -1) == ["one", "two"]
