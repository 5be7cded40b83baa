"""The worker's metrics, read over HTTP as Prometheus reads them."""

import asyncio
import os
import signal
import socket
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from chalicelib import __version__
from chalicelib.errors import NotConfigured
from chalicelib.jobs import JsonObject
from chalicelib.leasing import JobLeases
from chalicelib.queueing import JobQueue
from tests.worker.doubles import Flaky, Gated, Scripted
from tests.worker.engine_server import EngineServer
from tests.worker.harness import ended, submit, wait_for
from worker.__main__ import main
from worker.engines import Engine, EngineFailure
from worker.loop import Worker, WorkerSettings
from worker.metrics import PrometheusMeasures, serving
from worker.ways import Way, near

pytestmark = pytest.mark.slow  # a server of its own

type Sample = tuple[str, frozenset[tuple[str, str]]]


@pytest.fixture
def port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def read(port: int) -> Mapping[Sample, float]:
    """Return what is told on *port*, by name and labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        told = answer.read().decode()
    return {
        (sample.name.removeprefix("tinyllama_worker_"), frozenset(sample.labels.items())): float(
            sample.value
        )
        for family in text_string_to_metric_families(told)
        for sample in family.samples
    }


def of(metric: str, **labels: str) -> Sample:
    return metric, frozenset(labels.items())


def run_command(arguments: list[str], meanwhile: Callable[[], object]) -> int:
    """Run the worker's command here until *meanwhile*, in a thread of its own, is over."""

    def then_stop() -> None:
        try:
            meanwhile()
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=then_stop)
    thread.start()
    code = main(arguments)
    thread.join()
    return code


@pytest.fixture
def measures() -> PrometheusMeasures:
    """What counts, of a worker on the store."""
    return PrometheusMeasures(WorkerSettings("one", 3, 5), "store")


@pytest.fixture
def told(measures: PrometheusMeasures, port: int) -> Iterator[Callable[[], Mapping[Sample, float]]]:
    """Read what was counted, over HTTP."""
    with serving(measures, "127.0.0.1", port):
        yield lambda: read(port)


