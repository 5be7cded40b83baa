"""The worker as a process: started, signalled, killed, and a store that dies under it."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

import tinyllama
from chalicelib.inbox import Inbox
from chalicelib.jobs import Job, JobState, JsonObject
from chalicelib.queueing import JobQueue
from chalicelib.settings import PROJECT, child_environment
from chalicelib.store import connect
from tests.servers import Server, store_binary
from tests.worker.engine_server import EngineServer, stream
from tests.worker.harness import ended, log_lines, queue_settings, submit, wait_for
from tests.worker.routers import Routers

LEASE_SECONDS = 1.5
POLL_SECONDS = 0.5
# What a worker misses, by the way that it goes.
AWAY = {"store": "store", "https": "router"}


class WorkerProcess:
    """One `python -m worker`."""

    def __init__(self, folder: Path, arguments: Sequence[str], settings: dict[str, str]) -> None:
        command = [sys.executable, "-m", "worker", *arguments]
        self._out = folder / f"worker-{time.monotonic_ns()}.log"
        with self._out.open("wb") as out:
            self.process = subprocess.Popen(  # noqa: S603
                command,
                cwd=PROJECT,
                env=child_environment(settings),
                stdout=out,
                stderr=subprocess.PIPE,
            )

    def signal(self, number: int) -> None:
        """Send the process a signal."""
        self.process.send_signal(number)

    def end(self, seconds: float = 20) -> tuple[int, str]:
        """Wait for its end and return exit code and standard error."""
        _, error = self.process.communicate(timeout=seconds)
        return self.process.returncode, error.decode()

    def lines(self) -> Sequence[JsonObject]:
        """Return what it logged so far."""
        return log_lines(self._out.read_text())

    def events(self) -> list[str]:
        """Return the names of what it logged so far."""
        return [line["event"] for line in self.lines()]


type Start = Callable[..., WorkerProcess]


@pytest.fixture
def start(how: str, tmp_path: Path, store_url: str, routers: Routers) -> Iterator[Start]:
    """Start workers that go each way to the queue, and leave none behind."""
    started: list[WorkerProcess] = []

    def start(*arguments: str, on: str = store_url, **settings: str) -> WorkerProcess:
        variables = {
            "TINYLLAMA_STORE_URL": on,
            "TINYLLAMA_LEASE_SECONDS": str(LEASE_SECONDS),
            "TINYLLAMA_ENGINE_URL": "",
        } | {f"TINYLLAMA_{name.upper()}": value for name, value in settings.items()}
        if how == "https":
            router = routers(on, float(variables["TINYLLAMA_LEASE_SECONDS"]))
            arguments = (*arguments, "--via", router.url, "--poll-seconds", str(POLL_SECONDS))
            variables |= {"TINYLLAMA_STORE_URL": "", "TINYLLAMA_WORKER_TOKEN": router.token}
        started.append(WorkerProcess(tmp_path, arguments, variables))
        return started[-1]

    yield start
    for worker in started:
        worker.process.kill()
        worker.process.communicate()


@pytest.fixture
def held_engine(engine_server: EngineServer) -> Iterator[threading.Event]:
    """Let the engine's server hold its last word until the event is set."""
    gate = threading.Event()
    engine_server.otherwise = stream("Hel", "lo", gate=gate)
    yield gate
    gate.set()


@pytest.fixture
def mortal(short_folder: Path) -> Iterator[Server]:
    """A store that a test may kill."""
    folder = short_folder / f"mortal-{time.monotonic_ns()}"
    folder.mkdir()
    server = Server(folder, store_binary())
    yield server
    server.stop()


def running(queue: JobQueue, job_id: str, attempt: int = 1) -> Job | None:
    """Return the job once text of that attempt has reached the store."""
    job = queue.fetch("tenant", job_id)
    return job if (job.attempt, bool(job.first_token_at)) == (attempt, True) else None


