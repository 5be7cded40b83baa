"""What publishers and consumers do: publish, page, lease, hold on, give back, acknowledge."""

import json

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from chalicelib.events import Event
from tests.model.agreement import TENANTS, event_as_ruled, event_as_told
from tests.model.callers import BODIES, CALLERS, KEYS
from tests.model.inboxes import ModelEvent
from tests.model.trial import NUMBERS, OFTEN, RARELY, TENANT, Trial, pick

KINDS = st.sampled_from(["order.placed", "order.paid"])
SECONDS = st.sampled_from([5, 60, 3000])


class Consumers(Trial):
    """Several consumers share a tenant's inbox; some use tokens and ids of other tenants."""

    @rule(
        caller=CALLERS, kind=KINDS, size=st.sampled_from([1, 1, 4000, 6000]), repeat=st.booleans()
    )
    def publish(self, *, caller: tuple[str, str], kind: str, size: int, repeat: bool) -> None:
        self._publish(caller, kind, size, None, repeat=repeat)

    @rule(tenant=TENANT, key=st.tuples(KEYS, BODIES), repeat=st.booleans())
    def publish_with_a_key(self, *, tenant: str, key: tuple[str, str], repeat: bool) -> None:
        self._publish((tenant, ""), "order.paid", 1, key, repeat=repeat)

    def _publish(
        self,
        caller: tuple[str, str],
        kind: str,
        size: int,
        named: tuple[str, str] | None,
        *,
        repeat: bool,
    ) -> None:
        tenant, api_key = caller
        key, body = named or (None, "")
        event_id, payload = self.new_id("evt_"), {"note": "n" * size}
        given = Event(event_id, tenant, kind, "shop", payload, created_at=0, sequence=0)

        def router() -> object:
            with self.system.asking(tenant, api_key):
                published = self.system.inbox.publish(given, body, key)
            return published.event.id, published.known, published.event.created_at

        def rules() -> object:
            draft = self.model.event(event_id, tenant, kind, "shop", payload, json.dumps(payload))
            draft.api_key = api_key
            found, known = self.model.publish(draft, key, body)
            return found, known, self.model.inboxes.find(tenant, found).created_at

        self.play(router, rules, repeat=repeat)

    @precondition(lambda self: self.model.inboxes.events)
    @rule(tenant=TENANT, limit=st.integers(1, 4), kind=st.sampled_from([None, "order.paid"]))
    def page(self, tenant: str, limit: int, kind: str | None) -> None:
        def router() -> object:
            after: int | None = 0
            read: list[Event] = []
            while after is not None:
                page = self.system.inbox.page(tenant, after, limit, kind)
                assert len(page.events) <= limit
                read += page.events
                after = page.cursor
            return [(event.id, *event_as_told(event)) for event in read]

        def rules() -> object:
            pending = self.model.inboxes.page(tenant)
            wanted = [event for event in pending if kind in {None, event.event_type}]
            return [(event.id, *event_as_ruled(event)) for event in wanted]

        self.play(router, rules, repeat=True)

    @precondition(lambda self: self.model.inboxes.events)
    @rule(number=NUMBERS, own=OFTEN, tenant=TENANT)
    def read(self, *, number: int, own: bool, tenant: str) -> None:
        event = self._event(number)
        whose = event.tenant if own else tenant
        self.play(
            lambda: event_as_told(self.system.inbox.read(whose, str(event.id))),
            lambda: event_as_ruled(self.model.inboxes.find(whose, str(event.id))),
            repeat=False,
        )

    @precondition(lambda self: self.model.inboxes.events)
    @rule(number=NUMBERS, own=OFTEN, tenant=TENANT, repeat=st.booleans())
    def acknowledge(self, *, number: int, own: bool, tenant: str, repeat: bool) -> None:
        event = self._event(number)
        whose = event.tenant if own else tenant
        self.play(
            lambda: self.system.inbox.acknowledge(whose, str(event.id)),
            lambda: self.model.inboxes.acknowledge(whose, str(event.id)),
            repeat=repeat,
        )

    @precondition(lambda self: self.full_inboxes())
    @rule(number=NUMBERS, count=st.integers(1, 3), seconds=SECONDS, repeat=st.booleans())
    def lease(self, *, number: int, count: int, seconds: int, repeat: bool) -> None:
        tenant = pick(self.full_inboxes(), number)
        self.event_tokens.append(self.new_id())
        self._lease(tenant, self.event_tokens[-1], count, seconds, repeat=repeat)

    @precondition(lambda self: self.model.inboxes.leases)
    @rule(number=NUMBERS, tenant=TENANT, count=st.integers(1, 3), seconds=SECONDS)
    def lease_with_an_earlier_token(
        self, number: int, tenant: str, count: int, seconds: int
    ) -> None:
        tenant, token = self._lease_of(number, tenant)
        self._lease(tenant, token, count, seconds, repeat=True)

    def _lease(self, tenant: str, token: str, count: int, seconds: int, *, repeat: bool) -> None:
        def router() -> object:
            lease = self.system.inbox_leases.lease(tenant, token, count, seconds)
            return lease.until_ms, [event.id for event in lease.events]

        def rules() -> object:
            return self.model.inboxes.lease(tenant, token, count, seconds * 1000)

        self.play(router, rules, repeat=repeat)

    @precondition(lambda self: self.model.inboxes.leases)
    @rule(number=NUMBERS, tenant=TENANT, seconds=SECONDS, repeat=st.booleans())
    def extend_events(self, *, number: int, tenant: str, seconds: int, repeat: bool) -> None:
        tenant, token = self._lease_of(number, tenant)
        self.play(
            lambda: self.system.inbox_leases.extend(tenant, token, seconds),
            lambda: self.model.inboxes.extend(tenant, token, seconds * 1000),
            repeat=repeat,
        )

    @precondition(lambda self: self.model.inboxes.leases)
    @rule(number=NUMBERS, tenant=TENANT, which=st.integers(-1, 7), odd=RARELY)
    def release_events(self, *, number: int, tenant: str, which: int, odd: bool) -> None:
        tenant, token = self._lease_of(number, tenant)
        ids = self._some_of(tenant, token, which, odd=odd)
        self.play(
            lambda: self.system.inbox_leases.release(tenant, token, ids),
            lambda: self.model.inboxes.release(tenant, token, ids),
            repeat=True,
        )

    @precondition(lambda self: self.model.inboxes.leases)
    @rule(number=NUMBERS, tenant=TENANT, which=st.integers(-1, 7), odd=RARELY)
    def acknowledge_leased(self, *, number: int, tenant: str, which: int, odd: bool) -> None:
        tenant, token = self._lease_of(number, tenant)
        ids = self._some_of(tenant, token, which, odd=odd)
        self.play(
            lambda: self.system.inbox_leases.acknowledge(tenant, token, ids),
            lambda: self.model.inboxes.acknowledge_leased(tenant, token, ids),
            repeat=True,
        )

    def full_inboxes(self) -> list[str]:
        """Return the tenants that have events to lease."""
        inboxes = self.model.inboxes
        return [each for each in TENANTS if inboxes.pending(each) or inboxes.lapsed(each)]

    def _lease_of(self, number: int, tenant: str) -> tuple[str, str]:
        """Return a tenant and a token: mostly such as belong together."""
        known = list(self.model.inboxes.leases)
        if known and number % 8:
            return pick(known, number // 8)
        return tenant, pick(self.event_tokens, number)

    def _some_of(self, tenant: str, token: str, which: int, *, odd: bool) -> list[str] | None:
        """Return ids under a lease, those whose bits *which* has; None for -1, one more if odd."""
        if which < 0:
            return None
        lease = self.model.inboxes.leases.get((tenant, token))
        ids = [each for bit, each in enumerate(lease.ids if lease else []) if which >> bit & 1]
        strange = [str(event.id) for event in self.model.inboxes.events] if odd else []
        return ids + [each for each in strange if each not in ids][:1]

    def _event(self, number: int) -> ModelEvent:
        return pick(self.model.inboxes.events, number)
