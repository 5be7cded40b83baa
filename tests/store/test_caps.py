"""What is bounded: the queue by number and bytes, an inbox by bytes, all by the store's memory."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
import redis

from chalicelib import keyspace, limits
from chalicelib.errors import InboxFull, QueueFull, StoreFull
from chalicelib.events import Event
from chalicelib.inbox import Inbox
from chalicelib.inbox_leases import InboxLeases
from chalicelib.jobs import Draft, JobState
from chalicelib.leasing import Claim, JobLeases
from chalicelib.queueing import Idempotency, JobQueue
from chalicelib.store import Store
from chalicelib.sweeping import Sweeper
from tests.store.harness import (
    BROKEN,
    CANCELLED,
    DONE,
    FLAKY,
    SETTINGS,
    claim,
    contents,
    draft,
    job_id,
    lapse,
    pass_deadline,
    pass_event_retention,
    request,
    submit,
    sweep,
    token,
)  # fmt: skip

REQUEST = {"prompt": "x" * 100}
SIZE = len(json.dumps(REQUEST))


def _asked() -> Draft:
    return Draft(job_id(), "acme", REQUEST)


def test_delayed_jobs_count_towards_the_length_of_the_queue(
    store: Store, leases: JobLeases, raw: "redis.Redis"
) -> None:
    small = JobQueue(store, replace(SETTINGS, queue_length=2))
    submit(small)
    leases.finish(claim(leases), FLAKY)
    submit(small)
    stored = contents(raw)

    with pytest.raises(QueueFull):
        submit(small)

    assert contents(raw) == stored


def test_running_jobs_do_not_count_towards_the_length_of_the_queue(
    store: Store, leases: JobLeases
) -> None:
    small = JobQueue(store, replace(SETTINGS, queue_length=1))
    for _ in range(3):
        submit(small)
        claim(leases)

    assert submit(small).position == 0


def test_requests_fill_the_queue_to_the_last_byte(store: Store, raw: "redis.Redis") -> None:
    small = JobQueue(store, replace(SETTINGS, queue_bytes=2 * SIZE))
    small.submit(_asked()), small.submit(_asked())
    stored = contents(raw)

    with pytest.raises(QueueFull) as refused:
        small.submit(Draft(job_id(), "umbrella", {}))

    assert small.gauge().bytes == 2 * SIZE
    assert int(refused.value.headers["Retry-After"]) > 0
    assert contents(raw) == stored


def test_metadata_counts_towards_the_bytes(store: Store) -> None:
    queue = JobQueue(store, SETTINGS)

    queue.submit(Draft(job_id(), "acme", {**REQUEST, "metadata": {"a": "b"}}))

    assert queue.gauge().bytes == SIZE + len('{"a": "b"}')


def _finish(queue: JobQueue, leases: JobLeases, raw: "redis.Redis") -> None:
    del queue, raw
    leases.finish(claim(leases), DONE)


def _fail(queue: JobQueue, leases: JobLeases, raw: "redis.Redis") -> None:
    del queue, raw
    leases.finish(claim(leases), BROKEN)


def _confirm_a_cancel(queue: JobQueue, leases: JobLeases, raw: "redis.Redis") -> None:
    del raw
    claimed = claim(leases)
    queue.cancel("acme", claimed.job.id)
    leases.finish(claimed, CANCELLED)


def _cancel(queue: JobQueue, leases: JobLeases, raw: "redis.Redis") -> None:
    claimed = claim(leases)
    leases.release(claimed)
    del raw
    queue.cancel("acme", claimed.job.id)


def _erase(queue: JobQueue, leases: JobLeases, raw: "redis.Redis") -> None:
    claimed = claim(leases)
    leases.release(claimed)
    del raw
    queue.erase("acme", claimed.job.id)


def _expire(queue: JobQueue, leases: JobLeases, raw: "redis.Redis") -> None:
    claimed = claim(leases)
    pass_deadline(raw, claimed.job.id)
    queue.fetch("acme", claimed.job.id)


@pytest.mark.parametrize("end", [_finish, _fail, _confirm_a_cancel, _cancel, _erase, _expire])
def test_every_end_gives_back_the_bytes_and_the_room_kept_in_the_inbox(
    queue: JobQueue,
    leases: JobLeases,
    inbox: Inbox,
    raw: "redis.Redis",
    end: Callable[[JobQueue, JobLeases, "redis.Redis"], None],
) -> None:
    queue.submit(replace(_asked(), deadline_seconds=60))
    assert raw.hget(keyspace.tenant_counts("acme"), "inbox") == str(limits.END_EVENT_BYTES)

    end(queue, leases, raw)

    assert queue.gauge().bytes == 0
    (event,) = inbox.page("acme", 0, 10)
    inbox.acknowledge("acme", event.id)
    assert not raw.exists(keyspace.tenant_counts("acme"))


def _event(payload: str) -> Event:
    return replace(draft(), event_type="t", source="s", payload=payload)


def _size(event: Event) -> int:
    texts = event.event_type, event.source, json.dumps(event.payload)
    return limits.EVENT_OVERHEAD_BYTES + sum(map(len, texts))


def test_events_fill_an_inbox_to_the_last_byte(store: Store, raw: "redis.Redis") -> None:
    event = _event("x" * 100)
    small = Inbox(store, replace(SETTINGS, inbox_bytes=2 * _size(event)))
    small.publish(event), small.publish(_event("y" * 100))
    stored = contents(raw)

    with pytest.raises(InboxFull) as refused:
        small.publish(_event(""), "h", "k")

    assert refused.value.status == 429
    assert contents(raw) == stored


def test_full_inbox_is_its_tenants_own(store: Store) -> None:
    small = Inbox(store, replace(SETTINGS, inbox_bytes=400))
    small.publish(draft())
    with pytest.raises(InboxFull):
        small.publish(draft())

    assert not small.publish(draft("umbrella")).known


def test_repeat_is_answered_though_the_inbox_is_full(store: Store) -> None:
    small = Inbox(store, replace(SETTINGS, inbox_bytes=400))
    event = draft()
    first = small.publish(event, "h", "k").event

    assert small.publish(event, "h", "k").event == first
    assert small.publish(draft(), "h", "k").event == first


@pytest.mark.parametrize("how", ["one", "leased", "forgotten", "twice", "both ways"])
def test_acknowledged_event_makes_room_once(
    store: Store, sweeper: Sweeper, raw: "redis.Redis", how: str
) -> None:
    small, leases = Inbox(store, replace(SETTINGS, inbox_bytes=1000)), InboxLeases(store)
    first, second = small.publish(_event("a")).event, small.publish(_event("b")).event
    lease = leases.lease("acme", token(), 1, 30)

    if how == "one":
        small.acknowledge("acme", first.id)
    elif how == "leased":
        leases.acknowledge("acme", lease.token)
    elif how == "twice":
        leases.acknowledge("acme", lease.token, [first.id, first.id])
    elif how == "both ways":
        small.acknowledge("acme", first.id)
        leases.acknowledge("acme", lease.token)
    else:
        pass_event_retention(raw, first.id)
        sweep(sweeper)

    assert raw.hget(keyspace.tenant_counts("acme"), "inbox") == str(_size(second))


def test_leased_events_count_towards_the_inbox(store: Store) -> None:
    small = Inbox(store, replace(SETTINGS, inbox_bytes=400))
    small.publish(draft())
    InboxLeases(store).lease("acme", token(), 1, 30)

    with pytest.raises(InboxFull):
        small.publish(draft())


def test_submit_keeps_room_for_the_jobs_end_and_refuses_without(
    store: Store, raw: "redis.Redis"
) -> None:
    small = JobQueue(store, replace(SETTINGS, inbox_bytes=2 * limits.END_EVENT_BYTES))
    submit(small), submit(small)
    stored = contents(raw)

    with pytest.raises(InboxFull):
        small.submit(request(), Idempotency("k", "h"))

    assert contents(raw) == stored
    assert submit(small, "umbrella").state is JobState.QUEUED


def test_room_kept_for_ends_is_not_given_to_events(store: Store) -> None:
    settings = replace(SETTINGS, inbox_bytes=limits.END_EVENT_BYTES + 300)
    submit(JobQueue(store, settings))

    with pytest.raises(InboxFull):
        Inbox(store, settings).publish(draft())


def test_jobs_end_and_tell_so_though_the_inbox_is_full(store: Store) -> None:
    settings = replace(SETTINGS, inbox_bytes=3 * limits.END_EVENT_BYTES + 400)
    queue, leases = JobQueue(store, settings), JobLeases(store, settings)
    inbox = Inbox(store, settings)
    jobs = [submit(queue).id for _ in range(3)]
    inbox.publish(draft())
    with pytest.raises(InboxFull):
        inbox.publish(draft())

    for _ in jobs:
        leases.finish(claim(leases), DONE)

    _, *ends = inbox.page("acme", 0, 10)
    assert [event.payload["job_id"] for event in ends] == jobs


@pytest.mark.parametrize("state", [state for state in JobState if state.ended])
def test_event_of_an_end_fits_into_the_room_that_was_kept_for_it(
    queue: JobQueue, leases: JobLeases, inbox: Inbox, raw: "redis.Redis", state: JobState
) -> None:
    job = queue.submit(replace(request(), deadline_seconds=60)).job
    raw.hset(keyspace.job(job.id), mapping={"attempt": 10**9, "max_attempts": 10**9})
    claimed = claim(leases)

    if state is JobState.CANCELLED:
        queue.cancel("acme", job.id)
        leases.finish(claimed, CANCELLED)
    elif state is JobState.EXPIRED:
        pass_deadline(raw, job.id)
        queue.fetch("acme", job.id)
    else:
        leases.finish(claimed, DONE if state is JobState.SUCCEEDED else BROKEN)

    (event,) = inbox.page("acme", 0, 10)
    assert event.event_type == f"job.{state}"
    assert int(raw.hget(keyspace.event(event.id), "size") or 0) <= limits.END_EVENT_BYTES


def test_nothing_new_is_taken_while_the_store_is_nearly_full(
    queue: JobQueue, inbox: Inbox, sweeper: Sweeper, raw: "redis.Redis"
) -> None:
    sweeper.mark_full(60)
    stored = contents(raw)

    with pytest.raises(StoreFull) as refused:
        queue.submit(request(), Idempotency("k", "h"))
    with pytest.raises(StoreFull):
        inbox.publish(draft(), "h", "k")

    assert (refused.value.status, refused.value.code) == (503, "store_full")
    assert int(refused.value.headers["Retry-After"]) > 0
    assert contents(raw) == stored


def test_repeats_are_answered_while_the_store_is_nearly_full(
    queue: JobQueue, inbox: Inbox, sweeper: Sweeper
) -> None:
    asked, made = request(), draft()
    job = queue.submit(asked, Idempotency("k", "h")).job
    event = inbox.publish(made, "h", "k").event

    sweeper.mark_full(60)

    assert queue.submit(asked, Idempotency("k", "h")).job == job
    assert queue.submit(request(), Idempotency("k", "h")).job == job
    assert inbox.publish(made, "h", "k").event == event
    assert inbox.publish(draft(), "h", "k").event == event


def _append_and_finish(leases: JobLeases, claimed: Claim) -> None:
    leases.append(claimed, 0, ["a"])
    leases.extend(claimed)
    leases.finish(claimed, DONE)


def test_what_is_stored_goes_on_while_the_store_is_nearly_full(
    queue: JobQueue, leases: JobLeases, inbox: Inbox, sweeper: Sweeper, raw: "redis.Redis"
) -> None:
    for _ in range(5):
        submit(queue)
    running, lost = claim(leases), claim(leases)
    lapse(raw, lost)
    sweeper.mark_full(60)

    _append_and_finish(leases, running)
    assert sweep(sweeper) == ["reclaim"]
    _append_and_finish(leases, claim(leases))
    leases.finish(claim(leases), FLAKY)
    leases.release(claim(leases))
    queue.cancel("acme", claim(leases).job.id)
    for event in inbox.page("acme", 0, 10):
        inbox.acknowledge("acme", event.id)
    queue.erase("acme", running.job.id)

    assert list(inbox.page("acme", 0, 10)) == []


def test_mark_is_lifted_when_there_is_room_again(queue: JobQueue, sweeper: Sweeper) -> None:
    sweeper.mark_full(60)
    sweeper.mark_full(0)

    assert submit(queue).state is JobState.QUEUED
