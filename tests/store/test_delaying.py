"""The pause before another attempt: doubling, with jitter, never shorter than asked for."""

import statistics
import time
from dataclasses import replace

import pytest
import redis

from chalicelib import limits
from chalicelib.errors import LeaseLost
from chalicelib.jobs import JobState, retry_delay_seconds
from chalicelib.leasing import JobLeases
from chalicelib.queueing import JobQueue
from tests.store.harness import (
    DONE,
    FLAKY,
    claim,
    contents,
    now_ms,
    pass_delay,
    stands,
    submit,
    token,
)  # fmt: skip

SOON = replace(FLAKY, retry_after_seconds=0)


@pytest.mark.parametrize(
    ("attempt", "least", "most"), [(1, 0.5, 1), (2, 1, 2), (3, 2, 4), (6, 16, 32), (7, 30, 60)]
)
def test_pause_doubles_with_every_attempt_and_half_of_it_is_jitter(
    attempt: int, least: float, most: float
) -> None:
    pauses = [retry_delay_seconds(attempt, jitter) for jitter in (0, 1)]

    assert pauses == [least, most]


@pytest.mark.parametrize("attempt", [7, 8, 31, 1000, 10**9])
def test_pause_is_a_minute_at_most(attempt: int) -> None:
    assert retry_delay_seconds(attempt, 1) == limits.RETRY_MOST_SECONDS


@pytest.mark.parametrize(
    ("asked", "granted"), [(0, 1), (0.2, 1), (30, 30), (3600, 3600), (86_400, 3600)]
)
def test_pause_that_the_engine_asks_for_is_granted_up_to_an_hour(
    asked: float, granted: float
) -> None:
    assert retry_delay_seconds(1, 1, asked) == granted


def test_job_is_delayed_by_half_a_second_to_one_after_its_first_attempt(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    job = submit(queue)
    before = now_ms(raw)

    state = leases.finish(claim(leases), SOON)

    waiting = queue.fetch("acme", job.id)
    assert state is waiting.state is JobState.QUEUED
    assert waiting.retry_at is not None
    assert before + 500 <= waiting.retry_at <= now_ms(raw) + 1000
    assert (waiting.position, waiting.error, waiting.ended_at) == (None, None, None)
    assert queue.gauge().delayed == 1


def test_pauses_of_many_jobs_are_spread(queue: JobQueue, leases: JobLeases) -> None:
    pauses = []
    for _ in range(40):
        job = submit(queue)
        leases.finish(claim(leases), SOON)
        delayed = queue.fetch("acme", job.id)
        pauses.append((delayed.retry_at or 0) - (delayed.started_at or 0))

    # Uniform over half a second: a deviation of 144 ms, and never near 50 of forty.
    assert statistics.stdev(pauses) > 50


def test_pause_follows_the_engines_wish(queue: JobQueue, leases: JobLeases) -> None:
    job = submit(queue)

    leases.finish(claim(leases), replace(FLAKY, retry_after_seconds=120))

    delayed = queue.fetch("acme", job.id)
    assert (delayed.retry_at or 0) - (delayed.started_at or 0) >= 120_000
    assert leases.claim(token()) is None


def test_job_runs_again_once_its_pause_is_over(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    job = submit(queue)
    leases.finish(claim(leases), FLAKY)
    pass_delay(raw, job.id)

    again = claim(leases).job

    assert (again.id, again.attempt, again.retry_at) == (job.id, 2, None)


@pytest.mark.slow
def test_pause_passes_by_the_stores_clock(queue: JobQueue, leases: JobLeases) -> None:
    job = submit(queue)
    leases.finish(claim(leases), SOON)

    time.sleep(1.01)

    assert claim(leases).job.id == job.id


def test_job_that_returns_from_its_pause_runs_before_those_that_came_after_it(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    first, second = submit(queue), submit(queue)
    leases.finish(claim(leases), FLAKY)
    pass_delay(raw, first.id)

    ran = [claim(leases).job.id for _ in range(2)]

    assert ran == [first.id, second.id]


def test_pause_of_the_second_attempt_is_longer(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    job = submit(queue)
    leases.finish(claim(leases), SOON)
    pass_delay(raw, job.id)

    leases.finish(claim(leases), SOON)

    delayed = queue.fetch("acme", job.id)
    assert 1000 <= (delayed.retry_at or 0) - (delayed.started_at or 0) <= 2500


def test_finishing_again_neither_shortens_nor_lengthens_the_pause(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    submit(queue)
    claimed = claim(leases)
    leases.finish(claimed, FLAKY)
    stored = contents(raw)

    assert leases.finish(claimed, FLAKY) is JobState.QUEUED
    assert leases.finish(claimed, DONE) is JobState.QUEUED

    assert contents(raw) == stored


def test_worker_that_gave_up_cannot_write_while_the_job_waits(
    queue: JobQueue, leases: JobLeases
) -> None:
    submit(queue)
    claimed = claim(leases)
    leases.finish(claimed, FLAKY)

    with pytest.raises(LeaseLost):
        leases.append(claimed, 0, ["a"])
    with pytest.raises(LeaseLost):
        leases.extend(claimed)

    assert stands(queue) == (1, 0)


def test_more_delayed_jobs_than_a_claim_moves_at_once_all_come_back(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    jobs = [submit(queue).id for _ in range(70)]
    for _ in jobs:
        leases.finish(claim(leases), FLAKY)
    for job in jobs:
        pass_delay(raw, job)

    ran = {claim(leases).job.id for _ in jobs}

    assert ran == set(jobs)
