"""Claim and the leases under which workers write."""

import threading
import time

import pytest
import redis

from chalicelib import keyspace
from chalicelib.bounds import QueueSettings
from chalicelib.errors import LeaseLost
from chalicelib.jobs import JobState
from chalicelib.leasing import JobLeases
from chalicelib.queueing import JobQueue
from chalicelib.store import Store
from tests.store.harness import DONE, SETTINGS, claim, contents, lapse, place, submit, token


def test_jobs_are_claimed_in_the_order_they_came(queue: JobQueue, leases: JobLeases) -> None:
    jobs = [submit(queue, tenant) for tenant in ("acme", "umbrella", "acme", "acme")]

    claimed = [claim(leases).job.id for _ in jobs]

    assert claimed == [job.id for job in jobs]


def test_nothing_is_claimed_from_an_empty_queue(leases: JobLeases) -> None:
    assert leases.claim(token()) is None


def test_claimed_job_runs_and_says_so(queue: JobQueue, leases: JobLeases) -> None:
    job = submit(queue)

    claimed = claim(leases).job

    assert claimed == queue.fetch("acme", job.id)
    assert claimed.state is JobState.RUNNING
    assert (claimed.attempt, claimed.version, claimed.position) == (1, 2, None)
    assert claimed.started_at is not None
    assert claimed.started_at >= job.created_at


def test_two_tokens_never_hold_the_same_job(queue: JobQueue, leases: JobLeases) -> None:
    submit(queue)
    claim(leases)

    assert leases.claim(token()) is None


def test_same_token_again_answers_the_same_job(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    submit(queue), submit(queue)
    first = claim(leases)
    stored = contents(raw)

    again = leases.claim(first.token)

    assert again == first
    assert contents(raw) == stored


def test_lease_ends_by_the_stores_clock_after_its_seconds(queue: JobQueue, store: Store) -> None:
    hasty = JobLeases(store, QueueSettings(lease_seconds=0.3, max_attempts=3, queue_length=10))
    job = submit(queue)
    first = claim(hasty)
    assert hasty.claim(token()) is None

    time.sleep(0.31)
    second = claim(hasty)

    assert (second.job.id, second.job.attempt) == (job.id, 2)
    with pytest.raises(LeaseLost):
        hasty.finish(first, DONE)


def test_renewed_lease_holds_for_its_seconds_from_then(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    submit(queue)
    held = claim(leases)
    lapse(raw, held)

    leases.extend(held)

    left = raw.pttl(keyspace.lease(held.token))
    assert SETTINGS.lease_seconds * 1000 - 5000 < left <= SETTINGS.lease_seconds * 1000
    assert raw.zscore(keyspace.LEASED, place(raw, held.job.id)) == raw.pexpiretime(
        keyspace.lease(held.token)
    )


def test_renewing_again_changes_nothing_but_the_end(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    submit(queue)
    held = claim(leases)
    stored = contents(raw)

    leases.extend(held)
    leases.extend(held)

    assert contents(raw) == stored


def test_wait_ends_when_a_job_becomes_ready(queue: JobQueue, leases: JobLeases) -> None:
    assert leases.claim(token()) is None
    late = threading.Timer(0.1, submit, (queue,))
    late.start()

    began = time.monotonic()
    leases.wait(5)

    assert 0.05 < time.monotonic() - began < 2
    late.join()
    claim(leases)


def test_wait_ends_at_once_when_a_job_came_since_the_claim(
    queue: JobQueue, leases: JobLeases
) -> None:
    assert leases.claim(token()) is None
    submit(queue)

    began = time.monotonic()
    leases.wait(5)

    assert time.monotonic() - began < 1


def test_wait_ends_after_its_seconds(queue: JobQueue, leases: JobLeases) -> None:
    submit(queue)
    claim(leases)
    assert leases.claim(token()) is None

    began = time.monotonic()
    leases.wait(0.1)

    assert 0.09 < time.monotonic() - began < 1


def test_waiting_for_a_change_misses_none(queue: JobQueue, leases: JobLeases) -> None:
    job = submit(queue)
    claimed = claim(leases)

    began = time.monotonic()
    queue.await_change(job, 5)
    late = threading.Timer(0.1, leases.finish, (claimed, DONE))
    late.start()
    queue.await_change(claimed.job, 5)

    assert time.monotonic() - began < 2
    assert queue.fetch("acme", job.id).state is JobState.SUCCEEDED
    late.join()


def test_gauge_counts_waiting_leased_and_live_workers(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    for _ in range(3):
        submit(queue)
    claim(leases)
    raw.zadd(keyspace.WORKERS, {"silent": 1})
    leases.beat("one", 2)
    leases.beat("one", 2)
    leases.beat("two", 3)

    gauge = queue.gauge()
    assert (gauge.waiting, gauge.leased, gauge.workers, gauge.slots) == (2, 1, 2, 5)
    assert raw.zrange(keyspace.WORKERS, 0, -1) == ["one", "two"]
