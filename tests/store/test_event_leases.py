"""Leases on events: consumers share an inbox, and what one of them drops comes back in order."""

import time
from typing import Any

import pytest
import redis

from chalicelib import keyspace, limits
from chalicelib.errors import LeaseLost
from chalicelib.inbox import Inbox
from chalicelib.inbox_leases import InboxLeases
from chalicelib.store import Store
from tests.store.harness import (
    contents,
    draft,
    now_ms,
    pass_event_retention,
    sweep,
    sweeper_of,
    token,
)


def _publish(inbox: Inbox, count: int, tenant: str = "acme") -> list[str]:
    return [inbox.publish(draft(tenant)).event.id for _ in range(count)]


def _pending(inbox: Inbox, tenant: str = "acme") -> list[str]:
    return [event.id for event in inbox.page(tenant, 0, 100)]


def _lease(leases: InboxLeases, count: int, one: str | None = None) -> tuple[str, list[str]]:
    lease = leases.lease("acme", one or token(), count, 30)
    return lease.token, [event.id for event in lease.events]


def _lapse(raw: "redis.Redis", one: str) -> None:
    """Leave the store as it is once the lease's end has passed."""
    lease = keyspace.inbox_lease("acme", one)
    record: Any = raw.hgetall(lease)
    held = [f"{name} {value}" for name, value in record.items() if name != "end"]
    raw.hset(lease, "end", 1)
    if held:
        raw.zadd(keyspace.inbox_leases("acme"), dict.fromkeys(held, 1), xx=True)


def test_lease_takes_the_oldest_events_which_are_pending_no_more(
    inbox: Inbox, inbox_leases: InboxLeases
) -> None:
    published = _publish(inbox, 5)

    _, first = _lease(inbox_leases, 2)
    _, second = _lease(inbox_leases, 2)

    assert (first, second) == (published[:2], published[2:4])
    assert _pending(inbox) == published[4:]


def test_leased_event_is_whole_and_still_readable(inbox: Inbox, inbox_leases: InboxLeases) -> None:
    event = inbox.publish(draft()).event

    lease = inbox_leases.lease("acme", token(), 1, 30)

    assert lease.events == (event,)
    assert inbox.read("acme", event.id) == event


def test_lease_ends_after_its_seconds_by_the_stores_clock(
    inbox: Inbox, inbox_leases: InboxLeases, raw: "redis.Redis"
) -> None:
    _publish(inbox, 1)
    before = now_ms(raw)

    lease = inbox_leases.lease("acme", token(), 1, 30)

    assert before + 30_000 <= lease.until_ms <= now_ms(raw) + 30_000


def test_same_token_again_answers_the_same_lease(inbox: Inbox, inbox_leases: InboxLeases) -> None:
    published = _publish(inbox, 4)
    one = token()
    first = inbox_leases.lease("acme", one, 2, 30)

    again = inbox_leases.lease("acme", one, 4, 60)

    assert again == first
    assert _pending(inbox) == published[2:]


def test_same_token_again_answers_what_is_still_held(
    inbox: Inbox, inbox_leases: InboxLeases
) -> None:
    published = _publish(inbox, 5)
    one, _ = _lease(inbox_leases, 4)
    inbox_leases.acknowledge("acme", one, [published[0]])
    inbox_leases.release("acme", one, [published[2]])
    inbox.acknowledge("acme", published[3])

    _, held = _lease(inbox_leases, 4, one)

    assert held == [published[1]]


def test_lapsed_events_are_pending_again_in_their_old_places(
    inbox: Inbox, inbox_leases: InboxLeases, raw: "redis.Redis"
) -> None:
    published = _publish(inbox, 6)
    first, _ = _lease(inbox_leases, 2)
    _lease(inbox_leases, 1)
    third, _ = _lease(inbox_leases, 1)

    _lapse(raw, first)
    _lapse(raw, third)

    assert _pending(inbox) == [*published[:2], *published[3:]]
    assert _lease(inbox_leases, 3)[1] == [*published[:2], published[3]]