def test_the_command_tells_its_metrics_until_it_ends(
    store_url: str,
    queue: JobQueue,
    engine_server: EngineServer,
    port: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TINYLLAMA_STORE_URL", store_url)
    monkeypatch.setenv("TINYLLAMA_ENGINE_URL", engine_server.url)
    job_id = submit(queue)
    seen: list[Mapping[Sample, float]] = []

    def over() -> bool:
        seen.append(read(port))
        return of("jobs_total", outcome="succeeded", code="") in seen[-1]

    def meanwhile() -> None:
        wait_for(lambda: ended(queue, job_id))
        wait_for(over)

    arguments = ["--metrics-port", str(port), "--name", "one", "--concurrency", "2"]
    code = run_command(arguments, meanwhile)

    told = seen[-1]
    assert code == 0
    assert told[of("info", version=__version__, name="one")] == 1
    assert (told[of("slots")], told[of("jobs_running")]) == (2, 0)
    assert told[of("jobs_total", outcome="succeeded", code="")] == 1
    assert told[of("run_seconds_count")] == told[of("first_token_seconds_count")] == 1
    assert 0 < told[of("first_token_seconds_sum")] <= told[of("run_seconds_sum")]
    assert told[of("text_chunks_total")] == 2
    assert told[of("tokens_total", kind="prompt")] == 3
    assert told[of("tokens_total", kind="completion")] == 2
    assert told[of("away", of="store")] == told[of("outages_total", of="store")] == 0
    with pytest.raises(urllib.error.URLError):
        read(port)


def test_without_a_port_nobody_listens_and_the_client_is_not_needed(
    store_url: str, queue: JobQueue, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYLLAMA_STORE_URL", store_url)
    monkeypatch.setitem(sys.modules, "worker.metrics", None)
    job_id = submit(queue)

    code = run_command([], lambda: wait_for(lambda: ended(queue, job_id)))

    assert code == 0
    with pytest.raises(urllib.error.URLError):
        read(port)


def test_a_port_that_is_taken_stops_the_start_in_one_sentence(
    store_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TINYLLAMA_STORE_URL", store_url)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        code = main(["--metrics-port", str(port)])

    written = capsys.readouterr()
    assert code == 2
    assert written.err == (
        f"--metrics-port: cannot listen on 127.0.0.1, port {port} (Address already in use)\n"
    )
    assert written.out == ""


def test_a_host_that_is_none_stops_the_start(measures: PrometheusMeasures, port: int) -> None:
    with (
        pytest.raises(NotConfigured, match="cannot listen on no host"),
        serving(measures, "no host", port),
    ):
        pytest.fail("it listens")


def test_without_the_client_a_port_stops_the_start(
    store_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TINYLLAMA_STORE_URL", store_url)
    monkeypatch.setitem(sys.modules, "worker.metrics", None)

    code = main(["--metrics-port", "9100"])

    assert code == 2
    assert "install it" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [["--metrics-port", "0"], ["--metrics-port", "65536"], ["--metrics-host", "127.0.0.1"]],
)
def test_a_bad_metrics_argument_stops_the_start(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)

    assert stopped.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def work_measured(
    way: Way, engine: Engine, measures: PrometheusMeasures, meanwhile: Callable[[], object]
) -> None:
    """Run a worker that counts until *meanwhile* returned; what still runs then is given back."""

    async def run() -> None:
        worker = Worker(way, engine, WorkerSettings("one", 3, 0), measures)
        working = asyncio.create_task(worker.run())
        try:
            await asyncio.to_thread(meanwhile)
        finally:
            worker.drain()
            await working

    asyncio.run(run())


def failing(failure: EngineFailure) -> Scripted:
    async def fail(*_: object) -> JsonObject:
        raise failure

    return Scripted(fail)


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [
        (EngineFailure("engine_refused", "it said no"), "failed"),
        (EngineFailure("engine_timeout", "it was silent", retry_after_seconds=0), "retried"),
    ],
)
def test_failures_are_counted_by_code(
    leases: JobLeases,
    queue: JobQueue,
    measures: PrometheusMeasures,
    told: Callable[[], Mapping[Sample, float]],
    failure: EngineFailure,
    outcome: str,
) -> None:
    submit(queue)
    over = of("jobs_total", outcome=outcome, code=failure.code)

    work_measured(
        near(leases), failing(failure), measures, lambda: wait_for(lambda: told().get(over))
    )

    assert told()[of("engine_failures_total", code=failure.code)] >= 1
    assert told()[of("jobs_running")] == 0


def test_a_run_counts_as_running_and_then_by_what_became_of_it(
    leases: JobLeases,
    queue: JobQueue,
    measures: PrometheusMeasures,
    told: Callable[[], Mapping[Sample, float]],
) -> None:
    engine = Gated(first="Hel", rest="")
    cancelled, erased = submit(queue, 1), submit(queue, 2)
    seen: list[Mapping[Sample, float]] = []

    def meanwhile() -> None:
        wait_for(lambda: told()[of("jobs_running")] == 2)
        queue.cancel("tenant", cancelled)
        queue.erase("tenant", erased, force=True)
        wait_for(lambda: told()[of("jobs_running")] == 0)
        submit(queue, 3)
        wait_for(lambda: told()[of("text_chunks_total")] == 3)
        seen.append(told())

    work_measured(near(leases), engine, measures, meanwhile)

    assert seen[0][of("jobs_running")] == 1
    ends = {"cancelled": 1.0, "lease_lost": 1.0, "released": 1.0}
    after = told()
    assert {each: after[of("jobs_total", outcome=each, code="")] for each in ends} == ends
    assert after[of("run_seconds_count")] == 1
    assert after[of("first_token_seconds_count")] == 3
    assert after[of("jobs_running")] == 0


def test_outages_are_counted(
    leases: JobLeases, measures: PrometheusMeasures, told: Callable[[], Mapping[Sample, float]]
) -> None:
    flaky = Flaky(near(leases), "claim", -1)
    away, outages = of("away", of="store"), of("outages_total", of="store")
    seen: list[tuple[float, float]] = []

    def meanwhile() -> None:
        wait_for(lambda: told()[away])
        seen.append((told()[away], told()[outages]))
        flaky.left = 0
        wait_for(lambda: not told()[away])

    work_measured(replace(flaky.way, beat=None), Gated(), measures, meanwhile)

    assert seen == [(1, 1)]
    assert told()[outages] == 1
