"""A store whose memory runs out, with and without the tick that sees it coming."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from chalicelib.bounds import RetentionSettings
from chalicelib.store import Store
from chalicelib.upkeep import Upkeep
from chaos.audit import Audit
from chaos.config import queue_settings
from chaos.ledger import Load
from chaos.registry import scenario
from chaos.stand import Stand, raw_client, wait_for
from tests.servers import Server

_MEMORY_BYTES = 24 * 1024 * 1024
_PROMPT_BYTES = 48 * 1024
_TICK_SECONDS = 0.25
_WORDS = "brief* " + "x" * _PROMPT_BYTES


@scenario(
    "memory",
    "memory runs out while the tick looks on",
    "nothing new is taken at four fifths; all that was taken runs to its end",
)
def marked_in_time(stand: Stand) -> Audit:
    """Send large prompts until the router takes no more, and go on sending."""
    server, evil = _small(stand), stand.engine()
    ledger = stand.ledger(server.url)
    stand.worker(server.url, "--concurrency", "4", engine_url=evil.url)
    with (
        _ticking(stand.connect(server.url)),
        Load(ledger, words=_WORDS, callers=4, per_second=200, patience_seconds=0),
    ):
        wait_for(lambda: any(each.refused for each in ledger.entries), "a refusal")
        time.sleep(stand.pick(2, 10))
    audit = stand.audit(ledger, server.url)
    refused = [each for each in ledger.entries if each.refused]
    unsure = [each for each in ledger.entries if each.unsure]
    audit.expect(not unsure, f"{len(unsure)} calls met a store that was full")
    audit.told.append(f"{len(refused)} refused, {_share(server):.0%} of the memory used at most")
    return audit


@scenario(
    "memory",
    "memory runs out between two ticks, then there is room again",
    "callers are told 503; nothing acknowledged is lost; what was taken ends once there is room",
)
def filled_unseen(stand: Stand) -> Audit:
    """Fill the memory to the last, leave it so for several leases, then give the store more."""
    server, evil = _small(stand), stand.engine()
    ledger = stand.ledger(server.url)
    stand.worker(server.url, "--concurrency", "4", engine_url=evil.url)
    with Load(ledger, words=_WORDS, callers=4, per_second=200, patience_seconds=0):
        wait_for(lambda: any(each.unsure for each in ledger.entries), "a store that is full")
        time.sleep(stand.pick(3, 15))
    with raw_client(server.url) as raw:
        raw.config_set("maxmemory", 4 * _MEMORY_BYTES)
    audit = stand.audit(ledger, server.url)
    unsure = sum(each.unsure for each in ledger.entries)
    audit.told.append(f"{unsure} calls met a store that was full")
    return audit


def _small(stand: Stand) -> Server:
    limit = ("--maxmemory", str(_MEMORY_BYTES), "--maxmemory-policy", "noeviction")
    return stand.server(*limit)


def _share(server: Server) -> float:
    with server.client() as raw:
        memory = raw.info("memory")
    return float(memory["used_memory_peak"]) / float(memory["maxmemory"])


@contextmanager
def _ticking(store: Store) -> Iterator[None]:
    """Do each quarter of a second what the product does each minute."""
    upkeep, over = Upkeep(store, queue_settings(), RetentionSettings(), time.monotonic), Event()

    def tick() -> None:
        while not over.wait(_TICK_SECONDS):
            upkeep.tick()

    ticking = Thread(target=tick)
    ticking.start()
    yield
    over.set()
    ticking.join()