def one_outcome(queue: JobQueue, inbox: Inbox, job_id: str, attempt: int) -> None:
    job = wait_for(lambda: ended(queue, job_id))
    assert (job.state, job.attempt) == (JobState.SUCCEEDED, attempt)
    assert job.result is not None
    assert job.result["text"] == "Hello"
    assert [event.payload["job_id"] for event in inbox.page("tenant", 0, 10)] == [job_id]


@pytest.mark.slow
def test_a_killed_workers_job_runs_again_and_has_one_outcome(
    start: Start,
    queue: JobQueue,
    inbox: Inbox,
    engine_server: EngineServer,
    held_engine: threading.Event,
) -> None:
    job_id = submit(queue)
    first = start(engine_url=engine_server.url)
    wait_for(lambda: running(queue, job_id))

    first.process.kill()
    killed = time.monotonic()
    start(engine_url=engine_server.url)
    wait_for(lambda: running(queue, job_id, attempt=2))
    took = time.monotonic() - killed
    held_engine.set()

    one_outcome(queue, inbox, job_id, attempt=2)
    # Lease + 1 s is promised of a free worker; this one had to start first.
    assert took < LEASE_SECONDS + 1 + POLL_SECONDS + 2


@pytest.mark.slow
def test_an_idle_worker_takes_over_within_a_lease_and_a_second(
    start: Start,
    queue: JobQueue,
    inbox: Inbox,
    engine_server: EngineServer,
    held_engine: threading.Event,
) -> None:
    first = start("--name", "first", engine_url=engine_server.url)
    wait_for(lambda: queue.gauge().workers == 1)
    job_id = submit(queue)
    wait_for(lambda: running(queue, job_id))
    start("--name", "second", engine_url=engine_server.url)
    wait_for(lambda: queue.gauge().workers == 2)

    first.process.kill()
    killed = time.monotonic()
    wait_for(lambda: running(queue, job_id, attempt=2))
    took = time.monotonic() - killed
    held_engine.set()

    one_outcome(queue, inbox, job_id, attempt=2)
    # Over HTTPS the poll interval is added; half a second is the test's own.
    assert took < LEASE_SECONDS + 1 + POLL_SECONDS + 0.5


@pytest.mark.slow
def test_sigterm_lets_the_job_in_flight_finish_and_exits_0(
    start: Start,
    queue: JobQueue,
    inbox: Inbox,
    engine_server: EngineServer,
    held_engine: threading.Event,
) -> None:
    job_id = submit(queue)
    worker = start(engine_url=engine_server.url)
    wait_for(lambda: running(queue, job_id))

    worker.signal(signal.SIGTERM)
    wait_for(lambda: "worker.draining" in worker.events())
    time.sleep(2 * LEASE_SECONDS)  # while it drains, it keeps its lease
    held_engine.set()

    assert worker.end() == (0, "")
    one_outcome(queue, inbox, job_id, attempt=1)


@pytest.mark.slow
def test_the_drain_is_bounded_and_what_is_left_runs_elsewhere(
    start: Start,
    queue: JobQueue,
    inbox: Inbox,
    engine_server: EngineServer,
    held_engine: threading.Event,
) -> None:
    job_id = submit(queue)
    worker = start("--drain-seconds", "0.2", engine_url=engine_server.url)
    wait_for(lambda: running(queue, job_id))

    worker.signal(signal.SIGTERM)
    assert worker.end(5) == (0, "")
    held_engine.set()
    start(engine_url=engine_server.url)

    one_outcome(queue, inbox, job_id, attempt=2)


@pytest.mark.slow
def test_a_second_signal_exits_at_once(
    start: Start, queue: JobQueue, engine_server: EngineServer, held_engine: threading.Event
) -> None:
    job_id = submit(queue)
    worker = start(engine_url=engine_server.url)
    wait_for(lambda: running(queue, job_id))

    worker.signal(signal.SIGINT)
    wait_for(lambda: "worker.draining" in worker.events())
    worker.signal(signal.SIGINT)

    assert worker.end(2) == (128 + signal.SIGINT, "")
    assert not held_engine.is_set()


