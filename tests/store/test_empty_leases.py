"""Leases on nothing: whoever asks an empty inbox again and again fills no store."""

import redis

from chalicelib import keyspace, limits
from chalicelib.inbox import Inbox
from chalicelib.inbox_leases import InboxLeases
from tests.store.harness import draft, token


def test_lease_on_nothing_is_remembered_briefly_however_long_it_was_to_hold(
    inbox_leases: InboxLeases, raw: "redis.Redis"
) -> None:
    mine = token()

    inbox_leases.lease("acme", mine, 10, limits.LEASE_EVENTS_SECONDS)

    kept = raw.ttl(keyspace.inbox_lease("acme", mine))
    assert 0 < kept <= limits.LEASE_REMEMBERED_SECONDS


def test_token_that_took_nothing_takes_nothing_later(
    inbox: Inbox, inbox_leases: InboxLeases
) -> None:
    mine = token()
    inbox_leases.lease("acme", mine, 10, 30)
    inbox.publish(draft())

    again = inbox_leases.lease("acme", mine, 10, 30)

    assert again.events == ()
