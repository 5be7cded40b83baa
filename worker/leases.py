"""Keeps leases: a thread of its own that no engine and no event loop can starve."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from chalicelib.errors import LeaseLost, StoreUnavailable
from chalicelib.queueing import Claim, JobQueue
from worker.patience import STORE_FIRST_SECONDS, STORE_MOST_SECONDS, Outage, backoff_seconds

BEAT_SECONDS = 1.0
RENEWALS_PER_LEASE = 3


@dataclass
class _Held:
    claim: Claim
    due: float
    lost: Callable[[], None]
    failures: int = 0


class LeaseKeeper:
    """Renews what is held each third of a lease, and tells each second that the worker lives.

    A context manager: the thread runs inside.
    """

    def __init__(self, queue: JobQueue, name: str, outage: Outage) -> None:
        self._queue = queue
        self._name = name
        self._outage = outage
        self._period_seconds = queue.lease_seconds / RENEWALS_PER_LEASE
        self._held: dict[str, _Held] = {}
        self._changed = threading.Condition()
        self._stopped = False
        self._next_beat = monotonic()
        self._thread = threading.Thread(target=self._keep, name="lease-keeper", daemon=True)

    def __enter__(self) -> "LeaseKeeper":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join(timeout=BEAT_SECONDS)

    @property
    def alive(self) -> bool:
        """Whether leases are being renewed; False after an error nobody foresaw."""
        return self._thread.is_alive()

    def hold(self, claim: Claim, since: float, lost: Callable[[], None]) -> None:
        """Renew *claim*, leased not before *since* (monotonic seconds), until it is let go.

        *lost* is called once, from the keeper's thread, when the store says the lease is gone.
        """
        with self._changed:
            self._held[claim.token] = _Held(claim, since + self._period_seconds, lost)
            self._changed.notify()

    def let_go(self, claim: Claim) -> None:
        """Renew *claim* no longer; fine when it is not held."""
        with self._changed:
            self._held.pop(claim.token, None)

    def _keep(self) -> None:
        while (due := self._wait()) is not None:
            for held in due:
                self._renew(held)
            if monotonic() >= self._next_beat:
                self._beat()

    def _wait(self) -> list[_Held] | None:
        """Wait until something is due; return the leases that are, or None to stop."""
        with self._changed:
            while not self._stopped:
                now = monotonic()
                due = sorted(
                    (held for held in self._held.values() if held.due <= now),
                    key=lambda held: held.due,
                )
                if due or self._next_beat <= now:
                    return due
                dues = [held.due for held in self._held.values()]
                self._changed.wait(min([self._next_beat, *dues]) - now)
        return None

    def _renew(self, held: _Held) -> None:
        asked = monotonic()
        try:
            self._queue.extend(held.claim)
        except StoreUnavailable as error:
            self._outage.begins(error)
            held.failures += 1
            pause = backoff_seconds(held.failures, STORE_FIRST_SECONDS, STORE_MOST_SECONDS)
            held.due = monotonic() + min(pause, self._period_seconds)
        except LeaseLost:
            with self._changed:
                known = self._held.pop(held.claim.token, None) is not None
            # A lease that was let go meanwhile ended by its finish.
            if known:
                held.lost()
        else:
            self._outage.ends()
            held.failures = 0
            held.due = asked + self._period_seconds

    def _beat(self) -> None:
        try:
            self._queue.beat(self._name)
        except StoreUnavailable as error:
            self._outage.begins(error)
        else:
            self._outage.ends()
        self._next_beat = monotonic() + BEAT_SECONDS
