"""Leases on nothing: whoever takes them, or empties them, again and again fills no store."""

from collections.abc import Callable

import pytest
import redis

from chalicelib import keyspace, limits
from chalicelib.errors import LeaseLost
from chalicelib.inbox import Inbox
from chalicelib.inbox_leases import InboxLeases
from tests.store.harness import draft, token

LONG_SECONDS = 12 * 3600


def test_lease_on_nothing_leaves_nothing(inbox_leases: InboxLeases, raw: "redis.Redis") -> None:
    inbox_leases.lease("acme", token(), 10, LONG_SECONDS)

    assert raw.keys("*") == []


def test_token_that_took_nothing_is_as_new_as_before(
    inbox: Inbox, inbox_leases: InboxLeases
) -> None:
    mine = token()
    inbox_leases.lease("acme", mine, 10, 30)
    event = inbox.publish(draft()).event

    again = inbox_leases.lease("acme", mine, 10, 30)

    assert [each.id for each in again.events] == [event.id]


def _emptied_by_releasing(inbox_leases: InboxLeases, one: str) -> None:
    inbox_leases.release("acme", one)


def _emptied_by_acknowledging(inbox_leases: InboxLeases, one: str) -> None:
    inbox_leases.acknowledge("acme", one)


EMPTIED = pytest.mark.parametrize("empty", [_emptied_by_releasing, _emptied_by_acknowledging])
Empty = Callable[[InboxLeases, str], None]


@EMPTIED
def test_emptied_lease_is_remembered_for_ten_minutes_however_long_it_was(
    inbox: Inbox, inbox_leases: InboxLeases, raw: "redis.Redis", empty: Empty
) -> None:
    inbox.publish(draft())
    one = inbox_leases.lease("acme", token(), 1, LONG_SECONDS).token
    key = keyspace.inbox_lease("acme", one)
    assert raw.ttl(key) > LONG_SECONDS

    empty(inbox_leases, one)
    once = raw.ttl(key)
    inbox_leases.extend("acme", one, LONG_SECONDS)

    assert 0 < once <= limits.LEASE_REMEMBERED_SECONDS
    assert 0 < raw.ttl(key) <= limits.LEASE_REMEMBERED_SECONDS


@EMPTIED
def test_what_emptied_a_lease_may_be_repeated_and_lengthens_nothing(
    inbox: Inbox, inbox_leases: InboxLeases, raw: "redis.Redis", empty: Empty
) -> None:
    event = inbox.publish(draft()).event
    one = inbox_leases.lease("acme", token(), 1, LONG_SECONDS).token
    key = keyspace.inbox_lease("acme", one)
    empty(inbox_leases, one)
    raw.expire(key, 60)

    empty(inbox_leases, one)
    if empty is _emptied_by_releasing:
        inbox_leases.release("acme", one, [event.id])
    else:
        inbox_leases.acknowledge("acme", one, [event.id])

    assert 0 < raw.ttl(key) <= 60
    assert inbox_leases.lease("acme", one, 1, LONG_SECONDS).events == ()


def test_lease_that_still_holds_something_keeps_its_time(
    inbox: Inbox, inbox_leases: InboxLeases, raw: "redis.Redis"
) -> None:
    first, second, _ = (inbox.publish(draft()).event.id for _ in range(3))
    one = inbox_leases.lease("acme", token(), 3, LONG_SECONDS).token

    inbox_leases.release("acme", one, [first])
    inbox_leases.acknowledge("acme", one, [second])

    assert raw.ttl(keyspace.inbox_lease("acme", one)) > LONG_SECONDS


def test_forgotten_lease_is_lost(
    inbox: Inbox, inbox_leases: InboxLeases, raw: "redis.Redis"
) -> None:
    inbox.publish(draft())
    one = inbox_leases.lease("acme", token(), 1, LONG_SECONDS).token
    inbox_leases.release("acme", one)
    raw.delete(keyspace.inbox_lease("acme", one))  # as ten minutes do

    with pytest.raises(LeaseLost):
        inbox_leases.release("acme", one)
