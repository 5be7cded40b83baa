"""Erasure: input and result are gone, and a tombstone tells the owner so for a week."""

import threading
import time

import pytest
import redis

from chalicelib import keyspace, limits
from chalicelib.errors import JobGone, JobNotFound, JobRunning, LeaseLost
from chalicelib.inbox import Inbox
from chalicelib.jobs import Draft, JobState
from chalicelib.leasing import JobLeases
from chalicelib.listing import JobLists
from chalicelib.queueing import Idempotency, JobQueue
from chalicelib.store import Store
from chalicelib.sweeping import Sweeper
from tests.store.harness import (
    DONE,
    FLAKY,
    claim,
    contents,
    dead_letter,
    end,
    job_id,
    request,
    stands,
    submit,
    sweep,
    token,
)  # fmt: skip


def _holding(raw: "redis.Redis", word: str) -> list[str]:
    """Return the keys whose name or value holds *word*."""
    return sorted(key for key, value in contents(raw).items() if word in f"{key} {value}")


def test_nothing_of_an_erased_job_is_left_but_its_tombstone_and_its_event(
    queue: JobQueue, leases: JobLeases, inbox: Inbox, raw: "redis.Redis"
) -> None:
    job = submit(queue)
    claimed = claim(leases)
    leases.append(claimed, 0, ["a secret"])
    leases.finish(claimed, DONE)
    (event,) = inbox.page("acme", 0, 10)

    queue.erase("acme", job.id)

    assert _holding(raw, job.id) == sorted([keyspace.gone(job.id), keyspace.event(event.id)])
    assert _holding(raw, job.request["prompt"]) == []
    assert _holding(raw, "a secret") == []


def test_waiting_job_is_cancelled_with_its_event_and_removed(
    queue: JobQueue, leases: JobLeases, inbox: Inbox
) -> None:
    job = submit(queue)

    queue.erase("acme", job.id)

    assert leases.claim(token()) is None
    assert [event.event_type for event in inbox.page("acme", 0, 10)] == ["job.cancelled"]
    assert (stands(queue), queue.gauge().bytes) == ((0, 0), 0)


@pytest.mark.parametrize("waits", ["ready", "delayed"])
def test_erasing_a_job_that_waits_wakes_who_waits_for_it(
    queue: JobQueue, leases: JobLeases, waits: str
) -> None:
    job = submit(queue)
    if waits == "delayed":
        leases.finish(claim(leases), FLAKY)
        job = queue.fetch("acme", job.id)
    threading.Timer(0.2, queue.erase, ["acme", job.id]).start()
    before = time.monotonic()

    with pytest.raises(JobGone):
        queue.await_change(job, 5)

    assert time.monotonic() - before < 3


def test_delayed_job_can_be_erased(queue: JobQueue, leases: JobLeases, raw: "redis.Redis") -> None:
    job = submit(queue)
    leases.finish(claim(leases), FLAKY)

    queue.erase("acme", job.id)

    assert stands(queue) == (0, 0)
    assert not raw.exists(keyspace.DELAYED)


def test_erased_job_is_gone_for_its_owner_and_absent_for_others(queue: JobQueue) -> None:
    job, absent = submit(queue), job_id()
    queue.erase("acme", job.id)

    with pytest.raises(JobGone):
        queue.fetch("acme", job.id)
    with pytest.raises(JobNotFound) as others:
        queue.fetch("umbrella", job.id)
    with pytest.raises(JobNotFound) as none:
        queue.fetch("umbrella", absent)

    assert others.value.detail == none.value.detail.replace(absent, job.id)


def test_every_move_of_an_erased_job_says_that_it_is_gone(queue: JobQueue) -> None:
    job = submit(queue)
    queue.erase("acme", job.id)

    with pytest.raises(JobGone):
        queue.cancel("acme", job.id)
    with pytest.raises(JobGone):
        queue.retry("acme", job.id, job.version)
    with pytest.raises(JobNotFound):
        queue.cancel("umbrella", job.id)
    with pytest.raises(JobNotFound):
        queue.retry("umbrella", job.id, job.version)


