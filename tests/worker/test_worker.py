"""The worker inside one process: what it does with jobs, leases, failures and a store away."""

import threading
import time
from collections.abc import Callable

import pytest

from chalicelib import keyspace
from chalicelib.inbox import Inbox
from chalicelib.jobs import JobState, JsonObject
from chalicelib.leasing import Claim, JobLeases, Outcome
from chalicelib.queueing import JobQueue
from tests.servers import Server
from tests.worker.doubles import Flaky, Gated, Reach, Scripted, result, work
from tests.worker.harness import ended, log_lines, submit, wait_for
from worker.engines import EchoEngine, EngineFailure
from worker.ways import Way, near


@pytest.fixture
def steal(valkey: Server, leases: JobLeases) -> Callable[[str], Claim]:
    """Let a job's lease lapse and claim it as another worker would."""

    def steal(job_id: str) -> Claim:
        with valkey.client() as client:
            (place,) = (p for p in client.zrange(keyspace.LEASED, 0, -1) if p.endswith(job_id))

            def lapse_and_claim() -> Claim | None:
                client.zadd(keyspace.LEASED, {place: 1})
                return leases.claim("f" * 32)

            # A renewal may come in between.
            return wait_for(lapse_and_claim)

    return steal


def stored_text(valkey: Server, job_id: str) -> str:
    with valkey.client() as client:
        entries = client.xrange(keyspace.job_tokens(job_id))
    return "".join(fields["text"] for _, fields in entries)


def test_a_prompt_is_answered_streamed_and_told_in_the_inbox(
    way: Way, queue: JobQueue, inbox: Inbox, valkey: Server
) -> None:
    job_id = submit(queue, prompt="one two three four five")

    work(way, EchoEngine(), lambda: wait_for(lambda: ended(queue, job_id)))

    job = queue.fetch("tenant", job_id)
    assert job.state is JobState.SUCCEEDED
    assert job.result is not None
    assert job.result["text"] == "one two three four five"
    assert job.first_token_at is not None
    assert stored_text(valkey, job_id) == "one two three four five"
    (event,) = inbox.page("tenant", 0, 10)
    assert event.event_type == "job.succeeded"
    assert event.payload["job_id"] == job_id


def test_an_idle_worker_takes_a_new_job_at_once_and_lives_for_health(
    way: Way, queue: JobQueue
) -> None:
    took = 0.0

    def meanwhile() -> None:
        nonlocal took
        wait_for(lambda: queue.gauge().workers)
        time.sleep(0.1)
        began = time.monotonic()
        job_id = submit(queue)
        wait_for(lambda: ended(queue, job_id))
        took = time.monotonic() - began

    work(way, EchoEngine(), meanwhile)

    assert took < 0.5


def test_no_more_jobs_are_claimed_than_there_are_slots(way: Way, queue: JobQueue) -> None:
    ids = [submit(queue, number) for number in range(3)]
    engine = Gated()

    def meanwhile() -> None:
        wait_for(lambda: queue.gauge().leased == 2)
        time.sleep(0.1)
        assert (queue.gauge().leased, queue.gauge().waiting) == (2, 1)
        engine.gate.set()
        wait_for(lambda: all(ended(queue, job_id) for job_id in ids))

    work(way, engine, meanwhile, concurrency=2)

    assert engine.closed


def test_an_engines_failure_fails_the_job_with_its_code(way: Way, queue: JobQueue) -> None:
    async def refuse(_: JsonObject, __: Callable[[str], None]) -> JsonObject:
        raise EngineFailure("engine_refused", "the engine answered 400")

    job_id = submit(queue)

    work(way, Scripted(refuse), lambda: wait_for(lambda: ended(queue, job_id)))

    job = queue.fetch("tenant", job_id)
    assert job.state is JobState.FAILED
    assert job.error == {"code": "engine_refused", "detail": "the engine answered 400"}


