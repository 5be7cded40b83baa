"""Leases on nothing: whoever asks an empty inbox again and again fills no store."""

import redis

from chalicelib.inbox import Inbox
from chalicelib.inbox_leases import InboxLeases
from tests.store.harness import draft, token


def test_lease_on_nothing_leaves_nothing(inbox_leases: InboxLeases, raw: "redis.Redis") -> None:
    inbox_leases.lease("acme", token(), 10, 12 * 3600)

    assert raw.keys("*") == []


def test_token_that_took_nothing_is_as_new_as_before(
    inbox: Inbox, inbox_leases: InboxLeases
) -> None:
    mine = token()
    inbox_leases.lease("acme", mine, 10, 30)
    event = inbox.publish(draft()).event

    again = inbox_leases.lease("acme", mine, 10, 30)

    assert [each.id for each in again.events] == [event.id]
