"""Submit: a job is stored and queued, once."""

import pytest
import redis

from chalicelib import keyspace, limits
from chalicelib.errors import IdempotencyKeyReused, JobGone, JobNotFound, QueueFull
from chalicelib.jobs import JobState
from chalicelib.queueing import Idempotency, JobQueue
from chalicelib.settings import QueueSettings
from chalicelib.store import Store
from tests.store.harness import DONE, SETTINGS, claim, contents, job_id, now_ms, submit

REQUEST = {"prompt": "Grüße \u2028 \U0001f999", "max_tokens": 7, "stop": ["a", "b"]}


def test_what_was_submitted_is_fetched(queue: JobQueue, raw: "redis.Redis") -> None:
    before = now_ms(raw)

    job, known = queue.submit(job_id(), "acme", REQUEST)

    assert not known
    assert queue.fetch("acme", job.id) == job
    assert job.state is JobState.QUEUED
    assert (job.version, job.attempt, job.max_attempts) == (1, 0, SETTINGS.max_attempts)
    assert job.request == REQUEST
    assert before <= job.created_at <= now_ms(raw)


def test_position_counts_the_jobs_ahead(queue: JobQueue) -> None:
    jobs = [submit(queue) for _ in range(3)]

    fetched = [queue.fetch("acme", job.id).position for job in jobs]

    assert [job.position for job in jobs] == fetched == [0, 1, 2]


def test_another_tenants_job_answers_as_an_absent_one(queue: JobQueue) -> None:
    job, absent = submit(queue, "acme"), job_id()

    with pytest.raises(JobNotFound) as others:
        queue.fetch("umbrella", job.id)
    with pytest.raises(JobNotFound) as none:
        queue.fetch("umbrella", absent)

    assert others.value.problem("") == {
        **none.value.problem(""),
        "detail": none.value.detail.replace(absent, job.id),
    }


def test_submitting_again_under_the_same_id_makes_no_second_job(
    queue: JobQueue, raw: "redis.Redis"
) -> None:
    job = submit(queue)
    stored = contents(raw)

    again = queue.submit(job.id, "acme", job.request)

    assert again == (job, False)
    assert contents(raw) == stored


def test_submitting_again_after_the_end_changes_nothing(
    queue: JobQueue, raw: "redis.Redis"
) -> None:
    job = submit(queue)
    queue.finish(claim(queue), DONE)
    stored = contents(raw)

    again, _ = queue.submit(job.id, "acme", job.request)

    assert again.id == job.id
    assert contents(raw) == stored


def test_full_queue_takes_nothing_and_keeps_nothing(store: Store, raw: "redis.Redis") -> None:
    small = JobQueue(store, QueueSettings(lease_seconds=30, max_attempts=3, queue_length=2))
    first, _ = submit(small), submit(small)
    stored = contents(raw)

    with pytest.raises(QueueFull) as refused:
        small.submit(job_id(), "acme", REQUEST, Idempotency("k", "h"))

    assert refused.value.status == 503
    assert int(refused.value.headers["Retry-After"]) > 0
    assert contents(raw) == stored
    assert small.submit(first.id, "acme", first.request)[0].id == first.id


def test_full_queue_has_room_once_a_job_is_claimed(store: Store) -> None:
    small = JobQueue(store, QueueSettings(lease_seconds=30, max_attempts=3, queue_length=1))
    submit(small)
    claim(small)

    assert submit(small).position == 0


def test_full_queue_still_answers_a_known_idempotency_key(store: Store) -> None:
    small = JobQueue(store, QueueSettings(lease_seconds=30, max_attempts=3, queue_length=1))
    first, _ = small.submit(job_id(), "acme", REQUEST, Idempotency("k", "h"))

    again = small.submit(job_id(), "acme", REQUEST, Idempotency("k", "h"))

    assert again == (first, True)


def test_same_key_and_body_answer_the_first_job(queue: JobQueue, raw: "redis.Redis") -> None:
    first, _ = queue.submit(job_id(), "acme", REQUEST, Idempotency("k", "h"))
    stored = contents(raw)

    again, known = queue.submit(job_id(), "acme", REQUEST, Idempotency("k", "h"))

    assert known
    assert again == first
    assert contents(raw) == stored


def test_same_key_answers_the_job_as_it_stands_now(queue: JobQueue) -> None:
    first, _ = queue.submit(job_id(), "acme", REQUEST, Idempotency("k", "h"))
    queue.finish(claim(queue), DONE)

    again, _ = queue.submit(job_id(), "acme", REQUEST, Idempotency("k", "h"))

    assert (again.id, again.state, again.result) == (first.id, JobState.SUCCEEDED, DONE.result)


def test_same_key_with_another_body_is_refused(queue: JobQueue, raw: "redis.Redis") -> None:
    queue.submit(job_id(), "acme", REQUEST, Idempotency("k", "h"))
    stored = contents(raw)

    with pytest.raises(IdempotencyKeyReused):
        queue.submit(job_id(), "acme", REQUEST, Idempotency("k", "other"))

    assert contents(raw) == stored


def test_same_key_of_another_tenant_is_another_key(queue: JobQueue) -> None:
    first, _ = queue.submit(job_id(), "acme", REQUEST, Idempotency("k", "h"))

    second, known = queue.submit(job_id(), "umbrella", REQUEST, Idempotency("k", "h"))

    assert not known
    assert first.id != second.id


def test_key_is_remembered_for_24_hours(queue: JobQueue, raw: "redis.Redis") -> None:
    queue.submit(job_id(), "acme", REQUEST, Idempotency("k", "h"))

    left = raw.pttl(keyspace.idempotency("acme", "infer", "k"))

    assert limits.IDEMPOTENCY_SECONDS * 1000 - 60_000 < left <= limits.IDEMPOTENCY_SECONDS * 1000


def test_key_of_a_removed_job_says_that_it_is_gone(queue: JobQueue, raw: "redis.Redis") -> None:
    job, _ = queue.submit(job_id(), "acme", REQUEST, Idempotency("k", "h"))
    raw.delete(keyspace.job(job.id))

    with pytest.raises(JobGone):
        queue.submit(job_id(), "acme", REQUEST, Idempotency("k", "h"))


def test_waiting_job_has_no_time_to_live(queue: JobQueue, raw: "redis.Redis") -> None:
    job = submit(queue)

    lives = [raw.ttl(key) for key in (keyspace.job(job.id), keyspace.job_bell(job.id))]

    assert lives == [-1, -1]
