"""A primary that dies or steps down, and the replica that takes over at the same address."""

import time
from contextlib import closing
from dataclasses import dataclass

from chalicelib.store import connect
from chaos.audit import Audit
from chaos.fronts import QueueFront
from chaos.ledger import Ledger, Load
from chaos.proxy import Proxy
from chaos.registry import scenario
from chaos.stand import Stand, free_port, wait_for
from tests.servers import Server

# Longer than a write waits for the replica: callers are refused, and repeat, while it lags.
_LAG_SECONDS = 2.5


class _Anywhere:
    """Answers each call by another process, as functions that scale do: no connection is shared."""

    def __init__(self, url: str, replicas: int) -> None:
        self._url, self._replicas = url, replicas

    def submit(self, tenant: str, key: str, text: str) -> str:
        """See Front."""
        with closing(connect(self._url, self._replicas)) as store:
            return QueueFront(store).submit(tenant, key, text)

    def publish(self, tenant: str, key: str) -> str:
        """See Front."""
        with closing(connect(self._url, self._replicas)) as store:
            return QueueFront(store).publish(tenant, key)


@dataclass
class _Pair:
    """Two servers; clients reach the primary through *front*, the replica through *link*."""

    first: Server
    first_port: int
    second: Server
    second_port: int
    front: Proxy
    link: Proxy

    def fail_over(self) -> None:
        """Kill the primary while its replica lags, promote the replica, replace the dead one."""
        self.link.silent = True
        time.sleep(_LAG_SECONDS)
        self.first.kill()
        self.link.cut()
        with self.second.client() as raw:
            raw.replicaof("NO", "ONE")
        self.front.change_over(self.second_port)
        self.first.launch("--replicaof", f"127.0.0.1 {self.second_port}")
        self.first.await_answer()


def _pair(stand: Stand, kind: str = "valkey") -> _Pair:
    first_port, second_port = free_port(), free_port()
    first = _listening(stand, kind, first_port)
    front, link = stand.proxy(first_port), stand.proxy(first_port)
    second = _listening(stand, kind, second_port, "--replicaof", f"127.0.0.1 {link.port}")
    with second.client() as raw:
        wait_for(lambda: raw.info("replication")["master_link_status"] == "up", "replication")
    return _Pair(first, first_port, second, second_port, front, link)


def _listening(stand: Stand, kind: str, port: int, *options: str) -> Server:
    # Nothing is written to disk: what survives is what the other one has.
    memory = ("--appendonly", "no", "--repl-diskless-sync-delay", "0")
    return stand.server("--port", str(port), "--bind", "127.0.0.1", *memory, *options, kind=kind)


def _fail_over_under_load(stand: Stand, replicas: int, kind: str = "valkey") -> Audit:
    pair = _pair(stand, kind)
    ledger = Ledger(_Anywhere(pair.front.url, replicas))
    for _ in range(2):
        worker = stand.worker(pair.front.url, "--concurrency", "4", store_replicas=str(replicas))
        worker.await_log("worker.started")
    with Load(ledger, callers=4, per_second=150):
        time.sleep(1)
        pair.fail_over()
        time.sleep(stand.pick(1, 5))
    return stand.audit(ledger, pair.second.url)


@scenario(
    "failover",
    "the primary dies while its replica lags, every write waits for one replica (WAIT 1)",
    "nothing acknowledged is lost; what is not on a replica is answered 503",
)
def with_wait(stand: Stand) -> Audit:
    """Fail over with the setting that the replicated store runs under."""
    audit = Audit()
    for _ in range(stand.pick(1, 5)):
        audit.add(_fail_over_under_load(stand, replicas=1))
    return audit


@scenario(
    "failover",
    "the primary dies while its replica lags, WAIT 1, with Redis",
    "nothing acknowledged is lost; what is not on a replica is answered 503",
    long_only=True,
)
def with_wait_redis(stand: Stand) -> Audit:
    """Fail over between two of the oldest server that is supported."""
    return _fail_over_under_load(stand, replicas=1, kind="redis")


@scenario(
    "failover",
    "the primary dies while its replica lags, without WAIT",
    "told, not promised: how much is acknowledged and lost",
)
def without_wait(stand: Stand) -> Audit:
    """Fail over as a store without the setting does."""
    found = _fail_over_under_load(stand, replicas=0)
    return Audit(found.tried, found.acknowledged, found.lost, found.doubled, promised=False)


@scenario(
    "failover",
    "the primary steps down and answers READONLY under the address that clients use",
    "clients leave it by themselves; nothing acknowledged is lost",
)
def read_only(stand: Stand) -> Audit:
    """Hand over in an orderly way, and break nobody's connections."""
    pair = _pair(stand)
    ledger = stand.ledger(pair.front.url)
    for _ in range(2):
        worker = stand.worker(pair.front.url, "--concurrency", "4")
        worker.await_log("worker.started")
    with Load(ledger, per_second=100):
        time.sleep(0.7)
        with pair.first.client() as raw:
            raw.execute_command("FAILOVER", "TO", "127.0.0.1", pair.second_port)
            wait_for(lambda: raw.info("replication")["role"] == "slave", "the step down")
        time.sleep(stand.pick(2, 10))
        pair.front.upstream = pair.second_port
        time.sleep(1)
    return stand.audit(ledger, pair.second.url)