@pytest.mark.slow
def test_a_store_killed_in_mid_job_is_waited_out_and_nothing_is_lost(
    how: str,
    start: Start,
    mortal: Server,
    engine_server: EngineServer,
    held_engine: threading.Event,
) -> None:
    store = connect(mortal.url)
    queue, inbox = JobQueue(store, queue_settings()), Inbox(store, queue_settings())
    worker = start(on=mortal.url, engine_url=engine_server.url, lease_seconds="2")
    job_id = submit(queue)
    wait_for(lambda: running(queue, job_id))

    mortal.kill()
    held_engine.set()  # the answer ends while nothing can be stored
    wait_for(lambda: f"{AWAY[how]}.away" in worker.events())
    time.sleep(1)
    mortal.start()

    one_outcome(queue, inbox, job_id, attempt=1)
    later = submit(queue, 2)
    assert wait_for(lambda: ended(queue, later)).state is JobState.SUCCEEDED
    worker.signal(signal.SIGTERM)
    assert worker.end() == (0, "")
    told = worker.events()
    assert told.count(f"{AWAY[how]}.away") == told.count(f"{AWAY[how]}.back") == 1
    store.close()


@pytest.mark.slow
def test_a_worker_may_start_before_its_store(how: str, start: Start, mortal: Server) -> None:
    mortal.kill()
    worker = start(on=mortal.url)
    wait_for(lambda: f"{AWAY[how]}.away" in worker.events())

    mortal.start()

    store = connect(mortal.url)
    queue = JobQueue(store, queue_settings())
    job_id = submit(queue)
    assert wait_for(lambda: ended(queue, job_id)).state is JobState.SUCCEEDED
    store.close()


@pytest.mark.slow
def test_a_worker_whose_token_is_refused_says_so_and_goes_on_once_a_good_one_lies_there(
    tmp_path: Path, queue: JobQueue, store_url: str, routers: Routers
) -> None:
    router = routers(store_url, LEASE_SECONDS)
    job_id = submit(queue)
    file = tmp_path / "token"
    file.write_text(tinyllama.make_token(sub="worker", scope="worker:run", expires_in=-60))
    variables = {"TINYLLAMA_STORE_URL": "", "TINYLLAMA_WORKER_TOKEN_FILE": str(file)}
    worker = WorkerProcess(tmp_path, ["--via", router.url], variables)
    wait_for(lambda: "credential.refused" in worker.events())

    file.write_text(router.token)

    assert wait_for(lambda: ended(queue, job_id)).state is JobState.SUCCEEDED
    worker.signal(signal.SIGTERM)
    assert worker.end() == (0, "")
    (refused,) = (line for line in worker.lines() if line["event"] == "credential.refused")
    assert (refused["status"], refused["code"]) == (401, "token_expired")
    assert worker.events().count("credential.accepted") == 1
    assert not {"router.away", "router.back"} & set(worker.events())


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_many_jobs_of_5_tenants_succeed_each_once(
    how: str, start: Start, queue: JobQueue, inbox: Inbox, workers: int
) -> None:
    count = 1000 if how == "store" else 200
    jobs = {
        submit(queue, number, tenant=f"tenant-{number % 5}", prompt=f"job number {number}"): number
        for number in range(count)
    }

    began = time.monotonic()
    started = [start("--concurrency", "32", "--name", f"worker-{n}") for n in range(workers)]
    wait_for(lambda: queue.gauge().waiting + queue.gauge().leased == 0, 60)
    took = time.monotonic() - began

    for job_id, number in jobs.items():
        job = queue.fetch(f"tenant-{number % 5}", job_id)
        assert (job.state, job.attempt) == (JobState.SUCCEEDED, 1)
        assert job.result is not None
        assert job.result["text"] == f"job number {number}"
    for tenant in range(5):
        told = [event.payload["job_id"] for event in inbox.page(f"tenant-{tenant}", 0, 1000)]
        assert sorted(told) == sorted(job for job, number in jobs.items() if number % 5 == tenant)
    for worker in started:
        worker.signal(signal.SIGTERM)
        assert worker.end() == (0, "")
    done = [worker.events().count("job.succeeded") for worker in started]
    assert sum(done) == count
    assert all(done)
    assert took < 30, json.dumps(done)
