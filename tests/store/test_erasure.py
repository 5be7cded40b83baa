"""Erasure of a tenant: nothing in the store names it afterwards, and nobody else notices."""

import secrets
import threading
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
import redis

from chalicelib import keyspace, limits
from chalicelib.attaching import Undelivered
from chalicelib.bounds import QueueSettings, RetentionSettings
from chalicelib.erasure import TenantErasure
from chalicelib.errors import JobNotFound, LeaseLost
from chalicelib.events import Event
from chalicelib.inbox import Inbox
from chalicelib.inbox_leases import InboxLeases
from chalicelib.jobs import Draft, Priority
from chalicelib.leasing import Claim, JobLeases, Outcome
from chalicelib.listing import JobLists
from chalicelib.queueing import Idempotency, JobQueue
from chalicelib.scripts import Script
from chalicelib.store import Store
from tests.store.harness import DONE, SETTINGS, contents, place, submit_as_0_1_0, token

LIMITED = replace(SETTINGS, rate_per_minute=100, tenant_bytes_per_day=10**7)
RETRY = Outcome(error={"code": "x", "detail": "quokka again"}, retryable=True)
BROKEN = Outcome(error={"code": "x", "detail": "quokka"})
SHARED = {
    keyspace.SEQUENCE,
    keyspace.JOBS_BELL,
    keyspace.COUNTERS,
    keyspace.METRICS,
    keyspace.WRITTEN,
    keyspace.SERVED,
    keyspace.TURNS,
    keyspace.WORKERS,
}


class Tenant:
    """One that leaves traces everywhere; its texts say *word*."""

    def __init__(
        self,
        store: Store,
        name: str,
        word: str = "quokka",
        settings: QueueSettings = SETTINGS,
    ) -> None:
        self.name, self.word = name, word
        self.queue, self.leases = JobQueue(store, settings), JobLeases(store, settings)
        self.inbox, self.inbox_leases = Inbox(store, settings), InboxLeases(store)
        self.undelivered = Undelivered(store)

    def submit(self, **terms: Any) -> str:
        request = {"prompt": self.word, "model": self.word, "metadata": {"about": self.word}}
        draft = Draft(f"job_{secrets.token_hex(16)}", self.name, request, **terms)
        key = Idempotency(secrets.token_hex(4), "hash")
        return self.queue.submit(draft, key).job.id

    def run(self, outcome: Outcome | None) -> Claim:
        """Run the one job that waits: to its end, or not."""
        self.submit()
        claimed = self.leases.claim(token())
        assert claimed is not None
        assert claimed.job.tenant == self.name
        self.leases.append(claimed, 0, [self.word])
        if outcome:
            self.leases.finish(claimed, outcome)
        return claimed

    def publish(self) -> str:
        event_id = f"evt_{secrets.token_hex(16)}"
        draft = Event(event_id, self.name, self.word, self.word, {"a": self.word}, 0, 0)
        self.inbox.publish(draft, "hash", secrets.token_hex(4))
        return event_id

    def live(self) -> Claim:
        """Leave a trace of every kind; returns the claim on a job that runs. Nothing may wait."""
        self.run(Outcome(result={"text": self.word}))
        self.run(BROKEN)
        for _ in range(SETTINGS.max_attempts):
            self.run(RETRY)
        self.queue.erase(self.name, self.run(DONE).job.id)
        running = self.run(None)
        self.queue.cancel(self.name, self.submit())
        for priority in Priority:
            self.submit(priority=priority, deadline_seconds=3600)
        self.inbox.acknowledge(self.name, self.publish())
        for _ in range(4):
            self.publish()
        self.inbox_leases.lease(self.name, token(), 2, 60)
        self.undelivered.attach(self.name, "0" * 64, running.job.id, 60, retried=False)
        return running


@pytest.fixture
def store(operators: Store) -> Store:
    """Return the store as it is to its operator."""
    return operators


@pytest.fixture
def erasure(store: Store) -> TenantErasure:
    return TenantErasure(store, SETTINGS, RetentionSettings())


