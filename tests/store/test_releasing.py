"""Release: a worker gives a job back unharmed, and the attempt costs nothing."""

import time

import pytest
import redis

from chalicelib import keyspace
from chalicelib.errors import LeaseLost
from chalicelib.inbox import Inbox
from chalicelib.jobs import JobState
from chalicelib.leasing import JobLeases
from chalicelib.queueing import JobQueue
from tests.store.harness import DONE, SETTINGS, claim, contents, stands, submit, token


def test_released_job_is_ready_at_once(queue: JobQueue, leases: JobLeases) -> None:
    job = submit(queue)
    claimed = claim(leases)

    state = leases.release(claimed)

    waiting = queue.fetch("acme", job.id)
    assert state is waiting.state is JobState.QUEUED
    assert (waiting.position, waiting.retry_at) == (0, None)
    assert claim(leases).job.id == job.id


def test_finish_after_a_release_is_refused(queue: JobQueue, leases: JobLeases) -> None:
    submit(queue)
    claimed = claim(leases)
    leases.release(claimed)

    with pytest.raises(LeaseLost):
        leases.finish(claimed, DONE)


def test_released_job_runs_before_those_that_came_after_it(
    queue: JobQueue, leases: JobLeases
) -> None:
    first, second = submit(queue), submit(queue)

    leases.release(claim(leases))

    assert [claim(leases).job.id for _ in range(2)] == [first.id, second.id]


def test_job_released_any_number_of_times_keeps_all_its_attempts(
    queue: JobQueue, leases: JobLeases, inbox: Inbox
) -> None:
    submit(queue)

    for _ in range(2 * SETTINGS.max_attempts):
        leases.release(claim(leases))

    last = claim(leases).job
    assert last.max_attempts - last.attempt == SETTINGS.max_attempts - 1
    assert list(inbox.page("acme", 0, 10)) == []


def test_releasing_again_changes_nothing(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    submit(queue)
    claimed = claim(leases)
    leases.release(claimed)
    stored = contents(raw)

    assert leases.release(claimed) is JobState.QUEUED

    assert contents(raw) == stored


def test_worker_that_released_a_job_cannot_write_to_it(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    submit(queue)
    claimed = claim(leases)
    leases.release(claimed)
    stored = contents(raw)

    with pytest.raises(LeaseLost):
        leases.extend(claimed)
    with pytest.raises(LeaseLost):
        leases.append(claimed, 0, ["a"])

    assert contents(raw) == stored


def test_late_release_does_not_take_the_job_from_the_worker_that_runs_it(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    submit(queue)
    first = claim(leases)
    leases.release(first)
    second = claim(leases)
    stored = contents(raw)

    assert leases.release(first) is JobState.QUEUED  # as the first time: it changes nothing

    assert contents(raw) == stored
    leases.finish(second, DONE)
    with pytest.raises(LeaseLost):
        leases.release(first)


def test_release_after_the_end_changes_nothing(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    submit(queue)
    claimed = claim(leases)
    leases.finish(claimed, DONE)
    stored = contents(raw)

    assert leases.release(claimed) is JobState.SUCCEEDED

    assert contents(raw) == stored


def test_release_frees_the_lease(queue: JobQueue, leases: JobLeases, raw: "redis.Redis") -> None:
    submit(queue)
    claimed = claim(leases)

    leases.release(claimed)

    assert not raw.exists(keyspace.lease(claimed.token))
    assert stands(queue) == (1, 0)


def test_release_wakes_an_idle_worker(queue: JobQueue, leases: JobLeases) -> None:
    submit(queue)
    claimed = claim(leases)
    assert leases.claim(token()) is None
    leases.release(claimed)

    began = time.monotonic()
    leases.wait(5)

    assert time.monotonic() - began < 1
