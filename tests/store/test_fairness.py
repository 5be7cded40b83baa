"""Whose turn it is: fair between tenants by virtual time, priority and order within one."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import redis

from chalicelib import keyspace
from chalicelib.bounds import RetentionSettings
from chalicelib.inbox import Inbox
from chalicelib.inbox_leases import InboxLeases
from chalicelib.jobs import Priority
from chalicelib.leasing import JobLeases
from chalicelib.queueing import Idempotency, JobQueue
from chalicelib.store import Store
from tests.store.harness import (
    DONE,
    FLAKY,
    SETTINGS,
    claim,
    contents,
    draft,
    end,
    pass_delay,
    request,
    submit,
    sweep,
    sweeper_of,
    token,
)  # fmt: skip


def _served(leases: JobLeases, count: int) -> list[str]:
    """Return the tenants of the next *count* jobs."""
    return [claim(leases).job.tenant for _ in range(count)]


def test_tenants_take_turns(queue: JobQueue, leases: JobLeases) -> None:
    for tenant in ("acme", "umbrella", "wonka"):
        for _ in range(3):
            submit(queue, tenant)

    assert _served(leases, 9) == ["acme", "umbrella", "wonka"] * 3


def test_jobs_of_one_tenant_run_in_their_order_whatever_others_do(
    queue: JobQueue, leases: JobLeases
) -> None:
    jobs = [submit(queue, tenant) for tenant in ("acme", "umbrella", "acme", "acme", "umbrella")]

    ran = [claim(leases).job.id for _ in jobs]

    for tenant in ("acme", "umbrella"):
        own = [job.id for job in jobs if job.tenant == tenant]
        assert [each for each in ran if each in own] == own


@pytest.mark.parametrize("taken", [0, 1, 7])
def test_long_queue_delays_another_tenants_single_job_by_the_jobs_already_taken(
    queue: JobQueue, leases: JobLeases, taken: int
) -> None:
    for _ in range(50):
        submit(queue, "umbrella")
    assert _served(leases, taken) == ["umbrella"] * taken
    single = submit(queue, "acme")

    assert claim(leases).job.id == single.id


@pytest.mark.slow
def test_ten_thousand_jobs_delay_another_tenants_single_job_by_the_jobs_already_taken(
    store: Store, leases: JobLeases
) -> None:
    queue = JobQueue(store, replace(SETTINGS, queue_length=20_000))
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda _: submit(queue, "umbrella"), range(10_000)))
    running = [claim(leases) for _ in range(4)]
    single = submit(queue, "acme")

    for each in running:
        leases.finish(each, DONE)

    assert claim(leases).job.id == single.id


def test_tenant_that_comes_back_at_once_takes_no_more_than_its_share(
    queue: JobQueue, leases: JobLeases
) -> None:
    for _ in range(20):
        submit(queue, "umbrella")

    served = []
    for _ in range(10):
        submit(queue, "acme")
        served += _served(leases, 2)

    assert served.count("acme") == served.count("umbrella") == 10


def test_tenant_that_was_away_is_owed_nothing_for_it(queue: JobQueue, leases: JobLeases) -> None:
    for _ in range(20):
        submit(queue, "umbrella")
    _served(leases, 10)
    for _ in range(5):
        submit(queue, "acme")

    served = _served(leases, 10)

    shares = [served[:taken].count("acme") for taken in range(11)]
    assert all(share <= taken / 2 + 1 for taken, share in enumerate(shares))


def test_many_tenants_delay_a_single_job_by_one_job_each(
    queue: JobQueue, leases: JobLeases
) -> None:
    for number in range(10):
        for _ in range(5):
            submit(queue, f"tenant-{number}")
    _served(leases, 5)
    submit(queue, "zeta")

    assert "zeta" in _served(leases, 11)


def test_cancelled_jobs_cost_no_turn(queue: JobQueue, leases: JobLeases) -> None:
    for _ in range(10):
        submit(queue, "umbrella")
    _served(leases, 3)
    for job in [submit(queue, "acme") for _ in range(30)]:
        queue.cancel("acme", job.id)
    last = submit(queue, "acme")

    assert claim(leases).job.id == last.id


def test_cancelling_the_job_that_was_next_keeps_the_turn(
    queue: JobQueue, leases: JobLeases
) -> None:
    first, second = submit(queue, "acme"), submit(queue, "acme")
    submit(queue, "umbrella")

    queue.cancel("acme", first.id)

    assert claim(leases).job.id == second.id


def test_cancelling_all_wins_no_earlier_turn(queue: JobQueue, leases: JobLeases) -> None:
    own = [submit(queue, "acme") for _ in range(4)]
    for _ in range(4):
        submit(queue, "umbrella")
    assert _served(leases, 3) == ["acme", "umbrella", "acme"]
    for job in own[2:]:
        queue.cancel("acme", job.id)
    submit(queue, "acme")

    assert _served(leases, 2) == ["umbrella", "acme"]


def test_another_attempt_takes_another_turn(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    flaky = submit(queue, "acme")
    for _ in range(3):
        submit(queue, "umbrella")
    leases.finish(claim(leases), FLAKY)
    pass_delay(raw, flaky.id)

    assert _served(leases, 2) == ["umbrella", "acme"]


def test_priority_is_within_one_tenant(queue: JobQueue, leases: JobLeases) -> None:
    low = submit(queue, "acme", Priority.LOW)
    normal = submit(queue, "acme", Priority.NORMAL)
    high = submit(queue, "acme", Priority.HIGH)
    late = submit(queue, "acme", Priority.HIGH)

    ran = [claim(leases).job.id for _ in range(4)]

    assert ran == [high.id, late.id, normal.id, low.id]


def test_priority_puts_no_tenant_before_another(queue: JobQueue, leases: JobLeases) -> None:
    for _ in range(4):
        submit(queue, "acme", Priority.LOW)
        submit(queue, "umbrella", Priority.HIGH)

    assert _served(leases, 8) == ["acme", "umbrella"] * 4


def test_priority_is_told(queue: JobQueue) -> None:
    job = submit(queue, priority=Priority.HIGH)

    assert job.priority is queue.fetch("acme", job.id).priority is Priority.HIGH


@pytest.mark.parametrize("tenant", ["a", "a!", "a0", "auth0|5f", "Ünïcode", "a:b", "*", "~"])
def test_tenants_whose_names_begin_alike_do_not_mix(
    queue: JobQueue, leases: JobLeases, tenant: str
) -> None:
    jobs = {name: submit(queue, name).id for name in (tenant, tenant + "a", tenant + "!", "a\x7f")}

    ran = {claimed.job.tenant: claimed.job.id for claimed in (claim(leases) for _ in jobs)}

    assert ran == jobs
    assert leases.claim(token()) is None


def test_empty_queue_remembers_no_turns(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    for tenant in ("acme", "acme", "umbrella"):
        submit(queue, tenant)

    _served(leases, 3)

    kept = contents(raw)
    assert keyspace.TURNS not in kept
    assert keyspace.SERVED not in kept
    assert "clock" not in raw.hgetall(keyspace.COUNTERS)


def test_tenant_of_whom_everything_was_removed_leaves_no_trace(
    store: Store, raw: "redis.Redis"
) -> None:
    briefly = RetentionSettings(0.02, 0.02, 0.02, 0.02, 0.02)
    settings = replace(SETTINGS, rate_per_minute=1000)
    queue, leases = JobQueue(store, settings, briefly), JobLeases(store, settings, briefly)
    inbox, inbox_leases = Inbox(store, settings, briefly), InboxLeases(store, briefly)
    for _ in range(3):
        submit(queue, "umbrella")
    queue.submit(request("acme", deadline_seconds=60), Idempotency("k", "h"))
    while end(queue, leases).tenant != "acme":
        pass
    queue.cancel("acme", submit(queue, "acme").id)
    inbox.publish(draft("acme"), "h", "k")
    lease = inbox_leases.lease("acme", token(), 2, 30)
    inbox_leases.acknowledge("acme", lease.token, [lease.events[0].id])

    time.sleep(0.03)
    sweep(sweeper_of(store, settings, briefly))
    for _ in range(2):
        end(queue, leases)

    kept = [key for key, value in contents(raw).items() if "acme" in f"{key} {value}"]
    assert [key for key in kept if raw.pttl(key) == -1] == []
    forgotten_by_themselves = {raw.pttl(key) <= 10 * 60 * 1000 + 30_000 for key in kept}
    assert forgotten_by_themselves <= {True}
