"""Retention: what is over is removed by a move that clears index and counts, and says so."""

import time
from dataclasses import replace

import pytest
import redis

from chalicelib import keyspace
from chalicelib.bounds import RetentionSettings
from chalicelib.errors import EventGone, EventNotFound, JobGone, JobNotFound
from chalicelib.inbox import Inbox
from chalicelib.jobs import Draft, Job
from chalicelib.leasing import JobLeases
from chalicelib.listing import JobLists
from chalicelib.queueing import Idempotency, JobQueue
from chalicelib.store import Store
from chalicelib.sweeping import Sweeper
from tests.store.harness import (
    BROKEN,
    SETTINGS,
    claim,
    contents,
    dead_letter,
    draft,
    end,
    pass_event_retention,
    pass_retention,
    request,
    submit,
    sweep,
    sweeper_of,
    where,
)  # fmt: skip


def _ended(queue: JobQueue, leases: JobLeases) -> Job:
    submit(queue)
    return end(queue, leases)


def test_job_is_removed_when_its_retention_is_over(
    store: Store, queue: JobQueue, leases: JobLeases, sweeper: Sweeper, raw: "redis.Redis"
) -> None:
    job = _ended(queue, leases)
    pass_retention(raw, job.id)

    assert sweep(sweeper) == ["remove"]

    with pytest.raises(JobGone):
        queue.fetch("acme", job.id)
    with pytest.raises(JobNotFound):
        queue.fetch("umbrella", job.id)
    assert JobLists(store).jobs("acme", None, 10).jobs == ()
    assert not raw.exists(keyspace.job(job.id), keyspace.job_bell(job.id), keyspace.jobs("acme"))


def test_retention_of_results_and_tombstones_is_a_setting(store: Store, raw: "redis.Redis") -> None:
    briefly = RetentionSettings(result_seconds=0.05, tombstone_seconds=100)
    queue, leases = JobQueue(store, SETTINGS, briefly), JobLeases(store, SETTINGS, briefly)
    job = _ended(queue, leases)
    sweeper = sweeper_of(store, SETTINGS, briefly)
    assert sweep(sweeper) == []

    time.sleep(0.06)

    assert sweep(sweeper) == ["remove"]
    assert 90_000 < raw.pttl(keyspace.gone(job.id)) <= 100_000


def test_job_is_not_removed_before_its_time(
    queue: JobQueue, leases: JobLeases, sweeper: Sweeper, raw: "redis.Redis"
) -> None:
    job = _ended(queue, leases)
    stored = contents(raw)

    assert not sweeper.remove(where(raw, job.id))

    assert contents(raw) == stored


def test_waiting_and_running_jobs_are_never_removed(
    queue: JobQueue, leases: JobLeases, sweeper: Sweeper, raw: "redis.Redis"
) -> None:
    running, waiting = submit(queue), submit(queue)
    claim(leases)

    removed = [sweeper.remove(where(raw, job.id)) for job in (running, waiting)]

    assert removed == [False, False]
    assert raw.zcard(keyspace.RETENTION_JOBS) == 0


def test_removing_again_changes_nothing(
    queue: JobQueue, leases: JobLeases, sweeper: Sweeper, raw: "redis.Redis"
) -> None:
    job = _ended(queue, leases)
    place = where(raw, job.id)
    pass_retention(raw, job.id)
    assert sweeper.remove(place)
    stored = contents(raw)

    assert not sweeper.remove(place)

    assert contents(raw) == stored


def test_removed_dead_letter_is_none(
    queue: JobQueue, leases: JobLeases, sweeper: Sweeper, raw: "redis.Redis"
) -> None:
    submit(queue)
    dead = dead_letter(leases, sweeper, raw)
    pass_retention(raw, dead.id)

    sweep(sweeper)

    assert queue.gauge().dead == 0


def test_id_and_key_of_a_removed_job_make_no_other(
    queue: JobQueue, leases: JobLeases, sweeper: Sweeper, raw: "redis.Redis"
) -> None:
    job = queue.submit(request(), Idempotency("k", "h")).job
    end(queue, leases, BROKEN)
    pass_retention(raw, job.id)
    sweep(sweeper)

    with pytest.raises(JobGone):
        queue.submit(Draft(job.id, "acme", job.request))
    with pytest.raises(JobGone):
        queue.submit(request(), Idempotency("k", "h"))


