"""Stores that are killed, or lose their power, under load."""

import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import redis

from chaos.audit import Audit, compare
from chaos.ledger import Load
from chaos.observing import observe
from chaos.registry import scenario
from chaos.stand import Stand
from tests.servers import Server

_LOG = "appendonlydir/appendonly.aof.1.incr.aof"
_NO_REWRITE = ("--auto-aof-rewrite-percentage", "0")
# What a write that was cut short leaves behind.
_TORN = b"*5\r\n$7\r\nEVALSHA\r\n$40\r\n0123"


def _killed(stand: Stand, kind: str) -> Audit:
    server = stand.server(kind=kind)
    ledger = stand.ledger(server.url)
    for _ in range(2):
        stand.worker(server.url, "--concurrency", "8")
    kills = stand.pick(4, 30)
    with Load(ledger, callers=4, per_second=200):
        for _ in range(kills):
            time.sleep(random.uniform(0.5, 1))  # noqa: S311 - any moment will do
            server.kill()
            time.sleep(random.uniform(0, 0.3))  # noqa: S311 - guards nothing
            server.start()
    audit = stand.audit(ledger, server.url)
    audit.told.append(f"{kills} kills")
    return audit


@scenario("store", "kill -9 and restart of Valkey under load", "nothing acknowledged is lost")
def killed_valkey(stand: Stand) -> Audit:
    """Kill the embedded store's server."""
    return _killed(stand, "valkey")


@scenario(
    "store",
    "kill -9 and restart of Redis under load",
    "nothing acknowledged is lost",
    long_only=True,
)
def killed_redis(stand: Stand) -> Audit:
    """Kill the oldest server that is supported."""
    return _killed(stand, "redis")


@scenario(
    "store",
    "power loss: the append-only file cut back to its last fsync (always)",
    "nothing acknowledged is lost, a torn last write is dropped",
)
def power_lost(stand: Stand) -> Audit:
    """Cut the file to its length at the last acknowledgement, which came after the fsync."""
    return _power_lost(stand, "valkey")


@scenario(
    "store",
    "power loss with Redis: its append-only file cut back to its last fsync (always)",
    "nothing acknowledged is lost, a torn last write is dropped",
    long_only=True,
)
def power_lost_redis(stand: Stand) -> Audit:
    """Do the same to the oldest server that is supported."""
    return _power_lost(stand, "redis")


def _power_lost(stand: Stand, kind: str) -> Audit:
    server = stand.server(*_NO_REWRITE, kind=kind)
    ledger = stand.ledger(server.url)
    stand.worker(server.url, "--concurrency", "8")
    cut = 0
    for number in range(stand.pick(4, 25)):
        log, until = server.socket.parent / _LOG, time.monotonic() + random.uniform(0.3, 0.9)  # noqa: S311 - guards nothing
        safe = log.stat().st_size
        while time.monotonic() < until:
            ledger.submit()
            ledger.publish()
            # Whatever lies beyond was not acknowledged to this caller when it was written.
            safe = log.stat().st_size
        cut += _lose_power(server, safe, torn=number % 2 == 0)
        server.start()
    audit = stand.audit(ledger, server.url)
    audit.told.append(f"{cut} bytes cut off")
    return audit


@scenario(
    "store",
    "power loss with everysec, which the product does not choose",
    "told, not promised: how much is acknowledged and lost",
)
def power_lost_with_everysec(stand: Stand) -> Audit:
    """Cut the file to what WAITAOF says is on disk."""
    server = stand.server(*_NO_REWRITE, "--appendfsync", "everysec")
    ledger = stand.ledger(server.url)
    with _last_fsync(server) as safe, Load(ledger, callers=4, per_second=400, patience_seconds=0):
        time.sleep(stand.pick(2.5, 4.5))
        size = safe[-1]
        server.kill()
    _lose_power(server, size, torn=False)
    server.start()
    with server.client() as raw:
        found = compare(ledger.entries, observe(stand.connect(server.url), raw))
    lost = [finding for finding in found.lost if "no such" in finding or "not in the" in finding]
    return Audit(found.tried, found.acknowledged, lost, found.doubled, promised=False)


def _lose_power(server: Server, safe: int, *, torn: bool) -> int:
    """Kill the server and cut its file back to *safe* bytes; how many were cut off."""
    if server.process.poll() is None:
        server.kill()
    log = server.socket.parent / _LOG
    cut = log.stat().st_size - safe
    os.truncate(log, safe)
    if torn:
        with log.open("ab") as file:
            file.write(_TORN)
    return cut


@contextmanager
def _last_fsync(server: Server) -> Iterator[list[int]]:
    """Yield a list whose last item is how many bytes of the file are on disk for certain."""
    log: Path = server.socket.parent / _LOG
    known, over = [0], Event()

    def watch() -> None:
        with server.client() as raw:
            while not over.is_set():
                size = log.stat().st_size
                try:
                    raw.incr("chaos:probe")
                    if raw.execute_command("WAITAOF", 1, 0, 2000)[0]:
                        known.append(size)
                except redis.RedisError:
                    return

    watching = Thread(target=watch)
    watching.start()
    yield known
    over.set()
    watching.join()
