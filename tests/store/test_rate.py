"""How often a tenant may call: a bucket that fills steadily, charged for what is stored alone."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import redis

from chalicelib import keyspace
from chalicelib.errors import (
    IdempotencyKeyReused,
    InboxFull,
    QueueFull,
    RateLimited,
    RouterError,
    StoreFull,
)  # fmt: skip
from chalicelib.inbox import Inbox, Published
from chalicelib.jobs import Draft
from chalicelib.queueing import Idempotency, JobQueue, Submitted
from chalicelib.refusals import Rate
from chalicelib.store import Store
from chalicelib.sweeping import Sweeper
from tests.store.harness import SETTINGS, contents, draft, now_ms, request, submit

PER_MINUTE = 6
STEP_MS = 60_000 / PER_MINUTE
LIMITED = replace(SETTINGS, rate_per_minute=PER_MINUTE)


@pytest.fixture
def limited(store: Store) -> JobQueue:
    """The queue with a rate of six a minute."""
    return JobQueue(store, LIMITED)


@pytest.fixture
def limited_inbox(store: Store) -> Inbox:
    """The inboxes under the same rate."""
    return Inbox(store, LIMITED)


def _calls_until_refused(queue: JobQueue, tenant: str = "acme") -> int:
    for taken in range(10 * PER_MINUTE):
        try:
            submit(queue, tenant)
        except RateLimited:
            return taken
    raise AssertionError("never refused")


def _pass_time(raw: "redis.Redis", milliseconds: float) -> None:
    """Leave the tenant's bucket as it is after so long."""
    empty_at = float(raw.get(keyspace.rate("acme")) or 0)
    raw.set(keyspace.rate("acme"), str(empty_at - milliseconds), keepttl=True)


def test_so_many_calls_are_taken_at_once_and_no_more(limited: JobQueue) -> None:
    assert _calls_until_refused(limited) == PER_MINUTE


def test_refusal_says_when_to_call_again_and_stores_nothing(
    limited: JobQueue, raw: "redis.Redis"
) -> None:
    _calls_until_refused(limited)
    stored = contents(raw)

    with pytest.raises(RateLimited) as refused:
        limited.submit(request(), Idempotency("k", "h"))

    assert refused.value.status == 429
    assert refused.value.headers["Retry-After"] == "10"
    assert contents(raw) == stored


@pytest.mark.parametrize(("steps", "taken"), [(0.5, 0), (1, 1), (1.5, 1), (3, 3), (5.5, 5)])
def test_bucket_fills_by_one_call_a_step(
    limited: JobQueue, raw: "redis.Redis", steps: float, taken: int
) -> None:
    _calls_until_refused(limited)

    _pass_time(raw, steps * STEP_MS)

    assert _calls_until_refused(limited) == taken


@pytest.mark.parametrize("minutes", [1, 2, 1000])
def test_bucket_never_holds_more_than_a_minutes_calls(
    limited: JobQueue, raw: "redis.Redis", minutes: int
) -> None:
    _calls_until_refused(limited)

    _pass_time(raw, minutes * 60_000)

    assert _calls_until_refused(limited) == PER_MINUTE


def test_rate_is_told_with_each_call(limited: JobQueue) -> None:
    told = [limited.submit(request()).rates[0] for _ in range(PER_MINUTE)]

    assert told == [
        Rate("default", PER_MINUTE, PER_MINUTE - taken, taken * 10)
        for taken in range(1, PER_MINUTE + 1)
    ]


def test_events_and_jobs_draw_on_one_bucket(limited: JobQueue, limited_inbox: Inbox) -> None:
    for _ in range(PER_MINUTE - 2):
        submit(limited)
    first = limited_inbox.publish(draft()).rates
    second = limited_inbox.publish(draft()).rates

    with pytest.raises(RateLimited):
        limited_inbox.publish(draft())
    with pytest.raises(RateLimited):
        submit(limited)

    assert [rate.left for rate in (*first, *second)] == [1, 0]


def test_every_tenant_has_a_bucket_of_its_own(limited: JobQueue) -> None:
    _calls_until_refused(limited, "acme")

    assert _calls_until_refused(limited, "umbrella") == PER_MINUTE


