"""Keeps leases: threads of its own that no engine and no event loop can starve."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from enum import Enum
from math import inf
from time import monotonic

from chalicelib.errors import LeaseLost, StoreUnavailable
from chalicelib.leasing import Claim
from worker.patience import Outage, pause_seconds
from worker.ways import Way

BEAT_SECONDS = 1.0
LEAVE_SECONDS = 1.0
RENEWALS_PER_LEASE = 3
# So many calls may be slow at once before a lease waits for another's renewal.
RENEWERS = 16


class News(Enum):
    """What a renewal may hear."""

    CANCEL = "cancel"
    LOST = "lost"


@dataclass
class _Held:
    claim: Claim
    due: float
    period_seconds: float
    heard: Callable[[News], None]
    failures: int = 0


class LeaseKeeper:
    """Renews what is held in good time. Tells each second that the worker lives, and its end.

    One thread watches the clock and never calls; the calls are others', so that a slow one delays
    its own lease alone. A context manager: the threads run inside.
    """

    def __init__(self, way: Way, name: str, slots: int, outage: Outage) -> None:
        self._way = way
        self._name = name
        self._slots = slots
        self._models: Sequence[str] | None = None
        self._outage = outage
        self._held: dict[str, _Held] = {}
        self._changed = threading.Condition()
        self._stopped = False
        self._next_beat = monotonic() if way.beat else inf
        self._failure: BaseException | None = None
        self._clock = threading.Thread(target=self._keep, name="lease-keeper", daemon=True)
        self._renewers = ThreadPoolExecutor(min(slots, RENEWERS) + 1, thread_name_prefix="renewal")

    def __enter__(self) -> "LeaseKeeper":
        self._clock.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._clock.join()
        # One that is still beating may come after this and undo it.
        if self._way.beat is not None and self._next_beat != inf:
            wait([self._renewers.submit(self._beat, 0)], LEAVE_SECONDS)
        self._renewers.shutdown(wait=False, cancel_futures=True)

    def require_alive(self) -> None:
        """Raise RuntimeError when leases are no longer renewed, after an error nobody foresaw."""
        if self._failure is not None or not self._clock.is_alive():
            raise RuntimeError("the lease keeper has ended") from self._failure

    def offer(self, models: Sequence[str]) -> None:
        """Tell with each beat from now on that the worker serves *models*."""
        self._models = models

    def hold(self, claim: Claim, since: float, heard: Callable[[News], None]) -> None:
        """Renew *claim*, leased not before *since* (monotonic seconds), until it is let go.

        *heard* is called from a thread of the keeper's: with CANCEL each time the store says that
        a cancel was asked, with LOST once when it says that the lease is gone.
        """
        third = self._way.leases.lease_seconds / RENEWALS_PER_LEASE
        period = min(third, self._way.renewal_seconds)
        with self._changed:
            self._held[claim.token] = _Held(claim, since + period, period, heard)
            self._changed.notify()

    def let_go(self, claim: Claim) -> None:
        """Renew *claim* no longer; fine when it is not held."""
        with self._changed:
            self._held.pop(claim.token, None)

    def _keep(self) -> None:
        while (due := self._wait()) is not None:
            for deed in due:
                self._renewers.submit(deed).add_done_callback(self._done)

    def _wait(self) -> list[Callable[[], None]] | None:
        """Wait until something is due; return the calls to make, or None to stop."""
        with self._changed:
            while not self._stopped:
                now = monotonic()
                due = [held for held in self._held.values() if held.due <= now]
                deeds = [self._renewal(held) for held in sorted(due, key=lambda held: held.due)]
                if self._next_beat <= now:
                    self._next_beat = inf
                    deeds.append(lambda: self._beat(self._slots))
                if deeds:
                    return deeds
                next_due = min([self._next_beat, *(held.due for held in self._held.values())])
                self._changed.wait(None if next_due == inf else next_due - now)
        return None

    def _renewal(self, held: _Held) -> Callable[[], None]:
        held.due = inf  # until the call is over: never two for one lease
        return lambda: self._renew(held)

    def _renew(self, held: _Held) -> None:
        asked = monotonic()
        try:
            cancel = self._way.leases.extend(held.claim)
        except StoreUnavailable as error:
            self._outage.begins(error)
            held.failures += 1
            pause = pause_seconds(held.failures, error)
            self._next(held, monotonic() + min(pause, held.period_seconds))
        except LeaseLost:
            with self._changed:
                known = self._held.pop(held.claim.token, None) is not None
            # A lease that was let go meanwhile ended by its finish.
            if known:
                held.heard(News.LOST)
        else:
            self._outage.ends()
            held.failures = 0
            if cancel:
                held.heard(News.CANCEL)
            self._next(held, asked + held.period_seconds)

    def _next(self, held: _Held, due: float) -> None:
        with self._changed:
            held.due = due
            self._changed.notify()

    def _beat(self, slots: int) -> None:
        if self._way.beat is None:
            return
        try:
            self._way.beat(self._name, slots, self._models)
        except StoreUnavailable as error:
            self._outage.begins(error)
        else:
            self._outage.ends()
        with self._changed:
            self._next_beat = monotonic() + BEAT_SECONDS
            self._changed.notify()

    def _done(self, call: Future[None]) -> None:
        if not call.cancelled() and (error := call.exception()) is not None:
            self._failure = error