def test_tombstone_lives_for_a_week(queue: JobQueue, raw: "redis.Redis") -> None:
    job = submit(queue)
    queue.erase("acme", job.id)

    left = raw.pttl(keyspace.gone(job.id))

    most = limits.TOMBSTONE_SECONDS * 1000
    assert most == 7 * 24 * 3600 * 1000
    assert most - 60_000 < left <= most


def test_job_is_absent_once_its_tombstone_has_gone(queue: JobQueue, raw: "redis.Redis") -> None:
    job = submit(queue)
    queue.erase("acme", job.id)
    raw.delete(keyspace.gone(job.id))

    with pytest.raises(JobNotFound):
        queue.fetch("acme", job.id)
    with pytest.raises(JobNotFound):
        queue.erase("acme", job.id)


def test_erasing_again_changes_nothing(queue: JobQueue, raw: "redis.Redis") -> None:
    job = submit(queue)
    queue.erase("acme", job.id)
    stored = contents(raw)

    queue.erase("acme", job.id)

    assert contents(raw) == stored


def test_running_job_is_not_erased(queue: JobQueue, leases: JobLeases, raw: "redis.Redis") -> None:
    job = submit(queue)
    claim(leases)
    stored = contents(raw)

    with pytest.raises(JobRunning):
        queue.erase("acme", job.id)

    assert contents(raw) == stored


def test_running_job_that_is_erased_by_force_takes_its_lease_with_it(
    queue: JobQueue, leases: JobLeases
) -> None:
    job = submit(queue)
    claimed = claim(leases)

    queue.erase("acme", job.id, force=True)

    with pytest.raises(LeaseLost):
        leases.finish(claimed, DONE)
    with pytest.raises(LeaseLost):
        leases.append(claimed, 0, ["a"])
    with pytest.raises(JobGone):
        queue.fetch("acme", job.id)
    assert leases.claim(claimed.token) is None


def test_another_tenants_job_is_not_erased(queue: JobQueue, raw: "redis.Redis") -> None:
    job = submit(queue)
    stored = contents(raw)

    with pytest.raises(JobNotFound):
        queue.erase("umbrella", job.id)
    with pytest.raises(JobNotFound):
        queue.erase("umbrella", job.id, force=True)

    assert contents(raw) == stored


def test_another_tenant_cannot_tell_an_erased_job_from_an_absent_one_by_erasing_it(
    queue: JobQueue,
) -> None:
    job = submit(queue)
    queue.erase("acme", job.id)

    with pytest.raises(JobNotFound):
        queue.erase("umbrella", job.id)


def test_id_of_an_erased_job_makes_no_other(queue: JobQueue, raw: "redis.Redis") -> None:
    job = submit(queue)
    queue.erase("acme", job.id)
    stored = contents(raw)

    with pytest.raises(JobGone):
        queue.submit(Draft(job.id, "acme", job.request))

    assert contents(raw) == stored


def test_key_of_an_erased_job_makes_no_other(queue: JobQueue, raw: "redis.Redis") -> None:
    job = queue.submit(request(), Idempotency("k", "h")).job
    queue.erase("acme", job.id)
    stored = contents(raw)

    with pytest.raises(JobGone):
        queue.submit(request(), Idempotency("k", "h"))

    assert contents(raw) == stored


def test_erased_job_is_in_no_list(
    store: Store, queue: JobQueue, leases: JobLeases, sweeper: Sweeper, raw: "redis.Redis"
) -> None:
    submit(queue)
    dead = dead_letter(leases, sweeper, raw)
    kept = submit(queue)

    queue.erase("acme", dead.id)

    lists = JobLists(store)
    assert [job.id for job in lists.jobs("acme", None, 10).jobs] == [kept.id]
    assert lists.dead_letters(None, 10).jobs == ()
    assert queue.gauge().dead == 0


def test_erased_job_is_due_for_nothing(
    queue: JobQueue, leases: JobLeases, sweeper: Sweeper, raw: "redis.Redis"
) -> None:
    submit(queue)
    ended = end(queue, leases)
    assert ended.state is JobState.SUCCEEDED

    queue.erase("acme", ended.id)

    assert raw.zcard(keyspace.RETENTION_JOBS) == 0
    assert sweep(sweeper) == []
