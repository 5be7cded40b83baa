"""A tenant's inbox: publish, page, read and acknowledge events on the store.

Shares the store's primitive with the queue of jobs (ready ids in order, records beside them). All
moves are safe to repeat and raise StoreUnavailable when the store is away.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import batched

from chalicelib import keyspace, limits, records
from chalicelib.errors import EventGone, EventNotFound, IdempotencyKeyReused
from chalicelib.events import Event
from chalicelib.store import Script, Store

_PUBLISH = Script("publish")
_ACKNOWLEDGE = Script("acknowledge")
_FORGET = Script("forget")

_PER_READ = 16
# Names, punctuation, id and time of one event on a page, escaped.
_ENVELOPE_BYTES = 300


@dataclass(frozen=True)
class Page:
    """Some of an inbox; *cursor* is the sequence behind which the next page begins, if any."""

    events: tuple[Event, ...]
    cursor: int | None

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events)


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

    def page(self, tenant: str, after: int, limit: int) -> Page:
        """Return up to *limit* unacknowledged events later than sequence *after*, oldest first.

        Fewer, and yet not the last, where Lambda could not carry more or where so many have
        expired that looking on would take long.
        """
        events: list[Event] = []
        room = limits.PAGE_BYTES
        entries = self._entries(keyspace.inbox(tenant), after, limit)
        for looked, (sequence, event) in enumerate(entries, start=1):
            if event is not None:
                room -= _carried_bytes(event)
                if room < 0 and events:
                    return Page(tuple(events), after)
                events.append(event)
            after = sequence
            if len(events) == limit or looked >= max(limit, limits.PAGE_LOOKS):
                return Page(tuple(events), after)
        return Page(tuple(events), None)

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

    def _entries(self, inbox: str, after: int, count: int) -> Iterator[tuple[int, Event | None]]:
        """Yield what lies behind *after*: each sequence with its event, None for one that expired.

        Ids are read *count* at first, then many at a time, since most of them may have expired;
        records some at a time; and both only when asked for.
        """
        while True:
            bounds = (f"({after}", "+inf", "BYSCORE", "LIMIT", 0, count, "WITHSCORES")
            (flat,) = self._store.read(("ZRANGE", inbox, *bounds))
            for some in batched(zip(flat[::2], map(int, flat[1::2]), strict=True), _PER_READ):
                yield from self._looked_up(inbox, dict(some))
            if len(flat) < 2 * count:
                return
            after, count = int(flat[-1]), limits.PAGE_LOOKS

    def _looked_up(
        self, inbox: str, sequences: Mapping[str, int]
    ) -> Iterator[tuple[int, Event | None]]:
        read = self._store.read(*(("HGETALL", keyspace.event(each)) for each in sequences))
        found = dict(zip(sequences, read, strict=True))
        expired = [event_id for event_id, record in found.items() if not record]
        if expired:
            self._store.run(_FORGET, (inbox, *map(keyspace.event, expired)), expired)
        for event_id, record in found.items():
            # One may have been acknowledged since its id was read.
            pending = record and record["delivered"] == "0"
            yield sequences[event_id], records.event(event_id, record) if pending else None


def _carried_bytes(event: Event) -> int:
    """Return how long *event* is in Lambda's answer, where a page is JSON in a JSON string."""
    text = json.dumps([event.event_type, event.source, event.payload], separators=(",", ":"))
    return _ENVELOPE_BYTES + len(text) + text.count('"') + text.count("\\")
