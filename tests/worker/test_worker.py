"""The worker inside one process: what it does with jobs, leases, failures and a store away."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence

import pytest

from chalicelib import keyspace
from chalicelib.errors import LeaseLost
from chalicelib.inbox import Inbox
from chalicelib.jobs import JobState, JsonObject
from chalicelib.queueing import Claim, JobQueue, Outcome
from chalicelib.store import Store
from tests.servers import Server
from tests.worker.doubles import Flaky, Gated, Scripted, result, work
from tests.worker.harness import ended, log_lines, queue_settings, submit, wait_for
from worker.engines import EchoEngine, EngineFailure
from worker.transcript import BATCH_CHUNKS, Transcript


@pytest.fixture
def steal(valkey: Server, queue: JobQueue) -> Callable[[str], Claim]:
    """Let a job's lease lapse and claim it as another worker would."""

    def steal(job_id: str) -> Claim:
        with valkey.client() as client:
            client.zadd(keyspace.JOB_LEASES, {job_id: 1})
        claim = queue.claim("f" * 32)
        assert claim is not None
        return claim

    return steal


def stored_text(valkey: Server, job_id: str) -> str:
    with valkey.client() as client:
        entries = client.xrange(keyspace.job_tokens(job_id))
    return "".join(fields["text"] for _, fields in entries)


def test_a_prompt_is_answered_streamed_and_told_in_the_inbox(
    queue: JobQueue, inbox: Inbox, valkey: Server
) -> None:
    job_id = submit(queue, prompt="one two three four five")

    work(queue, EchoEngine(), lambda: wait_for(lambda: ended(queue, job_id)))

    job = queue.fetch("tenant", job_id)
    assert job.state is JobState.SUCCEEDED
    assert job.result is not None
    assert job.result["text"] == "one two three four five"
    assert job.first_token_at is not None
    assert stored_text(valkey, job_id) == "one two three four five"
    (event,) = inbox.page("tenant", 0, 10)
    assert event.event_type == "job.succeeded"
    assert event.payload["job_id"] == job_id


def test_an_idle_worker_takes_a_new_job_at_once_and_lives_for_health(queue: JobQueue) -> None:
    took = 0.0

    def meanwhile() -> None:
        nonlocal took
        wait_for(lambda: queue.gauge().workers)
        time.sleep(0.1)
        began = time.monotonic()
        job_id = submit(queue)
        wait_for(lambda: ended(queue, job_id))
        took = time.monotonic() - began

    work(queue, EchoEngine(), meanwhile)

    assert took < 0.5


def test_no_more_jobs_are_claimed_than_there_are_slots(queue: JobQueue) -> None:
    ids = [submit(queue, number) for number in range(3)]
    engine = Gated()

    def meanwhile() -> None:
        wait_for(lambda: queue.gauge().leased == 2)
        time.sleep(0.1)
        assert (queue.gauge().leased, queue.gauge().waiting) == (2, 1)
        engine.gate.set()
        wait_for(lambda: all(ended(queue, job_id) for job_id in ids))

    work(queue, engine, meanwhile, concurrency=2)

    assert engine.closed


def test_an_engines_failure_fails_the_job_with_its_code(queue: JobQueue) -> None:
    async def refuse(_: JsonObject, __: Callable[[str], None]) -> JsonObject:
        raise EngineFailure("engine_refused", "the engine answered 400")

    job_id = submit(queue)

    work(queue, Scripted(refuse), lambda: wait_for(lambda: ended(queue, job_id)))

    job = queue.fetch("tenant", job_id)
    assert job.state is JobState.FAILED
    assert job.error == {"code": "engine_refused", "detail": "the engine answered 400"}


def test_an_unknown_error_fails_its_job_says_nothing_of_the_prompt_and_the_next_job_runs(
    queue: JobQueue, capsys: pytest.CaptureFixture[str]
) -> None:
    async def crash_once(request: JsonObject, _: Callable[[str], None]) -> JsonObject:
        if request["prompt"] == "secret":
            raise ValueError(request["prompt"])
        return result("fine")

    bad, good = submit(queue, 1, prompt="secret"), submit(queue, 2)

    work(queue, Scripted(crash_once), lambda: wait_for(lambda: ended(queue, good)), concurrency=1)

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
    queue: JobQueue, capsys: pytest.CaptureFixture[str]
) -> None:
    job_id = submit(queue, prompt="secret words")

    work(queue, EchoEngine(), lambda: wait_for(lambda: ended(queue, job_id)))

    written = capsys.readouterr().out
    lines = log_lines(written)
    assert [line["event"] for line in lines] == [
        "worker.started", "job.claimed", "job.succeeded", "worker.draining", "worker.stopped",
    ]  # fmt: skip
    assert (lines[2]["job_id"], lines[2]["attempt"]) == (job_id, 1)
    assert lines[2]["milliseconds"] >= 0
    assert "secret" not in written


