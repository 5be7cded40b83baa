"""Every move at once, from many threads: one end and one event each, and nothing left behind."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest
import redis

from chalicelib import keyspace
from chalicelib.errors import RouterError
from chalicelib.inbox import Inbox
from chalicelib.jobs import JobState
from chalicelib.leasing import Claim, JobLeases
from chalicelib.queueing import JobQueue
from chalicelib.store import Store
from tests.store.harness import (
    BROKEN,
    CANCELLED,
    DONE,
    FLAKY,
    SETTINGS,
    contents,
    request,
    sweep,
    sweeper_of,
    token,
)  # fmt: skip

SECONDS = 2.0
TENANTS = ("acme", "umbrella", "wonka")
BRIEF = replace(SETTINGS, lease_seconds=0.05, queue_length=100_000)
# What a run comes to; None stands for a worker that dies.
RUNS = [DONE, DONE, BROKEN, replace(FLAKY, retry_after_seconds=0), CANCELLED, None]

EMPTY = [
    keyspace.QUEUE, keyspace.TURNS, keyspace.SERVED, keyspace.AGES, keyspace.DELAYED,
    keyspace.LEASED, keyspace.DEADLINES, keyspace.DEAD, keyspace.RETENTION_JOBS,
    *map(keyspace.tenant_counts, TENANTS), *map(keyspace.inbox, TENANTS),
    *map(keyspace.jobs, TENANTS),
]  # fmt: skip
"""What holds nothing once every job was erased and every event acknowledged."""

pytestmark = pytest.mark.slow


class _Everybody:
    """Callers, workers and sweepers of one queue, each in a loop of its own."""

    def __init__(self, store: Store) -> None:
        self.queue = JobQueue(store, BRIEF)
        self._leases = JobLeases(store, BRIEF)
        self._sweeper = sweeper_of(store, BRIEF)
        self.submitted: list[tuple[str, str]] = []
        self.raised: list[BaseException] = []
        self._over = time.monotonic() + SECONDS

    def submit(self) -> None:
        tenant = random.choice(TENANTS)  # noqa: S311 - guards nothing
        deadline = random.choice([None, None, 0.1, 60])  # noqa: S311
        job = self.queue.submit(request(tenant, deadline_seconds=deadline)).job
        self.submitted.append((tenant, job.id))

    def work(self) -> None:
        claimed = self._leases.claim(token())
        if claimed is None:
            return
        self._leases.append(claimed, 0, ["a", "b"])
        self._leases.extend(claimed)
        if random.random() < 0.2:  # noqa: S311
            self._leases.release(claimed)
        else:
            self._end(claimed)

    def _end(self, claimed: Claim) -> None:
        if outcome := random.choice(RUNS):  # noqa: S311
            self._leases.finish(claimed, outcome)

    def cancel(self) -> None:
        if self.submitted:
            self.queue.cancel(*random.choice(self.submitted[-50:]))  # noqa: S311

    def look(self) -> None:
        if self.submitted:
            self.queue.fetch(*random.choice(self.submitted[-50:]))  # noqa: S311

    def sweep(self) -> None:
        sweep(self._sweeper)

    def all_at_once(self) -> None:
        deeds = [self.submit, self.submit, *[self.work] * 6, self.cancel, self.look, self.sweep]
        threads = [threading.Thread(target=self._repeat, args=(deed,)) for deed in deeds]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _repeat(self, deed: Callable[[], None]) -> None:
        try:
            while time.monotonic() < self._over:
                with suppress(RouterError):
                    deed()
        except BaseException as error:  # noqa: BLE001 - told by the test
            self.raised.append(error)

    def cancel_the_rest(self) -> None:
        for tenant, job_id in self.submitted:
            with suppress(RouterError):
                self.queue.cancel(tenant, job_id)
        time.sleep(2 * BRIEF.lease_seconds)
        self.sweep()


def test_every_job_ends_once_and_all_counts_return_to_nothing(
    store: Store, raw: "redis.Redis"
) -> None:
    everybody = _Everybody(store)
    inbox = Inbox(store, BRIEF)

    everybody.all_at_once()
    everybody.cancel_the_rest()

    jobs = [everybody.queue.fetch(*each) for each in everybody.submitted]
    events = [event for tenant in TENANTS for event in inbox.page(tenant, 0, 100_000)]
    _remove_all(everybody, inbox, [(event.tenant, event.id) for event in events])

    assert everybody.raised == []
    assert {job.state for job in jobs} == {state for state in JobState if state.ended}
    assert Counter(event.payload["job_id"] for event in events) == Counter(job.id for job in jobs)
    assert contents(raw).keys() & set(EMPTY) == set()
    assert everybody.queue.gauge().bytes == 0


def _remove_all(everybody: _Everybody, inbox: Inbox, events: list[tuple[str, str]]) -> None:
    for tenant, job_id in everybody.submitted:
        everybody.queue.erase(tenant, job_id)
    for tenant, event_id in events:
        inbox.acknowledge(tenant, event_id)
