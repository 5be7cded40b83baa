"""How a waiting job stands, and how the queue does: position, ETA, gauge."""

import time

import pytest
import redis

from chalicelib import keyspace, limits
from chalicelib.jobs import Priority
from chalicelib.leasing import JobLeases
from chalicelib.queueing import JobQueue
from tests.store.harness import (
    BROKEN,
    DONE,
    FLAKY,
    claim,
    end,
    now_ms,
    request,
    submit,
    token,
    where,
)  # fmt: skip


def test_position_tells_the_order_in_which_equal_tenants_run(
    queue: JobQueue, leases: JobLeases
) -> None:
    jobs = [submit(queue, tenant) for tenant in ("acme", "umbrella", "wonka") for _ in range(3)]

    told = {job.id: queue.fetch(job.tenant, job.id).position for job in jobs}

    ran = [claim(leases).job.id for _ in jobs]
    assert sorted(told, key=lambda job_id: told[job_id] or 0) == ran
    assert sorted(told.values(), key=lambda position: position or 0) == list(range(9))


def test_position_of_a_single_job_does_not_count_anothers_long_queue(queue: JobQueue) -> None:
    for _ in range(30):
        submit(queue, "umbrella")

    assert submit(queue, "acme").position == 0
    assert submit(queue, "wonka").position == 2


def test_position_goes_by_priority(queue: JobQueue) -> None:
    low = submit(queue, priority=Priority.LOW)
    high = submit(queue, priority=Priority.HIGH)

    assert high.position == 0
    assert queue.fetch("acme", low.id).position == 1


def test_position_is_told_of_ready_jobs_only(queue: JobQueue, leases: JobLeases) -> None:
    job = submit(queue)

    running = claim(leases)
    seen = [queue.fetch("acme", job.id).position]
    leases.finish(running, FLAKY)
    seen.append(queue.fetch("acme", job.id).position)
    queue.cancel("acme", job.id)
    seen.append(queue.fetch("acme", job.id).position)

    assert seen == [None, None, None]


def _measured(raw: "redis.Redis", leases: JobLeases, run_ms: int, slots: int) -> None:
    """Leave the store as after many runs of *run_ms*, with one worker that lives."""
    raw.hset(keyspace.COUNTERS, "run_ms", run_ms)
    leases.beat("worker", slots)


def test_eta_is_the_runs_before_it_and_its_own_by_slots(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    _measured(raw, leases, run_ms=2000, slots=2)

    told = [submit(queue).eta_seconds for _ in range(5)]

    assert told == [2, 2, 4, 4, 6]


def test_eta_is_unknown_until_a_run_was_measured(queue: JobQueue, leases: JobLeases) -> None:
    leases.beat("worker", 2)

    assert submit(queue).eta_seconds is None

    end(queue, leases)
    assert submit(queue).eta_seconds is not None


def test_eta_is_unknown_while_no_worker_lives(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    _measured(raw, leases, run_ms=2000, slots=2)
    raw.zadd(keyspace.WORKERS, {"worker": 1})

    assert submit(queue).eta_seconds is None


def test_eta_of_a_running_job_shrinks_with_time_and_is_never_negative(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    _measured(raw, leases, run_ms=60_000, slots=1)
    job = submit(queue)
    claim(leases)

    at_first = queue.fetch("acme", job.id).eta_seconds
    raw.hset(keyspace.job(job.id), "started_at", now_ms(raw) - 40_000)
    later = queue.fetch("acme", job.id).eta_seconds
    raw.hset(keyspace.job(job.id), "started_at", now_ms(raw) - 90_000)
    at_last = queue.fetch("acme", job.id).eta_seconds

    assert at_first == pytest.approx(60, abs=5)
    assert later == pytest.approx(20, abs=5)
    assert at_last == 0


def test_time_of_a_run_is_the_mean_of_late_successes(queue: JobQueue, leases: JobLeases) -> None:
    submit(queue), submit(queue)
    assert queue.gauge().run_ms is None
    slow = claim(leases)
    time.sleep(0.1)
    leases.finish(slow, DONE)
    first = queue.gauge().run_ms or 0

    leases.finish(claim(leases), DONE)

    second = queue.gauge().run_ms or 0
    assert 100 <= first < 1000
    assert first * 7 / 8 - 1 <= second < first


def test_failures_say_nothing_about_the_time_of_a_run(queue: JobQueue, leases: JobLeases) -> None:
    submit(queue)

    leases.finish(claim(leases), BROKEN)

    assert queue.gauge().run_ms is None


def test_throughput_counts_the_ends_of_the_last_minute(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    for _ in range(3):
        submit(queue)
    end(queue, leases), end(queue, leases, BROKEN)
    queue.cancel("acme", claim(leases).job.id)
    submit_and_cancel = submit(queue)
    queue.cancel("acme", submit_and_cancel.id)

    assert queue.gauge().per_minute == pytest.approx(3, abs=0.5)

    minute = now_ms(raw) // 60_000
    raw.hset(keyspace.COUNTERS, mapping={"minute": minute - 1, "this_minute": 60})
    of_the_last = 60 * (1 - now_ms(raw) % 60_000 / 60_000)
    assert queue.gauge().per_minute == pytest.approx(of_the_last, abs=1.5)
    raw.hset(keyspace.COUNTERS, "minute", minute - 2)
    assert queue.gauge().per_minute == 0


def test_gauge_tells_how_long_the_oldest_ready_job_has_waited(
    queue: JobQueue, raw: "redis.Redis"
) -> None:
    assert queue.gauge().oldest_ms is None
    job = submit(queue)
    submit(queue)
    raw.zadd(keyspace.AGES, {where(raw, job.id): now_ms(raw) - 5000})

    assert queue.gauge().oldest_ms == pytest.approx(5000, abs=500)


def test_gauge_counts_what_waits_runs_is_delayed_and_its_bytes(
    queue: JobQueue, leases: JobLeases
) -> None:
    jobs = [queue.submit(request()).job for _ in range(4)]
    leases.finish(claim(leases), FLAKY)
    claim(leases)

    gauge = queue.gauge()

    assert (gauge.waiting, gauge.delayed, gauge.leased, gauge.dead) == (2, 1, 1, 0)
    assert gauge.bytes == sum(len(f'{{"prompt": "{job.request["prompt"]}"}}') for job in jobs)


def test_worker_that_fell_silent_or_ended_has_no_slots(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    leases.beat("silent", 8)
    raw.zadd(keyspace.WORKERS, {"silent": now_ms(raw) - limits.WORKER_SILENT_SECONDS * 1000 - 1})
    leases.beat("ended", 4)
    leases.beat("ended", 0)
    leases.beat("alive", 2)

    gauge = queue.gauge()

    assert (gauge.workers, gauge.slots) == (1, 2)
    assert raw.hgetall(keyspace.SLOTS) == {"alive": "2"}
    assert raw.hget(keyspace.COUNTERS, "slots") == "2"
    assert leases.claim(token()) is None
