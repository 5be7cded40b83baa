"""The HTTP API under attack, between callers and store, and between workers and store."""

import time

from chaos.audit import Audit
from chaos.ledger import Ledger, Load
from chaos.processes import Group
from chaos.registry import scenario
from chaos.routers import Router
from chaos.stand import Stand


@scenario(
    "http",
    "kill -9 of the API process under load",
    "what was answered 2xx is kept; what is repeated makes no second job or event",
)
def api_killed(stand: Stand) -> Audit:
    """Kill the process that answers callers, and start it again."""
    server = stand.server()
    router = Router(stand, server.url)
    ledger = Ledger(router.front())
    stand.worker(server.url)
    kills = stand.pick(2, 15)
    with Load(ledger, callers=4, per_second=30):
        for _ in range(kills):
            time.sleep(1.5)
            router.kill()
            router.restart()
        time.sleep(0.5)
    audit = stand.audit(ledger, server.url)
    audit.told.append(f"{kills} kills")
    return audit


@scenario(
    "http",
    "kill -9 of the store, lost replies and a slow store behind the API",
    "what was answered 2xx is kept; what is repeated makes no second job or event",
)
def store_under_api(stand: Stand) -> Audit:
    """Do to the store what its own scenarios do, with callers who only see HTTP."""
    server = stand.server()
    proxy = stand.proxy(server.socket)
    ledger = Ledger(Router(stand, proxy.url).front())
    stand.worker(proxy.url)
    with Load(ledger, callers=4, per_second=30):
        for _ in range(stand.pick(1, 10)):
            time.sleep(0.7)
            server.kill()
            time.sleep(0.3)
            server.start()
            proxy.lose_first = True
            time.sleep(1)
            proxy.lose_first, proxy.delay_seconds = False, 0.3
            time.sleep(1)
            proxy.delay_seconds = 0
    return stand.audit(ledger, server.url)


@scenario(
    "http",
    "workers over HTTPS: API and worker killed, replies lost behind the API",
    "every acknowledged job ends once, as with workers on the store",
)
def workers_over_https(stand: Stand) -> Audit:
    """Let workers reach the store through the API alone, and strike on either side of it."""
    server, evil = stand.server(), stand.engine()
    proxy = stand.proxy(server.socket)
    router = Router(stand, proxy.url)
    ledger = stand.ledger(server.url)

    def hire() -> Group:
        far = ("--via", router.address, "--poll-seconds", "0.5")
        return stand.worker("", *far, engine_url=evil.url, worker_token=router.worker_token())

    workers = [hire(), hire()]
    with Load(ledger, words="slow* one two", per_second=4):
        for _ in range(stand.pick(1, 10)):
            time.sleep(1.5)
            workers.pop(0).kill()
            workers.append(hire())
            proxy.lose_first = True
            time.sleep(1.5)
            proxy.lose_first = False
            router.kill()
            router.restart()
            time.sleep(1)
    # Each job is half a dozen calls of one slow development server.
    return stand.audit(ledger, server.url, seconds=180)
