"""What ends a run before its engine does: a cancel, a lost lease, a drain that is over."""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from chalicelib import limits
from chalicelib.errors import BodyTooLarge
from chalicelib.inbox import Inbox
from chalicelib.jobs import JobState, JsonObject
from chalicelib.leasing import Claim, JobLeases, Outcome
from chalicelib.queueing import JobQueue
from chalicelib.store import Store
from tests.worker.doubles import Flaky, Gated, Reach, Scripted, result, work
from tests.worker.harness import ended, log_lines, queue_settings, submit, wait_for
from worker.engines import EngineFailure
from worker.ways import Way, near


def told(written: str) -> list[str]:
    """Return what was logged of the job."""
    events = [line["event"] for line in log_lines(written)]
    return [event for event in events if event.startswith(("job.", "lease."))]


def test_a_cancel_stops_the_engine_and_ends_the_job(
    reach: Reach, queue: JobQueue, inbox: Inbox, capsys: pytest.CaptureFixture[str]
) -> None:
    job_id = submit(queue)
    engine = Gated()

    def meanwhile() -> None:
        engine.begun.wait(5)
        queue.cancel("tenant", job_id)
        wait_for(lambda: ended(queue, job_id))

    work(reach.short(), engine, meanwhile)

    assert engine.cancelled.is_set()
    assert queue.fetch("tenant", job_id).state is JobState.CANCELLED
    assert [event.event_type for event in inbox.page("tenant", 0, 10)] == ["job.cancelled"]
    assert told(capsys.readouterr().out) == ["job.claimed", "job.cancelled"]


def test_a_worker_on_the_store_hears_of_a_cancel_within_a_second_however_long_its_lease(
    leases: JobLeases, queue: JobQueue
) -> None:
    job_id = submit(queue)
    engine = Gated()
    took = 0.0

    def meanwhile() -> None:
        nonlocal took
        engine.begun.wait(5)
        queue.cancel("tenant", job_id)
        began = time.monotonic()
        engine.cancelled.wait(5)
        took = time.monotonic() - began

    work(near(leases), engine, meanwhile)

    assert leases.lease_seconds == 30
    assert took < 1
    assert queue.fetch("tenant", job_id).state is JobState.CANCELLED


def test_an_append_carries_the_news_of_a_cancel(way: Way, queue: JobQueue) -> None:
    class Deaf(Flaky):
        def extend(self, claim: Claim) -> bool:
            super().extend(claim)
            return False

    stopped = threading.Event()

    async def talk(_: JsonObject, tell: Callable[[str], None]) -> JsonObject:
        try:
            while True:
                tell("word ")
                await asyncio.sleep(0.01)
        finally:
            stopped.set()

    job_id = submit(queue)

    def meanwhile() -> None:
        wait_for(lambda: queue.fetch("tenant", job_id).first_token_at)
        queue.cancel("tenant", job_id)
        assert stopped.wait(5)
        wait_for(lambda: ended(queue, job_id))

    work(Deaf(way, "none", 0).way, Scripted(talk), meanwhile)

    assert queue.fetch("tenant", job_id).state is JobState.CANCELLED


def test_a_result_that_was_complete_before_the_cancel_was_heard_wins(
    way: Way, queue: JobQueue
) -> None:
    job_id = submit(queue)
    engine = Gated(rest="whole answer")

    def meanwhile() -> None:
        engine.begun.wait(5)
        queue.cancel("tenant", job_id)
        # Within the time of a renewal: the worker hears of the cancel with its last append.
        engine.gate.set()
        wait_for(lambda: ended(queue, job_id))

    work(way, engine, meanwhile)

    job = queue.fetch("tenant", job_id)
    assert job.state is JobState.SUCCEEDED
    assert job.result is not None
    assert job.result["text"] == "whole answer"


def test_an_erased_job_stops_its_engine(
    reach: Reach, queue: JobQueue, capsys: pytest.CaptureFixture[str]
) -> None:
    job_id = submit(queue)
    engine = Gated()

    def meanwhile() -> None:
        engine.begun.wait(5)
        queue.erase("tenant", job_id, force=True)
        assert engine.cancelled.wait(5)

    work(reach.short(), engine, meanwhile)

    assert told(capsys.readouterr().out) == ["job.claimed", "lease.lost"]


def test_a_failure_that_may_pass_sends_the_job_back_with_a_delay_and_one_that_will_not_ends_it(
    way: Way, queue: JobQueue, capsys: pytest.CaptureFixture[str]
) -> None:
    async def refuse(request: JsonObject, _: Callable[[str], None]) -> JsonObject:
        pause = {"later": 40.0, "never": None}[request["prompt"]]
        raise EngineFailure("engine_rate_limited", "busy", retry_after_seconds=pause)

    later, never = submit(queue, 1, prompt="later"), submit(queue, 2, prompt="never")

    work(way, Scripted(refuse), lambda: wait_for(lambda: ended(queue, never)), concurrency=1)

    retried, failed = queue.fetch("tenant", later), queue.fetch("tenant", never)
    assert (retried.state, retried.attempt) == (JobState.QUEUED, 1)
    assert retried.retry_at is not None
    assert failed.ended_at is not None
    assert 39_000 < retried.retry_at - failed.ended_at < 41_000
    assert (failed.state, failed.attempt) == (JobState.FAILED, 1)
    lines = {line["event"]: line for line in log_lines(capsys.readouterr().out)}
    assert lines["job.retrying"]["job_id"] == later
    assert lines["job.failed"]["job_id"] == never
    assert lines["job.retrying"]["code"] == lines["job.failed"]["code"] == "engine_rate_limited"


