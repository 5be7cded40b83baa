"""The local system's tick: what the minute's function does on AWS, beside the keeper's own work."""

import contextlib
import logging
import threading
import time

from chalicelib import bounds, settings, store
from chalicelib.errors import StoreUnavailable
from chalicelib.upkeep import Report, Upkeep

log = logging.getLogger("tinyllama.keeper")


def upkeep(url: str) -> Upkeep:
    """Return what does what is due in the store at *url*. Raises NotConfigured."""
    where = settings.store_settings(url)
    queue, retention = bounds.queue_settings(), bounds.retention_settings()
    connection = store.connect(where.url, where.replicas, where.sign_in)
    return Upkeep(connection, queue, retention, time.monotonic)


class Ticker:
    """Ticks once in each *period_seconds*, in a thread that its process need not wait for."""

    def __init__(self, upkeep: Upkeep, period_seconds: float) -> None:
        self._upkeep = upkeep
        self._period = period_seconds
        self._due = 0.0
        self._thread: threading.Thread | None = None

    def tend(self, now: float) -> None:
        """Begin a tick if one is due and none runs any more."""
        if now < self._due or (self._thread is not None and self._thread.is_alive()):
            return
        self._due = now + self._period
        self._thread = threading.Thread(target=self._tick, name="tick", daemon=True)
        self._thread.start()

    def _tick(self) -> None:
        # Told by the tick itself; the keeper sees to the store.
        with contextlib.suppress(StoreUnavailable):
            _tell(self._upkeep.tick(budget_seconds=self._period))


def _tell(report: Report) -> None:
    did = [f"{verb} {count}" for verb, count in report.done.items() if count]
    if did or report.failed:
        log.info("tick: %s", ", ".join([*did, f"failed {report.failed}"]))
