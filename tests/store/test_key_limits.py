"""What one API key may ask for: calls, and jobs under way, beside what its tenant may."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import redis

from chalicelib import keyspace, visits
from chalicelib.errors import RateLimited, TooManyJobs
from chalicelib.inbox import Inbox
from chalicelib.jobs import Draft, JobState
from chalicelib.leasing import JobLeases
from chalicelib.queueing import Idempotency, JobQueue
from chalicelib.store import Store
from chalicelib.sweeping import Sweeper
from chalicelib.visits import Visit
from tests.store.harness import (
    BROKEN,
    DONE,
    SETTINGS,
    claim,
    contents,
    dead_letter,
    draft,
    job_id,
    now_ms,
    request,
    submit,
)  # fmt: skip

ONE, OTHER = f"key_{'1' * 32}", f"key_{'2' * 32}"
DIGEST = "d" * 64
REQUEST = {"prompt": "x" * 100}
SIZE = len(json.dumps(REQUEST))


@pytest.fixture(autouse=True)
def _keys_that_stand(raw: "redis.Redis") -> None:
    for key in (ONE, OTHER):
        record = keyspace.api_key("acme", key)
        raw.hset(record, mapping={"ends_at": now_ms(raw) + 3_600_000, "digest": DIGEST})


@contextmanager
def asking(key: str) -> Iterator[None]:
    """Let what is asked for inside be asked for by an API key of acme's."""
    with visits.serving(Visit("acme", key, key_digest=DIGEST)):
        yield


def limited(store: Store, **terms: int) -> JobQueue:
    return JobQueue(store, replace(SETTINGS, **terms))


def of_keys(raw: "redis.Redis") -> dict[str, str]:
    """Return what is counted for API keys."""
    counts = raw.hgetall(keyspace.tenant_counts("acme")).items()
    return {str(name): str(count) for name, count in counts if ":" in str(name)}


# Calls


def test_key_calls_so_often_and_its_tenant_goes_on(store: Store, raw: "redis.Redis") -> None:
    queue = limited(store, key_rate_per_minute=2)
    inbox = Inbox(store, replace(SETTINGS, key_rate_per_minute=2))
    with asking(ONE):
        submit(queue), inbox.publish(draft())
        stored = contents(raw)

        with pytest.raises(RateLimited) as refused:
            inbox.publish(draft(), "h", "k")
        with pytest.raises(RateLimited):
            queue.submit(request(), Idempotency("k", "h"))

    assert contents(raw) == stored
    assert refused.value.headers["RateLimit-Policy"] == '"key";q=2;w=60'
    assert int(refused.value.headers["Retry-After"]) == 30
    with asking(OTHER):
        assert submit(queue).state is JobState.QUEUED
    assert submit(queue).state is JobState.QUEUED


def test_both_rates_are_charged_and_told(store: Store) -> None:
    queue = limited(store, rate_per_minute=6, key_rate_per_minute=2)

    with asking(ONE):
        told = queue.submit(request()).rates

    assert [(rate.policy, rate.left) for rate in told] == [("default", 5), ("key", 1)]


def test_neither_rate_is_charged_when_the_keys_refuses(store: Store, raw: "redis.Redis") -> None:
    queue = limited(store, rate_per_minute=6, key_rate_per_minute=1)
    with asking(ONE):
        submit(queue)
        charged = raw.get(keyspace.rate("acme"))

        with pytest.raises(RateLimited):
            submit(queue)

    assert raw.get(keyspace.rate("acme")) == charged


def test_neither_rate_is_charged_when_the_tenants_refuses(store: Store, raw: "redis.Redis") -> None:
    queue = limited(store, rate_per_minute=1, key_rate_per_minute=6)
    with asking(ONE):
        submit(queue)
        charged = raw.get(keyspace.key_rate("acme", ONE))

        with pytest.raises(RateLimited) as refused:
            submit(queue)

    assert refused.value.headers["RateLimit-Policy"] == '"default";q=1;w=60'
    assert raw.get(keyspace.key_rate("acme", ONE)) == charged