def test_an_unknown_error_fails_its_job_says_nothing_of_the_prompt_and_the_next_job_runs(
    way: Way, queue: JobQueue, capsys: pytest.CaptureFixture[str]
) -> None:
    async def crash_once(request: JsonObject, _: Callable[[str], None]) -> JsonObject:
        if request["prompt"] == "secret":
            raise ValueError(request["prompt"])
        return result("fine")

    bad, good = submit(queue, 1, prompt="secret"), submit(queue, 2)

    work(way, Scripted(crash_once), lambda: wait_for(lambda: ended(queue, good)), concurrency=1)

    job = queue.fetch("tenant", bad)
    assert job.error == {
        "code": "worker_error",
        "detail": "the worker failed on this job (ValueError)",
    }
    assert queue.fetch("tenant", good).state is JobState.SUCCEEDED
    written = capsys.readouterr().out
    assert "secret" not in written
    (crash,) = [line for line in log_lines(written) if line["event"] == "job.crashed"]
    assert crash["where"].startswith("test_worker.py:")


def test_each_deed_is_one_json_line_with_job_attempt_and_milliseconds(
    way: Way, queue: JobQueue, capsys: pytest.CaptureFixture[str]
) -> None:
    job_id = submit(queue, prompt="secret words")

    work(way, EchoEngine(), lambda: wait_for(lambda: ended(queue, job_id)))

    written = capsys.readouterr().out
    lines = log_lines(written)
    told = [line["event"] for line in lines if line["event"].startswith("worker.")]
    assert told == ["worker.started", "worker.draining", "worker.stopped"]
    claimed, succeeded = (line for line in lines if line["event"].startswith("job."))
    assert (claimed["event"], succeeded["event"]) == ("job.claimed", "job.succeeded")
    assert (succeeded["job_id"], succeeded["attempt"]) == (job_id, 1)
    assert succeeded["milliseconds"] >= 0
    assert "secret" not in written


def test_a_live_lease_is_renewed_however_long_the_job_and_though_the_event_loop_is_blocked(
    reach: Reach, queue: JobQueue, leases: JobLeases
) -> None:
    blocked = threading.Event()

    async def block(_: JsonObject, __: Callable[[str], None]) -> JsonObject:
        blocked.set()
        time.sleep(2.5 * reach.short_seconds)  # noqa: ASYNC251 - starving the loop is the test
        return result("done")

    job_id = submit(queue)
    stolen: list[Claim | None] = []

    def meanwhile() -> None:
        blocked.wait(5)
        while not ended(queue, job_id):
            stolen.append(leases.claim("f" * 32))
            time.sleep(0.05)

    work(reach.short(), Scripted(block), meanwhile)

    assert set(stolen) == {None}
    assert queue.fetch("tenant", job_id).attempt == 1


def test_a_renewal_that_finds_the_lease_lost_cancels_the_engine(
    reach: Reach,
    steal: Callable[[str], Claim],
    queue: JobQueue,
    capsys: pytest.CaptureFixture[str],
) -> None:
    job_id = submit(queue)
    engine = Gated()

    def meanwhile() -> None:
        engine.begun.wait(5)
        steal(job_id)
        assert engine.cancelled.wait(5)

    work(reach.short(), engine, meanwhile, concurrency=1)

    job = queue.fetch("tenant", job_id)
    assert (job.state, job.attempt) == (JobState.RUNNING, 2)
    lost = [line for line in log_lines(capsys.readouterr().out) if line["event"] == "lease.lost"]
    assert [(line["job_id"], line["attempt"]) for line in lost] == [(job_id, 1)]


@pytest.mark.parametrize("rest", ["", "late words"], ids=["finish", "append"])
def test_a_late_worker_can_neither_append_to_nor_finish_a_reclaimed_job(
    way: Way,
    queue: JobQueue,
    leases: JobLeases,
    valkey: Server,
    steal: Callable[[str], Claim],
    rest: str,
) -> None:
    job_id = submit(queue)
    engine = Gated(rest=rest)
    other: list[Claim] = []

    def meanwhile() -> None:
        engine.begun.wait(5)
        other.append(steal(job_id))
        engine.gate.set()

    work(way, engine, meanwhile, concurrency=1)

    assert queue.fetch("tenant", job_id).state is JobState.RUNNING
    assert stored_text(valkey, job_id) == ""
    leases.finish(other[0], Outcome(result=result("other")))
    job = queue.fetch("tenant", job_id)
    assert job.result is not None
    assert (job.result["text"], job.attempt) == ("other", 2)


