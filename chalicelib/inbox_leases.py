"""Leases on a tenant's events, so that several consumers share an inbox and none is lost.

A leased event is not pending. When its lease lapses it is pending again, in its old place. Tokens
are made by the caller and known within the tenant alone. A lease that was emptied is forgotten
after ten minutes. All moves are safe to repeat, an emptying one for as long, and raise
StoreUnavailable when the store is away.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib import inbox, keyspace, limits
from chalicelib.bounds import RetentionSettings
from chalicelib.errors import LeaseLost
from chalicelib.events import Event
from chalicelib.scripts import Script
from chalicelib.store import Store

_LEASE = Script("inbox_lease", "inbox")
_EXTEND = Script("inbox_extend", "inbox")
_RELEASE = Script("inbox_release", "inbox")

_REMEMBERED_MS = limits.LEASE_REMEMBERED_SECONDS * 1000


@dataclass(frozen=True)
class InboxLease:
    """Events that a consumer holds, oldest first, until a time (ms by the store's clock)."""

    token: str
    events: tuple[Event, ...]
    until_ms: int


class InboxLeases:
    """Leases on events. Thread-safe."""

    def __init__(
        self,
        store: Store,
        retention: RetentionSettings = RetentionSettings(),  # noqa: B008 - frozen
    ) -> None:
        self._store = store
        self._retention = retention

    def lease(self, tenant: str, token: str, count: int, seconds: float) -> InboxLease:
        """Lease up to *count* of the oldest pending events; fewer where Lambda carries no more.

        The same token again answers what it still holds; one that took nothing is as new as
        before. Raises LeaseLost for a token whose lease has lapsed.
        """
        keys = self._keys(tenant, token)
        answer = self._store.run(_LEASE, keys, (count, round(seconds * 1000), _REMEMBERED_MS))
        if not answer:
            raise _lost()
        until_ms, *flat = answer
        sequences = dict(inbox.pairs(flat))
        found = inbox.look_up(self._store, tenant, sequences).values() if sequences else ()
        # Acknowledged by its id since it was leased; 0.1.0 left it where it was.
        delivered = [event.id for event in found if event.delivered]
        if delivered:
            inbox.acknowledge(self._store, self._retention, tenant, delivered)
        events: list[Event] = []
        room = limits.PAGE_BYTES
        for event in found:
            if event.delivered:
                continue
            room -= inbox.carried_bytes(event)
            if room < 0 and events:
                break
            events.append(event)
        left = sequences.keys() - {event.id for event in events}
        if left:
            self.release(tenant, token, sorted(left))
        return InboxLease(token, tuple(events), until_ms)

    def extend(self, tenant: str, token: str, seconds: float) -> int:
        """Hold the lease for *seconds* from now; returns its end (ms). Raises LeaseLost."""
        _, leases, lease = self._keys(tenant, token)
        until_ms: int = self._store.run(
            _EXTEND, (leases, lease), (round(seconds * 1000), _REMEMBERED_MS)
        )
        if not until_ms:
            raise _lost()
        return until_ms

    def release(self, tenant: str, token: str, event_ids: Sequence[str] | None = None) -> None:
        """Make events pending again, all that the lease holds without *event_ids*.

        Those that it does not hold are passed over. Raises LeaseLost.
        """
        if event_ids is not None and not event_ids:
            return
        keys = (*self._keys(tenant, token), keyspace.inbox_bell(tenant))
        event_ms = round(self._retention.event_seconds * 1000)
        if not self._store.run(_RELEASE, keys, (event_ms, _REMEMBERED_MS, *(event_ids or ()))):
            raise _lost()

    def acknowledge(self, tenant: str, token: str, event_ids: Sequence[str] | None = None) -> None:
        """Take events out of the inbox, all that the lease holds without *event_ids*.

        All or none: raises LeaseLost when one is not under the lease.
        """
        if event_ids is None:
            (held,) = self._store.read(("HKEYS", keyspace.inbox_lease(tenant, token)))
            if not held:
                raise _lost()
            event_ids = [name for name in held if name != "end"]
        if event_ids and not inbox.acknowledge(
            self._store, self._retention, tenant, event_ids, token
        ):
            raise _lost()

    def _keys(self, tenant: str, token: str) -> tuple[str, str, str]:
        leases, lease = keyspace.inbox_leases(tenant), keyspace.inbox_lease(tenant, token)
        return keyspace.inbox(tenant), leases, lease


def _lost() -> LeaseLost:
    return LeaseLost("the lease lapsed, or never held these events")
