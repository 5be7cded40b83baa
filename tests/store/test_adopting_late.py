"""Jobs of 0.1.0 in states that only its own workers leave behind."""

import pytest
import redis

from chalicelib import keyspace
from chalicelib.bounds import QueueSettings
from chalicelib.errors import JobRunning, QueueFull
from chalicelib.queueing import JobQueue
from chalicelib.store import Store
from tests.store.harness import SETTINGS, now_ms, submit, submit_as_0_1_0


def test_job_that_a_worker_of_0_1_0_just_took_is_not_said_to_be_erased(
    queue: JobQueue, raw: "redis.Redis"
) -> None:
    old = submit_as_0_1_0(raw)
    raw.zrem(keyspace.OLD_READY_JOBS, old)
    raw.zadd(keyspace.OLD_JOB_LEASES, {old: now_ms(raw) + 30_000})

    with pytest.raises(JobRunning):
        queue.erase("acme", old)

    assert raw.exists(keyspace.job(old))


def test_refused_retry_of_a_job_that_ended_under_0_1_0_leaves_no_trace(
    store: Store, raw: "redis.Redis"
) -> None:
    old = submit_as_0_1_0(raw)
    raw.delete(keyspace.OLD_READY_JOBS)
    raw.hset(keyspace.job(old), "state", "failed")
    queue = JobQueue(store, QueueSettings(SETTINGS.lease_seconds, 3, queue_length=1))
    submit(queue, "zed")
    before = raw.hgetall(keyspace.job(old))

    with pytest.raises(QueueFull):
        queue.retry("acme", old, 1)

    # Whatever lists it would name it for ever: its record goes by an expiry of its own.
    assert not raw.exists(keyspace.jobs("acme"))
    assert raw.hgetall(keyspace.job(old)) == before
