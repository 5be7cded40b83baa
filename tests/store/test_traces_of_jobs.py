"""A job remembers the trace of the request that asked for it, through every attempt."""

import redis

from chalicelib import keyspace, visits
from chalicelib.jobs import JobState
from chalicelib.leasing import JobLeases
from chalicelib.queueing import JobQueue
from chalicelib.visits import Visit
from tests.store.harness import BROKEN, claim, submit

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
ANOTHER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_worker_is_told_the_trace_of_the_request(queue: JobQueue, leases: JobLeases) -> None:
    with visits.serving(Visit("acme", traceparent=TRACE)):
        asked = submit(queue)

    held = claim(leases)

    assert asked.traceparent == TRACE
    assert held.job.traceparent == TRACE


def test_job_that_no_request_asked_for_has_none(queue: JobQueue, leases: JobLeases) -> None:
    submit(queue)

    assert claim(leases).job.traceparent is None


def test_retry_keeps_the_first_trace(queue: JobQueue, leases: JobLeases) -> None:
    with visits.serving(Visit("acme", traceparent=TRACE)):
        job = submit(queue)
    leases.finish(claim(leases), BROKEN)

    with visits.serving(Visit("acme", traceparent=ANOTHER)):
        queue.retry("acme", job.id, queue.fetch("acme", job.id).version)

    held = claim(leases)
    assert held.job.state is JobState.RUNNING
    assert held.job.traceparent == TRACE


def test_job_of_a_release_without_traces_is_read_as_before(
    queue: JobQueue, raw: "redis.Redis"
) -> None:
    job = submit(queue)
    raw.hdel(keyspace.job(job.id), "traceparent")

    assert queue.fetch("acme", job.id).traceparent is None
