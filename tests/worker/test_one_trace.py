"""One request through real processes: the API's log, the worker's, and what the engine got."""

import http.client
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

import tinyllama
from chalicelib import tracing
from chalicelib.jobs import JsonObject
from chalicelib.settings import PROJECT, child_environment
from tests import leaks
from tests.worker.engine_server import EngineServer
from tests.worker.harness import wait_for

pytestmark = pytest.mark.slow  # two processes

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
ASKED = f"00-{TRACE_ID}-00f067aa0ba902b7-01"

# What docs/observability.md shows of these very lines.
EXAMPLE = (
    (PROJECT / "docs" / "observability.md")
    .read_text(encoding="utf-8")
    .partition("```json\n")[2]
    .partition("```")[0]
)

type Start = Callable[..., Path]


@pytest.fixture
def start(tmp_path: Path, store_url: str, engine_server: EngineServer) -> Iterator[Start]:
    """Start processes of the product; each writes a log of its own, whose path is returned."""
    started: list[subprocess.Popen[bytes]] = []
    variables = {
        "TINYLLAMA_STORE_URL": store_url,
        "TINYLLAMA_ENGINE_URL": engine_server.url,
    }

    def start(*command: str | Path) -> Path:
        log = tmp_path / f"process-{len(started)}.log"
        with log.open("wb") as out:
            started.append(
                subprocess.Popen(  # noqa: S603 - our own programs
                    command, cwd=PROJECT, env=child_environment(variables), stdout=out
                )
            )
        return log

    yield start
    for process in started:
        process.terminate()
        process.wait()


def lines(log: Path) -> Sequence[JsonObject]:
    """Return the whole lines that were logged so far."""
    written = log.read_text().rpartition("\n")[0].splitlines()
    return [json.loads(line) for line in written if line.startswith("{")]


def call(port: int, method: str, path: str, body: JsonObject | None = None) -> JsonObject:
    """Call the API as a tenant does, with a trace of the caller's own."""
    headers = {
        "Authorization": f"Bearer {tinyllama.make_token(sub='acme', scope='infer:write')}",
        "Content-Type": "application/json",
        "Traceparent": ASKED,
    }
    told = None if body is None else json.dumps(body).encode()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request(method, path, told, headers)
    answer: JsonObject = json.loads(connection.getresponse().read())
    connection.close()
    return answer


def answers(port: int) -> bool:
    """Whether the API is up."""
    try:
        return "paths" in call(port, "GET", "/openapi.json")
    except OSError:
        return False


def test_caller_api_worker_and_engine_tell_of_one_trace(
    start: Start, engine_server: EngineServer
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    chalice = Path(sys.executable).with_name("chalice")
    api = start(chalice, "local", "--no-autoreload", "--port", str(port))
    worker = start(sys.executable, "-m", "worker")
    wait_for(lambda: answers(port))
    prompt = leaks.LEDGER.note("a prompt", f"Tell of one trace {time.monotonic_ns()}")

    job = call(port, "POST", "/infer", {"prompt": prompt})

    ended = wait_for(lambda: [each for each in lines(worker) if each["event"] == "job.succeeded"])
    asked = wait_for(lambda: [each for each in lines(api) if each["event"] == "request"])
    assert [(each["job_id"], each["traceparent"]) for each in asked] == [(job["id"], ASKED)]
    of_the_job = [each for each in lines(worker) if "job_id" in each]
    assert [each["event"] for each in of_the_job] == ["job.claimed", "job.succeeded"]
    assert {(each["job_id"], each["trace_id"]) for each in of_the_job} == {(job["id"], TRACE_ID)}
    assert ended[0]["traceparent"] == ASKED
    (told,) = engine_server.traceparents
    step = tracing.parse(told or "")
    assert step is not None
    assert step.trace_id == TRACE_ID
    assert str(step) != ASKED
    shown = [json.loads(text) for text in re.findall(r"^{.+?}$", EXAMPLE, re.MULTILINE | re.DOTALL)]
    assert [[*line] for line in shown] == [[*line] for line in (*asked, *of_the_job)]
