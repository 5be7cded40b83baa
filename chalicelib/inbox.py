"""A tenant's inbox: publish, page, read and acknowledge events on the store.

Shares the store's primitive with the queue of jobs (ready ids in order, records beside them). All
moves are safe to repeat and raise StoreUnavailable when the store is away.
"""

import json
from collections.abc import Iterable, Iterator
from itertools import batched

from chalicelib import keyspace, limits, records
from chalicelib.errors import EventGone, EventNotFound, IdempotencyKeyReused
from chalicelib.events import Event
from chalicelib.store import Script, Store

_PUBLISH = Script("publish")
_ACKNOWLEDGE = Script("acknowledge")
_FORGET = Script("forget")

_RECORDS_PER_READ = 16


class Inbox:
    """Events from publish to acknowledgement. Thread-safe."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def publish(
        self, draft: Event, body_hash: str = "", idempotency_key: str | None = None
    ) -> tuple[Event, bool]:
        """Store *draft* and put it into its tenant's inbox: the event, and whether it was there.

        The store gives time and sequence. Raises IdempotencyKeyReused when the key came with
        another body, EventGone when the key's event has been removed.
        """
        keys = [keyspace.event(draft.id), keyspace.inbox(draft.tenant), keyspace.SEQUENCE]
        if idempotency_key:
            keys.append(keyspace.idempotency(draft.tenant, "events", idempotency_key))
        told = (draft.id, draft.tenant, draft.event_type, draft.source, json.dumps(draft.payload))
        kept = (limits.EVENT_SECONDS * 1000, body_hash, limits.IDEMPOTENCY_SECONDS * 1000)
        answer = self._store.run(_PUBLISH, keys, (*told, *kept))
        if answer[0] == "known":
            return self._known(draft.tenant, answer[1], same_body=answer[2] == body_hash), True
        return Event(
            id=draft.id,
            tenant=draft.tenant,
            event_type=draft.event_type,
            source=draft.source,
            payload=draft.payload,
            created_at=int(answer[1]),
            sequence=int(answer[2]),
        ), False

    def page(self, tenant: str, after: int, limit: int) -> Iterator[Event]:
        """Yield up to *limit* unacknowledged events later than sequence *after*, oldest first.

        Records are read as they are asked for, some at a time: a page may be cut short.
        """
        inbox = keyspace.inbox(tenant)
        more = True
        # Expired ids were taken out on the way: the rest of a page lies behind them.
        while more and limit > 0:
            (ids,) = self._store.read(
                ("ZRANGE", inbox, f"({after}", "+inf", "BYSCORE", "LIMIT", 0, limit)
            )
            more = len(ids) == limit
            for some in batched(ids, _RECORDS_PER_READ):
                for event in self._pending(inbox, some):
                    after, limit = event.sequence, limit - 1
                    yield event

    def read(self, tenant: str, event_id: str) -> Event:
        """Return one event, acknowledged or not. Raises EventNotFound."""
        (record,) = self._store.read(("HGETALL", keyspace.event(event_id)))
        if not record or record["tenant"] != tenant:
            raise EventNotFound(f"there is no event {event_id}")
        return records.event(event_id, record)

    def acknowledge(self, tenant: str, event_id: str) -> None:
        """Take an event out of the inbox; again is fine. Raises EventNotFound."""
        keys = (keyspace.event(event_id), keyspace.inbox(tenant))
        args = (event_id, tenant, limits.ACKNOWLEDGED_SECONDS * 1000)
        if not self._store.run(_ACKNOWLEDGE, keys, args):
            raise EventNotFound(f"there is no event {event_id}")

    def _known(self, tenant: str, event_id: str, *, same_body: bool) -> Event:
        if not same_body:
            raise IdempotencyKeyReused("the Idempotency-Key came before with another body")
        try:
            return self.read(tenant, event_id)
        except EventNotFound:
            raise EventGone(f"the key's event {event_id} has been removed") from None

    def _pending(self, inbox: str, ids: Iterable[str]) -> Iterator[Event]:
        read = self._store.read(*(("HGETALL", keyspace.event(event_id)) for event_id in ids))
        found = dict(zip(ids, read, strict=True))
        expired = [event_id for event_id, record in found.items() if not record]
        if expired:
            self._store.run(_FORGET, (inbox, *map(keyspace.event, expired)), expired)
        for event_id, record in found.items():
            if record and record["delivered"] == "0":
                yield records.event(event_id, record)