def _texts(value: Any) -> Iterable[str]:
    """Yield every text in what a store holds."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield str(name)
            yield from _texts(each)
    elif isinstance(value, list | tuple | set):
        for each in value:
            yield from _texts(each)
    else:
        yield str(value)


def _naming(raw: "redis.Redis", *words: str) -> list[str]:
    return [text for text in _texts(contents(raw)) if any(word in text for word in words)]


def test_nothing_in_the_store_names_an_erased_tenant_or_holds_its_text(
    store: Store, erasure: TenantErasure, raw: "redis.Redis"
) -> None:
    Tenant(store, "umbrella", settings=LIMITED).live()
    Tenant(store, "acme", word="wombat").submit()
    submit_as_0_1_0(raw)
    assert len(_naming(raw, "umbrella", "quokka")) > 50
    waiting = keyspace.waiters("umbrella")
    raw.zadd(waiting, {"0" * 16: 10**13})
    buckets = (
        keyspace.rate("umbrella"),
        keyspace.bytes_in("umbrella"),
        keyspace.requests("umbrella"),
    )
    raw.set(buckets[2], 10**13)
    assert raw.exists(*buckets) == len(buckets)

    erased = erasure.erase("umbrella")

    assert _naming(raw, "umbrella", "quokka") == []
    assert erased.clean
    assert (erased.counts["jobs"], erased.counts["tombstones"]) == (10, 1)
    assert erased.counts["leases and keys"] >= 18


def test_other_tenants_keep_theirs_to_the_byte(
    store: Store, erasure: TenantErasure, raw: "redis.Redis"
) -> None:
    for name in ("a:b", "inbox:a", "aa", "A", "a|b", "b"):
        Tenant(store, name).live()
        # What waits would come first when the next one's are run.
        for each in raw.zrange(keyspace.QUEUE, 0, -1):
            raw.zadd(keyspace.LEASED, {str(each): 10**15})
        raw.delete(keyspace.QUEUE, keyspace.TURNS, keyspace.AGES, keyspace.DELAYED)
    before = {key: held for key, held in contents(raw).items() if key not in SHARED}
    Tenant(store, "a").live()

    erased = erasure.erase("a")

    after = {key: held for key, held in contents(raw).items() if key not in SHARED}
    assert erased.counts["jobs"] == 10
    assert after == before


def test_an_erased_tenant_counts_for_nothing(
    store: Store, erasure: TenantErasure, raw: "redis.Redis"
) -> None:
    tenant = Tenant(store, "umbrella")
    tenant.live()

    erasure.erase("umbrella")

    gauge = tenant.queue.gauge()
    assert (gauge.waiting, gauge.delayed, gauge.leased, gauge.dead, gauge.bytes) == (0, 0, 0, 0, 0)
    assert not raw.exists(keyspace.tenant_counts("umbrella"), keyspace.TURNS, keyspace.SERVED)
    assert not raw.exists(keyspace.RETENTION_JOBS, keyspace.RETENTION_EVENTS, keyspace.DEADLINES)


def test_the_worker_of_an_erased_job_finds_its_lease_lost(
    store: Store, erasure: TenantErasure
) -> None:
    tenant = Tenant(store, "umbrella")
    running = tenant.run(None)

    erasure.erase("umbrella")

    with pytest.raises(LeaseLost):
        tenant.leases.extend(running)
    with pytest.raises(LeaseLost):
        tenant.leases.finish(running, DONE)
    with pytest.raises(JobNotFound):
        tenant.queue.fetch("umbrella", running.job.id)


def test_jobs_of_0_1_0_are_erased_too(erasure: TenantErasure, raw: "redis.Redis") -> None:
    waits, runs = submit_as_0_1_0(raw), submit_as_0_1_0(raw)
    raw.zrem(keyspace.OLD_READY_JOBS, runs)
    raw.zadd(keyspace.OLD_JOB_LEASES, {runs: 10**15})
    raw.hset(keyspace.job(runs), "state", "running")

    erased = erasure.erase("acme")

    assert (erased.counts["jobs"], erased.clean) == (2, True)
    assert _naming(raw, "acme") == []
    assert not raw.exists(keyspace.job(waits), keyspace.job(runs))


def test_what_lost_its_record_is_found_as_well(
    store: Store, erasure: TenantErasure, raw: "redis.Redis"
) -> None:
    tenant = Tenant(store, "umbrella")
    tenant.live()
    for key in [*raw.scan_iter("*:job:*"), *raw.scan_iter("*:event:*")]:
        raw.delete(key)

    erased = erasure.erase("umbrella")

    assert _naming(raw, "umbrella", "quokka") == []
    assert erased.clean
    assert JobLeases(store, SETTINGS).claim(token()) is None


def test_erasing_again_finds_nothing(store: Store, erasure: TenantErasure) -> None:
    Tenant(store, "umbrella").live()
    erasure.erase("umbrella")

    again = erasure.erase("umbrella")

    assert (sum(again.counts.values()), again.clean) == (0, True)


def test_an_erasure_that_was_cut_off_is_ended_by_the_next(
    store: Store, erasure: TenantErasure, raw: "redis.Redis"
) -> None:
    for moves in range(1, 40, 6):
        Tenant(store, "umbrella").live()

        with pytest.raises(_CutOffError):
            TenantErasure(_CutOff(store, moves), SETTINGS, RetentionSettings()).erase("umbrella")
        erased = erasure.erase("umbrella")

        assert erased.clean
        assert _naming(raw, "umbrella", "quokka") == []


class _CutOffError(Exception):
    """The process was killed."""


class _CutOff(Store):
    """Carries so many moves and no more."""

    def __init__(self, store: Store, moves: int) -> None:
        self.__dict__.update(store.__dict__)
        self._moves_left = moves

    def run(self, *args: Any, **kwargs: Any) -> Any:
        self._moves_left -= 1
        if self._moves_left < 0:
            raise _CutOffError
        return super().run(*args, **kwargs)


def test_who_submits_meanwhile_neither_breaks_it_nor_stays(
    store: Store, erasure: TenantErasure, raw: "redis.Redis"
) -> None:
    tenant = Tenant(store, "umbrella")
    tenant.live()
    stop = threading.Event()

    def go_on() -> None:
        while not stop.is_set():
            tenant.submit()
            tenant.publish()
            stop.wait(0.01)

    caller = threading.Thread(target=go_on)
    caller.start()
    meanwhile = erasure.erase("umbrella")
    stop.set()
    caller.join()
    erased = erasure.erase("umbrella")

    assert meanwhile.counts["jobs"] > 10
    assert erased.clean
    assert _naming(raw, "umbrella", "quokka") == []
    assert tenant.queue.gauge().bytes == 0


def test_what_came_too_late_to_be_erased_is_counted_to_its_end(
    store: Store, raw: "redis.Redis"
) -> None:
    tenant = Tenant(store, "umbrella")
    tenant.live()

    erased = TenantErasure(_Busy(store, tenant), SETTINGS, RetentionSettings()).erase("umbrella")
    counted = raw.hgetall(keyspace.tenant_counts("umbrella"))
    jobs = JobLists(store).jobs("umbrella", None, 10).jobs
    tenant.queue.erase("umbrella", jobs[0].id)
    for event in tenant.inbox.page("umbrella", 0, 10):
        tenant.inbox.acknowledge("umbrella", event.id)

    assert (erased.clean, len(jobs)) == (False, 1)
    assert counted["inbox"] == str(limits.END_EVENT_BYTES)
    assert (counted["jobs"], sorted(map(str, counted))) == ("1", ["bytes", "inbox", "jobs"])
    assert not raw.exists(keyspace.tenant_counts("umbrella"))


class _Busy(Store):
    """A store in which the tenant submits a job whenever the erasure is about to end."""

    def __init__(self, store: Store, tenant: Tenant) -> None:
        self.__dict__.update(store.__dict__)
        self._tenant = tenant

    def run(self, script: Script, *args: Any, **kwargs: Any) -> Any:
        if "Delete a tenant's turn" in script.source:
            self._tenant.submit()
        return super().run(script, *args, **kwargs)


def test_a_place_of_a_live_job_is_nobodys_to_disown(
    store: Store, erasure: TenantErasure, raw: "redis.Redis"
) -> None:
    tenant = Tenant(store, "umbrella")
    claimed = tenant.run(None)
    held = place(raw, claimed.job.id)

    disowned = erasure._disown("umbrella", claimed.job.id, held)  # noqa: SLF001 - a late look

    assert disowned == 0
    assert place(raw, claimed.job.id) == held
