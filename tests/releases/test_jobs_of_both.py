"""Jobs while 0.1.0 and today's code share a store: nothing lost, nothing doubled."""

import os
import secrets
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
import redis

from chalicelib import keyspace
from chalicelib.bounds import RetentionSettings
from chalicelib.errors import IdempotencyKeyReused, JobGone
from chalicelib.inbox import Inbox
from chalicelib.jobs import Draft, Job, JobState
from chalicelib.leasing import JobLeases, Outcome
from chalicelib.listing import JobLists
from chalicelib.queueing import Idempotency, JobQueue
from chalicelib.store import Store
from chalicelib.streaming import START, TokenStreams
from chalicelib.upkeep import Upkeep
from tests.releases.conftest import LEASE_SECONDS, SETTINGS, OldSide, StartWorker
from tests.releases.mixture import end_retention

pytestmark = pytest.mark.slow

DONE = {"text": "done", "finish_reason": "stop", "engine": "echo", "model": "echo"}
ERROR = {"code": "engine_failed", "detail": "no"}
PROMPT = {"prompt": "one two three"}


def _id(kind: str = "job") -> str:
    return f"{kind}_{secrets.token_hex(16)}"


def _token() -> str:
    return secrets.token_hex(16)


def _until[T](look: Callable[[], T | None], seconds: float = 20) -> T:
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
    return seen


def _submit_old(old: OldSide, tenant: str = "acme") -> str:
    job_id = _id()
    job, known = old("submit", job_id, tenant, PROMPT)
    assert (job["state"], known) == ("queued", False)
    return job_id


def _submit(queue: JobQueue, tenant: str = "acme") -> str:
    return queue.submit(Draft(_id(), tenant, PROMPT)).job.id


def _claim_old(old: OldSide) -> str:
    token = _token()
    assert old("claim", token) is not None
    return token


def _upkeep(store: Store) -> Upkeep:
    return Upkeep(store, SETTINGS, RetentionSettings(), time.monotonic)


def _await_end(queue: JobQueue, job_id: str, tenant: str = "acme") -> Job:
    def look() -> Job | None:
        job = queue.fetch(tenant, job_id)
        return job if job.state.ended else None

    return _until(look)


