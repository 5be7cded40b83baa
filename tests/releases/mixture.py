"""Two releases that do at random what callers, workers and consumers do, and what came of it."""

import json
import random
import secrets
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import redis

from chalicelib import keyspace
from chalicelib.bounds import QueueSettings, RetentionSettings
from chalicelib.errors import RouterError
from chalicelib.events import Event
from chalicelib.inbox import Inbox
from chalicelib.inbox_leases import InboxLeases
from chalicelib.jobs import Draft, JobState, Priority
from chalicelib.leasing import Claim, JobLeases, Outcome
from chalicelib.queueing import JobQueue
from chalicelib.store import Store
from chalicelib.upkeep import Upkeep
from tests.releases.conftest import OldSide

TENANTS = ("acme", "umbrella")
LEASE_SECONDS = 0.3
SETTINGS = QueueSettings(LEASE_SECONDS, max_attempts=3, queue_length=10_000)
DONE = {"text": "done"}
ERROR = {"code": "engine_failed", "detail": "no"}
OUTCOMES = (
    Outcome(result=DONE),
    Outcome(error=ERROR),
    Outcome(error=ERROR, retryable=True),
    Outcome(cancelled=True),
)


class Mixture:
    """Moves of both releases; *random* picks which. Fails when an event comes twice."""

    def __init__(self, store: Store, old: OldSide, raw: "redis.Redis", seed: int) -> None:
        self.old, self.raw, self.random = old, raw, random.Random(seed)  # noqa: S311
        self.queue, self.leases = JobQueue(store, SETTINGS), JobLeases(store, SETTINGS)
        self.inbox, self.inbox_leases = Inbox(store, SETTINGS), InboxLeases(store)
        self.upkeep = Upkeep(store, SETTINGS, RetentionSettings(), time.monotonic)
        self.jobs: dict[str, str] = {}
        self.retried: Counter[str] = Counter()
        self.erased: set[str] = set()
        self.events: dict[str, str] = {}
        self.acknowledged: set[str] = set()
        self._old_tokens: list[str] = []
        self._claims: list[Claim] = []
        self._held: list[tuple[str, str, list[str]]] = []

    def step(self) -> None:
        """Make one move; one that is refused, as a late one is, counts as made."""
        moves: dict[Callable[[str], object], int] = {
            self._submit_by_old: 12, self._submit: 12, self._claim_by_old: 12, self._claim: 12,
            self._finish_by_old: 10, self._finish: 10, self._extend_by_old: 4,
            self._cancel_retry_or_erase: 4, self._publish_by_old: 4, self._publish: 4,
            self._lease_events: 4, self._acknowledge_leased: 3, self._acknowledge: 4,
            self._acknowledge_by_old: 4, self._acknowledge_leased_by_old: 1, self._tick: 1,
            self._let_time_pass: 2,
        }  # fmt: skip
        (move,) = self.random.choices(list(moves), list(moves.values()))
        with suppress(RouterError, IndexError):  # nothing there to pick from
            move(self.random.choice(TENANTS))

    def drain(self) -> None:
        """Run what still waits, on both releases, until all has ended."""
        deadline = time.monotonic() + 30
        while self.states() & {JobState.QUEUED, JobState.RUNNING}:
            assert time.monotonic() < deadline, "jobs do not end"
            self._tick("")
            for _ in range(50):
                token = self._claim_by_old("")
                if token:
                    self.old("finish", token, DONE)
                claimed = self._claim("")
                if claimed:
                    self.leases.finish(claimed, OUTCOMES[0])
        time.sleep(1.1)  # until every lease on events has lapsed

    def states(self) -> set[JobState]:
        """Return the states in which jobs are that were not erased."""
        live = [item for item in self.jobs.items() if item[0] not in self.erased]
        return {self.queue.fetch(tenant, job_id).state for job_id, tenant in live}

    def ends_told(self) -> Counter[str]:
        """Return how many events told the end of each job."""
        records = [self.raw.hgetall(key) for key in self.raw.scan_iter("*:event:*", count=1000)]
        ends = [each for each in records if str(each["event_type"]).startswith("job.")]
        return Counter(json.loads(each["payload"])["job_id"] for each in ends)

    def pending(self) -> set[str]:
        """Return the published events that are pending, all pages of both tenants."""
        found: set[str] = set()
        for tenant in TENANTS:
            cursor: int | None = 0
            while cursor is not None:
                page = self.inbox.page(tenant, cursor, 200)
                found |= {event.id for event in page}
                cursor = page.cursor
        return found & self.events.keys()

    def _submit_by_old(self, tenant: str) -> None:
        job_id = f"job_{secrets.token_hex(16)}"
        self.old("submit", job_id, tenant, {"prompt": "p"})
        self.jobs[job_id] = tenant

    def _submit(self, tenant: str) -> None:
        job_id = f"job_{secrets.token_hex(16)}"
        priority = self.random.choice(list(Priority))
        deadline_seconds = self.random.choice([None, None, 0.4])
        self.queue.submit(Draft(job_id, tenant, {"prompt": "p"}, priority, deadline_seconds))
        self.jobs[job_id] = tenant

    def _claim_by_old(self, _: str) -> str | None:
        token = secrets.token_hex(16)
        if self.old("claim", token) is None:
            return None
        self._old_tokens.append(token)
        return token

    def _claim(self, _: str) -> Claim | None:
        claimed = self.leases.claim(secrets.token_hex(16))
        self._claims += [claimed] if claimed else []
        return claimed

    def _finish_by_old(self, _: str) -> None:
        outcome: tuple[Any, ...] = self.random.choice([(DONE,), (None, ERROR)])
        self.old("finish", self.random.choice(self._old_tokens), *outcome)

    def _finish(self, _: str) -> None:
        self.leases.finish(self.random.choice(self._claims), self.random.choice(OUTCOMES))

    def _extend_by_old(self, _: str) -> None:
        self.old("extend", self.random.choice(self._old_tokens))

    def _cancel_retry_or_erase(self, _: str) -> None:
        job_id, tenant = self.random.choice(list(self.jobs.items()))
        deed = self.random.choice(["cancel", "retry", "erase"])
        if deed == "cancel":
            self.queue.cancel(tenant, job_id)
        elif deed == "retry":
            self.queue.retry(tenant, job_id, self.queue.fetch(tenant, job_id).version)
            self.retried[job_id] += 1
        else:
            self.queue.erase(tenant, job_id)
            self.erased.add(job_id)

    def _publish_by_old(self, tenant: str) -> None:
        event_id = f"evt_{secrets.token_hex(16)}"
        self.old("publish", event_id, tenant, {"a": 1})
        self.events[event_id] = tenant

    def _publish(self, tenant: str) -> None:
        event_id = f"evt_{secrets.token_hex(16)}"
        self.inbox.publish(Event(event_id, tenant, "order.placed", "shop", {"a": 1}, 0, 0))
        self.events[event_id] = tenant

    def _lease_events(self, tenant: str) -> None:
        token, count = secrets.token_hex(16), self.random.randint(1, 4)
        seconds = self.random.choice([0.05, 1])
        lease = self.inbox_leases.lease(tenant, token, count, seconds)
        ids = [event.id for event in lease.events]
        assert not self.acknowledged & set(ids), "an acknowledged event was leased"
        self._held.append((tenant, token, ids))

    def _acknowledge_leased(self, _: str) -> None:
        tenant, token, ids = self.random.choice(self._held)
        self.inbox_leases.acknowledge(tenant, token, ids)
        self.acknowledged.update(ids)

    def _acknowledge_leased_by_old(self, _: str) -> None:
        tenant, _token, ids = self.random.choice(self._held)
        self._acknowledge_by_id(tenant, self.random.choice(ids), by_old=True)

    def _acknowledge(self, tenant: str) -> None:
        page = [event.id for event in self.inbox.page(tenant, 0, 50)]
        self._acknowledge_pending(tenant, page, by_old=False)

    def _acknowledge_by_old(self, tenant: str) -> None:
        self._acknowledge_pending(tenant, self.old("page", tenant, 50), by_old=True)

    def _acknowledge_pending(self, tenant: str, page: list[str], *, by_old: bool) -> None:
        assert not self.acknowledged & set(page), "an acknowledged event is pending"
        self._acknowledge_by_id(tenant, self.random.choice(page), by_old=by_old)

    def _acknowledge_by_id(self, tenant: str, event_id: str, *, by_old: bool) -> None:
        if by_old:
            self.old("acknowledge", tenant, event_id)
        else:
            self.inbox.acknowledge(tenant, event_id)
        self.acknowledged.add(event_id)

    def _tick(self, _: str) -> None:
        self.upkeep.tick()

    def _let_time_pass(self, _: str) -> None:
        time.sleep(self.random.random() * LEASE_SECONDS)


def end_retention(raw: "redis.Redis") -> None:
    """Leave the store as it is when all has been kept for long enough."""
    for kept in (keyspace.RETENTION_JOBS, keyspace.RETENTION_EVENTS):
        for member in raw.zrange(kept, 0, -1):
            raw.zadd(kept, {str(member): 1})
    for key in raw.scan_iter("*", count=1000):
        record = raw.hgetall(key) if raw.type(key) == "hash" else {}
        if "tenant" in record and "size" not in record:  # 0.1.0 lets its own expire
            raw.delete(key)
