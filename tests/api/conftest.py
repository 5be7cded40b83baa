"""The API's tests, the same under ``chalice.test.Client`` and over HTTP to ``chalice local``."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import redis
from chalice.test import Client

import app
import tinyllama
from chalicelib import wiring
from chalicelib.settings import PROJECT
from chalicelib.store import Store
from tests import leaks
from tests.api import stage_proxy
from tests.api.command_line import CommandLine
from tests.api.stage_proxy import StageProxy
from tests.calls import Answer, Api, HandWorker, OverHttp, Transport
from tests.servers import Server
from tests.worker.routers import Router

RELAY_SECONDS = "2"
"""How long a call of the OpenAI API is held: nobody waits for 25 seconds here."""


def forget_parts() -> None:
    """Let the app be wired anew."""
    own = (wiring.key_desk, wiring.api_keys, app.gate, wiring.requests, wiring.tally)
    of_the_store = (wiring.store, wiring.door, wiring.workshop)
    of_the_openai_api = (wiring.relay, wiring.response_desk, wiring.model_lists)
    for part in (*own, *of_the_store, *of_the_openai_api):
        part.cache_clear()


@pytest.fixture(scope="session")
def client_transport(valkey: Server) -> Iterator[Transport]:
    """``chalice.test.Client`` on the suite's store."""
    with pytest.MonkeyPatch.context() as patch, Client(app.app) as client:
        patch.setenv("TINYLLAMA_STORE_URL", valkey.url)
        patch.setenv("TINYLLAMA_RELAY_SECONDS", RELAY_SECONDS)
        forget_parts()

        def send(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
            leaks.LEDGER.note_request(headers, body)
            answer = client.http.request(method, path, headers=dict(headers), body=body)
            found = {name.lower(): str(value) for name, value in answer.headers.items()}
            return Answer(answer.status_code, found, answer.body)

        yield send
        forget_parts()


@pytest.fixture(scope="session")
def http_transport(valkey: Server, own_state: str) -> Iterator[Transport]:
    """``chalice local`` on a port of its own, over HTTP."""
    del own_state
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with leaks.output("chalice-local") as output:
        process = subprocess.Popen(  # noqa: S603
            [
                Path(sys.executable).with_name("chalice"),
                "local",
                "--no-autoreload",
                "--port",
                str(port),
            ],
            cwd=PROJECT,
            env={
                **os.environ,
                "TINYLLAMA_STORE_URL": valkey.url,
                "TINYLLAMA_RELAY_SECONDS": RELAY_SECONDS,
            },
            stdout=output,
        )

    send = OverHttp(f"http://127.0.0.1:{port}")
    deadline = time.monotonic() + 30
    while True:
        try:
            send("GET", "/health", {}, b"")
            break
        except OSError:
            assert process.poll() is None, "chalice local ended"
            assert time.monotonic() < deadline, "chalice local does not answer"
            time.sleep(0.05)
    yield send
    process.terminate()
    process.wait()


@pytest.fixture(scope="module")
def router(valkey_url: str, own_state: Path) -> Iterator[Router]:
    """``chalice local`` on the suite's store, in a process that a test may take as its own."""
    del own_state
    started = Router(valkey_url, 30)
    yield started
    started.stop()


@pytest.fixture
def stage(
    router: Router, store_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[StageProxy]:
    """The router on an empty store, behind what may spoil its answers; commands call it."""
    del store_url
    with stage_proxy.serving(router.url) as proxy:
        monkeypatch.setenv("TINYLLAMA_URL", proxy.url)
        monkeypatch.setenv("TINYLLAMA_TOKEN", tinyllama.make_token(sub="acme"))
        monkeypatch.setenv("TINYLLAMA_CONFIG_DIR", str(tmp_path / "config"))
        monkeypatch.delenv("TINYLLAMA_PROFILE", raising=False)
        yield proxy


@pytest.fixture
def run(stage: StageProxy, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """Commands as they are given at a shell, on that stage."""
    del stage
    return CommandLine(capsys)


@pytest.fixture
def client(stage: StageProxy) -> Iterator[tinyllama.Client]:
    """A client of that stage."""
    del stage
    with tinyllama.Client() as made:
        yield made


@pytest.fixture(params=["client", pytest.param("http", marks=pytest.mark.slow)])
def transport(request: pytest.FixtureRequest, valkey: Server) -> Transport:
    """Each way to reach the API, on an empty store."""
    found: Transport = request.getfixturevalue(f"{request.param}_transport")
    with valkey.client() as direct:
        direct.flushall()
    return found


@pytest.fixture
def api(transport: Transport) -> Api:
    """The API as the tenant acme sees it, with every scope."""
    return Api(transport)


@pytest.fixture
def direct(valkey: Server) -> Iterator["redis.Redis"]:
    """The store itself, past the product."""
    with valkey.client() as client:
        yield client


@pytest.fixture
def hand_worker(store: Store) -> HandWorker:
    """A worker by hand, on the suite's store."""
    return HandWorker(store)