@pytest.fixture
def hanging() -> Iterator[str]:
    """The address of an engine that takes calls and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"


# From the old release to the new one


def test_a_job_submitted_by_old_code_runs_on_a_new_worker_within_two_seconds(
    old: OldSide, queue: JobQueue, start: StartWorker
) -> None:
    start("new")
    _until(lambda: queue.gauge().workers)

    for _ in range(3):
        job_id = _submit_old(old)
        job = _await_end(queue, job_id)

        assert (job.state, job.attempt, job.request) == (JobState.SUCCEEDED, 1, PROMPT)
        assert job.started_at is not None
        assert job.started_at - job.created_at < 2000
        assert old("fetch", "acme", job_id)["result"] == job.result


def test_a_job_that_an_old_worker_held_when_it_was_killed_runs_again_on_a_new_one(
    old: OldSide, queue: JobQueue, start: StartWorker, hanging: str
) -> None:
    job_id = _submit_old(old)
    doomed = start("old", engine_url=hanging, engine_model="m")
    _until(lambda: queue.fetch("acme", job_id).state is JobState.RUNNING)
    start("new")
    _until(lambda: queue.gauge().workers == 2)

    os.killpg(doomed.pid, signal.SIGKILL)
    killed = time.time()
    job = _await_end(queue, job_id)

    assert (job.state, job.attempt) == (JobState.SUCCEEDED, 2)
    assert job.started_at is not None
    assert job.started_at / 1000 - killed <= LEASE_SECONDS + 1


def test_a_live_old_worker_keeps_its_job_however_long_it_runs(
    old: OldSide, store: Store, queue: JobQueue, start: StartWorker, hanging: str
) -> None:
    job_id = _submit_old(old)
    start("old", engine_url=hanging, engine_model="m")
    _until(lambda: queue.fetch("acme", job_id).state is JobState.RUNNING)
    start("new")
    version = queue.fetch("acme", job_id).version

    end = time.monotonic() + 2 * LEASE_SECONDS
    while time.monotonic() < end:
        _upkeep(store).tick()
        time.sleep(0.1)

    job = queue.fetch("acme", job_id)
    assert (job.state, job.attempt, job.version) == (JobState.RUNNING, 1, version)


def test_a_late_old_worker_is_refused_once_its_job_went_on(
    old: OldSide, queue: JobQueue, leases: JobLeases
) -> None:
    job_id = _submit_old(old)
    late = _claim_old(old)
    time.sleep(LEASE_SECONDS + 0.1)
    claimed = leases.claim(_token())
    assert claimed
    assert claimed.job.id == job_id

    answers = [old("append", late, 0, ["x"]), old("extend", late), old("finish", late, DONE)]
    state = leases.finish(claimed, Outcome(result=DONE))

    assert answers == [{"error": "LeaseLost"}] * 3
    assert state is JobState.SUCCEEDED
    assert queue.fetch("acme", job_id).attempt == 2


def test_attempts_that_old_workers_used_up_count(
    old: OldSide, store: Store, queue: JobQueue, inbox: Inbox
) -> None:
    job_id = _submit_old(old)
    for _ in range(SETTINGS.max_attempts):
        _claim_old(old)
        time.sleep(LEASE_SECONDS + 0.1)

    _upkeep(store).tick()

    job = queue.fetch("acme", job_id)
    assert (job.state, job.error and job.error["code"]) == (JobState.FAILED, "attempts_exhausted")
    assert [event.event_type for event in inbox.page("acme", 0, 10)] == ["job.failed"]
    assert [each.id for each in JobLists(store).dead_letters(None, 10).jobs] == [job_id]


def test_adopted_jobs_keep_their_order_and_are_listed(
    old: OldSide, store: Store, leases: JobLeases
) -> None:
    ids = [_submit_old(old) for _ in range(5)]

    _upkeep(store).tick()

    claimed = [claim.job.id for _ in ids if (claim := leases.claim(_token()))]
    listed = [job.id for job in JobLists(store).jobs("acme", None, 10).jobs]
    assert claimed == ids
    assert listed == ids[::-1]


def test_model_and_metadata_of_a_job_of_the_old_release_are_told_and_found(
    old: OldSide, store: Store, queue: JobQueue
) -> None:
    job_id, metadata = _id(), {"order": 7, "tags": [], "none": {}}
    old("submit", job_id, "acme", PROMPT | {"model": "tiny", "metadata": metadata})

    before = queue.fetch("acme", job_id)
    _upkeep(store).tick()
    after = queue.fetch("acme", job_id)

    assert before == after
    assert (after.model, after.metadata) == ("tiny", metadata)
    assert after.request == PROMPT | {"model": "tiny"}
    (listed,) = JobLists(store).jobs("acme", None, 10, model="tiny").jobs
    assert (listed.id, listed.metadata) == (job_id, metadata)


# What the new release does to jobs of the old one


def test_a_job_of_the_old_release_is_cancelled_while_it_waits(
    old: OldSide, queue: JobQueue, leases: JobLeases
) -> None:
    job_id = _submit_old(old)

    job = queue.cancel("acme", job_id)

    assert job.state is JobState.CANCELLED
    assert old("claim", _token()) is None
    assert leases.claim(_token()) is None
    # docs/operations.md, "Upgrading": it has no word for the state.
    assert old("fetch", "acme", job_id) == {"error": "ValueError"}


def test_an_old_worker_that_knows_no_cancel_delivers_a_whole_result(
    old: OldSide, queue: JobQueue
) -> None:
    job_id = _submit_old(old)
    token = _claim_old(old)
    queue.cancel("acme", job_id)

    old("finish", token, DONE)

    assert queue.fetch("acme", job_id).state is JobState.SUCCEEDED


def test_a_job_to_be_cancelled_whose_old_worker_dies_is_cancelled(
    old: OldSide, store: Store, queue: JobQueue
) -> None:
    job_id = _submit_old(old)
    _claim_old(old)
    queue.cancel("acme", job_id)
    time.sleep(LEASE_SECONDS + 0.1)

    _upkeep(store).tick()

    assert queue.fetch("acme", job_id).state is JobState.CANCELLED


def test_a_job_that_failed_under_the_old_release_runs_again_under_the_new_one(
    old: OldSide, queue: JobQueue, leases: JobLeases
) -> None:
    job_id = _submit_old(old)
    old("finish", _claim_old(old), None, ERROR)
    failed = queue.fetch("acme", job_id)

    queue.retry("acme", job_id, failed.version)

    claimed = leases.claim(_token())
    assert claimed
    assert (claimed.job.id, claimed.job.attempt, claimed.job.max_attempts) == (job_id, 2, 4)
    assert old("claim", _token()) is None


def test_a_job_of_the_old_release_is_erased(
    old: OldSide, queue: JobQueue, raw: "redis.Redis"
) -> None:
    waits, done = _submit_old(old), _submit_old(old)
    queue.cancel("acme", waits)
    old("finish", _claim_old(old), DONE)

    for job_id in (waits, done):
        queue.erase("acme", job_id)

    for job_id in (waits, done):
        assert not raw.exists(keyspace.job(job_id))
        with pytest.raises(JobGone):
            queue.fetch("acme", job_id)
        assert old("fetch", "acme", job_id) == {"error": "JobNotFound"}


def test_reading_along_with_an_old_worker_waits_without_polling(
    old: OldSide, store: Store, queue: JobQueue
) -> None:
    job_id = _submit_old(old)
    old("append", _claim_old(old), 0, ["a", "b"])
    streams = TokenStreams(store)
    job = queue.fetch("acme", job_id)
    page = streams.read(job, START)

    began = time.monotonic()
    streams.await_text(job, page, 0.3)

    assert time.monotonic() - began >= 0.3


# From the new release to the old one


def test_old_workers_never_touch_a_job_that_new_code_submitted(
    old: OldSide, queue: JobQueue, start: StartWorker
) -> None:
    start("old")
    _until(lambda: old("gauge")["workers"])
    ids = [_submit(queue) for _ in range(10)]
    _until(lambda: old("fetch", "acme", _submit_old(old)), 5)

    time.sleep(2)
    untouched = {(job.state, job.version) for job in (queue.fetch("acme", each) for each in ids)}
    start("new")
    jobs = [_await_end(queue, each) for each in ids]

    assert untouched == {(JobState.QUEUED, 1)}
    assert {(job.state, job.attempt) for job in jobs} == {(JobState.SUCCEEDED, 1)}


def test_each_release_fetches_the_others_jobs(
    old: OldSide, queue: JobQueue, leases: JobLeases
) -> None:
    fields = ("state", "version", "attempt", "request", "result", "error", "created_at", "ended_at")
    seen = []

    def look(job_id: str) -> None:
        theirs, ours = old("fetch", "acme", job_id), queue.fetch("acme", job_id)
        assert {name: theirs[name] for name in fields} == {
            name: getattr(ours, name) for name in fields
        }
        seen.append(ours.state)

    for outcome in (Outcome(result=DONE), Outcome(error=ERROR)):
        by_new = _submit(queue)
        look(by_new)
        claimed = leases.claim(_token())
        assert claimed
        leases.append(claimed, 0, ["a"])
        look(by_new)
        leases.finish(claimed, outcome)
        look(by_new)
        by_old = _submit_old(old)
        look(by_old)
        token = _claim_old(old)
        old("append", token, 0, ["a"])
        look(by_old)
        old("finish", token, outcome.result, outcome.error)
        look(by_old)

    assert Counter(seen) == {"queued": 4, "running": 4, "succeeded": 2, "failed": 2}


def test_an_idempotency_key_counts_for_both_releases(old: OldSide, queue: JobQueue) -> None:
    first, second = _id(), _id()
    old("submit", first, "acme", PROMPT, "k1")
    queue.submit(Draft(second, "acme", PROMPT), Idempotency("k2", "hash"))

    to_new = queue.submit(Draft(_id(), "acme", PROMPT), Idempotency("k1", "hash"))
    to_old = old("submit", _id(), "acme", PROMPT, "k2")

    assert (to_new.known, to_new.job.id) == (True, first)
    assert (to_old[1], to_old[0]["id"]) == (True, second)
    with pytest.raises(IdempotencyKeyReused):
        queue.submit(Draft(_id(), "acme", PROMPT), Idempotency("k1", "other"))


def test_workers_of_both_releases_are_counted(
    old: OldSide, store: Store, queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    leases.beat("new", 4)
    leases.beat("silent", 8)
    raw.zadd(keyspace.WORKERS, {"silent": 1})
    old("beat", "old")

    workers = queue.gauge().workers, old("gauge")["workers"]
    report = _upkeep(store).tick()

    assert workers == (2, 2)
    assert report.gauge.slots == 4
    assert raw.hget(keyspace.COUNTERS, "slots") == "4"


def test_jobs_of_the_old_release_count_for_their_tenant_from_adoption_to_their_end(
    old: OldSide, store: Store, leases: JobLeases, raw: "redis.Redis"
) -> None:
    def counted() -> str | None:
        count = raw.hget(keyspace.tenant_counts("acme"), "jobs")
        return None if count is None else str(count)

    for _ in range(3):
        _submit_old(old)
    held = _claim_old(old)
    _upkeep(store).tick()
    seen = [counted()]

    old("finish", held, DONE)  # was never counted
    seen.append(counted())
    while claimed := leases.claim(_token()):
        leases.finish(claimed, Outcome(result=DONE))
        seen.append(counted())

    assert seen == ["2", "2", "1", None]


# All at once


def _kill(worker: "subprocess.Popen[bytes]") -> None:
    os.killpg(worker.pid, signal.SIGKILL)


def test_under_a_mixed_load_nothing_is_lost_or_doubled_and_no_byte_stays_counted(
    old: OldSide, store: Store, queue: JobQueue, start: StartWorker, raw: "redis.Redis"
) -> None:
    tenants = ("acme", "umbrella")
    doomed = [start("old"), start("new")]
    start("old")
    start("new")
    _until(lambda: queue.gauge().workers == 4)
    ids = []
    for number in range(60):
        tenant = tenants[number % 2]
        ids.append((tenant, _submit_old(old, tenant)))
        ids.append((tenant, _submit(queue, tenant)))
        if number == 30:
            _kill(doomed[0])
            _kill(doomed[1])

    jobs = [_await_end(queue, each[1], each[0]) for each in ids]

    assert {job.state for job in jobs} == {JobState.SUCCEEDED}
    inbox = Inbox(store, SETTINGS)
    told = Counter(
        event.payload["job_id"] for tenant in tenants for event in inbox.page(tenant, 0, 200)
    )
    assert told == {job_id: 1 for _, job_id in ids}
    _require_no_byte_after_retention(store, raw)


def _require_no_byte_after_retention(store: Store, raw: "redis.Redis") -> None:
    end_retention(raw)

    report = _upkeep(store).tick()
    inbox = Inbox(store, SETTINGS)
    for tenant in ("acme", "umbrella"):
        assert list(inbox.page(tenant, 0, 200)) == []

    gauge = report.gauge
    assert (gauge.waiting, gauge.delayed, gauge.leased, gauge.bytes) == (0, 0, 0, 0)
    assert list(raw.scan_iter("*:tenant:*")) == []
    assert not raw.exists(keyspace.OLD_READY_JOBS, keyspace.OLD_JOB_LEASES)
    assert not raw.exists(keyspace.RETENTION_JOBS, keyspace.RETENTION_EVENTS)