def test_repeats_come_before_a_keys_rate(store: Store) -> None:
    queue = limited(store, key_rate_per_minute=1)
    first = request()

    with asking(ONE):
        job = queue.submit(first, Idempotency("k", "h")).job
        repeats = [queue.submit(first), queue.submit(request(), Idempotency("k", "h"))]

    assert [(repeat.job.id, list(repeat.rates)) for repeat in repeats] == [(job.id, [])] * 2


def test_who_shows_no_key_is_under_no_keys_bounds(store: Store, raw: "redis.Redis") -> None:
    queue = limited(store, key_rate_per_minute=1, key_queue_length=1, key_queue_bytes=1)

    for _ in range(3):
        submit(queue)

    assert of_keys(raw) == {}


# Jobs under way


def test_key_has_so_many_jobs_under_way_and_its_tenant_goes_on(store: Store) -> None:
    queue = limited(store, key_queue_length=1)
    with asking(ONE):
        submit(queue)
        with pytest.raises(TooManyJobs) as refused:
            submit(queue)

    assert "key" in refused.value.detail
    assert int(refused.value.headers["Retry-After"]) > 0
    with asking(OTHER):
        assert submit(queue).state is JobState.QUEUED
    assert submit(queue).state is JobState.QUEUED


def test_requests_fill_a_keys_share_to_the_last_byte(store: Store, raw: "redis.Redis") -> None:
    queue = limited(store, key_queue_bytes=2 * SIZE)
    with asking(ONE):
        for _ in range(2):
            queue.submit(Draft(job_id(), "acme", REQUEST))

        with pytest.raises(TooManyJobs):
            queue.submit(Draft(job_id(), "acme", {}))

    assert of_keys(raw) == {f"jobs:{ONE}": "2", f"bytes:{ONE}": str(2 * SIZE)}


def test_end_makes_room_for_the_key_that_asked_though_it_was_revoked(
    store: Store, leases: JobLeases, raw: "redis.Redis"
) -> None:
    with asking(ONE):
        submit(limited(store, key_queue_length=1))
    raw.delete(keyspace.api_key("acme", ONE))

    leases.finish(claim(leases), DONE)

    assert not raw.hexists(keyspace.tenant_counts("acme"), "jobs")
    assert of_keys(raw) == {}


def test_retried_job_counts_for_the_key_that_asks_then(
    store: Store, leases: JobLeases, raw: "redis.Redis"
) -> None:
    queue = limited(store, key_queue_length=1)
    with asking(ONE):
        failed = queue.submit(Draft(job_id(), "acme", REQUEST)).job
    leases.finish(claim(leases), BROKEN)

    with asking(OTHER):
        queue.retry("acme", failed.id, queue.fetch("acme", failed.id).version)
        with pytest.raises(TooManyJobs):
            submit(queue)

    assert of_keys(raw) == {f"jobs:{OTHER}": "1", f"bytes:{OTHER}": str(SIZE)}


def test_retry_needs_room_of_the_key_that_asks(store: Store, leases: JobLeases) -> None:
    queue = limited(store, key_queue_length=1)
    with asking(ONE):
        failed = submit(queue)
    leases.finish(claim(leases), BROKEN)

    with asking(ONE):
        submit(queue)
        with pytest.raises(TooManyJobs):
            queue.retry("acme", failed.id, queue.fetch("acme", failed.id).version)


def test_redrive_asks_no_key_for_room_and_counts_for_none(
    store: Store, leases: JobLeases, raw: "redis.Redis", sweeper: Sweeper
) -> None:
    queue = limited(store, key_queue_length=1)
    with asking(ONE):
        submit(queue)
        dead = dead_letter(leases, sweeper, raw)
        submit(queue)
        version = queue.fetch("acme", dead.id).version

        queue.redrive("acme", dead.id, version)

    assert of_keys(raw)[f"jobs:{ONE}"] == "1"
    assert raw.hget(keyspace.tenant_counts("acme"), "jobs") == "2"
