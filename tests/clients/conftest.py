"""One engine slowed to a minute, one worker, the routers, and every client asking at once."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

import tinyllama
from chalicelib.settings import PROJECT, child_environment
from tests import leaks
from tests.clients import door
from tests.clients.catalogue import CLIENTS, MODEL, SLOW, SLOW_SECONDS, tenant
from tests.clients.gateway import Gateway
from tests.clients.plays import HERE, SCRIPTS, Given, Play
from tests.clients.routers import Router
from tests.engine import model_server
from tests.worker.engine_server import EngineServer

# Nineteen waits to a chain of openai's clients.
HASTY_SECONDS = SLOW_SECONDS / 2 / 19
MIDDLE_SECONDS = 5
PINS = {
    "clients": HERE / "requirements.txt",
    "clients-litellm": HERE / "requirements-litellm.txt",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bound every test: a client that hangs ends the suite."""
    for item in items:
        item.add_marker(pytest.mark.timeout(300))


def command(client: str) -> list[str]:
    """Return how a client's script is run, in its own environment."""
    script, kind = CLIENTS[client].script, CLIENTS[client].environment
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
            [sys.executable, "-m", "worker", "--concurrency", "64", "--drain-seconds", "1"],
            cwd=PROJECT,
            env=child_environment(variables),
            stdout=output,
            stderr=output,
        )
    yield
    process.terminate()
    process.wait()


@contextmanager
def serving(started: Router) -> Iterator[Router]:
    """Wait until it serves, and end it at last."""
    started.await_health("pass")
    yield started
    started.stop()


@pytest.fixture(scope="session")
def router(valkey_url: str, worker: None) -> Iterator[Router]:
    """The router, its settings as they are."""
    del worker
    with serving(Router(valkey_url)) as started:
        yield started


@pytest.fixture(scope="session")
def strict_router(valkey_url: str, worker: None) -> Iterator[Router]:
    """A router that takes two jobs a minute of a tenant, and then one each 30 seconds."""
    del worker
    with serving(Router(valkey_url, {"TINYLLAMA_RATE_PER_MINUTE": "2"})) as started:
        yield started


@pytest.fixture(scope="session")
def hasty_router(valkey_url: str, worker: None) -> Iterator[Router]:
    """A router whose chains of redirects end after half the engine's minute."""
    del worker
    with serving(Router(valkey_url, wait_seconds=HASTY_SECONDS)) as started:
        yield started


@pytest.fixture(scope="session")
def mortal_router(valkey_url: str, worker: None) -> Iterator[Router]:
    """A router that is killed while clients wait for it."""
    del worker
    with serving(Router(valkey_url)) as started:
        yield started


@pytest.fixture(scope="session")
def gateway(mortal_router: Router) -> Iterator[Gateway]:
    """What stays when the mortal router goes."""
    with Gateway(mortal_router.port) as standing:
        thread = threading.Thread(target=standing.serve_forever, args=(0.01,))
        thread.start()
        yield standing
        standing.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def addresses(
    router: Router, strict_router: Router, hasty_router: Router, gateway: Gateway
) -> Mapping[str, str]:
    """Where the cases go that do not go to the router as it is; by their names."""
    return {
        "limited": strict_router.url,
        "waits_its_turn": strict_router.url,
        "beyond_the_hops": hasty_router.url,
        "router_beyond_the_hops": hasty_router.url,
        "restart": gateway.url,
        "": router.url,
    }


@pytest.fixture(scope="session", autouse=True)
def plays(
    mortal_router: Router,
    addresses: Mapping[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Mapping[str, Play]]:
    """All clients, all their cases running: a minute passes once for all of them."""
    folder = tmp_path_factory.mktemp("clients")
    commands = {client: command(client) for client in CLIENTS}
    with ExitStack() as stack:
        started = {}
        for number, (name, client) in enumerate(CLIENTS.items()):
            asked = {
                case: given(name, case, addresses.get(case, addresses[""])) for case in client.cases
            }
            started[name] = Play(commands[name], asked, folder / str(number))
            stack.callback(started[name].end)
        restart(mortal_router)
        yield started


def restart(mortal_router: Router) -> None:
    """Kill the router once all wait that are to, in the middle of a hop, and start it again."""
    waiting = [tenant(name, "restart") for name in CLIENTS if "restart" in CLIENTS[name].cases]
    deadline = time.monotonic() + SLOW_SECONDS
    while not all(mortal_router.jobs(who) for who in waiting):
        assert time.monotonic() < deadline, "not everybody waits"
        time.sleep(0.2)
    time.sleep(MIDDLE_SECONDS)
    mortal_router.kill()
    mortal_router.launch()
    mortal_router.await_health("pass")


def given(client: str, case: str, address: str) -> Given:
    """Return what a client's case is given."""
    who = tenant(client, case)
    slow = case in {*SLOW, "cancel"}
    return Given(
        base_url=f"{address}/v1",
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
