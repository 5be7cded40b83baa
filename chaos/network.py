"""Between router and store: replies lost, the store away, silent, slow."""

import time

from chaos.audit import Audit
from chaos.ledger import Ledger, Load
from chaos.proxy import Proxy
from chaos.registry import scenario
from chaos.stand import Stand
from tests.servers import Server

_SLOW_SECONDS = 0.5


def _through_a_proxy(stand: Stand) -> tuple[Server, Proxy, Ledger]:
    """Let callers and two workers reach a store through a proxy only."""
    server = stand.server()
    proxy = stand.proxy(server.socket)
    for _ in range(2):
        stand.worker(proxy.url, "--concurrency", "4").await_log("worker.started")
    return server, proxy, stand.ledger(proxy.url)


@scenario(
    "network",
    "a reply is lost now and then",
    "each call is repeated and answered as the first: one job, one end, one event",
)
def some_replies_lost(stand: Stand) -> Audit:
    """Lose the reply to one write after another."""
    server, proxy, ledger = _through_a_proxy(stand)
    with Load(ledger, per_second=60):
        for _ in range(stand.pick(30, 300)):
            proxy.lose_next = 1
            time.sleep(0.1)
    audit = stand.audit(ledger, server.url)
    audit.told.append(f"{proxy.lost} replies lost")
    return audit


@scenario(
    "network",
    "the first reply to every single write is lost",
    "each call is repeated and answered as the first: one job, one end, one event",
)
def every_first_reply_lost(stand: Stand) -> Audit:
    """Answer no write before it is repeated."""
    server, proxy, ledger = _through_a_proxy(stand)
    proxy.lose_first = True
    with Load(ledger, per_second=30):
        time.sleep(stand.pick(4, 30))
    audit = stand.audit(ledger, server.url)
    audit.expect(proxy.lost >= 2 * len(ledger.entries), "hardly a reply was lost")
    audit.told.append(f"{proxy.lost} replies lost")
    return audit


@scenario(
    "network",
    "no write is answered at all for a while, though each is carried out",
    "callers are told 503; what they repeat later makes no second job",
)
def no_write_answered(stand: Stand) -> Audit:
    """Lose every reply to a write, then none."""
    server, proxy, ledger = _through_a_proxy(stand)
    with Load(ledger, per_second=60):
        time.sleep(0.5)
        proxy.lose_all = True
        time.sleep(stand.pick(3, 30))
        proxy.lose_all = False
        time.sleep(0.5)
    audit = stand.audit(ledger, server.url)
    audit.told.append(f"{proxy.lost} replies lost")
    return audit


@scenario(
    "network",
    "store unreachable (30 s in the long form, 5 in the short)",
    "workers wait it out, callers' repeats succeed, nothing acknowledged is lost",
)
def unreachable(stand: Stand) -> Audit:
    """Refuse every connection for a while."""
    server, proxy, ledger = _through_a_proxy(stand)
    with Load(ledger, per_second=60, patience_seconds=60):
        time.sleep(0.7)
        proxy.go_away()
        time.sleep(stand.pick(5, 30))
        proxy.come_back()
        time.sleep(0.5)
    return stand.audit(ledger, server.url)


@scenario(
    "network",
    "store silent: connections stay open and nothing is answered",
    "workers wait it out, callers' repeats succeed, nothing acknowledged is lost",
)
def silent(stand: Stand) -> Audit:
    """Swallow every request for a while."""
    server, proxy, ledger = _through_a_proxy(stand)
    with Load(ledger, per_second=60, patience_seconds=60):
        time.sleep(0.7)
        proxy.silent = True
        time.sleep(stand.pick(4, 30))
        proxy.silent = False
        proxy.cut()
        time.sleep(0.5)
    return stand.audit(ledger, server.url)


@scenario(
    "network",
    "store slow: each reply takes a quarter of a lease",
    "leases are renewed in time: no job runs twice",
)
def slow(stand: Stand) -> Audit:
    """Hold back every reply by half a second while jobs outlive their lease several times."""
    server, evil = stand.server(), stand.engine()
    proxy = stand.proxy(server.socket)
    ledger = stand.ledger(proxy.url)
    for _ in range(2):
        lease = str(4 * _SLOW_SECONDS)
        stand.worker(proxy.url, engine_url=evil.url, lease_seconds=lease)
    proxy.delay_seconds = _SLOW_SECONDS
    for _ in range(stand.pick(6, 60)):
        ledger.submit("slow*1 " + "word " * 28 + "end")
    audit = stand.audit(ledger, server.url)
    runs, jobs = sum(evil.calls.values()), len(ledger.entries)
    audit.expect(runs == jobs, f"{runs} runs of {jobs} jobs")
    return audit