def test_a_live_lease_is_renewed_however_long_the_job_and_though_the_event_loop_is_blocked(
    store: Store,
) -> None:
    queue = JobQueue(store, queue_settings(lease_seconds=0.2))
    blocked = threading.Event()

    async def block(_: JsonObject, __: Callable[[str], None]) -> JsonObject:
        blocked.set()
        time.sleep(0.5)  # noqa: ASYNC251 - starving the loop is the test
        return result("done")

    job_id = submit(queue)
    stolen: list[Claim | None] = []

    def meanwhile() -> None:
        blocked.wait(5)
        while not ended(queue, job_id):
            stolen.append(queue.claim("f" * 32))
            time.sleep(0.05)

    work(queue, Scripted(block), meanwhile)

    assert set(stolen) == {None}
    assert queue.fetch("tenant", job_id).attempt == 1


def test_a_renewal_that_finds_the_lease_lost_cancels_the_engine(
    store: Store,
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

    work(JobQueue(store, queue_settings(lease_seconds=0.3)), engine, meanwhile, concurrency=1)

    job = queue.fetch("tenant", job_id)
    assert (job.state, job.attempt) == (JobState.RUNNING, 2)
    lost = [line for line in log_lines(capsys.readouterr().out) if line["event"] == "lease.lost"]
    assert [(line["job_id"], line["attempt"]) for line in lost] == [(job_id, 1)]


@pytest.mark.parametrize("rest", ["", "late words"], ids=["finish", "append"])
def test_a_late_worker_can_neither_append_to_nor_finish_a_reclaimed_job(
    queue: JobQueue, inbox: Inbox, valkey: Server, steal: Callable[[str], Claim], rest: str
) -> None:
    job_id = submit(queue)
    engine = Gated(rest=rest)
    other: list[Claim] = []

    def meanwhile() -> None:
        engine.begun.wait(5)
        other.append(steal(job_id))
        engine.gate.set()

    work(queue, engine, meanwhile, concurrency=1)

    assert queue.fetch("tenant", job_id).state is JobState.RUNNING
    assert stored_text(valkey, job_id) == ""
    queue.finish(other[0], Outcome(result=result("other")))
    job = queue.fetch("tenant", job_id)
    assert job.result is not None
    assert (job.result["text"], job.attempt) == ("other", 2)
    assert len(list(inbox.page("tenant", 0, 10))) == 1


@pytest.mark.parametrize(
    ("move", "late"),
    [
        *((move, False) for move in ("claim", "wait", "append", "extend", "finish", "beat")),
        *((move, True) for move in ("claim", "append", "extend", "finish")),
    ],
)
def test_a_move_that_does_not_reach_the_store_is_repeated_and_changes_nothing(
    store: Store,
    inbox: Inbox,
    valkey: Server,
    capsys: pytest.CaptureFixture[str],
    *,
    move: str,
    late: bool,
) -> None:
    queue = Flaky(store, move, 1, late=late, lease=0.2)
    engine = Gated(first="one ", rest="two")

    def meanwhile() -> None:
        wait_for(lambda: move not in {"wait", "beat"} or queue.left == 0)
        job_id = submit(queue)
        engine.begun.wait(5)
        wait_for(lambda: move in {"finish", "append"} or queue.left == 0)
        engine.gate.set()
        wait_for(lambda: ended(queue, job_id))

    work(queue, engine, meanwhile)

    job_id = f"job_{1:032x}"
    job = queue.fetch("tenant", job_id)
    assert (job.state, job.attempt) == (JobState.SUCCEEDED, 1)
    assert stored_text(valkey, job_id) == "one two"
    assert len(list(inbox.page("tenant", 0, 10))) == 1
    told = [line["event"] for line in log_lines(capsys.readouterr().out)]
    assert told.count("job.succeeded") == 1
    assert told.count("store.away") == told.count("store.back") == 1
    assert "lease.lost" not in told


def test_a_claim_is_repeated_with_its_token_and_each_claim_has_its_own(store: Store) -> None:
    queue = Flaky(store, "claim", 1, late=True)
    ids = [submit(queue, number) for number in range(2)]

    work(
        queue,
        EchoEngine(),
        lambda: wait_for(lambda: all(ended(queue, job_id) for job_id in ids)),
    )

    assert queue.tokens[0] == queue.tokens[1]
    assert len(set(queue.tokens[1:])) == len(queue.tokens[1:])


def test_a_worker_drains_while_the_store_is_away(store: Store) -> None:
    queue = Flaky(store, "claim", -1)

    work(queue, EchoEngine(), lambda: wait_for(lambda: len(queue.tokens) > 2))

    assert len(set(queue.tokens)) == 1


def test_a_draining_worker_finishes_its_job_and_claims_no_other(queue: JobQueue) -> None:
    first, second = submit(queue, 1), submit(queue, 2)
    engine = Gated()
    opener = threading.Timer(0.15, engine.gate.set)

    def meanwhile() -> None:
        engine.begun.wait(5)
        opener.start()

    work(queue, engine, meanwhile, concurrency=1)

    assert queue.fetch("tenant", first).state is JobState.SUCCEEDED
    assert queue.fetch("tenant", second).state is JobState.QUEUED


def test_a_job_that_outlasts_the_drain_is_left_to_its_lease(queue: JobQueue) -> None:
    job_id = submit(queue)
    engine = Gated()

    work(queue, engine, lambda: engine.begun.wait(5), drain_seconds=0.1)

    assert engine.cancelled.is_set()
    assert queue.fetch("tenant", job_id).state is JobState.RUNNING


def test_an_outcome_that_cannot_be_recorded_is_told_and_the_worker_goes_on(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    class Refusing(JobQueue):
        def finish(self, claim: Claim, outcome: Outcome) -> None:
            if claim.job.request["prompt"] == "secret":
                raise ValueError(claim.job.request["prompt"])
            super().finish(claim, outcome)

    queue = Refusing(store, queue_settings())
    bad, good = submit(queue, 1, prompt="secret"), submit(queue, 2)

    work(queue, EchoEngine(), lambda: wait_for(lambda: ended(queue, good)), concurrency=1)

    assert queue.fetch("tenant", bad).state is JobState.RUNNING
    written = capsys.readouterr().out
    assert "secret" not in written
    (told,) = [line for line in log_lines(written) if line["event"] == "job.abandoned"]
    assert (told["job_id"], told["error"]) == (bad, "ValueError")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_worker_that_cannot_renew_leases_any_more_ends(store: Store) -> None:
    class Broken(JobQueue):
        def beat(self, worker: str) -> None:
            raise ValueError(worker)

    queue = Broken(store, queue_settings())

    def meanwhile() -> None:
        time.sleep(0.1)
        submit(queue)
        time.sleep(0.1)

    with pytest.raises(RuntimeError, match="lease keeper"):
        work(queue, EchoEngine(), meanwhile)


def test_many_chunks_reach_the_store_in_bounded_batches_in_order_without_a_gap() -> None:
    batches: list[tuple[int, list[str]]] = []

    async def append(offset: int, chunks: Sequence[str]) -> None:
        await asyncio.sleep(0)
        batches.append((offset, list(chunks)))

    async def main() -> None:
        transcript = Transcript(append)
        pouring = asyncio.create_task(transcript.pour())
        for number in range(500):
            transcript.add(f"{number} ")
            if number % 50 == 0:
                await asyncio.sleep(0.001)
        transcript.close()
        await pouring

    asyncio.run(main())

    assert max(len(chunks) for _, chunks in batches) <= BATCH_CHUNKS
    assert [chunk for _, chunks in batches for chunk in chunks] == [f"{n} " for n in range(500)]
    sizes = [len(chunks) for _, chunks in batches]
    assert [offset for offset, _ in batches] == [sum(sizes[:n]) for n in range(len(sizes))]


def test_the_first_chunk_goes_at_once_and_what_follows_within_a_batchs_time(
    queue: JobQueue,
) -> None:
    submit(queue)
    claim = queue.claim("a" * 32)
    assert claim is not None
    seen: list[tuple[float, int]] = []
    began = time.monotonic()

    async def append(offset: int, chunks: Sequence[str]) -> None:
        await asyncio.to_thread(queue.append, claim, offset, chunks)
        seen.append((time.monotonic() - began, len(chunks)))

    async def main() -> None:
        transcript = Transcript(append)
        pouring = asyncio.create_task(transcript.pour())
        for _ in range(5):
            transcript.add("x")
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.3)
        transcript.close()
        await pouring

    asyncio.run(main())

    assert [count for _, count in seen] == [1, 4]
    assert seen[0][0] < 0.1
    assert seen[1][0] < 0.35


def test_a_pour_ends_with_the_lease() -> None:
    async def append(_: int, __: Sequence[str]) -> None:
        raise LeaseLost

    async def main() -> None:
        transcript = Transcript(append)
        transcript.add("x")
        await transcript.pour()

    with pytest.raises(LeaseLost):
        asyncio.run(main())
