"""The tick: what time brings is done where no worker claims, and the router is measured."""

import itertools
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from chalicelib import keyspace, limits, signals
from chalicelib.bounds import QueueSettings, RetentionSettings
from chalicelib.errors import StoreFull, StoreUnavailable
from chalicelib.inbox import Inbox
from chalicelib.jobs import JobState
from chalicelib.leasing import JobLeases
from chalicelib.queueing import JobQueue
from chalicelib.store import Store, connect
from chalicelib.upkeep import Upkeep
from tests.servers import Server
from tests.store.harness import (
    DONE,
    SETTINGS,
    claim,
    draft,
    end,
    lapse,
    place,
    request,
    submit,
    token,
)
from tests.store.proxy import Proxy
from tests.store.stores import start

BRIEF = RetentionSettings(result_seconds=0.001, event_seconds=0.001)
MEMORY = 32_000_000
_numbers = itertools.count()
NOTHING = {"reclaim": 0, "expire": 0, "remove": 0, "forget": 0, "adopt": 0}


def _upkeep(
    store: Store,
    settings: QueueSettings = SETTINGS,
    clock: Callable[[], float] = time.monotonic,
) -> Upkeep:
    return Upkeep(store, settings, RetentionSettings(), clock)


@pytest.fixture
def small(short_folder: Path) -> Iterator[Server]:
    """A store of the test's own whose memory has a limit."""
    server = start(short_folder / f"small-{token()[:8]}", "valkey")
    with server.client() as client:
        client.config_set("maxmemory", MEMORY)
    yield server
    server.stop()


def _fill(server: Server, share: float) -> None:
    """Put something into the store, until *share* of its memory is used."""
    with server.client() as client:
        while client.info("memory")["used_memory"] < MEMORY * share:
            client.set(f"filling {next(_numbers)}", "x" * 100_000)


# What is due


