"""A tenant's inbox: publish, page, read, acknowledge."""

import threading
import time
from typing import Any

import pytest
import redis

from chalicelib import keyspace, limits
from chalicelib.errors import EventGone, EventNotFound, IdempotencyKeyReused
from chalicelib.inbox import Inbox, Published
from chalicelib.store import Store
from tests.store.harness import contents, draft, now_ms


def _expire(raw: "redis.Redis", *event_ids: str) -> None:
    """Leave the store as it is once the events' retention has ended."""
    raw.delete(*(keyspace.event(event_id) for event_id in event_ids))


def _publish(inbox: Inbox, count: int) -> list[str]:
    return [inbox.publish(draft()).event.id for _ in range(count)]


def test_published_event_is_read_and_paged(inbox: Inbox, raw: "redis.Redis") -> None:
    before = now_ms(raw)

    published = inbox.publish(draft())
    event = published.event

    assert not published.known
    assert inbox.read("acme", event.id) == event
    assert list(inbox.page("acme", 0, 10)) == [event]
    assert before <= event.created_at <= now_ms(raw)
    assert not event.delivered


@pytest.mark.parametrize("payload", [None, 0, "", [], {}, "Grüße\u2028", [1.5, {"a": None}], True])
def test_payload_comes_back_as_it_went_in(inbox: Inbox, payload: object) -> None:
    made = draft()
    object.__setattr__(made, "payload", payload)

    event = inbox.publish(made).event

    assert inbox.read("acme", event.id).payload == payload


def test_inbox_is_in_the_order_of_publishing(inbox: Inbox) -> None:
    published = _publish(inbox, 40)

    paged = list(inbox.page("acme", 0, 100))

    assert [event.id for event in paged] == published
    assert [event.sequence for event in paged] == sorted({event.sequence for event in paged})


def test_page_begins_after_a_sequence_and_ends_at_its_limit(inbox: Inbox) -> None:
    published = _publish(inbox, 5)
    second = inbox.read("acme", published[1])

    page = [event.id for event in inbox.page("acme", second.sequence, 2)]

    assert page == published[2:4]


def test_publishing_again_under_the_same_id_changes_nothing(
    inbox: Inbox, raw: "redis.Redis"
) -> None:
    made = draft()
    first = inbox.publish(made, "h", "k").event
    stored = contents(raw)

    again = inbox.publish(made, "h", "k")

    assert again == Published(first, known=False)
    assert contents(raw) == stored


def test_publishing_again_after_acknowledgement_puts_nothing_back(
    inbox: Inbox, raw: "redis.Redis"
) -> None:
    made = draft()
    inbox.publish(made)
    inbox.acknowledge("acme", made.id)
    stored = contents(raw)

    inbox.publish(made)

    assert contents(raw) == stored


def test_same_key_and_body_answer_the_first_event(inbox: Inbox, raw: "redis.Redis") -> None:
    first = inbox.publish(draft(), "h", "k").event
    stored = contents(raw)

    again = inbox.publish(draft(), "h", "k")

    assert again == Published(first, known=True)
    assert contents(raw) == stored


def test_same_key_needs_no_hash_of_the_body(inbox: Inbox) -> None:
    first = inbox.publish(draft(), idempotency_key="k").event

    assert inbox.publish(draft(), idempotency_key="k") == Published(first, known=True)


def test_same_key_with_another_body_is_refused(inbox: Inbox, raw: "redis.Redis") -> None:
    inbox.publish(draft(), "h", "k")
    stored = contents(raw)

    with pytest.raises(IdempotencyKeyReused):
        inbox.publish(draft(), "other", "k")

    assert contents(raw) == stored


def test_same_key_of_another_tenant_is_another_key(inbox: Inbox) -> None:
    inbox.publish(draft("acme"), "h", "k")

    second = inbox.publish(draft("umbrella"), "other", "k")

    assert not second.known


def test_key_of_a_removed_event_says_that_it_is_gone(inbox: Inbox, raw: "redis.Redis") -> None:
    first = inbox.publish(draft(), "h", "k").event
    _expire(raw, first.id)

    with pytest.raises(EventGone):
        inbox.publish(draft(), "h", "k")


def test_key_is_remembered_for_24_hours(inbox: Inbox, raw: "redis.Redis") -> None:
    inbox.publish(draft(), "h", "k")

    left = raw.pttl(keyspace.idempotency("acme", "events", "k"))

    assert limits.IDEMPOTENCY_SECONDS * 1000 - 60_000 < left <= limits.IDEMPOTENCY_SECONDS * 1000


def test_acknowledged_event_leaves_the_inbox_and_stays_readable(inbox: Inbox) -> None:
    first, second = _publish(inbox, 2)

    inbox.acknowledge("acme", first)

    assert [event.id for event in inbox.page("acme", 0, 10)] == [second]
    assert inbox.read("acme", first).delivered
    assert not inbox.read("acme", second).delivered


def test_acknowledging_again_changes_nothing(inbox: Inbox, raw: "redis.Redis") -> None:
    (event_id,) = _publish(inbox, 1)
    inbox.acknowledge("acme", event_id)
    stored = contents(raw)

    inbox.acknowledge("acme", event_id)

    assert contents(raw) == stored