def test_lease_lapses_by_itself(inbox: Inbox, inbox_leases: InboxLeases) -> None:
    published = _publish(inbox, 1)
    inbox_leases.lease("acme", token(), 1, 0.05)
    assert _pending(inbox) == []

    time.sleep(0.06)

    assert _pending(inbox) == published


def test_another_consumer_leases_what_lapsed(
    inbox: Inbox, inbox_leases: InboxLeases, raw: "redis.Redis"
) -> None:
    published = _publish(inbox, 3)
    late, _ = _lease(inbox_leases, 2)
    _lapse(raw, late)

    _, taken = _lease(inbox_leases, 2)

    assert taken == published[:2]


def test_late_consumer_can_neither_acknowledge_extend_release_nor_repeat(
    inbox: Inbox, inbox_leases: InboxLeases, raw: "redis.Redis"
) -> None:
    published = _publish(inbox, 2)
    late, _ = _lease(inbox_leases, 2)
    _lapse(raw, late)
    _lease(inbox_leases, 1)
    stored = contents(raw)

    with pytest.raises(LeaseLost):
        inbox_leases.acknowledge("acme", late, published[:1])
    with pytest.raises(LeaseLost):
        inbox_leases.acknowledge("acme", late)
    with pytest.raises(LeaseLost):
        inbox_leases.extend("acme", late, 30)
    with pytest.raises(LeaseLost):
        inbox_leases.release("acme", late)
    with pytest.raises(LeaseLost):
        inbox_leases.lease("acme", late, 1, 30)

    assert contents(raw) == stored


def test_acknowledging_under_a_lease_is_all_or_nothing(
    inbox: Inbox, inbox_leases: InboxLeases, raw: "redis.Redis"
) -> None:
    published = _publish(inbox, 3)
    one, _ = _lease(inbox_leases, 2)
    stored = contents(raw)

    with pytest.raises(LeaseLost):
        inbox_leases.acknowledge("acme", one, [published[0], published[2]])

    assert contents(raw) == stored


def test_some_of_a_lease_are_acknowledged_and_the_rest_stays_held(
    inbox: Inbox, inbox_leases: InboxLeases, raw: "redis.Redis"
) -> None:
    published = _publish(inbox, 3)
    one, _ = _lease(inbox_leases, 3)

    inbox_leases.acknowledge("acme", one, published[:2])

    assert [inbox.read("acme", each).delivered for each in published] == [True, True, False]
    assert _pending(inbox) == []
    _lapse(raw, one)
    assert _pending(inbox) == published[2:]


def test_acknowledging_all_leaves_nothing(
    inbox: Inbox, inbox_leases: InboxLeases, raw: "redis.Redis"
) -> None:
    published = _publish(inbox, 3)
    one, _ = _lease(inbox_leases, 3)

    inbox_leases.acknowledge("acme", one)

    assert all(inbox.read("acme", each).delivered for each in published)
    assert not raw.exists(keyspace.inbox("acme"), keyspace.inbox_leases("acme"))


def test_acknowledging_again_under_the_same_lease_is_fine(
    inbox: Inbox, inbox_leases: InboxLeases, raw: "redis.Redis"
) -> None:
    published = _publish(inbox, 2)
    one, _ = _lease(inbox_leases, 2)
    inbox_leases.acknowledge("acme", one, published[:1])
    stored = contents(raw)

    inbox_leases.acknowledge("acme", one, published[:1])

    assert contents(raw) == stored


def test_acknowledgement_repeated_after_the_lease_lapsed_is_still_fine(
    inbox: Inbox, inbox_leases: InboxLeases, raw: "redis.Redis"
) -> None:
    published = _publish(inbox, 2)
    one, _ = _lease(inbox_leases, 2)
    inbox_leases.acknowledge("acme", one, published[:1])
    _lapse(raw, one)

    inbox_leases.acknowledge("acme", one, published[:1])

    assert inbox.read("acme", published[0]).delivered


def test_leased_event_can_be_acknowledged_without_its_lease(
    inbox: Inbox, inbox_leases: InboxLeases, raw: "redis.Redis"
) -> None:
    published = _publish(inbox, 2)
    one, _ = _lease(inbox_leases, 2)

    inbox.acknowledge("acme", published[0])

    inbox_leases.acknowledge("acme", one)
    assert not raw.exists(keyspace.inbox("acme"), keyspace.inbox_leases("acme"))


