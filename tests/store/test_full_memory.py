"""A store whose memory is used up: what is stored goes on, and what frees memory is done."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis

from chalicelib import keyspace
from chalicelib.bounds import RetentionSettings
from chalicelib.errors import StoreUnavailable
from chalicelib.inbox import Inbox
from chalicelib.inbox_leases import InboxLeases
from chalicelib.jobs import JobState
from chalicelib.leasing import JobLeases
from chalicelib.queueing import JobQueue
from chalicelib.store import Store
from chalicelib.sweeping import Sweeper
from chalicelib.upkeep import Upkeep
from tests.store.harness import (
    DONE,
    SETTINGS,
    claim,
    draft,
    end,
    lapse,
    pass_retention,
    place,
    submit,
    token,
)


@contextmanager
def full(raw: "redis.Redis") -> Iterator[None]:
    """Let the store's memory be used up inside the block."""
    raw.config_set("maxmemory", 1)
    try:
        yield
    finally:
        raw.config_set("maxmemory", 0)


def test_nothing_new_is_taken(queue: JobQueue, raw: "redis.Redis") -> None:
    with full(raw), pytest.raises(StoreUnavailable):
        submit(queue)

    assert queue.gauge().waiting == 0


def test_worker_keeps_its_lease(queue: JobQueue, leases: JobLeases, raw: "redis.Redis") -> None:
    submit(queue)
    held = claim(leases)

    with full(raw):
        assert leases.extend(held) is False

    assert raw.zcard(keyspace.LEASED) == 1


def test_result_waits_for_room_under_its_lease(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    submit(queue)
    held = claim(leases)

    with full(raw):
        with pytest.raises(StoreUnavailable):
            leases.finish(held, DONE)
        leases.extend(held)

    assert leases.finish(held, DONE) is JobState.SUCCEEDED


def test_lapsed_lease_is_taken_back(
    queue: JobQueue, leases: JobLeases, sweeper: Sweeper, raw: "redis.Redis"
) -> None:
    submit(queue)
    lost = claim(leases)
    held = place(raw, lost.job.id)
    lapse(raw, lost)

    with full(raw):
        assert sweeper.reclaim(held) == JobState.QUEUED


def test_event_is_acknowledged(inbox: Inbox, raw: "redis.Redis") -> None:
    event = inbox.publish(draft()).event

    with full(raw):
        inbox.acknowledge("acme", event.id)

    assert inbox.read("acme", event.id).delivered
    assert not list(inbox.page("acme", 0, 10))


def test_lease_on_events_is_renewed(
    inbox: Inbox, inbox_leases: InboxLeases, raw: "redis.Redis"
) -> None:
    event, mine = inbox.publish(draft()).event, token()
    inbox_leases.lease("acme", mine, 1, 30)

    with full(raw):
        until_ms = inbox_leases.extend("acme", mine, 600)

    (member,) = raw.zrange(keyspace.inbox_leases("acme"), 0, -1, withscores=True)
    assert member == (f"{event.id} {event.sequence}", until_ms)


def test_tick_removes_all_that_is_due_beside_lapsed_leases_and_a_lost_worker(
    queue: JobQueue, leases: JobLeases, store: Store, raw: "redis.Redis"
) -> None:
    for _ in range(70):
        submit(queue)
        pass_retention(raw, end(queue, leases).id)
    submit(queue)
    lapse(raw, claim(leases))
    raw.hset(keyspace.SLOTS, "of 0.1.0", 4)
    raw.hset(keyspace.MODELS, "of 0.1.0", '["tinyllama"]')
    upkeep = Upkeep(store, SETTINGS, RetentionSettings(), time.monotonic)

    with full(raw):
        report = upkeep.tick()

    assert report.complete
    assert report.done["remove"] == 70
    assert report.done["reclaim"] == 1
