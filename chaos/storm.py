"""Everything at once: what holds against each blow alone must hold against all of them."""

import random
import time

from chaos.audit import Audit
from chaos.ledger import Load
from chaos.registry import scenario
from chaos.stand import Stand


@scenario(
    "storm",
    "workers and store killed, replies lost, connections cut, an engine that fails now and then",
    "every acknowledged job ends once, no acknowledged event is missing",
)
def all_at_once(stand: Stand) -> Audit:
    """Strike at random, several times a second."""
    server, evil = stand.server(), stand.engine()
    proxy = stand.proxy(server.socket)
    ledger = stand.ledger(proxy.url)
    workers = [stand.worker(proxy.url, "--concurrency", "8", engine_url=evil.url)]
    workers.append(stand.worker(proxy.url, "--concurrency", "8", engine_url=evil.url))

    def lose_a_worker() -> None:
        workers.pop(0).kill()
        workers.append(stand.worker(proxy.url, "--concurrency", "8", engine_url=evil.url))

    def lose_the_store() -> None:
        server.kill()
        server.start()

    def lose_replies() -> None:
        proxy.lose_next = 5

    blows = (lose_a_worker, lose_the_store, lose_replies, lose_replies, proxy.cut)
    seconds, struck = stand.pick(6, 90), 0
    until = time.monotonic() + seconds
    with (
        Load(ledger, words="slow* one two three", callers=2, per_second=20),
        Load(ledger, words="die*1 one two", callers=1, per_second=5),
        Load(ledger, words="error*2 one two", callers=1, per_second=5),
    ):
        while time.monotonic() < until:
            random.choice(blows)()  # noqa: S311 - any order will do
            struck += 1
            time.sleep(random.uniform(0.1, 0.8))  # noqa: S311 - guards nothing
    audit = stand.audit(ledger, server.url, seconds=180)
    audit.told.append(f"{struck} blows in {seconds} s")
    return audit
