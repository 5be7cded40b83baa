"""What every suite shares: real stores of the suite's own, and settings that reach nothing else."""

import signal
import tempfile
import threading
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from chalicelib.store import Store, connect
from tests import leaks
from tests.servers import Server, store_binary


def pytest_configure(config: pytest.Config) -> None:
    """Search what every test writes for tokens, prompts and secrets."""
    config.pluginmanager.register(leaks.Watch(leaks.LEDGER))


@pytest.fixture(scope="session", autouse=True)
def nothing_let_out(short_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Search the logs of all processes that the session started, once they have ended."""
    yield
    leaks.LEDGER.look_at_files(short_folder)
    leaks.LEDGER.look_at_files(tmp_path_factory.getbasetemp())
    leaks.look_at_outputs(leaks.LEDGER)


# A shell that starts a suite in the background lets it, and all that it starts, ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def short_folder() -> Iterator[Path]:
    """A folder whose path is short enough for sockets (104 characters on macOS)."""
    with tempfile.TemporaryDirectory(prefix="tl-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def valkey(short_folder: Path) -> Iterator[Server]:
    """A Valkey of the suite's own."""
    folder = short_folder / "valkey"
    folder.mkdir()
    server = Server(folder, store_binary(), "--appendonly", "no")  # nothing kills it
    yield server
    server.stop()


@pytest.fixture(scope="session")
def valkey_url(valkey: Server) -> str:
    """Where the suite's Valkey listens."""
    return valkey.url


@pytest.fixture
def store_url(valkey: Server) -> str:
    """The suite's Valkey, emptied."""
    with valkey.client() as client:
        client.flushall()
    return valkey.url


@pytest.fixture(scope="session", autouse=True)
def own_state(short_folder: Path) -> Iterator[Path]:
    """Keep development keys, data and profiles of the suite away from the developer's own."""
    state = short_folder / "state"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYLLAMA_STATE_DIR", str(state))
        patch.setenv("TINYLLAMA_CONFIG_DIR", str(short_folder / "config"))
        yield state


@pytest.fixture(scope="session")
def store(valkey: Server) -> Iterator[Store]:
    """The product's own connection to the suite's Valkey."""
    connection = connect(valkey.url)
    yield connection
    connection.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    """Let what a test sets off for later end before its fixtures do: a store closed meanwhile."""
    try:
        return (yield)
    finally:
        for thread in threading.enumerate():
            if isinstance(thread, threading.Timer):
                thread.join()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell how many tests of each kind ran: a suite that stayed out is seen at a glance."""
    counts: dict[str, Counter[str]] = {}
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.getreports(outcome):
            kind = report.nodeid.split("/")[1]
            counts.setdefault(kind, Counter())[outcome] += 1
    terminalreporter.section("tests of each kind")
    for kind, outcomes in sorted(counts.items()):
        told = ", ".join(f"{number} {outcome}" for outcome, number in outcomes.items())
        terminalreporter.write_line(f"{kind:8} {told}")