def test_a_tick_does_all_that_is_due_and_counts_it(
    store: Store, queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    brief_queue, brief_leases = JobQueue(store, SETTINGS, BRIEF), JobLeases(store, SETTINGS, BRIEF)
    submit(brief_queue)
    ended = end(brief_queue, brief_leases)
    submit(queue)
    lost = claim(leases)
    lapse(raw, lost)
    late = queue.submit(request(deadline_seconds=0.001)).job
    time.sleep(0.01)

    report = _upkeep(store).tick()

    assert report.done == NOTHING | {"reclaim": 1, "expire": 1, "remove": 1, "forget": 1}
    assert (report.failed, report.complete) == (0, True)
    assert queue.fetch("acme", lost.job.id).state is JobState.QUEUED
    assert queue.fetch("acme", late.id).state is JobState.EXPIRED
    assert not raw.exists(keyspace.job(ended.id))


def test_a_tick_with_nothing_due_does_nothing(store: Store, queue: JobQueue) -> None:
    submit(queue)

    reports = [_upkeep(store).tick() for _ in range(2)]

    assert [report.done for report in reports] == [NOTHING, NOTHING]
    assert all(report.complete for report in reports)


def test_more_than_one_batch_is_due(store: Store, queue: JobQueue) -> None:
    for _ in range(150):
        queue.submit(request(deadline_seconds=0.001))
    time.sleep(0.01)

    report = _upkeep(store).tick()

    assert (report.done["expire"], report.gauge.waiting) == (150, 0)


def test_what_does_not_fit_into_the_budget_is_left_to_the_next_tick(
    store: Store, queue: JobQueue
) -> None:
    for _ in range(10):
        queue.submit(request(deadline_seconds=0.001))
    time.sleep(0.01)
    clock = itertools.count()

    report = _upkeep(store, clock=lambda: float(next(clock))).tick(budget_seconds=5)
    rest = _upkeep(store).tick()

    assert (report.done["expire"], report.complete) == (4, False)
    assert (rest.done["expire"], rest.complete) == (6, True)


def test_what_cannot_be_done_keeps_nothing_else_waiting(
    store: Store, queue: JobQueue, raw: "redis.Redis", capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(100):
        broken = f"acme 1 {number:016} job_{number:032}"
        raw.set(keyspace.job(broken[-36:]), "no record at all")
        raw.zadd(keyspace.DEADLINES, {broken: number})
    late = queue.submit(request(deadline_seconds=0.001)).job
    time.sleep(0.01)

    report = _upkeep(store).tick()

    assert queue.fetch("acme", late.id).state is JobState.EXPIRED
    assert (report.done["expire"], report.failed, report.complete) == (1, 100, True)
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["event"] for line in told] == ["tick.move_failed"] * 100


def test_silent_workers_and_callers_that_left_are_forgotten(
    store: Store, leases: JobLeases, raw: "redis.Redis"
) -> None:
    leases.beat("silent", 3)
    leases.beat("live", 2)
    raw.zadd(keyspace.WORKERS, {"silent": 1})
    raw.hset(keyspace.SLOTS, "forgotten by 0.1.0", "4")
    raw.hincrby(keyspace.COUNTERS, "slots", 4)
    raw.zadd(keyspace.WAITERS, {"left": 1, "waits": 10**15})

    report = _upkeep(store).tick()

    assert (report.gauge.workers, report.gauge.slots) == (1, 2)
    assert raw.hgetall(keyspace.SLOTS) == {"live": "2"}
    assert raw.hget(keyspace.COUNTERS, "slots") == "2"
    assert raw.zrange(keyspace.WAITERS, 0, -1) == ["waits"]


def test_any_number_of_ticks_may_run_at_once(
    store: Store, queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    submit(queue)
    lost = claim(leases)
    lapse(raw, lost)
    late = _upkeep(store)
    due = f"reclaim {place(raw, lost.job.id)}"

    first = _upkeep(store).tick()
    again = late._try(due)  # noqa: SLF001 - listed by another tick before the first one ran

    assert (first.done["reclaim"], again) == (1, "")
    assert queue.fetch("acme", lost.job.id).version == lost.job.version + 1


# Memory


def test_a_store_that_is_nearly_full_takes_nothing_new_until_there_is_room(small: Server) -> None:
    store = connect(small.url)
    queue = JobQueue(store, SETTINGS)
    before = _upkeep(store).tick()
    submit(queue)
    _fill(small, limits.MEMORY_SHARE + 0.05)

    nearly = _upkeep(store).tick()
    with pytest.raises(StoreFull):
        submit(queue)
    running = claim(JobLeases(store, SETTINGS))
    state = JobLeases(store, SETTINGS).finish(running, DONE)
    with small.client() as client:
        client.delete(*client.keys("filling *"))
    after = _upkeep(store).tick()
    submit(queue)

    assert (before.marked, nearly.marked, after.marked) == (False, True, False)
    assert nearly.memory_share is not None
    assert limits.MEMORY_SHARE <= nearly.memory_share < 1
    assert state is JobState.SUCCEEDED
    store.close()


def test_a_store_that_is_full_is_marked_and_what_is_over_is_removed(small: Server) -> None:
    store = connect(small.url)
    queue, leases = JobQueue(store, SETTINGS, BRIEF), JobLeases(store, SETTINGS, BRIEF)
    submit(queue)
    ended = end(queue, leases)
    _fill(small, 0.99)
    with small.client() as client:
        client.config_set("maxmemory", MEMORY // 2)

        report = _upkeep(store).tick()

        assert client.hget(keyspace.COUNTERS, "full_until")
        assert not client.exists(keyspace.job(ended.id))
    assert (report.marked, report.done["remove"], report.done["forget"]) == (True, 1, 1)
    store.close()


def test_a_full_store_gets_room_and_takes_back_what_lapsed(small: Server) -> None:
    store = connect(small.url)
    brief = RetentionSettings(result_seconds=0.001)
    queue, leases = JobQueue(store, SETTINGS, brief), JobLeases(store, SETTINGS, brief)
    submit(queue)
    ended = end(queue, leases)
    submit(queue)
    lost = claim(leases)
    _fill(small, 0.99)
    with small.client() as client:
        lapse(client, lost)
        client.config_set("maxmemory", MEMORY // 2)

        report = _upkeep(store).tick()

        assert not client.exists(keyspace.job(ended.id))
    assert (report.done["remove"], report.done["reclaim"]) == (1, 1)
    store.close()


def test_the_mark_goes_by_itself_where_no_tick_follows(store: Store, raw: "redis.Redis") -> None:
    _upkeep(store)._sweeper.mark_full(limits.MEMORY_MARK_SECONDS)  # noqa: SLF001
    until = int(raw.hget(keyspace.COUNTERS, "full_until") or 0)

    seconds, _ = raw.time()

    assert 0 < until / 1000 - seconds <= limits.MEMORY_MARK_SECONDS + 1


@pytest.mark.parametrize("refusal", ["NOPERM this user has no permissions", "ERR unknown command"])
def test_a_store_that_does_not_tell_its_memory_is_no_failure(
    far: Store, proxy: Proxy, refusal: str
) -> None:
    proxy.refusal = f"-{refusal}\r\n".encode()

    share = far.memory_share()

    assert share is None


def test_a_store_without_a_limit_is_never_marked(store: Store) -> None:
    report = _upkeep(store).tick()

    assert (report.memory_share, report.marked) == (None, False)
    assert "StoreMemory" not in report.metrics()


# What is told


def test_a_report_is_what_cloudwatch_is_told(
    store: Store, queue: JobQueue, leases: JobLeases, inbox: Inbox, raw: "redis.Redis"
) -> None:
    for _ in range(3):
        submit(queue)
    end(queue, leases)
    claim(leases)
    inbox.publish(draft())
    leases.beat("one", 4)
    (waits,) = raw.zrange(keyspace.AGES, 0, -1)
    raw.zadd(keyspace.AGES, {str(waits): raw.time()[0] * 1000 - 60_000})

    measured = _upkeep(store).tick().metrics()

    age = measured.pop("OldestJobAge")
    per_minute = measured.pop("JobsPerMinute")
    assert (age.unit, 60 <= age.value < 63) == ("Seconds", True)
    assert 0 < per_minute.value <= 1
    assert measured == {
        "QueueDepth": signals.Metric(1),
        "DelayedJobs": signals.Metric(0),
        "RunningJobs": signals.Metric(1),
        "LiveWorkers": signals.Metric(1),
        "DeadLetters": signals.Metric(0),
        "Reclaimed": signals.Metric(0),
        "Expired": signals.Metric(0),
        "Removed": signals.Metric(0),
        "Forgotten": signals.Metric(0),
        "Adopted": signals.Metric(0),
        "FailedMoves": signals.Metric(0),
    }


def test_a_store_that_is_away_ends_the_tick_with_a_line_and_an_error(
    short_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = connect(f"unix://{short_folder}/nowhere.sock")

    with pytest.raises(StoreUnavailable):
        _upkeep(nowhere).tick()

    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert (told["event"], told["code"]) == ("tick.failed", "store_unavailable")
