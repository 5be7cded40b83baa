"""Retry and redrive: a job that failed or expired runs again, once for each version seen."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import redis

from chalicelib import keyspace
from chalicelib.bounds import QueueSettings
from chalicelib.errors import (
    InboxFull,
    JobGone,
    JobNotFound,
    NotRetryable,
    QueueFull,
    RouterError,
    StoreFull,
    VersionConflict,
)  # fmt: skip
from chalicelib.inbox import Inbox
from chalicelib.jobs import Job, JobState, Priority
from chalicelib.leasing import JobLeases
from chalicelib.listing import JobLists
from chalicelib.queueing import JobQueue
from chalicelib.store import Store
from chalicelib.sweeping import Sweeper
from tests.store.harness import (
    BROKEN,
    CANCELLED,
    DONE,
    SETTINGS,
    claim,
    contents,
    dead_letter,
    end,
    pass_deadline,
    request,
    stands,
    submit,
    sweep,
)  # fmt: skip


def _failed(queue: JobQueue, leases: JobLeases) -> Job:
    submit(queue)
    return end(queue, leases, BROKEN)


def test_failed_job_waits_again_under_its_id(queue: JobQueue, leases: JobLeases) -> None:
    failed = _failed(queue, leases)

    again = queue.retry("acme", failed.id, failed.version).job

    assert (again.id, again.state) == (failed.id, JobState.QUEUED)
    assert again.version == failed.version + 1
    assert (again.error, again.started_at, again.ended_at) == (None, None, None)
    assert again.request == failed.request


def test_attempt_keeps_counting_and_the_allowance_starts_again(
    queue: JobQueue, leases: JobLeases
) -> None:
    failed = _failed(queue, leases)

    queue.retry("acme", failed.id, failed.version)

    claimed = claim(leases).job
    assert (claimed.id, claimed.attempt) == (failed.id, 2)
    assert claimed.max_attempts == failed.attempt + SETTINGS.max_attempts


def test_retried_job_runs_to_its_end_like_any_other(
    queue: JobQueue, leases: JobLeases, inbox: Inbox
) -> None:
    failed = _failed(queue, leases)
    queue.retry("acme", failed.id, failed.version)

    ended = end(queue, leases)

    told = [event.event_type for event in inbox.page("acme", 0, 10)]
    assert (ended.state, ended.result) == (JobState.SUCCEEDED, DONE.result)
    assert told == ["job.failed", "job.succeeded"]
    assert queue.gauge().bytes == 0


def test_retried_job_stands_behind_all_others_of_its_tenant_and_priority(
    queue: JobQueue, leases: JobLeases
) -> None:
    failed = _failed(queue, leases)
    waiting, low = submit(queue), submit(queue, priority=Priority.LOW)

    queue.retry("acme", failed.id, failed.version)

    ran = [claim(leases).job.id for _ in range(3)]
    assert ran == [waiting.id, failed.id, low.id]


def test_expired_job_waits_again_with_its_deadline_started_anew(
    queue: JobQueue, raw: "redis.Redis"
) -> None:
    job = queue.submit(request(deadline_seconds=60)).job
    pass_deadline(raw, job.id)
    expired = queue.fetch("acme", job.id)
    assert expired.state is JobState.EXPIRED

    again = queue.retry("acme", job.id, expired.version).job

    assert job.deadline_at is not None
    assert again.deadline_at is not None
    assert job.deadline_at <= again.deadline_at <= job.deadline_at + 10_000


def test_retrying_again_with_the_same_version_changes_nothing(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    failed = _failed(queue, leases)
    first = queue.retry("acme", failed.id, failed.version).job
    stored = contents(raw)

    again = queue.retry("acme", failed.id, failed.version).job

    assert again == first
    assert contents(raw) == stored


def test_retry_repeated_after_the_job_failed_anew_does_not_run_it_again(
    queue: JobQueue, leases: JobLeases
) -> None:
    failed = _failed(queue, leases)
    queue.retry("acme", failed.id, failed.version)
    end(queue, leases, BROKEN)

    again = queue.retry("acme", failed.id, failed.version).job

    assert again.state is JobState.FAILED
    assert stands(queue) == (0, 0)


@pytest.mark.parametrize("version", [0, 1, 2, 4])
def test_retry_of_another_version_is_refused(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis", version: int
) -> None:
    failed = _failed(queue, leases)
    stored = contents(raw)

    with pytest.raises(VersionConflict):
        queue.retry("acme", failed.id, version)

    assert failed.version == 3
    assert contents(raw) == stored


def _waiting(queue: JobQueue, leases: JobLeases) -> Job:
    del leases
    return submit(queue)


def _running(queue: JobQueue, leases: JobLeases) -> Job:
    submit(queue)
    return claim(leases).job


def _succeeded(queue: JobQueue, leases: JobLeases) -> Job:
    submit(queue)
    return end(queue, leases)


def _cancelled(queue: JobQueue, leases: JobLeases) -> Job:
    submit(queue)
    claimed = claim(leases)
    queue.cancel("acme", claimed.job.id)
    leases.finish(claimed, CANCELLED)
    return queue.fetch("acme", claimed.job.id)


@pytest.mark.parametrize("arrange", [_waiting, _running, _succeeded, _cancelled])
def test_only_what_failed_or_expired_runs_again(
    queue: JobQueue,
    leases: JobLeases,
    raw: "redis.Redis",
    arrange: Callable[[JobQueue, JobLeases], Job],
) -> None:
    job = arrange(queue, leases)
    stored = contents(raw)

    with pytest.raises(NotRetryable):
        queue.retry("acme", job.id, job.version)

    assert contents(raw) == stored


@pytest.mark.parametrize(
    ("bounds", "refusal"),
    [
        ({"queue_length": 1}, QueueFull),
        ({"queue_bytes": 30}, QueueFull),
        ({"inbox_bytes": 1500}, InboxFull),
    ],
)
def test_retry_is_bound_by_the_caps_of_submit(
    store: Store,
    queue: JobQueue,
    leases: JobLeases,
    raw: "redis.Redis",
    bounds: dict[str, int],
    refusal: type[RouterError],
) -> None:
    failed = _failed(queue, leases)
    submit(queue), submit(queue)
    small = JobQueue(store, replace(SETTINGS, **bounds))
    stored = contents(raw)

    with pytest.raises(refusal):
        small.retry("acme", failed.id, failed.version)

    assert contents(raw) == stored


def test_retry_is_refused_while_the_store_is_nearly_full(
    queue: JobQueue, leases: JobLeases, sweeper: Sweeper
) -> None:
    failed = _failed(queue, leases)
    sweeper.mark_full(60)

    with pytest.raises(StoreFull):
        queue.retry("acme", failed.id, failed.version)

    sweeper.mark_full(0)
    assert queue.retry("acme", failed.id, failed.version).job.state is JobState.QUEUED


def test_retried_job_is_not_removed_while_it_is_under_way(
    queue: JobQueue, leases: JobLeases, sweeper: Sweeper, raw: "redis.Redis"
) -> None:
    failed = _failed(queue, leases)
    queue.retry("acme", failed.id, failed.version)

    lives = [raw.ttl(key) for key in (keyspace.job(failed.id), keyspace.job_bell(failed.id))]

    assert lives == [-1, -1]
    assert sweeper.due(10) == []
    assert raw.zcard(keyspace.RETENTION_JOBS) == 0


def test_another_tenants_job_cannot_be_retried(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    failed = _failed(queue, leases)
    stored = contents(raw)

    with pytest.raises(JobNotFound):
        queue.retry("umbrella", failed.id, failed.version)

    assert contents(raw) == stored


def test_removed_job_cannot_be_retried(queue: JobQueue, leases: JobLeases) -> None:
    failed = _failed(queue, leases)
    queue.erase("acme", failed.id)

    with pytest.raises(JobGone):
        queue.retry("acme", failed.id, failed.version)


def test_job_without_attempts_left_is_a_dead_letter(
    store: Store, queue: JobQueue, leases: JobLeases, sweeper: Sweeper, raw: "redis.Redis"
) -> None:
    first, second = submit(queue, "acme"), submit(queue, "umbrella")
    for _ in range(2):
        dead_letter(leases, sweeper, raw)

    page = JobLists(store).dead_letters(None, 10)

    assert {job.id for job in page.jobs} == {first.id, second.id}
    assert {job.tenant for job in page.jobs} == {"acme", "umbrella"}
    assert {(job.error or {})["code"] for job in page.jobs} == {"attempts_exhausted"}
    assert queue.gauge().dead == 2


def test_retryable_error_of_the_last_attempt_makes_a_dead_letter(
    store: Store, queue: JobQueue
) -> None:
    once = JobLeases(store, QueueSettings(30, max_attempts=1, queue_length=10))
    single = JobQueue(store, QueueSettings(30, max_attempts=1, queue_length=10))
    job = submit(single)

    state = once.finish(claim(once), replace(BROKEN, retryable=True))

    (dead,) = JobLists(store).dead_letters(None, 10).jobs
    assert (dead.id, dead.state) == (job.id, state)
    assert dead.error == BROKEN.error
    assert queue.gauge().dead == 1


def test_final_error_makes_no_dead_letter(queue: JobQueue, leases: JobLeases) -> None:
    _failed(queue, leases)

    assert queue.gauge().dead == 0


def test_redriven_dead_letter_waits_again_and_is_none(
    queue: JobQueue, leases: JobLeases, sweeper: Sweeper, raw: "redis.Redis"
) -> None:
    submit(queue, "umbrella")
    dead = dead_letter(leases, sweeper, raw)
    version = queue.fetch("umbrella", dead.id).version

    queue.redrive("umbrella", dead.id, version)

    assert queue.fetch("umbrella", dead.id).state is JobState.QUEUED
    assert queue.gauge().dead == 0
    queue.redrive("umbrella", dead.id, version)
    assert stands(queue) == (1, 0)


def test_redrive_takes_dead_letters_only(queue: JobQueue, leases: JobLeases) -> None:
    failed = _failed(queue, leases)

    with pytest.raises(NotRetryable):
        queue.redrive("acme", failed.id, failed.version)


def test_dead_letter_that_its_owner_retries_is_none(
    queue: JobQueue, leases: JobLeases, sweeper: Sweeper, raw: "redis.Redis"
) -> None:
    submit(queue)
    dead = dead_letter(leases, sweeper, raw)

    queue.retry("acme", dead.id, queue.fetch("acme", dead.id).version)

    assert queue.gauge().dead == 0


def test_dead_letters_are_listed_latest_first_a_page_at_a_time(
    store: Store, queue: JobQueue, leases: JobLeases, sweeper: Sweeper, raw: "redis.Redis"
) -> None:
    for _ in range(5):
        submit(queue)
    died = [dead_letter(leases, sweeper, raw).id for _ in range(5)]

    lists, cursor, listed = JobLists(store), None, []
    while True:
        page = lists.dead_letters(cursor, 2)
        listed.append([job.id for job in page.jobs])
        if (cursor := page.cursor) is None:
            break

    newest_first = died[::-1]
    assert listed == [newest_first[:2], newest_first[2:4], newest_first[4:]]
    assert sweep(sweeper) == []
