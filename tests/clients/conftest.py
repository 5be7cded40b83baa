"""One engine slowed to a minute, one worker, the routers, and every client asking at once."""

import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

import tinyllama
from chalicelib.settings import PROJECT, child_environment
from tests import leaks
from tests.clients import door
from tests.clients.plays import HERE, SCRIPTS, Given, Play
from tests.clients.routers import Router
from tests.engine import model_server
from tests.worker.engine_server import EngineServer

MODEL = "org/tiny-llama"
SLOW_SECONDS = 60
ERRORS = ("expired", "foreign", "bad_body", "other_model", "waits_its_turn")
OPENAI = (
    *("chat", "stream", "responses", "responses_stream", "background", "cancel", "models"),
    *("no_model", "unscoped", "absent", "limited", *ERRORS),
)
# Script, the environment it runs in, and the cases that it plays.
CLIENTS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "openai": ("openai_sync.py", "clients", OPENAI),
    "openai without threads": (
        "openai_async.py",
        "clients",
        ("chat", "stream", "background", "cancel", "models", *ERRORS[:3], "waits_its_turn"),
    ),
    "openai for Node": ("openai_node.mjs", "node", OPENAI),
    "litellm": (
        "litellm_cases.py",
        "clients-litellm",
        ("chat", "stream", "router", "router_other_model", *ERRORS),
    ),
    "LangChain": ("langchain_cases.py", "clients", ("chat", "stream", "tools", *ERRORS)),
    "llm": (
        "llm_cases.py",
        "clients",
        ("chat", "stream", "responses", "expired", "foreign", "other_model", "waits_its_turn"),
    ),
    "AI SDK": (
        "ai_sdk.mjs",
        "node",
        ("chat", "stream", "responses", "responses_stream", *ERRORS),
    ),
}
SLOW = ("chat", "stream", "responses", "responses_stream", "background", "router")
PINS = {
    "clients": HERE / "requirements.txt",
    "clients-litellm": HERE / "requirements-litellm.txt",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bound every test: a client that hangs ends the suite."""
    for item in items:
        item.add_marker(pytest.mark.timeout(300))


def tenant(client: str, case: str) -> str:
    """Return the tenant that a client's case is: its jobs are that case's own."""
    return f"{client}-{case}".replace(" ", "-").lower()


def command(client: str) -> list[str]:
    """Return how a client's script is run, in its own environment."""
    script, kind, _ = CLIENTS[client]
    if kind == "node":
        return ["node", str(SCRIPTS / script)]
    made = subprocess.run(  # noqa: S603
        [PROJECT / "tests/environment.sh", sys.executable, kind, PINS[kind]],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return [made.stdout.strip(), "-m", f"tests.clients.scripts.{Path(script).stem}"]


@pytest.fixture(scope="session")
def engine_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A random Llama's server behind the door that holds its answers back."""
    folder = tmp_path_factory.mktemp("engine")
    python = model_server.interpreter()
    model_server.make_model(python, folder, MODEL)
    with model_server.serving(python, folder, MODEL) as url, EngineServer() as server:
        server.models = [MODEL]
        server.otherwise = door.slowed(url, SLOW_SECONDS)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.url
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def worker(valkey_url: str, engine_url: str, own_state: Path) -> Iterator[None]:
    """A worker that runs every job at once."""
    del own_state
    variables = {
        "TINYLLAMA_STORE_URL": valkey_url,
        "TINYLLAMA_ENGINE_URL": engine_url,
        "TINYLLAMA_ENGINE_MODEL": MODEL,
    }
    with leaks.output("clients-worker") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "worker", "--concurrency", "48", "--drain-seconds", "1"],
            cwd=PROJECT,
            env=child_environment(variables),
            stdout=output,
            stderr=output,
        )
    yield
    process.terminate()
    process.wait()


@pytest.fixture(scope="session")
def router(valkey_url: str, worker: None) -> Iterator[Router]:
    """The router, its settings as they are."""
    del worker
    started = Router(valkey_url)
    started.await_health("pass")
    yield started
    started.stop()


@pytest.fixture(scope="session")
def strict_router(valkey_url: str, worker: None) -> Iterator[Router]:
    """A router that takes two jobs a minute of a tenant, and then one each 30 seconds."""
    del worker
    started = Router(valkey_url, {"TINYLLAMA_RATE_PER_MINUTE": "2"})
    started.await_health("pass")
    yield started
    started.stop()


@pytest.fixture(scope="session", autouse=True)
def plays(
    router: Router, strict_router: Router, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Play]]:
    """All clients, all their cases running: a minute passes once for all of them."""
    folder = tmp_path_factory.mktemp("clients")
    commands = {client: command(client) for client in CLIENTS}
    with ExitStack() as stack:
        started = {}
        for number, (client, (_, _, cases)) in enumerate(CLIENTS.items()):
            asked = {case: given(client, case, router, strict_router) for case in cases}
            started[client] = Play(commands[client], asked, folder / str(number))
            stack.callback(started[client].end)
        yield started


def given(client: str, case: str, router: Router, strict_router: Router) -> Given:
    """Return what a case is given; where it is to be limited, its tenant has had its share."""
    who = tenant(client, case)
    limited = case in {"limited", "waits_its_turn"}
    if limited:
        for _ in range(2):
            event = {"event_type": "a.b", "payload": {}, "source": "clients"}
            strict_router.ask("POST", "/events", who, event)
    slow = case in {*SLOW, "cancel"}
    return Given(
        base_url=f"{(strict_router if limited else router).url}/v1",
        token=_token(case, who),
        model=MODEL,
        prompt=f"Say {door.SLOWLY} who you are." if slow else f"{who}: who are you?",
    )


def _token(case: str, who: str) -> str:
    if case == "expired":
        return tinyllama.make_token(sub=who, expires_in=-60)
    if case == "foreign":
        return tinyllama.make_token(sub=who, iss="https://other.example")
    return tinyllama.make_token(sub=who, scope="jobs:read" if case == "unscoped" else "infer:write")