def test_no_engine_delays_a_job_for_ever(way: Way, queue: JobQueue) -> None:
    async def refuse(_: JsonObject, __: Callable[[str], None]) -> JsonObject:
        raise EngineFailure("engine_rate_limited", "busy", retry_after_seconds=float("inf"))

    job_id = submit(queue)

    work(
        way,
        Scripted(refuse),
        lambda: wait_for(lambda: queue.fetch("tenant", job_id).retry_at is not None),
    )

    job = queue.fetch("tenant", job_id)
    assert job.retry_at is not None
    assert job.retry_at - job.created_at <= (limits.RETRY_AFTER_MOST_SECONDS + 20) * 1000


def test_a_job_that_outlasts_the_drain_is_given_back_and_its_attempt_costs_nothing(
    way: Way, queue: JobQueue, leases: JobLeases, capsys: pytest.CaptureFixture[str]
) -> None:
    job_id = submit(queue)
    engine = Gated(first="some words")

    work(way, engine, lambda: engine.begun.wait(5), drain_seconds=0.1)

    assert engine.cancelled.is_set()
    job = queue.fetch("tenant", job_id)
    assert (job.state, job.attempt, job.max_attempts) == (JobState.QUEUED, 1, 4)
    assert leases.claim("e" * 32) is not None
    assert told(capsys.readouterr().out) == ["job.claimed", "job.released"]


@pytest.mark.slow  # a release is tried for three seconds
@pytest.mark.parametrize("move", ["release", "finish"])
def test_a_drain_ends_though_the_store_is_away_and_says_what_it_abandons(
    leases: JobLeases, queue: JobQueue, capsys: pytest.CaptureFixture[str], move: str
) -> None:
    job_id = submit(queue)
    engine = Gated()
    flaky = Flaky(near(leases), move, -1)

    def meanwhile() -> None:
        engine.begun.wait(5)
        if move == "finish":
            engine.gate.set()

    work(flaky.way, engine, meanwhile, drain_seconds=0.1)

    assert queue.fetch("tenant", job_id).state is JobState.RUNNING
    assert told(capsys.readouterr().out) == ["job.claimed", "job.abandoned"]


def test_a_job_claimed_while_the_drain_began_is_given_back(way: Way, queue: JobQueue) -> None:
    class Slow(Flaky):
        def claim(self, token: str) -> Claim | None:
            claiming.set()
            drained.wait(5)
            return super().claim(token)

    claiming, drained = threading.Event(), threading.Event()
    job_id = submit(queue)
    engine = Gated()
    slow = Slow(way, "none", 0)

    def meanwhile() -> None:
        claiming.wait(5)
        threading.Timer(0.1, drained.set).start()

    work(slow.way, engine, meanwhile)

    assert not engine.begun.is_set()
    job = queue.fetch("tenant", job_id)
    assert (job.state, job.max_attempts - job.attempt) == (JobState.QUEUED, 3)


def test_an_answer_that_no_call_can_carry_fails_the_job(way: Way, queue: JobQueue) -> None:
    class Narrow(Flaky):
        def finish(self, claim: Claim, outcome: Outcome) -> JobState:
            if outcome.result is not None:
                raise BodyTooLarge
            return super().finish(claim, outcome)

    async def answer(_: JsonObject, __: Callable[[str], None]) -> JsonObject:
        return result("much")

    job_id = submit(queue)

    work(
        Narrow(way, "none", 0).way,
        Scripted(answer),
        lambda: wait_for(lambda: ended(queue, job_id)),
    )

    error = queue.fetch("tenant", job_id).error
    assert error is not None
    assert error["code"] == "result_too_large"


def test_a_worker_that_ends_is_no_longer_counted(store: Store, queue: JobQueue) -> None:
    leases = JobLeases(store, queue_settings())

    work(near(leases), Gated(), lambda: wait_for(lambda: queue.gauge().slots == 4))

    assert (queue.gauge().workers, queue.gauge().slots) == (0, 0)


@pytest.mark.slow
def test_a_worker_that_cannot_renew_leases_any_more_ends(leases: JobLeases) -> None:
    def broken(worker: str, *_: object) -> None:
        raise ValueError(worker)

    way = replace(near(leases), beat=broken)

    with pytest.raises(RuntimeError, match="lease keeper"):
        work(way, Gated(), lambda: time.sleep(1.5))
