"""Which kinds of store the suites run on, and how each is started."""

import os
import shutil
import socket
import time
from pathlib import Path

import pytest

from tests.servers import CHOSEN, Server, store_binary

# The first is the whole suite's own; the others are for the slow tests alone.
KINDS = ("chosen",) if CHOSEN else ("valkey", "redis")


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


def binary(kind: str) -> Path:
    """Return the server of that *kind*, ``-cluster`` or not."""
    return _redis_server() if kind.startswith("redis") else store_binary()


def start(folder: Path, kind: str, *options: str) -> Server:
    """Start one of KINDS in a new *folder*; with ``-cluster`` as one node that has all slots."""
    folder.mkdir()
    if not kind.endswith("-cluster"):
        return Server(folder, binary(kind), *options)
    # Clients use the Unix socket; the cluster's own bus knows only ports.
    bus = ("--bind", "127.0.0.1", "--cluster-port", str(_free_port()))
    server = Server(folder, binary(kind), "--cluster-enabled", "yes", *bus, *options)
    with server.client() as client:
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        deadline = time.monotonic() + 20
        while client.execute_command("CLUSTER INFO")["cluster_state"] != "ok":
            assert time.monotonic() < deadline, "the cluster does not come up"
            time.sleep(0.01)
    return server
