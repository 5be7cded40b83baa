"""What a retry costs: as much as a new job, or whoever retries in a loop fills the store."""

import json
from dataclasses import replace

import pytest
import redis

from chalicelib import keyspace, limits, visits
from chalicelib.errors import RateLimited, VersionConflict
from chalicelib.jobs import Draft, Job, JobState
from chalicelib.leasing import JobLeases
from chalicelib.queueing import JobQueue
from chalicelib.store import Store
from chalicelib.sweeping import Sweeper
from chalicelib.visits import Visit
from tests.store.harness import (
    BROKEN,
    SETTINGS,
    contents,
    dead_letter,
    end,
    job_id,
    now_ms,
    pass_deadline,
    submit,
)  # fmt: skip

KEY = f"key_{'1' * 32}"
REQUEST = {"prompt": "x" * 100}
COST = len(json.dumps(REQUEST)) + limits.JOB_KEPT_BYTES
PER_DAY = 10 * COST
DAY_MS = 86_400_000


def _limited(store: Store, **terms: int) -> JobQueue:
    return JobQueue(store, replace(SETTINGS, **terms))


def _failed(queue: JobQueue, leases: JobLeases) -> Job:
    queue.submit(Draft(job_id(), "acme", REQUEST))
    return end(queue, leases, BROKEN)


def _in_debt(raw: "redis.Redis") -> None:
    raw.set(keyspace.bytes_in("acme"), now_ms(raw) + 2 * DAY_MS - 5_000)


def test_retry_costs_a_call_and_the_bytes_of_a_new_job(
    store: Store, queue: JobQueue, leases: JobLeases
) -> None:
    failed = _failed(queue, leases)
    limited = _limited(store, rate_per_minute=10, tenant_bytes_per_day=PER_DAY)

    told = limited.retry("acme", failed.id, failed.version)

    left = {rate.policy: rate.left for rate in told.rates}
    assert left == {"default": 9, "bytes": PER_DAY - COST}


def test_retry_is_charged_to_the_key_that_asks(
    store: Store, queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    failed = _failed(queue, leases)
    ends_at = now_ms(raw) + 3_600_000
    raw.hset(keyspace.api_key("acme", KEY), mapping={"ends_at": ends_at, "digest": "d" * 64})

    with visits.serving(Visit("acme", KEY, key_digest="d" * 64)):
        told = _limited(store, key_rate_per_minute=3).retry("acme", failed.id, failed.version)

    assert [(rate.policy, rate.left) for rate in told.rates] == [("key", 2)]


def test_whoever_lets_a_job_expire_and_retries_it_is_stopped(
    store: Store, raw: "redis.Redis"
) -> None:
    queue = _limited(store, tenant_bytes_per_day=PER_DAY)
    job = queue.submit(Draft(job_id(), "acme", REQUEST, deadline_seconds=60)).job
    refused: list[RateLimited] = []

    for _ in range(20):
        if not refused:
            pass_deadline(raw, job.id)
        expired = queue.fetch("acme", job.id)
        try:
            queue.retry("acme", job.id, expired.version)
        except RateLimited as error:
            refused.append(error)

    # The end of each costs what it says, besides.
    assert 20 - PER_DAY // COST < len(refused) <= 20 - PER_DAY // COST + 2
    assert refused[-1].headers["RateLimit"].startswith('"bytes";r=')


@pytest.mark.parametrize(
    "terms", [{"tenant_bytes_per_day": PER_DAY}, {"rate_per_minute": 1}], ids=["bytes", "calls"]
)
def test_retry_over_a_rate_is_refused_and_changes_nothing(
    store: Store, queue: JobQueue, leases: JobLeases, raw: "redis.Redis", terms: dict[str, int]
) -> None:
    failed = _failed(queue, leases)
    _in_debt(raw)
    raw.set(keyspace.rate("acme"), now_ms(raw) + 50_000)
    stored = contents(raw)

    with pytest.raises(RateLimited) as refused:
        _limited(store, **terms).retry("acme", failed.id, failed.version)

    assert int(refused.value.headers["Retry-After"]) > 0
    assert contents(raw) == stored


def test_repeated_retry_costs_nothing_and_is_answered_in_debt(
    store: Store, queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    failed = _failed(queue, leases)
    limited = _limited(store, rate_per_minute=1, tenant_bytes_per_day=PER_DAY)
    first = limited.retry("acme", failed.id, failed.version)
    _in_debt(raw)
    stored = contents(raw)

    again = limited.retry("acme", failed.id, failed.version)

    assert (first.known, again.known, again.rates) == (False, True, ())
    assert again.job == first.job
    assert contents(raw) == stored


def test_retry_that_is_refused_for_another_reason_costs_nothing(
    store: Store, queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    failed = _failed(queue, leases)
    stored = contents(raw)

    with pytest.raises(VersionConflict):
        _limited(store, rate_per_minute=1).retry("acme", failed.id, failed.version - 1)

    assert contents(raw) == stored


def test_redrive_is_charged_to_nobody(
    store: Store, leases: JobLeases, sweeper: Sweeper, raw: "redis.Redis"
) -> None:
    limited = _limited(store, rate_per_minute=1, tenant_bytes_per_day=PER_DAY)
    submit(limited)
    dead = dead_letter(leases, sweeper, raw)
    _in_debt(raw)
    charged = raw.get(keyspace.rate("acme")), raw.get(keyspace.bytes_in("acme"))

    limited.redrive("acme", dead.id, limited.fetch("acme", dead.id).version)

    assert limited.fetch("acme", dead.id).state is JobState.QUEUED
    assert (raw.get(keyspace.rate("acme")), raw.get(keyspace.bytes_in("acme"))) == charged