def test_event_is_due_for_removal_after_14_days_and_a_day_after_acknowledgement(
    inbox: Inbox, raw: "redis.Redis"
) -> None:
    event = inbox.publish(draft()).event
    kept = raw.zscore(
        keyspace.RETENTION_EVENTS, str(raw.zrange(keyspace.RETENTION_EVENTS, 0, 0)[0])
    )
    before = now_ms(raw)

    inbox.acknowledge("acme", event.id)

    due = raw.zscore(keyspace.RETENTION_EVENTS, f"{event.id} acme 0")
    assert kept == event.created_at + limits.EVENT_SECONDS * 1000
    assert due is not None
    assert before <= due - limits.ACKNOWLEDGED_SECONDS * 1000 <= now_ms(raw)
    assert raw.pexpiretime(keyspace.event(event.id)) == due + limits.BACKSTOP_SECONDS * 1000


def test_other_tenants_neither_see_nor_acknowledge_an_event(
    inbox: Inbox, raw: "redis.Redis"
) -> None:
    (event_id,) = _publish(inbox, 1)
    stored = contents(raw)

    with pytest.raises(EventNotFound):
        inbox.read("umbrella", event_id)
    with pytest.raises(EventNotFound):
        inbox.acknowledge("umbrella", event_id)

    assert list(inbox.page("umbrella", 0, 10)) == []
    assert contents(raw) == stored


def test_absent_event_is_not_found(inbox: Inbox) -> None:
    absent = draft().id

    with pytest.raises(EventNotFound):
        inbox.read("acme", absent)
    with pytest.raises(EventNotFound):
        inbox.acknowledge("acme", absent)


def test_id_whose_record_expired_is_forgotten(inbox: Inbox, raw: "redis.Redis") -> None:
    gone, kept = _publish(inbox, 2)
    _expire(raw, gone)

    paged = [event.id for event in inbox.page("acme", 0, 10)]

    assert paged == [kept]
    assert raw.zrange(keyspace.inbox("acme"), 0, -1) == [kept]


def test_expired_events_do_not_shorten_a_page(inbox: Inbox, raw: "redis.Redis") -> None:
    published = _publish(inbox, 45)
    _expire(raw, *published[:20], *published[25:27])

    paged = [event.id for event in inbox.page("acme", 0, 10)]

    assert paged == [*published[20:25], *published[27:32]]


def test_page_of_expired_events_alone_is_empty(inbox: Inbox, raw: "redis.Redis") -> None:
    _expire(raw, *_publish(inbox, 20))

    assert list(inbox.page("acme", 0, 5)) == []

    assert not raw.exists(keyspace.inbox("acme"))


def test_page_looks_at_so_many_entries_and_says_where_to_go_on(
    inbox: Inbox, raw: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PAGE_LOOKS", 10)
    published = _publish(inbox, 35)
    _expire(raw, *published[1:34])

    pages = [inbox.page("acme", 0, 5)]
    while (cursor := pages[-1].cursor) is not None:
        pages.append(inbox.page("acme", cursor, 5))

    assert [[event.id for event in page] for page in pages] == [published[:1], [], published[34:]]


def test_a_short_page_passes_over_expired_entries_in_few_reads(
    inbox: Inbox, raw: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    published = _publish(inbox, 40)
    _expire(raw, *published[:39])
    reads, read = 0, Store.read

    def counted(store: Store, *commands: tuple[str | float, ...]) -> list[Any]:
        nonlocal reads
        reads += 1
        return read(store, *commands)

    monkeypatch.setattr(Store, "read", counted)

    page = inbox.page("acme", 0, 1)

    assert [event.id for event in page] == published[39:]
    assert reads < 10


def test_event_acknowledged_while_it_is_paged_is_not_shown_as_pending(
    inbox: Inbox, raw: "redis.Redis"
) -> None:
    published = _publish(inbox, 3)
    # As between a page's two reads: the id was still there, the record tells.
    raw.hset(keyspace.event(published[1]), "delivered", "1")

    assert [event.id for event in inbox.page("acme", 0, 10)] == [published[0], published[2]]


def test_who_waits_for_an_event_wakes_when_one_is_published(inbox: Inbox) -> None:
    page = inbox.page("acme", 0, 10)
    late = threading.Timer(0.1, inbox.publish, (draft(),))
    late.start()

    began = time.monotonic()
    inbox.await_event("acme", page, 5)

    assert 0.05 < time.monotonic() - began < 2
    late.join()


def test_event_that_was_published_since_the_page_ends_the_wait_at_once(inbox: Inbox) -> None:
    page = inbox.page("acme", 0, 10)
    _publish(inbox, 1)

    began = time.monotonic()
    inbox.await_event("acme", page, 5)

    assert time.monotonic() - began < 1


def test_another_tenants_event_ends_no_wait(inbox: Inbox) -> None:
    page = inbox.page("acme", 0, 10)
    inbox.publish(draft("umbrella"))

    began = time.monotonic()
    inbox.await_event("acme", page, 0.1)

    assert 0.09 < time.monotonic() - began < 1


def test_page_can_be_of_one_type(inbox: Inbox) -> None:
    types = ["a", "b", "a", "c", "a"]
    published = [inbox.publish(draft(event_type=each)).event.id for each in types]

    first = inbox.page("acme", 0, 2, "a")
    second = inbox.page("acme", first.cursor or 0, 2, "a")

    assert [event.id for event in (*first, *second)] == [published[0], published[2], published[4]]
    assert (len(first.events), second.cursor) == (2, None)
