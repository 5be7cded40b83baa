"""Append, finish, and the ways a job ends: one outcome, one event, in one step."""

import json
import threading
from typing import Any

import pytest
import redis

from chalicelib import keyspace, limits
from chalicelib.errors import LeaseLost
from chalicelib.inbox import Inbox
from chalicelib.jobs import JobState
from chalicelib.queueing import Claim, Gauge, JobQueue, Outcome
from chalicelib.settings import QueueSettings
from chalicelib.store import Store
from tests.store.harness import BROKEN, DONE, claim, contents, lapse, submit, token


def _said(raw: "redis.Redis", claimed: Claim) -> str:
    entries: Any = raw.xrange(keyspace.job_tokens(claimed.job.id))
    attempt = str(claimed.job.attempt)
    return "".join(entry["text"] for _, entry in entries if entry["attempt"] == attempt)


@pytest.mark.parametrize(
    ("outcome", "state"), [(DONE, JobState.SUCCEEDED), (BROKEN, JobState.FAILED)]
)
def test_finish_records_the_outcome_and_tells_the_owner(
    queue: JobQueue, inbox: Inbox, outcome: Outcome, state: JobState
) -> None:
    job = submit(queue)

    queue.finish(claim(queue), outcome)

    ended = queue.fetch("acme", job.id)
    (event,) = inbox.page("acme", 0, 10)
    assert (ended.state, ended.result, ended.error) == (state, outcome.result, outcome.error)
    assert (ended.version, ended.attempt) == (3, 1)
    assert (event.event_type, event.source) == (f"job.{state}", "tinyllama-router")
    assert event.payload == {"job_id": job.id, "state": state, "attempt": 1}
    assert event.created_at == ended.ended_at


def test_end_and_event_are_one_step(queue: JobQueue, raw: "redis.Redis") -> None:
    jobs = [submit(queue) for _ in range(20)]

    def finish_all() -> None:
        for _ in jobs:
            queue.finish(claim(queue), DONE)

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
    queue: JobQueue, raw: "redis.Redis"
) -> None:
    submit(queue)
    claimed = claim(queue)
    queue.finish(claimed, DONE)
    stored = contents(raw)

    queue.finish(claimed, DONE)
    queue.finish(claimed, BROKEN)

    assert contents(raw) == stored


def test_ended_job_takes_no_more_writes(queue: JobQueue, raw: "redis.Redis") -> None:
    submit(queue)
    claimed = claim(queue)
    queue.finish(claimed, DONE)
    stored = contents(raw)

    with pytest.raises(LeaseLost):
        queue.append(claimed, 0, ["a"])
    with pytest.raises(LeaseLost):
        queue.extend(claimed)
    with pytest.raises(LeaseLost):
        queue.finish(Claim(claimed.job, token()), BROKEN)

    assert queue.reclaim(claimed.job.id) is None
    assert contents(raw) == stored


def test_finish_frees_the_lease(queue: JobQueue, raw: "redis.Redis") -> None:
    submit(queue), submit(queue)
    first = claim(queue)

    queue.finish(first, DONE)

    assert not raw.exists(keyspace.lease(first.token))
    assert queue.gauge() == Gauge(waiting=1, leased=0, workers=0)


def test_job_whose_attempts_are_exhausted_fails_with_one_event(
    store: Store, inbox: Inbox, raw: "redis.Redis"
) -> None:
    queue = JobQueue(store, QueueSettings(lease_seconds=30, max_attempts=2, queue_length=10))
    job = submit(queue)
    for _ in range(2):
        lost = claim(queue)
        lapse(raw, lost.job.id, lost.token)

    assert queue.claim(token()) is None
    assert queue.reclaim(job.id) is None

    failed = queue.fetch("acme", job.id)
    events = list(inbox.page("acme", 0, 10))
    assert (failed.state, failed.attempt, failed.result) == (JobState.FAILED, 2, None)
    assert failed.error is not None
    assert failed.error["code"] == "attempts_exhausted"
    assert [(event.event_type, event.payload["job_id"]) for event in events] == [
        ("job.failed", job.id)
    ]
    assert queue.gauge() == Gauge(waiting=0, leased=0, workers=0)


def test_worker_of_an_exhausted_job_cannot_finish_it(queue: JobQueue, raw: "redis.Redis") -> None:
    submit(queue)
    for _ in range(2):
        lapsed = claim(queue)
        lapse(raw, lapsed.job.id, lapsed.token)
    lost = claim(queue)
    lapse(raw, lost.job.id, lost.token)
    assert queue.reclaim(lost.job.id) is JobState.FAILED
    stored = contents(raw)

    with pytest.raises(LeaseLost):
        queue.finish(lost, DONE)

    assert contents(raw) == stored


def test_first_worker_cannot_claim_the_second_ones_finish_as_its_own(
    queue: JobQueue, raw: "redis.Redis"
) -> None:
    submit(queue)
    first = claim(queue)
    lapse(raw, first.job.id, first.token)
    queue.finish(claim(queue), DONE)

    with pytest.raises(LeaseLost):
        queue.finish(first, DONE)