def test_repeats_are_answered_and_not_charged(limited: JobQueue, limited_inbox: Inbox) -> None:
    asked, made = request(), draft()
    limited.submit(asked, Idempotency("k", "h"))
    limited_inbox.publish(made, "h", "k")
    assert _calls_until_refused(limited) == PER_MINUTE - 2

    repeats: list[Submitted | Published] = [
        limited.submit(asked, Idempotency("k", "h")),
        limited.submit(request(), Idempotency("k", "h")),
        limited_inbox.publish(made, "h", "k"),
        limited_inbox.publish(draft(), "h", "k"),
    ]

    assert not any(repeat.rates for repeat in repeats)


def _reuse_the_key(store: Store) -> object:
    return JobQueue(store, LIMITED).submit(request(), Idempotency("k", "other"))


def _overfill_the_queue(store: Store) -> object:
    return JobQueue(store, replace(LIMITED, queue_length=1)).submit(request())


def _overfill_the_inbox(store: Store) -> object:
    return Inbox(store, replace(LIMITED, inbox_bytes=1)).publish(draft())


def _overfill_the_inbox_by_a_job(store: Store) -> object:
    return JobQueue(store, replace(LIMITED, inbox_bytes=1)).submit(request())


@pytest.mark.parametrize(
    ("call", "refusal"),
    [
        (_reuse_the_key, IdempotencyKeyReused),
        (_overfill_the_queue, QueueFull),
        (_overfill_the_inbox, InboxFull),
        (_overfill_the_inbox_by_a_job, InboxFull),
    ],
)
def test_refused_calls_are_not_charged(
    store: Store,
    limited: JobQueue,
    call: Callable[[Store], object],
    refusal: type[RouterError],
) -> None:
    limited.submit(request(), Idempotency("k", "h"))

    for _ in range(PER_MINUTE):
        with pytest.raises(refusal):
            call(store)

    assert _calls_until_refused(limited) == PER_MINUTE - 1


def test_calls_refused_for_want_of_memory_are_not_charged(
    limited: JobQueue, sweeper: Sweeper, raw: "redis.Redis"
) -> None:
    sweeper.mark_full(60)

    with pytest.raises(StoreFull):
        submit(limited)

    assert not raw.exists(keyspace.rate("acme"))


def test_rate_comes_before_the_caps(store: Store, limited: JobQueue) -> None:
    _calls_until_refused(limited)

    with pytest.raises(RateLimited):
        JobQueue(store, replace(LIMITED, queue_length=1)).submit(request())


def test_known_key_comes_before_the_rate(limited: JobQueue) -> None:
    limited.submit(request(), Idempotency("k", "h"))
    _calls_until_refused(limited)

    with pytest.raises(IdempotencyKeyReused):
        limited.submit(request(), Idempotency("k", "other"))


def test_idle_tenants_bucket_is_forgotten_once_it_is_full(
    limited: JobQueue, raw: "redis.Redis"
) -> None:
    before = now_ms(raw)
    submit(limited), submit(limited)

    gone_at = raw.pexpiretime(keyspace.rate("acme"))

    assert before + 2 * STEP_MS <= gone_at <= now_ms(raw) + 2 * STEP_MS + 1


def test_rate_of_zero_is_no_limit(queue: JobQueue, raw: "redis.Redis") -> None:
    submitted = [queue.submit(request()) for _ in range(3 * PER_MINUTE)]

    assert not any(each.rates for each in submitted)
    assert not raw.exists(keyspace.rate("acme"))


@pytest.mark.parametrize("per_minute", [1, 7, 60, 600, 997])
def test_burst_is_exact_at_any_rate(store: Store, per_minute: int) -> None:
    queue = JobQueue(store, replace(SETTINGS, rate_per_minute=per_minute, queue_length=10_000))
    first = Draft("job_0", "acme", {})

    lefts = [queue.submit(replace(first, id=f"job_{n}")).rates for n in range(min(per_minute, 50))]

    told = [rate.left for rates in lefts for rate in rates]
    assert told[0] == per_minute - 1
    # Slow machines earn a call now and then while they make these.
    assert all(left >= per_minute - taken for taken, left in enumerate(told, start=1))
