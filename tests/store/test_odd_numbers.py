"""Numbers and clocks that no move may stumble over."""

import json

import pytest
import redis

from chalicelib import keyspace
from chalicelib.bounds import QueueSettings
from chalicelib.errors import NotRetryable
from chalicelib.inbox import Inbox
from chalicelib.inbox_leases import InboxLeases
from chalicelib.jobs import JobState
from chalicelib.leasing import JobLeases
from chalicelib.queueing import JobQueue
from chalicelib.store import Store
from tests.store.harness import claim, draft, end, now_ms, request, submit, token

HOUR_MS = 3_600_000


def test_whole_number_with_a_fraction_leases_as_many(
    inbox: Inbox, inbox_leases: InboxLeases
) -> None:
    for _ in range(3):
        inbox.publish(draft())

    # JSON Schema counts 2.0 among the integers.
    lease = inbox_leases.lease("acme", token(), json.loads("2.0"), 30)

    assert len(lease.events) == 2


def test_version_that_no_job_ever_had_runs_nothing_again(
    queue: JobQueue, leases: JobLeases
) -> None:
    submit(queue)
    done = end(queue, leases)

    with pytest.raises(NotRetryable):
        queue.retry("acme", done.id, 0)


def test_clock_that_goes_back_shuts_no_tenant_out(store: Store, raw: "redis.Redis") -> None:
    queue = JobQueue(store, QueueSettings(30, 3, 1000, rate_per_minute=60))
    # As charged before the store failed over to one whose clock is an hour behind.
    raw.set(keyspace.rate("acme"), f"{now_ms(raw) + HOUR_MS}.000", px=2 * HOUR_MS)

    submitted = queue.submit(request())

    (rate,) = submitted.rates
    assert rate.left == 59


def test_claim_is_answered_beside_a_record_that_no_move_can_read(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    odd = f"job_{'0' * 32}"
    raw.set(keyspace.job(odd), "no record")
    raw.zadd(keyspace.LEASED, {f"acme 1 {7:016d} {odd}": 1})
    submitted = submit(queue)

    claimed = claim(leases)

    assert claimed.job.id == submitted.id
    assert leases.claim(token()) is None
    assert queue.fetch("acme", submitted.id).state is JobState.RUNNING
