"""Clocks that disagree: the store's is the only one that counts."""

import subprocess
import time

from chalicelib.queueing import JobQueue
from chaos.audit import Audit
from chaos.config import queue_settings
from chaos.engine import EvilEngine
from chaos.ledger import Ledger
from chaos.observing import come_to_rest
from chaos.processes import Group, python
from chaos.registry import scenario
from chaos.routers import Router
from chaos.stand import REST_SECONDS, Stand, wait_for

_APART_SECONDS = 300
# Long enough for a machine that has much else to do.
_LEASE_SECONDS = 2.0
# A second is what is promised on top of the lease; the rest is this machine's noise.
_RERUN_SECONDS = _LEASE_SECONDS + 1 + 1.5
_MINUTE_MS = 60_000


def _clock(shifted_seconds: int) -> float:
    command = python("-c", "import time; print(time.time())", shifted_seconds=shifted_seconds)
    told = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - no shell, our own words
    return float(told.stdout)


@scenario(
    "clocks",
    "API five minutes ahead, one worker five minutes behind, one ahead",
    "times and leases go by the store's clock alone",
)
def clocks_apart(stand: Stand) -> Audit:
    """Let no two processes agree on the time; kill the worker that is ahead in mid-job."""
    server, evil = stand.server(), stand.engine()
    queue = JobQueue(stand.connect(server.url), queue_settings())
    router = Router(stand, server.url, shifted_seconds=_APART_SECONDS)
    ledger = Ledger(router.front())
    audit = Audit()
    apart = abs(_clock(_APART_SECONDS) - _clock(0))
    audit.expect(apart > _APART_SECONDS / 2, f"the clocks are only {apart:.0f} s apart")
    for shift in (_APART_SECONDS, -_APART_SECONDS):
        took = _rerun_seconds(stand, server.url, ledger, evil, shift)
        audit.expect(took > 0, "a lease that was renewed was lost")
        audit.expect(took < _RERUN_SECONDS, f"a killed worker's job ran again after {took:.1f} s")
    audit.add(stand.audit(ledger, server.url))
    with server.client() as raw:
        now_ms = int(raw.time()[0]) * 1000
    for entry in ledger.entries:
        job = queue.fetch(entry.tenant, str(entry.id))
        times = (job.created_at, job.started_at, job.ended_at)
        apart = max(abs(now_ms - moment) for moment in times if moment)
        audit.expect(apart < 2 * _MINUTE_MS, f"{job.id}: a time {apart} ms off the store's clock")
    return audit


def _rerun_seconds(
    stand: Stand, url: str, ledger: Ledger, evil: EvilEngine, shifted_seconds: int
) -> float:
    """Kill a worker whose clock is shifted, beside one that is shifted the other way.

    Returns how long its job waited for the other; 0 when it had lost the job while it lived.
    """

    def hire(shifted: int) -> Group:
        lease = str(_LEASE_SECONDS)
        return stand.worker(url, engine_url=evil.url, lease_seconds=lease, shifted_seconds=shifted)

    doomed, heir = hire(shifted_seconds), hire(-shifted_seconds)
    heir.await_log("worker.started")
    heir.freeze()
    held = ledger.submit("stall*1 until its worker is killed")
    for _ in range(stand.pick(3, 20)):
        ledger.submit("slow* two three")
    wait_for(lambda: evil.calls[held.key], "the job runs")
    heir.thaw()
    # Longer than a lease: an honest worker must keep it, whatever its clock says.
    time.sleep(1.75 * _LEASE_SECONDS)
    kept = evil.calls[held.key] == 1
    doomed.kill()
    killed = time.monotonic()
    wait_for(lambda: evil.calls[held.key] > 1, "the job runs again")
    took = time.monotonic() - killed
    come_to_rest(stand.connect(url), REST_SECONDS)
    heir.terminate()
    return took if kept else 0
