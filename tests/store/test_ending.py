"""Append, finish, and the ways a job ends: one outcome, one event, in one step."""

import json
import threading
from typing import Any

import pytest
import redis

from chalicelib import keyspace, limits
from chalicelib.bounds import QueueSettings
from chalicelib.errors import InvalidBody, LeaseLost
from chalicelib.inbox import Inbox
from chalicelib.jobs import JobState
from chalicelib.leasing import Claim, JobLeases, Outcome
from chalicelib.queueing import JobQueue
from chalicelib.store import Store
from chalicelib.sweeping import Sweeper
from tests.store.harness import (
    BROKEN,
    DONE,
    claim,
    contents,
    lapse,
    stands,
    submit,
    sweep,
    sweeper_of,
    token,
)


def _said(raw: "redis.Redis", claimed: Claim) -> str:
    entries: Any = raw.xrange(keyspace.job_tokens(claimed.job.id))
    return "".join(entry["text"] for _, entry in entries)


@pytest.mark.parametrize(
    ("outcome", "state"), [(DONE, JobState.SUCCEEDED), (BROKEN, JobState.FAILED)]
)
def test_finish_records_the_outcome_and_tells_the_owner(
    queue: JobQueue, leases: JobLeases, inbox: Inbox, outcome: Outcome, state: JobState
) -> None:
    job = submit(queue)

    leases.finish(claim(leases), outcome)

    ended = queue.fetch("acme", job.id)
    (event,) = inbox.page("acme", 0, 10)
    assert (ended.state, ended.result, ended.error) == (state, outcome.result, outcome.error)
    assert (ended.version, ended.attempt) == (3, 1)
    assert (event.event_type, event.source) == (f"job.{state}", "tinyllama-router")
    assert event.payload == {"job_id": job.id, "state": state, "attempt": 1}
    assert event.created_at == ended.ended_at


def test_end_and_event_are_one_step(queue: JobQueue, leases: JobLeases, raw: "redis.Redis") -> None:
    jobs = [submit(queue) for _ in range(20)]

    def finish_all() -> None:
        for _ in jobs:
            leases.finish(claim(leases), DONE)

    finishing = threading.Thread(target=finish_all)
    finishing.start()

    ended = 0
    while ended < len(jobs):
        look = raw.pipeline(transaction=True)
        for job in jobs:
            look.hget(keyspace.job(job.id), "state")
        look.zcard(keyspace.inbox("acme"))
        *states, told = look.execute()
        ended = states.count(JobState.SUCCEEDED)

        assert told == ended

    finishing.join()


