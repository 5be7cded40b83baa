"""A cluster as MemoryDB's are: one primary that has all keys, one replica that follows it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chaos.stand import free_port, wait_for
from tests import access
from tests.servers import Server
from tests.store.stores import binary

_QUICK = ("--repl-diskless-sync-delay", "0", "--cluster-node-timeout", "2000")


class Node(Server):
    """One of the two; the product knows its *address*, and signs in as deployed."""

    def __init__(self, folder: Path, kind: str, *options: str) -> None:
        port, bus = free_port(), free_port()
        self.address = f"redis://{access.DEPLOYED}@127.0.0.1:{port}"
        self.where = ("127.0.0.1", port, bus)
        folder.mkdir()
        kind_of_port = "--tls-port" if "--tls-cluster" in options else "--port"
        ports = ("--bind", "127.0.0.1", kind_of_port, str(port), "--cluster-port", str(bus))
        super().__init__(
            folder, binary(kind), "--cluster-enabled", "yes", *ports, *_QUICK, *options
        )

    def ask(self, *words: str | int) -> str:
        """Return what the node's administrator is told."""
        with self.client() as raw:
            raw.response_callbacks.clear()
            return str(raw.execute_command(*words))

    @property
    def primary(self) -> bool:
        """Whether all keys are this node's."""
        return "role:master" in self.ask("INFO", "replication")

    def redirects(self) -> int:
        """Return how many calls it pointed elsewhere."""
        return int(self.ask("INFO", "errorstats").partition("MOVED:count=")[2].split()[0] or 0)

    def take_over(self, *how: str) -> None:
        """Become the primary, *how* the node is told to; returns once it is."""
        self.ask("CLUSTER", "FAILOVER", *how)
        wait_for(lambda: self.primary, "the replica takes over")


@contextmanager
def cluster(folder: Path, kind: str, *options: str) -> Iterator[tuple[Node, Node]]:
    """Start a primary and its replica with further *options*; they end with the block."""
    first, second = (
        Node(folder / f"{kind}-{time.monotonic_ns()}", kind, *options) for _ in range(2)
    )
    first.ask("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
    second.ask("CLUSTER", "MEET", *first.where)
    identity = first.ask("CLUSTER", "MYID")
    wait_for(lambda: identity in second.ask("CLUSTER", "NODES"), "the nodes meet")
    second.ask("CLUSTER", "REPLICATE", identity)
    for each in (first, second):
        wait_for(lambda each=each: "state:ok" in each.ask("CLUSTER", "INFO"), "a cluster")  # type: ignore[misc]
    wait_for(lambda: "link_status:up" in second.ask("INFO", "replication"), "a replica")
    yield first, second
    for each in (first, second):
        each.stop()
