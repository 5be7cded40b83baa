"""Deadlines: a job that has not ended by then expires, wherever it stands."""

import time
from collections.abc import Callable

import pytest
import redis

from chalicelib import keyspace
from chalicelib.errors import LeaseLost
from chalicelib.inbox import Inbox
from chalicelib.jobs import Job, JobState
from chalicelib.leasing import JobLeases
from chalicelib.queueing import JobQueue
from chalicelib.sweeping import Sweeper
from tests.store.harness import (
    DONE,
    FLAKY,
    claim,
    contents,
    lapse,
    pass_deadline,
    pass_delay,
    request,
    stands,
    submit,
    sweep,
    token,
    where,
)  # fmt: skip


def _submit(queue: JobQueue) -> Job:
    return queue.submit(request(deadline_seconds=60)).job


def _waiting(queue: JobQueue, leases: JobLeases) -> Job:
    del leases
    return _submit(queue)


def _delayed(queue: JobQueue, leases: JobLeases) -> Job:
    job = _submit(queue)
    leases.finish(claim(leases), FLAKY)
    return job


def _running(queue: JobQueue, leases: JobLeases) -> Job:
    job = _submit(queue)
    claim(leases)
    return job


ANYWHERE = pytest.mark.parametrize("arrange", [_waiting, _delayed, _running])
type Arrange = Callable[[JobQueue, JobLeases], Job]


def test_deadline_is_told_by_the_stores_clock(queue: JobQueue) -> None:
    job = _submit(queue)

    fetched = queue.fetch("acme", job.id)

    assert fetched.deadline_at == job.deadline_at == job.created_at + 60_000


@ANYWHERE
def test_job_expires_in_a_sweep_with_one_event(
    queue: JobQueue,
    leases: JobLeases,
    sweeper: Sweeper,
    inbox: Inbox,
    raw: "redis.Redis",
    arrange: Arrange,
) -> None:
    job = arrange(queue, leases)
    pass_deadline(raw, job.id)

    assert sweep(sweeper) == ["expire"]

    expired = queue.fetch("acme", job.id)
    assert expired.state is JobState.EXPIRED
    assert (expired.error or {})["code"] == "deadline_exceeded"
    assert [event.event_type for event in inbox.page("acme", 0, 10)] == ["job.expired"]
    assert stands(queue) == (0, 0)


@ANYWHERE
def test_whoever_looks_at_an_overdue_job_finds_it_expired(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis", arrange: Arrange
) -> None:
    job = arrange(queue, leases)
    pass_deadline(raw, job.id)

    looked = queue.fetch("acme", job.id)

    assert looked.state is JobState.EXPIRED
    assert stands(queue) == (0, 0)


def test_overdue_job_is_never_claimed(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    overdue, job = _submit(queue), submit(queue)
    pass_deadline(raw, overdue.id)

    claimed = claim(leases).job

    assert claimed.id == job.id
    assert raw.hget(keyspace.job(overdue.id), "state") == "expired"


def test_deadline_passes_by_the_stores_clock(queue: JobQueue, sweeper: Sweeper) -> None:
    job = queue.submit(request(deadline_seconds=0.05)).job
    assert sweep(sweeper) == []

    time.sleep(0.06)

    assert sweep(sweeper) == ["expire"]
    assert queue.fetch("acme", job.id).state is JobState.EXPIRED


def test_worker_of_an_expired_job_finds_its_lease_lost(
    queue: JobQueue, leases: JobLeases, sweeper: Sweeper, raw: "redis.Redis"
) -> None:
    job = _submit(queue)
    late = claim(leases)
    pass_deadline(raw, job.id)
    sweep(sweeper)
    stored = contents(raw)

    with pytest.raises(LeaseLost):
        leases.extend(late)
    with pytest.raises(LeaseLost):
        leases.append(late, 0, ["a"])
    with pytest.raises(LeaseLost):
        leases.finish(late, DONE)

    assert contents(raw) == stored


def test_result_that_comes_before_the_sweep_counts(
    queue: JobQueue, leases: JobLeases, sweeper: Sweeper, raw: "redis.Redis"
) -> None:
    job = _submit(queue)
    claimed = claim(leases)
    pass_deadline(raw, job.id)

    leases.finish(claimed, DONE)

    assert sweep(sweeper) == []
    assert queue.fetch("acme", job.id).state is JobState.SUCCEEDED


@pytest.mark.parametrize("how", ["retryable error", "lapsed lease", "released"])
def test_overdue_attempt_that_came_to_nothing_is_not_followed_by_another(
    queue: JobQueue, leases: JobLeases, sweeper: Sweeper, raw: "redis.Redis", how: str
) -> None:
    job = _submit(queue)
    claimed = claim(leases)
    raw.hset(keyspace.job(job.id), "deadline_at", 1)

    if how == "retryable error":
        leases.finish(claimed, FLAKY)
    elif how == "released":
        leases.release(claimed)
    else:
        lapse(raw, claimed)
        sweep(sweeper)

    # A look at the job would expire it.
    assert raw.hget(keyspace.job(job.id), "state") == "expired"
    assert leases.claim(token()) is None


def test_job_without_a_deadline_never_expires(
    queue: JobQueue, sweeper: Sweeper, raw: "redis.Redis"
) -> None:
    job = submit(queue)
    stored = contents(raw)

    assert sweeper.expire(where(raw, job.id)) == ""

    assert contents(raw) == stored


def test_job_is_not_expired_before_its_deadline(
    queue: JobQueue, sweeper: Sweeper, raw: "redis.Redis"
) -> None:
    job = _submit(queue)
    stored = contents(raw)

    assert sweeper.expire(where(raw, job.id)) == ""

    assert contents(raw) == stored


def test_expiring_again_changes_nothing(
    queue: JobQueue, sweeper: Sweeper, raw: "redis.Redis"
) -> None:
    job = _submit(queue)
    pass_deadline(raw, job.id)
    (due,) = sweeper.due(10)
    sweeper.do(due)
    stored = contents(raw)

    assert sweeper.do(due) == ""

    assert contents(raw) == stored


def test_overdue_job_that_is_delayed_does_not_come_back(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    job = _delayed(queue, leases)
    pass_delay(raw, job.id)
    pass_deadline(raw, job.id)

    assert leases.claim(token()) is None

    assert queue.fetch("acme", job.id).state is JobState.EXPIRED
