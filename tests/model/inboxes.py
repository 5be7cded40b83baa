"""The model of inboxes: every tenant's events from publish to removal."""

from collections.abc import Collection
from dataclasses import dataclass, field

from tests.model.bounds import Keys, Rates
from tests.model.terms import Now, Refused, Terms


@dataclass
class ModelEvent:
    """One event. ``id`` is None until a router's own event has been seen in the store."""

    id: str | None
    tenant: str
    event_type: str
    source: str
    payload: object
    size: int
    created_at: int = 0
    remove_at: int = 0
    delivered: bool = False
    token: str | None = None
    leased_until: int = 0
    acknowledged_under: str | None = None
    api_key: str = ""


@dataclass
class EventLease:
    """What a consumer's token stands for: until when, and which events were given out on it."""

    until: int
    ids: list[str] = field(default_factory=list)
    emptied: int | None = None


class Inboxes:
    """Events in the order they came; all tenants' together, for no rule looks across."""

    def __init__(self, terms: Terms, now: Now, rates: Rates) -> None:
        self.terms, self.now, self.rates = terms, now, rates
        self.keys = Keys(now, terms.idempotency_ms)
        self.events: list[ModelEvent] = []
        self.leases: dict[tuple[str, str], EventLease] = {}

    def of(self, tenant: str) -> list[ModelEvent]:
        """Return what the tenant has not acknowledged, oldest first."""
        return [event for event in self.events if event.tenant == tenant and not event.delivered]

    def pending(self, tenant: str) -> list[ModelEvent]:
        """Return what the tenant has neither acknowledged nor leased, oldest first."""
        return [event for event in self.of(tenant) if event.token is None]

    def held_bytes(self, tenant: str) -> int:
        """Return how many bytes wait in the tenant's inbox."""
        return sum(event.size for event in self.of(tenant))

    def find(self, tenant: str, event_id: str) -> ModelEvent:
        """Return the tenant's event, delivered or not."""
        event = self._find(tenant, event_id)
        if event is None:
            raise Refused("event_not_found")
        return event

    def publish(
        self, draft: ModelEvent, key: str | None, body: str, room: int, *, full: bool
    ) -> tuple[str, bool]:
        """Put *draft* into its tenant's inbox: its id, and whether it was known."""
        assert draft.id is not None
        if any(event.id == draft.id for event in self.events):
            return draft.id, False
        known = self.keys.look(draft.tenant, key, body)
        if known is not None:
            if self._find(draft.tenant, known) is None:
                raise Refused("event_gone")
            return known, True
        cost = draft.size + self.terms.event_kept_bytes
        self.rates.require(draft.tenant, draft.api_key, cost)
        if full:
            raise Refused("store_full")
        if draft.size > room:
            raise Refused("inbox_full")
        self.rates.charge(draft.tenant, draft.api_key, cost)
        self.keys.keep(draft.tenant, key, body, draft.id)
        self.put(draft)
        return draft.id, False

    def put(self, event: ModelEvent) -> None:
        """Append an event to its inbox, whatever the cap: its room was reserved before."""
        event.created_at = self.now.ms
        event.remove_at = self.now.ms + self.terms.event_ms
        self.events.append(event)

    def acknowledge(self, tenant: str, event_id: str) -> None:
        """Let an event count as delivered, leased or not; again is fine."""
        self._deliver(self.find(tenant, event_id), None)

    def lease(self, tenant: str, token: str, count: int, ms: int) -> tuple[int, list[str]]:
        """Lease the oldest pending events: the lease's end and the ids still held under it."""
        self.give_back_lapsed(tenant)
        lease = self._remembered(tenant, token)
        if lease is not None:
            self._require(lease)
            held = [str(event.id) for event in self._held(tenant, token)]
            if held != lease.ids:
                lease.ids = held
                self._note_emptied(lease)
        else:
            lease, taken = EventLease(self.now.ms + ms), self.pending(tenant)[:count]
            if taken:
                self.leases[tenant, token] = lease
            for event in taken:
                event.token, event.leased_until = token, lease.until
                lease.ids.append(str(event.id))
        return lease.until, [str(event.id) for event in self._held(tenant, token)]

    def extend(self, tenant: str, token: str, ms: int) -> int:
        """Renew a lease from now: its new end."""
        lease = self._require(self._remembered(tenant, token))
        lease.until = self.now.ms + ms
        for event in self._held(tenant, token):
            event.leased_until = lease.until
        lease.emptied = None
        self._note_emptied(lease)
        return lease.until

    def release(self, tenant: str, token: str, ids: Collection[str] | None) -> None:
        """Give events back to their old places, all that the token holds where *ids* is None."""
        if ids is not None and not ids:
            return
        lease = self._require(self._remembered(tenant, token))
        for event in self._held(tenant, token):
            if ids is None or event.id in ids:
                event.token = None
        lease.ids = [each for each in lease.ids if ids is not None and each not in ids]
        self._note_emptied(lease)

    def acknowledge_leased(self, tenant: str, token: str, ids: Collection[str] | None) -> None:
        """Let leased events count as delivered, all that the token holds where *ids* is None.

        All or none: one that the token does not hold refuses the whole call.
        """
        lease = self._remembered(tenant, token)
        if ids is None:
            if lease is None:
                raise Refused("lease_lost")
            ids = lease.ids
        found = [self._acknowledgeable(tenant, token, lease, each) for each in ids]
        for event in (event for event in found if event is not None):
            if lease is not None and not event.delivered:
                lease.ids.remove(str(event.id))
            self._deliver(event, token)
        if lease is not None and ids:
            self._note_emptied(lease)

    def lapsed(self, tenant: str) -> list[ModelEvent]:
        """Return leased events whose lease is over and that nobody has asked for since."""
        leased = (event for event in self.of(tenant) if event.token is not None)
        return [event for event in leased if event.leased_until < self.now.ms]

    def page(self, tenant: str) -> list[ModelEvent]:
        """Return all that is pending, what lapsed included."""
        self.give_back_lapsed(tenant)
        return self.pending(tenant)

    def give_back_lapsed(self, tenant: str) -> None:
        """Make events pending again whose lease is over."""
        for event in self.lapsed(tenant):
            event.token = None

    def remove_due(self) -> None:
        """Remove every event, delivered or not, whose retention has ended."""
        for event in [each for each in self.events if each.remove_at <= self.now.ms]:
            self.remove(event)

    def remove(self, event: ModelEvent) -> None:
        """Remove one event."""
        self.events.remove(event)

    def _find(self, tenant: str, event_id: str) -> ModelEvent | None:
        own = (event for event in self.events if event.tenant == tenant)
        return next((event for event in own if event.id == event_id), None)

    def _held(self, tenant: str, token: str) -> list[ModelEvent]:
        return [event for event in self.of(tenant) if event.token == token]

    def _acknowledgeable(
        self, tenant: str, token: str, lease: EventLease | None, event_id: str
    ) -> ModelEvent | None:
        """Return the event; None for one whose retention ended while the lease held it."""
        event = self._find(tenant, event_id)
        repeated = event is not None and event.delivered and event.acknowledged_under == token
        if not repeated and event_id not in self._require(lease).ids:
            raise Refused("lease_lost")
        return event

    def _remembered(self, tenant: str, token: str) -> EventLease | None:
        lease = self.leases.get((tenant, token))
        if lease is not None:
            last = lease.until if lease.emptied is None else min(lease.until, lease.emptied)
            if last + self.terms.lease_remembered_ms >= self.now.ms:
                return lease
        return None

    def _note_emptied(self, lease: EventLease) -> None:
        """From when it holds nothing a lease is remembered no longer than one that has ended."""
        if not lease.ids and lease.emptied is None:
            lease.emptied = self.now.ms

    def _require(self, lease: EventLease | None) -> EventLease:
        if lease is None or lease.until < self.now.ms:
            raise Refused("lease_lost")
        return lease

    def _deliver(self, event: ModelEvent, token: str | None) -> None:
        if not event.delivered:
            event.delivered, event.token = True, None
            event.acknowledged_under = token
            event.remove_at = self.now.ms + self.terms.acknowledged_ms