def test_record_that_expired_by_itself_leaves_index_and_lists(
    store: Store, queue: JobQueue, leases: JobLeases, sweeper: Sweeper, raw: "redis.Redis"
) -> None:
    submit(queue)
    dead = dead_letter(leases, sweeper, raw)
    pass_retention(raw, dead.id)
    raw.delete(keyspace.job(dead.id))

    sweep(sweeper)

    assert JobLists(store).jobs("acme", None, 10).jobs == ()
    assert not raw.exists(keyspace.jobs("acme"), keyspace.DEAD, keyspace.RETENTION_JOBS)


def _publish(inbox: Inbox) -> str:
    return inbox.publish(draft()).event.id


@pytest.mark.parametrize("how", ["acknowledged", "pending"])
def test_event_is_forgotten_when_its_retention_is_over(
    inbox: Inbox, sweeper: Sweeper, raw: "redis.Redis", how: str
) -> None:
    event_id = _publish(inbox)
    if how == "acknowledged":
        inbox.acknowledge("acme", event_id)
    pass_event_retention(raw, event_id)

    assert sweep(sweeper) == ["forget"]

    with pytest.raises(EventNotFound):
        inbox.read("acme", event_id)
    assert list(inbox.page("acme", 0, 10)) == []
    kept = [keyspace.SEQUENCE, keyspace.METRICS, keyspace.inbox_bell("acme")]
    assert sorted(contents(raw)) == sorted(kept)


def test_event_is_not_forgotten_before_its_time(
    inbox: Inbox, sweeper: Sweeper, raw: "redis.Redis"
) -> None:
    event_id = _publish(inbox)
    subject = pass_event_retention(raw, event_id)
    raw.zadd(keyspace.RETENTION_EVENTS, {subject: 10**15})
    stored = contents(raw)

    assert not sweeper.forget(subject)

    assert contents(raw) == stored


def test_forgetting_again_changes_nothing(
    inbox: Inbox, sweeper: Sweeper, raw: "redis.Redis"
) -> None:
    gone = _publish(inbox)
    _publish(inbox)
    subject = pass_event_retention(raw, gone)
    assert sweeper.forget(subject)
    stored = contents(raw)

    sweeper.forget(subject)

    assert contents(raw) == stored


def test_event_whose_record_expired_by_itself_is_counted_no_longer(
    inbox: Inbox, sweeper: Sweeper, raw: "redis.Redis"
) -> None:
    event_id = _publish(inbox)
    pass_event_retention(raw, event_id)
    raw.delete(keyspace.event(event_id))

    sweep(sweeper)

    assert not raw.exists(keyspace.tenant_counts("acme"), keyspace.inbox("acme"))


def test_key_of_a_forgotten_event_says_that_it_is_gone(
    inbox: Inbox, sweeper: Sweeper, raw: "redis.Redis"
) -> None:
    event_id = inbox.publish(draft(), "h", "k").event.id
    pass_event_retention(raw, event_id)
    sweep(sweeper)

    with pytest.raises(EventGone):
        inbox.publish(draft(), "h", "k")


def test_retention_of_events_is_a_setting(store: Store) -> None:
    briefly = RetentionSettings(event_seconds=0.05, acknowledged_seconds=0.01)
    inbox, sweeper = Inbox(store, SETTINGS, briefly), sweeper_of(store, SETTINGS, briefly)
    kept, acknowledged = _publish(inbox), _publish(inbox)
    inbox.acknowledge("acme", acknowledged)

    time.sleep(0.02)
    assert sweep(sweeper) == ["forget"]
    assert inbox.read("acme", kept).id == kept
    time.sleep(0.05)

    assert sweep(sweeper) == ["forget"]


def test_retention_of_keys_is_a_setting(store: Store, raw: "redis.Redis") -> None:
    briefly = replace(RetentionSettings(), idempotency_seconds=100)
    queue, inbox = JobQueue(store, SETTINGS, briefly), Inbox(store, SETTINGS, briefly)
    queue.submit(request(), Idempotency("k", "h"))
    inbox.publish(draft(), "h", "k")

    lives = [raw.pttl(keyspace.idempotency("acme", route, "k")) for route in ("infer", "events")]

    assert all(90_000 < left <= 100_000 for left in lives)
