"""Submit: a job is stored and queued, once."""

import pytest
import redis

from chalicelib import keyspace, limits
from chalicelib.bounds import QueueSettings
from chalicelib.errors import IdempotencyKeyReused, JobGone, JobNotFound, QueueFull
from chalicelib.jobs import Draft, JobState
from chalicelib.leasing import JobLeases
from chalicelib.queueing import Idempotency, JobQueue, Submitted
from chalicelib.store import Store
from tests.store.harness import DONE, SETTINGS, claim, contents, job_id, now_ms, submit

REQUEST = {"prompt": "Grüße \u2028 \U0001f999", "max_tokens": 7, "stop": ["a", "b"]}


def _asked(tenant: str = "acme") -> Draft:
    return Draft(job_id(), tenant, REQUEST)


def test_what_was_submitted_is_fetched(queue: JobQueue, raw: "redis.Redis") -> None:
    before = now_ms(raw)

    submitted = queue.submit(_asked())
    job = submitted.job

    assert not submitted.known
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

    again = queue.submit(Draft(job.id, "acme", job.request))

    assert again == Submitted(job, known=False)
    assert contents(raw) == stored


def test_submitting_again_after_the_end_changes_nothing(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    job = submit(queue)
    leases.finish(claim(leases), DONE)
    stored = contents(raw)

    again = queue.submit(Draft(job.id, "acme", job.request)).job

    assert again.id == job.id
    assert contents(raw) == stored


def test_full_queue_takes_nothing_and_keeps_nothing(store: Store, raw: "redis.Redis") -> None:
    small = JobQueue(store, QueueSettings(lease_seconds=30, max_attempts=3, queue_length=2))
    first, _ = submit(small), submit(small)
    stored = contents(raw)

    with pytest.raises(QueueFull) as refused:
        small.submit(_asked(), Idempotency("k", "h"))

    assert refused.value.status == 503
    assert int(refused.value.headers["Retry-After"]) > 0
    assert contents(raw) == stored
    assert small.submit(Draft(first.id, "acme", first.request)).job.id == first.id


def test_full_queue_has_room_once_a_job_is_claimed(leases: JobLeases, store: Store) -> None:
    small = JobQueue(store, QueueSettings(lease_seconds=30, max_attempts=3, queue_length=1))
    submit(small)
    claim(leases)

    assert submit(small).position == 0


def test_full_queue_still_answers_a_known_idempotency_key(store: Store) -> None:
    small = JobQueue(store, QueueSettings(lease_seconds=30, max_attempts=3, queue_length=1))
    first = small.submit(_asked(), Idempotency("k", "h")).job

    again = small.submit(_asked(), Idempotency("k", "h"))

    assert again == Submitted(first, known=True)


def test_same_key_and_body_answer_the_first_job(queue: JobQueue, raw: "redis.Redis") -> None:
    first = queue.submit(_asked(), Idempotency("k", "h")).job
    stored = contents(raw)

    again = queue.submit(_asked(), Idempotency("k", "h"))

    assert again == Submitted(first, known=True)
    assert contents(raw) == stored


def test_same_key_answers_the_job_as_it_stands_now(queue: JobQueue, leases: JobLeases) -> None:
    first = queue.submit(_asked(), Idempotency("k", "h")).job
    leases.finish(claim(leases), DONE)

    again = queue.submit(_asked(), Idempotency("k", "h")).job

    assert (again.id, again.state, again.result) == (first.id, JobState.SUCCEEDED, DONE.result)


def test_same_key_with_another_body_is_refused(queue: JobQueue, raw: "redis.Redis") -> None:
    queue.submit(_asked(), Idempotency("k", "h"))
    stored = contents(raw)

    with pytest.raises(IdempotencyKeyReused):
        queue.submit(_asked(), Idempotency("k", "other"))

    assert contents(raw) == stored


def test_same_key_of_another_tenant_is_another_key(queue: JobQueue) -> None:
    first = queue.submit(_asked(), Idempotency("k", "h")).job

    second = queue.submit(_asked("umbrella"), Idempotency("k", "h"))

    assert not second.known
    assert first.id != second.job.id


def test_key_is_remembered_for_24_hours(queue: JobQueue, raw: "redis.Redis") -> None:
    queue.submit(_asked(), Idempotency("k", "h"))

    left = raw.pttl(keyspace.idempotency("acme", "infer", "k"))

    assert limits.IDEMPOTENCY_SECONDS * 1000 - 60_000 < left <= limits.IDEMPOTENCY_SECONDS * 1000


def test_key_of_a_removed_job_says_that_it_is_gone(queue: JobQueue, raw: "redis.Redis") -> None:
    job = queue.submit(_asked(), Idempotency("k", "h")).job
    raw.delete(keyspace.job(job.id))

    with pytest.raises(JobGone):
        queue.submit(_asked(), Idempotency("k", "h"))


def test_waiting_job_has_no_time_to_live(queue: JobQueue, raw: "redis.Redis") -> None:
    job = submit(queue)

    assert raw.ttl(keyspace.job(job.id)) == -1
    assert not raw.exists(keyspace.job_bell(job.id))
