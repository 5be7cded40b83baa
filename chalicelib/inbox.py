"""A tenant's inbox: publish, page, read and acknowledge events on the store.

All moves are safe to repeat and raise StoreUnavailable when the store is away.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import batched

from chalicelib import carriage, forgetting, keyspace, limits, records
from chalicelib.bounds import QueueSettings, RetentionSettings
from chalicelib.charging import Charges
from chalicelib.errors import EventGone, EventNotFound, IdempotencyKeyReused
from chalicelib.events import Event
from chalicelib.moves import event_terms
from chalicelib.refusals import Rate
from chalicelib.scripts import Script
from chalicelib.store import Store

_PUBLISH = Script("publish", "rates", "inbox", "counts")
_PAGE = Script("page", "inbox", reads=True)
_ACKNOWLEDGE = Script("acknowledge", "inbox", "counts")

_PER_READ = 16
# Names, punctuation, id and time of one event on a page, escaped.
_ENVELOPE_BYTES = 300


@dataclass(frozen=True)
class Page:
    """Some of an inbox; *cursor* is the sequence behind which the next page begins, if any.

    *bell* is what had rung when the page was read, *lapses_in_ms* how soon after it a lease on
    other events lapses, if any is held.
    """

    events: tuple[Event, ...]
    cursor: int | None
    bell: str = "0-0"
    lapses_in_ms: int | None = field(default=None, compare=False)

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events)


@dataclass(frozen=True)
class Published:
    """A stored event, whether it was there before, and the rates that were charged for it."""

    event: Event
    known: bool
    rates: Sequence[Rate] = ()


class Inbox:
    """Events from publish to acknowledgement. Thread-safe."""

    def __init__(
        self,
        store: Store,
        settings: QueueSettings,
        retention: RetentionSettings = RetentionSettings(),  # noqa: B008 - frozen
    ) -> None:
        self._store = store
        self._retention = retention
        self._charges = Charges(settings)
        self._terms = event_terms(settings, retention)

    def publish(
        self, draft: Event, body_hash: str = "", idempotency_key: str | None = None
    ) -> Published:
        """Store *draft* and put it into its tenant's inbox; the store gives time and sequence.

        A repeat, by id or by key, is answered before rate and cap are looked at. Raises
        IdempotencyKeyReused when the key came with another body, EventGone when the key's event
        has been removed, RateLimited, InboxFull, StoreFull.
        """
        keys = [
            keyspace.event(draft.id),
            keyspace.inbox(draft.tenant),
            keyspace.inbox_bell(draft.tenant),
            keyspace.tenant_counts(draft.tenant),
            keyspace.RETENTION_EVENTS,
            keyspace.SEQUENCE,
            keyspace.COUNTERS,
            *self._charges.keys(draft.tenant),
            keyspace.bytes_in(draft.tenant),
            keyspace.METRICS,
        ]
        if idempotency_key:
            keys.append(keyspace.idempotency(draft.tenant, "events", idempotency_key))
        given = self._terms | {
            **self._charges.terms(),
            "id": draft.id,
            "tenant": draft.tenant,
            "event_type": draft.event_type,
            "source": draft.source,
            "hash": body_hash,
            "kept_bytes": limits.EVENT_KEPT_BYTES,
        }
        attributes = "" if draft.attributes is None else json.dumps(draft.attributes)
        texts = json.dumps(given), json.dumps(draft.payload), attributes
        answer = self._store.run(_PUBLISH, keys, texts)
        if answer[0] == "known":
            known = self._known(draft.tenant, answer[1], same_body=answer[2] == body_hash)
            return Published(known, known=True)
        if answer[0] != "accepted":
            raise self._charges.refused(*answer)
        event = replace(draft, created_at=int(answer[1]), sequence=int(answer[2]))
        return Published(event, known=False, rates=self._charges.charged(answer[3:]))

    def page(self, tenant: str, after: int, limit: int, event_type: str | None = None) -> Page:
        """Return up to *limit* pending events later than sequence *after*, oldest first.

        Pending is what nobody has acknowledged or holds a lease on. Fewer, and yet not the last,
        where Lambda could not carry more or where so many have expired or are of another type that
        looking on would take long.
        """
        events: list[Event] = []
        room = limits.PAGE_BYTES
        bell, lapses_in_ms, entries = self._entries(tenant, after, limit)
        for looked, (sequence, event) in enumerate(entries, start=1):
            if event is not None and event_type in {None, event.event_type}:
                room -= carried_bytes(event)
                if room < 0 and events:
                    return Page(tuple(events), after, bell, lapses_in_ms)
                events.append(event)
            after = sequence
            if len(events) == limit or looked >= max(limit, limits.PAGE_LOOKS):
                return Page(tuple(events), after, bell, lapses_in_ms)
        return Page(tuple(events), None, bell, lapses_in_ms)

    def await_event(self, tenant: str, page: Page, seconds: float) -> None:
        """Block until an event became pending since *page* was read, or *seconds* passed."""
        if page.lapses_in_ms is not None:  # nothing rings then
            seconds = min(seconds, (page.lapses_in_ms + 1) / 1000)
        self._store.await_entry({keyspace.inbox_bell(tenant): page.bell}, seconds)

    def read(self, tenant: str, event_id: str) -> Event:
        """Return one event, acknowledged or not. Raises EventNotFound."""
        (record,) = self._store.read(("HGETALL", keyspace.event(event_id)))
        if not record or record["tenant"] != tenant:
            raise EventNotFound(f"there is no event {event_id}")
        return records.event(event_id, record)

    def acknowledge(self, tenant: str, event_id: str) -> None:
        """Take an event out of the inbox, leased or not; again is fine. Raises EventNotFound."""
        if not acknowledge(self._store, self._retention, tenant, [event_id]):
            raise EventNotFound(f"there is no event {event_id}")

    def _known(self, tenant: str, event_id: str, *, same_body: bool) -> Event:
        if not same_body:
            raise IdempotencyKeyReused("the Idempotency-Key came before with another body")
        try:
            return self.read(tenant, event_id)
        except EventNotFound:
            raise EventGone(f"the key's event {event_id} has been removed") from None

    def _entries(
        self, tenant: str, after: int, count: int
    ) -> tuple[str, int | None, Iterator[tuple[int, Event | None]]]:
        """Return bell, ms until a lease lapses, and what lies behind *after*, with its sequence.

        None stands for one whose record is gone. Ids are read *count* at first, then many at a
        time, since most of them may be of no use; records some at a time; both when asked for.
        """
        bell, flat, lapses_in_ms = self._some(tenant, after, count)

        def entries() -> Iterator[tuple[int, Event | None]]:
            some, asked = flat, count
            while True:
                for batch in batched(pairs(some), _PER_READ):
                    yield from self._looked_up(tenant, dict(batch))
                if len(some) < 2 * asked:
                    return
                asked = limits.PAGE_LOOKS
                _, some, _ = self._some(tenant, int(some[-1]), asked)

        return bell, None if lapses_in_ms < 0 else lapses_in_ms, entries()

    def _some(self, tenant: str, after: int, count: int) -> tuple[str, list[str], int]:
        keys = keyspace.inbox(tenant), keyspace.inbox_leases(tenant), keyspace.inbox_bell(tenant)
        bell, flat, lapses_in_ms = self._store.run(_PAGE, keys, (after, count))
        return bell, flat, lapses_in_ms

    def _looked_up(
        self, tenant: str, sequences: Mapping[str, int]
    ) -> Iterator[tuple[int, Event | None]]:
        found = look_up(self._store, tenant, sequences)
        for event_id, sequence in sequences.items():
            event = found.get(event_id)
            # One may have been acknowledged since its id was read.
            yield sequence, None if event is None or event.delivered else event


def pairs(flat: Sequence[str | int]) -> Iterator[tuple[str, int]]:
    """Yield ids with their sequences, as the moves answer them (id, sequence, id …)."""
    for event_id, sequence in batched(flat, 2):
        yield str(event_id), int(sequence)


def look_up(store: Store, tenant: str, sequences: Mapping[str, int]) -> dict[str, Event]:
    """Return the events of *sequences* (id to sequence); ids without a record are forgotten."""
    read = store.read(*(("HGETALL", keyspace.event(each)) for each in sequences))
    found = dict(zip(sequences, read, strict=True))
    for event_id, record in found.items():
        if not record:
            forgetting.forget(store, tenant, event_id, sequence=sequences[event_id])
    return {each: records.event(each, record) for each, record in found.items() if record}


def acknowledge(
    store: Store,
    retention: RetentionSettings,
    tenant: str,
    event_ids: Sequence[str],
    token: str | None = None,
) -> bool:
    """Mark all events as delivered, or none and return False.

    With a *token* each must be under that lease of the tenant's, or acknowledged under it before.
    """
    given = {
        "tenant": tenant,
        "acknowledged_ms": round(retention.acknowledged_seconds * 1000),
        "backstop_ms": limits.BACKSTOP_SECONDS * 1000,
        "remembered_ms": limits.LEASE_REMEMBERED_SECONDS * 1000,
    }
    keys = (
        keyspace.inbox(tenant),
        keyspace.inbox_leases(tenant),
        keyspace.tenant_counts(tenant),
        keyspace.RETENTION_EVENTS,
        keyspace.inbox_lease(tenant, token or ""),
        keyspace.METRICS,
        *map(keyspace.event, event_ids),
    )
    told = json.dumps(given | ({"token": token} if token else {}))
    return bool(store.run(_ACKNOWLEDGE, keys, (told, *event_ids)))


def carried_bytes(event: Event) -> int:
    """Return how long *event* is in Lambda's answer, where a page is JSON in a JSON string."""
    told = [event.event_type, event.source, event.payload, event.attributes]
    return _ENVELOPE_BYTES + carriage.carried_bytes(told)