def test_renewed_lease_holds_for_its_seconds_from_then(
    inbox: Inbox, inbox_leases: InboxLeases, raw: "redis.Redis"
) -> None:
    _publish(inbox, 2)
    one = inbox_leases.lease("acme", token(), 2, 1).token
    before = now_ms(raw)

    until_ms = inbox_leases.extend("acme", one, 60)

    ends: Any = raw.zrange(keyspace.inbox_leases("acme"), 0, -1, withscores=True)
    assert before + 60_000 <= until_ms <= now_ms(raw) + 60_000
    assert [end for _, end in ends] == [until_ms] * 2
    assert raw.pexpiretime(keyspace.inbox_lease("acme", one)) == (
        until_ms + limits.LEASE_REMEMBERED_SECONDS * 1000
    )


def test_renewing_holds_nothing_that_was_given_up(
    inbox: Inbox, inbox_leases: InboxLeases, raw: "redis.Redis"
) -> None:
    published = _publish(inbox, 3)
    one, _ = _lease(inbox_leases, 3)
    inbox_leases.release("acme", one, [published[1]])
    inbox.acknowledge("acme", published[0])

    inbox_leases.extend("acme", one, 60)

    assert _pending(inbox) == [published[1]]
    assert raw.zcard(keyspace.inbox_leases("acme")) == 1
    assert _lease(inbox_leases, 3, one)[1] == [published[2]]


def test_released_events_are_pending_again_in_their_old_places(
    inbox: Inbox, inbox_leases: InboxLeases
) -> None:
    published = _publish(inbox, 5)
    one, _ = _lease(inbox_leases, 4)

    inbox_leases.release("acme", one, [published[2], published[0]])

    assert _pending(inbox) == [published[0], published[2], published[4]]


def test_releasing_all_gives_all_back(inbox: Inbox, inbox_leases: InboxLeases) -> None:
    published = _publish(inbox, 3)
    one, _ = _lease(inbox_leases, 3)

    inbox_leases.release("acme", one)

    assert _pending(inbox) == published


def test_releasing_again_takes_nothing_from_the_next_consumer(
    inbox: Inbox, inbox_leases: InboxLeases, raw: "redis.Redis"
) -> None:
    published = _publish(inbox, 1)
    one, _ = _lease(inbox_leases, 1)
    inbox_leases.release("acme", one, published)
    _, taken = _lease(inbox_leases, 1)
    stored = contents(raw)

    inbox_leases.release("acme", one, published)

    assert taken == published
    assert contents(raw) == stored


def test_releasing_what_is_not_held_passes_over_it(
    inbox: Inbox, inbox_leases: InboxLeases, raw: "redis.Redis"
) -> None:
    published = _publish(inbox, 3)
    one, _ = _lease(inbox_leases, 1)
    _lease(inbox_leases, 1)
    stored = contents(raw)

    inbox_leases.release("acme", one, [published[1], published[2], "evt_unknown", "end"])

    assert contents(raw) == stored


def test_release_wakes_who_waits_for_an_event(inbox: Inbox, inbox_leases: InboxLeases) -> None:
    _publish(inbox, 1)
    one, _ = _lease(inbox_leases, 1)
    page = inbox.page("acme", 0, 10)
    inbox_leases.release("acme", one)

    began = time.monotonic()
    inbox.await_event("acme", page, 5)

    assert time.monotonic() - began < 1


def test_who_waits_for_an_event_looks_again_when_a_lease_lapses(
    inbox: Inbox, inbox_leases: InboxLeases
) -> None:
    published = _publish(inbox, 1)
    inbox_leases.lease("acme", token(), 1, 0.2)
    page = inbox.page("acme", 0, 10)

    began = time.monotonic()
    inbox.await_event("acme", page, 5)

    assert 0.1 < time.monotonic() - began < 2
    assert _pending(inbox) == published


