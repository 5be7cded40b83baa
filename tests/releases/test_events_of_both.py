"""Events while 0.1.0 and today's code share a store: each release serves the other's."""

import secrets
import time

import pytest
import redis

from chalicelib import keyspace
from chalicelib.bounds import RetentionSettings
from chalicelib.events import Event
from chalicelib.inbox import Inbox
from chalicelib.inbox_leases import InboxLeases
from chalicelib.store import Store
from chalicelib.upkeep import Upkeep
from tests.releases.conftest import SETTINGS, OldSide

pytestmark = pytest.mark.slow


def _publish_old(old: OldSide) -> str:
    event_id = f"evt_{secrets.token_hex(16)}"
    assert isinstance(old("publish", event_id, "acme", {"n": 1}), int)
    return event_id


def _publish(inbox: Inbox) -> str:
    event_id = f"evt_{secrets.token_hex(16)}"
    return inbox.publish(Event(event_id, "acme", "order.placed", "shop", {"n": 1}, 0, 0)).event.id


def _pending(inbox: Inbox) -> list[str]:
    return [event.id for event in inbox.page("acme", 0, 100)]


def _sweep(store: Store) -> None:
    Upkeep(store, SETTINGS, RetentionSettings(), time.monotonic).tick()


def test_both_releases_page_and_read_both_releases_events_in_order(
    old: OldSide, inbox: Inbox
) -> None:
    ids = [_publish_old(old), _publish(inbox), _publish_old(old), _publish(inbox)]

    assert old("page", "acme", 10) == _pending(inbox) == ids
    for event_id in ids:
        ours = inbox.read("acme", event_id)
        theirs = old("read", "acme", event_id)
        assert (theirs["payload"], theirs["sequence"]) == (ours.payload, ours.sequence)


def test_either_release_acknowledges_the_others_events(
    old: OldSide, inbox: Inbox, raw: "redis.Redis"
) -> None:
    by_old, by_new = _publish_old(old), _publish(inbox)

    inbox.acknowledge("acme", by_old)
    old("acknowledge", "acme", by_new)

    assert old("page", "acme", 10) == _pending(inbox) == []
    assert inbox.read("acme", by_new).delivered
    assert old("read", "acme", by_old)["delivered"]
    assert raw.zrange(keyspace.RETENTION_EVENTS, 0, -1)


def test_an_event_of_the_old_release_is_leased_and_acknowledged_under_the_lease(
    old: OldSide, inbox: Inbox, inbox_leases: InboxLeases
) -> None:
    event_id = _publish_old(old)

    lease = inbox_leases.lease("acme", "one", 10, 30)
    while_leased = old("page", "acme", 10), _pending(inbox)
    inbox_leases.acknowledge("acme", "one", [event_id])

    assert [event.id for event in lease.events] == [event_id]
    assert while_leased == ([], [])
    assert old("read", "acme", event_id)["delivered"]


def test_an_event_of_the_old_release_whose_lease_lapses_is_pending_in_its_place(
    old: OldSide, inbox: Inbox, inbox_leases: InboxLeases
) -> None:
    first = _publish_old(old)
    inbox_leases.lease("acme", "one", 1, 0.05)
    second = _publish_old(old)
    time.sleep(0.1)

    pending = _pending(inbox)

    assert pending == old("page", "acme", 10) == [first, second]


def test_an_event_acknowledged_by_old_code_while_new_code_leased_it_does_not_come_again(
    old: OldSide, inbox: Inbox, inbox_leases: InboxLeases
) -> None:
    first, second = _publish(inbox), _publish(inbox)
    inbox_leases.lease("acme", "one", 1, 0.05)
    old("acknowledge", "acme", first)
    time.sleep(0.1)

    pending = _pending(inbox), old("page", "acme", 10)
    lost = inbox_leases.lease("acme", "two", 1, 30)
    later = inbox_leases.lease("acme", "three", 1, 30)

    assert pending == ([second], [second])
    assert [event.id for event in (*lost.events, *later.events)] == [second]


def test_bytes_of_events_that_the_old_release_acknowledged_do_not_stay_counted(
    old: OldSide, store: Store, inbox: Inbox, raw: "redis.Redis"
) -> None:
    ids = [_publish(inbox) for _ in range(3)]
    _publish_old(old)
    old("acknowledge", "acme", ids[0])
    inbox.acknowledge("acme", ids[1])
    # The record expires a day after the old release acknowledged it, long before its retention.
    raw.delete(keyspace.event(ids[0]))
    for member in raw.zrange(keyspace.RETENTION_EVENTS, 0, -1):
        raw.zadd(keyspace.RETENTION_EVENTS, {str(member): 1})

    _sweep(store)

    assert not raw.exists(keyspace.tenant_counts("acme"), keyspace.RETENTION_EVENTS)
    assert len(_pending(inbox)) == 1


def test_an_inbox_does_not_expire_with_what_old_code_published_last(
    old: OldSide, inbox: Inbox, raw: "redis.Redis"
) -> None:
    _publish_old(old)
    assert raw.ttl(keyspace.inbox("acme")) > 0

    _publish(inbox)

    assert raw.ttl(keyspace.inbox("acme")) == -1