@pytest.fixture
def answer_once(
    queue: JobQueue, inbox: Inbox, valkey: Server, capsys: pytest.CaptureFixture[str]
) -> Callable[[Flaky], None]:
    """Run a job while a move fails, and require that nobody but the log notices."""

    def run(flaky: Flaky) -> str:
        engine = Gated(first="one ", rest="two")

        def meanwhile() -> None:
            wait_for(lambda: flaky.move not in {"bell", "beat"} or flaky.left == 0)
            job_id = submit(queue)
            engine.begun.wait(5)
            wait_for(lambda: flaky.move in {"finish", "append"} or flaky.left == 0)
            engine.gate.set()
            wait_for(lambda: ended(queue, job_id))

        work(flaky.way, engine, meanwhile)
        return f"job_{1:032x}"

    def answer_once(flaky: Flaky) -> None:
        job_id = run(flaky)
        job = queue.fetch("tenant", job_id)
        assert (job.state, job.attempt) == (JobState.SUCCEEDED, 1)
        assert stored_text(valkey, job_id) == "one two"
        assert len(list(inbox.page("tenant", 0, 10))) == 1
        told = [line["event"] for line in log_lines(capsys.readouterr().out)]
        assert told.count("job.succeeded") == 1
        assert told.count("store.away") == told.count("store.back") == 1
        assert "lease.lost" not in told

    return answer_once


@pytest.mark.parametrize("late", [False, True], ids=["unsent", "unanswered"])
@pytest.mark.parametrize("move", ["claim", "append", "extend", "finish"])
def test_a_move_that_does_not_reach_the_store_is_repeated_and_changes_nothing(
    reach: Reach, answer_once: Callable[[Flaky], None], *, move: str, late: bool
) -> None:
    answer_once(Flaky(reach.short(), move, 1, late=late))


@pytest.mark.parametrize("move", ["bell", "beat"])
def test_a_bell_or_a_beat_that_does_not_reach_the_store_stops_nothing(
    leases: JobLeases, answer_once: Callable[[Flaky], None], move: str
) -> None:
    answer_once(Flaky(near(leases), move, 1))


def test_a_claim_is_repeated_with_its_token_and_each_claim_has_its_own(
    way: Way, queue: JobQueue
) -> None:
    flaky = Flaky(way, "claim", 1, late=True)
    ids = [submit(queue, number) for number in range(2)]

    work(
        flaky.way,
        EchoEngine(),
        lambda: wait_for(lambda: all(ended(queue, job_id) for job_id in ids)),
    )

    assert flaky.tokens[0] == flaky.tokens[1]
    assert len(set(flaky.tokens[1:])) == len(flaky.tokens[1:])


def test_a_worker_drains_while_the_store_is_away(way: Way) -> None:
    flaky = Flaky(way, "claim", -1)

    work(flaky.way, EchoEngine(), lambda: wait_for(lambda: len(flaky.tokens) > 2))

    assert len(set(flaky.tokens)) == 1


def test_a_draining_worker_finishes_its_job_and_claims_no_other(way: Way, queue: JobQueue) -> None:
    first, second = submit(queue, 1), submit(queue, 2)
    engine = Gated()
    opener = threading.Timer(0.15, engine.gate.set)

    def meanwhile() -> None:
        engine.begun.wait(5)
        opener.start()

    work(way, engine, meanwhile, concurrency=1)

    assert queue.fetch("tenant", first).state is JobState.SUCCEEDED
    assert queue.fetch("tenant", second).state is JobState.QUEUED


def test_an_outcome_that_cannot_be_recorded_is_told_and_the_worker_goes_on(
    way: Way, queue: JobQueue, capsys: pytest.CaptureFixture[str]
) -> None:
    class Refusing(Flaky):
        def finish(self, claim: Claim, outcome: Outcome) -> JobState:
            if claim.job.request["prompt"] == "secret":
                raise ValueError(claim.job.request["prompt"])
            return super().finish(claim, outcome)

    refusing = Refusing(way, "none", 0)
    bad, good = submit(queue, 1, prompt="secret"), submit(queue, 2)

    work(refusing.way, EchoEngine(), lambda: wait_for(lambda: ended(queue, good)), concurrency=1)

    assert queue.fetch("tenant", bad).state is JobState.RUNNING
    written = capsys.readouterr().out
    assert "secret" not in written
    (told,) = [line for line in log_lines(written) if line["event"] == "job.abandoned"]
    assert (told["job_id"], told["error"]) == (bad, "ValueError")