def test_unknown_lease_is_a_lost_one(inbox: Inbox, inbox_leases: InboxLeases) -> None:
    published = _publish(inbox, 1)

    for call in (
        lambda: inbox_leases.extend("acme", "unknown", 30),
        lambda: inbox_leases.release("acme", "unknown"),
        lambda: inbox_leases.acknowledge("acme", "unknown"),
        lambda: inbox_leases.acknowledge("acme", "unknown", published),
    ):
        with pytest.raises(LeaseLost):
            call()

    assert _pending(inbox) == published


@pytest.mark.parametrize(
    ("owner", "stranger"),
    [
        (("acme", "t"), ("umbrella", "t")),
        (("a", "b:c"), ("a:b", "c")),
        (("a:b", "c"), ("a", "b:c")),
    ],
)
def test_tenants_know_nothing_of_each_others_leases(
    inbox: Inbox,
    inbox_leases: InboxLeases,
    raw: "redis.Redis",
    owner: tuple[str, str],
    stranger: tuple[str, str],
) -> None:
    owned = _publish(inbox, 1, owner[0])
    inbox_leases.lease(*owner, 1, 30)
    stored = contents(raw)

    for call in (
        lambda: inbox_leases.extend(*stranger, 30),
        lambda: inbox_leases.release(*stranger),
        lambda: inbox_leases.acknowledge(*stranger),
        lambda: inbox_leases.acknowledge(*stranger, owned),
    ):
        with pytest.raises(LeaseLost):
            call()
    assert contents(raw) == stored
    assert inbox_leases.lease(*stranger, 1, 30).events == ()
    assert _pending(inbox, owner[0]) == []


def test_lease_on_an_empty_inbox_holds_nothing(inbox: Inbox, inbox_leases: InboxLeases) -> None:
    one, held = _lease(inbox_leases, 5)
    published = _publish(inbox, 1)

    with pytest.raises(LeaseLost):
        inbox_leases.acknowledge("acme", one)

    assert held == []
    assert _pending(inbox) == published


def test_lease_is_no_longer_than_lambda_can_carry(
    inbox: Inbox, inbox_leases: InboxLeases, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = _publish(inbox, 5)
    with monkeypatch.context() as small:
        small.setattr(limits, "PAGE_BYTES", 1000)
        one, held = _lease(inbox_leases, 5)

    again = _lease(inbox_leases, 5, one)[1]

    assert 1 <= len(held) < 5
    assert held == again == published[: len(held)]
    assert _pending(inbox) == published[len(held) :]


def test_event_whose_retention_ends_under_a_lease_is_forgotten(
    store: Store, inbox: Inbox, inbox_leases: InboxLeases, raw: "redis.Redis"
) -> None:
    published = _publish(inbox, 2)
    one, _ = _lease(inbox_leases, 2)
    pass_event_retention(raw, published[0])

    assert sweep(sweeper_of(store)) == ["forget"]

    assert _lease(inbox_leases, 2, one)[1] == published[1:]
    inbox_leases.acknowledge("acme", one)
    assert not raw.exists(keyspace.inbox("acme"), keyspace.inbox_leases("acme"))


@pytest.mark.parametrize("how", ["all", "each"])
def test_what_was_forgotten_under_a_lease_keeps_no_other_from_being_acknowledged(
    store: Store, inbox: Inbox, inbox_leases: InboxLeases, raw: "redis.Redis", how: str
) -> None:
    published = _publish(inbox, 2)
    one, _ = _lease(inbox_leases, 2)
    pass_event_retention(raw, published[0])
    sweep(sweeper_of(store))

    inbox_leases.acknowledge("acme", one, None if how == "all" else published)

    assert inbox.read("acme", published[1]).delivered
    assert not raw.exists(keyspace.inbox("acme"), keyspace.inbox_leases("acme"))


def test_many_lapsed_leases_all_come_back_in_order(
    inbox: Inbox, inbox_leases: InboxLeases, raw: "redis.Redis"
) -> None:
    published = _publish(inbox, 30)
    for one in [_lease(inbox_leases, 3)[0] for _ in range(10)]:
        _lapse(raw, one)

    assert _pending(inbox) == published