def test_ended_job_lives_for_its_retention(queue: JobQueue, raw: "redis.Redis") -> None:
    job = submit(queue)
    claimed = claim(queue)
    queue.append(claimed, 0, ["a"])
    most = limits.RESULT_SECONDS * 1000

    queue.finish(claimed, DONE)

    for key in (keyspace.job(job.id), keyspace.job_bell(job.id), keyspace.job_tokens(job.id)):
        assert most - 60_000 < raw.pttl(key) <= most


def test_event_of_an_end_holds_no_result(queue: JobQueue, inbox: Inbox) -> None:
    submit(queue)

    queue.finish(claim(queue), Outcome(result={"text": "secret answer"}))

    (event,) = inbox.page("acme", 0, 10)
    assert "secret answer" not in json.dumps(event.payload)


def test_tokens_are_the_chunks_in_their_order(queue: JobQueue, raw: "redis.Redis") -> None:
    submit(queue)
    claimed = claim(queue)

    queue.append(claimed, 0, ["Hel", "lo "])
    queue.append(claimed, 2, ["wörld", ""])
    queue.append(claimed, 4, ["\U0001f999"])

    assert _said(raw, claimed) == "Hello wörld\U0001f999"


def test_appending_again_changes_nothing(queue: JobQueue, raw: "redis.Redis") -> None:
    submit(queue)
    claimed = claim(queue)
    queue.append(claimed, 0, ["a", "b"])
    queue.append(claimed, 2, ["c"])
    stored = contents(raw)

    queue.append(claimed, 0, ["a", "b"])
    queue.append(claimed, 1, ["b", "c"])
    queue.append(claimed, 2, ["c"])
    queue.append(claimed, 3, [])

    assert contents(raw) == stored


def test_an_append_that_would_leave_a_gap_is_refused(queue: JobQueue, raw: "redis.Redis") -> None:
    submit(queue)
    claimed = claim(queue)
    queue.append(claimed, 0, ["a"])
    stored = contents(raw)

    with pytest.raises(redis.ResponseError, match="GAP"):
        queue.append(claimed, 2, ["c"])

    assert contents(raw) == stored


def test_an_outcome_is_a_result_or_an_error() -> None:
    for both_or_none in ({}, {"result": {"text": ""}, "error": {"code": "x", "detail": "y"}}):
        with pytest.raises(ValueError, match="a result or an error"):
            Outcome(**both_or_none)


@pytest.mark.parametrize(
    ("offset", "chunks"), [(0, ["a", "b", "c", "d"]), (1, ["b", "c", "d"]), (2, ["c", "d"])]
)
def test_chunks_appended_before_are_passed_over(
    queue: JobQueue, raw: "redis.Redis", offset: int, chunks: list[str]
) -> None:
    submit(queue)
    claimed = claim(queue)
    queue.append(claimed, 0, ["a", "b"])

    queue.append(claimed, offset, chunks)

    entries: Any = raw.xrange(keyspace.job_tokens(claimed.job.id))
    assert [(entry["offset"], entry["text"]) for _, entry in entries] == [("0", "ab"), ("2", "cd")]


def test_new_attempt_counts_its_chunks_from_zero(queue: JobQueue, raw: "redis.Redis") -> None:
    submit(queue)
    first = claim(queue)
    queue.append(first, 0, ["half an ans"])
    lapse(raw, first.job.id, first.token)
    second = claim(queue)

    queue.append(second, 0, ["a whole ", "answer"])

    assert _said(raw, second) == "a whole answer"
    assert _said(raw, first) == "half an ans"


def test_first_token_is_timed_once_in_each_attempt(queue: JobQueue, raw: "redis.Redis") -> None:
    job = submit(queue)
    first = claim(queue)
    queue.append(first, 0, ["a"])
    timed = queue.fetch("acme", job.id)
    queue.append(first, 1, ["b"])
    assert queue.fetch("acme", job.id) == timed
    assert timed.first_token_at is not None

    lapse(raw, first.job.id, first.token)

    assert claim(queue).job.first_token_at is None


def test_version_grows_with_every_change_of_the_record(queue: JobQueue, raw: "redis.Redis") -> None:
    job = submit(queue)
    seen = [job]
    first = claim(queue)
    seen.append(queue.fetch("acme", job.id))
    queue.append(first, 0, ["a"])
    seen.append(queue.fetch("acme", job.id))
    lapse(raw, job.id, first.token)
    queue.reclaim(job.id)
    seen.append(queue.fetch("acme", job.id))
    second = claim(queue)
    seen.append(queue.fetch("acme", job.id))
    queue.finish(second, DONE)
    seen.append(queue.fetch("acme", job.id))

    assert [job.version for job in seen] == [1, 2, 3, 4, 5, 6]
