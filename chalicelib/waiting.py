"""Who may wait for an answer: a share of what the API can do at once, the rest is told at once."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from chalicelib import keyspace, visits
from chalicelib.errors import StoreUnavailable
from chalicelib.scripts import Script
from chalicelib.store import Store

_ADMIT = Script("admit")
_DISMISS = Script("dismiss")

_MARGIN_MS = 5000


class WaitingRoom:
    """Lets callers wait, at most *places* across all instances. Thread-safe.

    Of one tenant at most *tenant_places* may, 0 for no share of its own; a worker serves them all.
    """

    def __init__(self, store: Store, places: int, tenant_places: int = 0) -> None:
        self._store = store
        self._places = places
        self._tenant_places = tenant_places

    @contextmanager
    def wait(self, seconds: float) -> Iterator[bool]:
        """Tell whether the caller may wait up to *seconds* inside the block.

        A store that is away is no place to wait; what a visit is refused is raised. One who dies
        while waiting gives up the place when the time is over.
        """
        name = secrets.token_hex(8)
        keys, kept_ms = self._rooms(), round(seconds * 1000) + _MARGIN_MS
        told = (name, self._places, kept_ms, self._tenant_places)
        admitted = seconds > 0 and self._told(_ADMIT, keys, told, retry=True)
        try:
            yield admitted
        except StoreUnavailable:
            # The place lapses by itself: to ask again would keep the caller beyond the limit.
            admitted = False
            raise
        finally:
            if admitted:
                # Not told again: it lapses, and whoever waited has no time for it. On nobody's
                # behalf: a key that was revoked meanwhile must not keep the place.
                with visits.serving(None):
                    self._told(_DISMISS, keys, (name,), retry=False)

    def _rooms(self) -> tuple[str, ...]:
        visit = visits.current()
        if visit is None or not self._tenant_places:
            return (keyspace.WAITERS,)
        return keyspace.WAITERS, keyspace.waiters(visit.tenant)

    def _told(
        self, script: Script, keys: tuple[str, ...], args: tuple[str | float, ...], *, retry: bool
    ) -> bool:
        try:
            return bool(self._store.run(script, keys, args, retry=retry))
        except StoreUnavailable:
            return False
