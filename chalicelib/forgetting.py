"""The removal of an event: what a sweep does in time, an inbox to an id whose record is gone."""

from chalicelib import keyspace
from chalicelib.scripts import Script
from chalicelib.store import Store

_FORGET = Script("forget", "inbox")


def forget(
    store: Store,
    tenant: str,
    event_id: str,
    *,
    size: str = "",
    sequence: int | None = None,
    force: bool = False,
) -> bool:
    """Remove an event whose retention is over or whose record is gone; whether there was one.

    *size* is what it is kept with, *sequence* its place, each where it is known. With *force* it is
    removed whatever its retention says. Raises StoreUnavailable.
    """
    keys = (
        keyspace.event(event_id),
        keyspace.inbox(tenant),
        keyspace.inbox_leases(tenant),
        keyspace.tenant_counts(tenant),
        keyspace.RETENTION_EVENTS,
    )
    place = "" if sequence is None else sequence
    return bool(store.run(_FORGET, keys, (event_id, tenant, size, place, 1 if force else "")))