def test_finishing_again_changes_nothing_whatever_it_says(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    submit(queue)
    claimed = claim(leases)
    leases.finish(claimed, DONE)
    stored = contents(raw)

    leases.finish(claimed, DONE)
    leases.finish(claimed, BROKEN)

    assert contents(raw) == stored


def test_ended_job_takes_no_more_writes(
    queue: JobQueue, leases: JobLeases, sweeper: Sweeper, raw: "redis.Redis"
) -> None:
    submit(queue)
    claimed = claim(leases)
    leases.finish(claimed, DONE)
    stored = contents(raw)

    with pytest.raises(LeaseLost):
        leases.append(claimed, 0, ["a"])
    with pytest.raises(LeaseLost):
        leases.extend(claimed)
    with pytest.raises(LeaseLost):
        leases.finish(Claim(claimed.job, token()), BROKEN)

    assert sweep(sweeper) == []
    assert contents(raw) == stored


def test_finish_frees_the_lease(queue: JobQueue, leases: JobLeases, raw: "redis.Redis") -> None:
    submit(queue), submit(queue)
    first = claim(leases)

    leases.finish(first, DONE)

    assert not raw.exists(keyspace.lease(first.token))
    assert stands(queue) == (1, 0)


def test_job_whose_attempts_are_exhausted_fails_with_one_event(
    store: Store, inbox: Inbox, raw: "redis.Redis"
) -> None:
    settings = QueueSettings(lease_seconds=30, max_attempts=2, queue_length=10)
    queue, leases = JobQueue(store, settings), JobLeases(store, settings)
    job = submit(queue)
    for _ in range(2):
        lost = claim(leases)
        lapse(raw, lost)

    assert leases.claim(token()) is None
    assert sweep(sweeper_of(store)) == []

    failed = queue.fetch("acme", job.id)
    events = list(inbox.page("acme", 0, 10))
    assert (failed.state, failed.attempt, failed.result) == (JobState.FAILED, 2, None)
    assert failed.error is not None
    assert failed.error["code"] == "attempts_exhausted"
    assert [(event.event_type, event.payload["job_id"]) for event in events] == [
        ("job.failed", job.id)
    ]
    assert stands(queue) == (0, 0)


def test_worker_of_an_exhausted_job_cannot_finish_it(
    queue: JobQueue, leases: JobLeases, sweeper: Sweeper, raw: "redis.Redis"
) -> None:
    submit(queue)
    for _ in range(2):
        lapsed = claim(leases)
        lapse(raw, lapsed)
    lost = claim(leases)
    lapse(raw, lost)
    sweep(sweeper)
    stored = contents(raw)

    with pytest.raises(LeaseLost):
        leases.finish(lost, DONE)

    assert contents(raw) == stored


def test_first_worker_cannot_claim_the_second_ones_finish_as_its_own(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    submit(queue)
    first = claim(leases)
    lapse(raw, first)
    leases.finish(claim(leases), DONE)

    with pytest.raises(LeaseLost):
        leases.finish(first, DONE)


def test_ended_job_is_due_for_removal_after_its_retention_and_expires_a_day_later(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    job = submit(queue)
    claimed = claim(leases)
    leases.append(claimed, 0, ["a"])

    leases.finish(claimed, DONE)

    ended_at = queue.fetch("acme", job.id).ended_at or 0
    retention: Any = raw.zrange(keyspace.RETENTION_JOBS, 0, -1, withscores=True)
    ((_, due),) = retention
    assert due == ended_at + limits.RESULT_SECONDS * 1000
    for key in (keyspace.job(job.id), keyspace.job_tokens(job.id)):
        assert raw.pexpiretime(key) == pytest.approx(due + limits.BACKSTOP_SECONDS * 1000, abs=50)


def test_bell_of_an_ended_job_outlives_whoever_waits_and_no_more(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    job = submit(queue)

    leases.finish(claim(leases), DONE)

    left = raw.pttl(keyspace.job_bell(job.id))
    assert limits.WAIT_SECONDS * 1000 < left <= limits.BELL_SECONDS * 1000


def test_event_of_an_end_holds_no_result(queue: JobQueue, leases: JobLeases, inbox: Inbox) -> None:
    submit(queue)

    leases.finish(claim(leases), Outcome(result={"text": "secret answer"}))

    (event,) = inbox.page("acme", 0, 10)
    assert "secret answer" not in json.dumps(event.payload)


def test_tokens_are_the_chunks_in_their_order(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    submit(queue)
    claimed = claim(leases)

    leases.append(claimed, 0, ["Hel", "lo "])
    leases.append(claimed, 2, ["wörld", ""])
    leases.append(claimed, 4, ["\U0001f999"])

    assert _said(raw, claimed) == "Hello wörld\U0001f999"


def test_appending_again_changes_nothing(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    submit(queue)
    claimed = claim(leases)
    leases.append(claimed, 0, ["a", "b"])
    leases.append(claimed, 2, ["c"])
    stored = contents(raw)

    leases.append(claimed, 0, ["a", "b"])
    leases.append(claimed, 1, ["b", "c"])
    leases.append(claimed, 2, ["c"])
    leases.append(claimed, 3, [])

    assert contents(raw) == stored


def test_an_append_that_would_leave_a_gap_is_refused(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    submit(queue)
    claimed = claim(leases)
    leases.append(claimed, 0, ["a"])
    stored = contents(raw)

    with pytest.raises(InvalidBody) as refused:
        leases.append(claimed, 2, ["c"])

    assert [error.pointer for error in refused.value.errors] == ["/offset"]
    assert contents(raw) == stored


def test_an_outcome_is_one_of_result_error_and_cancel() -> None:
    for both_or_none in (
        {},
        {"result": {"text": ""}, "error": {"code": "x", "detail": "y"}},
        {"result": {"text": ""}, "cancelled": True},
    ):
        with pytest.raises(ValueError, match="a result, an error or a cancel"):
            Outcome(**both_or_none)


@pytest.mark.parametrize(
    ("offset", "chunks"), [(0, ["a", "b", "c", "d"]), (1, ["b", "c", "d"]), (2, ["c", "d"])]
)
def test_chunks_appended_before_are_passed_over(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis", offset: int, chunks: list[str]
) -> None:
    submit(queue)
    claimed = claim(leases)
    leases.append(claimed, 0, ["a", "b"])

    leases.append(claimed, offset, chunks)

    entries: Any = raw.xrange(keyspace.job_tokens(claimed.job.id))
    assert [(cursor, entry["text"]) for cursor, entry in entries] == [("1-2", "ab"), ("1-4", "cd")]


def test_new_attempt_begins_with_nothing_said(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    submit(queue)
    first = claim(leases)
    leases.append(first, 0, ["half an ans"])
    lapse(raw, first)
    second = claim(leases)

    leases.append(second, 0, ["a whole ", "answer"])

    assert _said(raw, second) == "a whole answer"


def test_first_token_is_timed_once_in_each_attempt(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    job = submit(queue)
    first = claim(leases)
    leases.append(first, 0, ["a"])
    timed = queue.fetch("acme", job.id)
    leases.append(first, 1, ["b"])
    assert queue.fetch("acme", job.id) == timed
    assert timed.first_token_at is not None

    lapse(raw, first)

    assert claim(leases).job.first_token_at is None


def test_version_grows_with_every_change_of_the_record(
    queue: JobQueue, leases: JobLeases, sweeper: Sweeper, raw: "redis.Redis"
) -> None:
    job = submit(queue)
    seen = [job]
    first = claim(leases)
    seen.append(queue.fetch("acme", job.id))
    leases.append(first, 0, ["a"])
    seen.append(queue.fetch("acme", job.id))
    lapse(raw, first)
    sweep(sweeper)
    seen.append(queue.fetch("acme", job.id))
    second = claim(leases)
    seen.append(queue.fetch("acme", job.id))
    leases.finish(second, DONE)
    seen.append(queue.fetch("acme", job.id))

    assert [job.version for job in seen] == [1, 2, 3, 4, 5, 6]
