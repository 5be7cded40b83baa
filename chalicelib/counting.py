"""Counts what no move does: refusals, by code. Best effort: an answer never suffers from it."""

from collections.abc import Callable

from redis import ResponseError

from chalicelib import keyspace
from chalicelib.errors import StoreUnavailable
from chalicelib.scripts import Script
from chalicelib.store import Store

# It writes, but no replica is waited for: a count is not worth it.
_COUNT = Script("count", "counts", reads=True)

_QUIET_SECONDS = 10.0


class Tally:
    """Counts refusals in the store. Thread-safe; *clock* counts seconds and never goes back.

    A store that was away is left alone for ten seconds: of those who are refused meanwhile, only
    the first waits for it, and none is counted.
    """

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._quiet_until = float("-inf")

    def refused(self, code: str) -> None:
        """Count one refusal with *code* (of ``errors.py``: a few dozen) in one round trip."""
        if code == StoreUnavailable.code:
            self._quiet_until = self._clock() + _QUIET_SECONDS
        if self._clock() < self._quiet_until:
            return
        try:
            self._store.run(_COUNT, (keyspace.METRICS,), (f"refused:{code}",), retry=False)
        except (StoreUnavailable, ResponseError):
            self._quiet_until = self._clock() + _QUIET_SECONDS
