"""The rules of the lease queue in plain Python: what every move does to jobs and inboxes.

Written from the rules, not from the store's scripts. One thread, one clock that stands still
during a move, no store, no randomness: where the router may choose (a backoff's jitter), the
choice that was seen is handed in.
"""

import json

from tests.model.bounds import Keys, Rates
from tests.model.inboxes import Inboxes, ModelEvent
from tests.model.terms import RANKS, Draft, Ending, ModelJob, Now, Refused, Terms
from tests.model.turns import Turns

ROUTER = "tinyllama-router"
ERRORS = {
    "attempts_exhausted": "every worker that ran the job was lost",
    "deadline_exceeded": "the job did not end before its deadline",
    "engine_busy": "as told",
    "engine_failed": "as told",
}
"""Why a job failed, by code, as workers and the router put it."""


class Model:
    """All jobs and inboxes of all tenants. A move that the rules do not allow raises Refused."""

    def __init__(self, terms: Terms, now_ms: int) -> None:
        self.terms, self.now = terms, Now(now_ms)
        self.rates = Rates(self.now, terms)
        self.keys = Keys(self.now, terms.idempotency_ms)
        self.inboxes = Inboxes(terms, self.now, self.rates)
        self.turns = Turns()
        self.jobs: dict[str, ModelJob] = {}
        self.gone: dict[str, tuple[str, int]] = {}
        self.leases: dict[str, tuple[ModelJob, int]] = {}
        self.ends: list[int] = []
        self.run_ms: float | None = None
        self.full_until = 0
        self.workers: dict[str, tuple[int, int]] = {}
        self.seen: set[tuple[str | None, str]] = set()
        self._orders = 0

    # The caller's moves.

    def submit(self, draft: Draft) -> tuple[ModelJob, bool]:
        """Queue a job: the job, and whether it was known by its idempotency key."""
        if draft.id in self.jobs:
            return self.jobs[draft.id], False
        if self._is_gone(draft.tenant, draft.id):
            raise Refused("job_gone")
        known = self.keys.look(draft.tenant, draft.key, draft.body)
        if known is not None:
            if known not in self.jobs:
                raise Refused("job_gone")
            return self.fetch(draft.tenant, known), True
        cost = draft.size + self.terms.job_kept_bytes
        self.rates.require(draft.tenant, draft.api_key, cost)
        self._require_room(draft.tenant, draft.size, draft.api_key)
        self.rates.charge(draft.tenant, draft.api_key, cost)
        number = self._next_order()
        job = ModelJob(
            id=draft.id,
            tenant=draft.tenant,
            request=draft.request,
            size=draft.size,
            priority=draft.priority,
            number=number,
            order=number,
            ready_since=self.now.ms,
            created_at=self.now.ms,
            max_attempts=self.terms.max_attempts,
            allowed_ms=draft.deadline_ms,
            api_key=draft.api_key,
        )
        self.jobs[job.id] = job
        self.keys.keep(draft.tenant, draft.key, draft.body, job.id)
        self._start_deadline(job)
        self._moved(job, None)
        return job, False

    def fetch(self, tenant: str, job_id: str) -> ModelJob:
        """Return the tenant's own job, expired if its deadline has passed."""
        job = self._own(tenant, job_id)
        self.expire(job)
        return job

    def _own(self, tenant: str, job_id: str) -> ModelJob:
        job = self.jobs.get(job_id)
        if job is not None and job.tenant == tenant:
            return job
        raise Refused("job_gone" if self._is_gone(tenant, job_id) else "job_not_found")

    def cancel(self, tenant: str, job_id: str) -> ModelJob:
        """End a queued job; ask the worker of a running one."""
        job = self._own(tenant, job_id)
        if job.place in ("ready", "delayed", "taken"):
            self._end(job, "cancelled")
        elif job.place == "running":
            job.cancel_requested = True
        if self.fetch(tenant, job_id).state in ("succeeded", "failed", "expired"):
            raise Refused("job_ended")
        return job

    def retry(self, tenant: str, job_id: str, version: int, api_key: str = "") -> ModelJob:
        """Queue a failed or expired job anew, with its allowance of attempts and time."""
        self._retry(self._own(tenant, job_id), version, api_key, dead_only=False)
        return self.fetch(tenant, job_id)

    def redrive(self, tenant: str, job_id: str, version: int) -> None:
        """Queue a dead letter anew, on no API key's account."""
        self._retry(self._own(tenant, job_id), version, "", dead_only=True)

    def _retry(self, job: ModelJob, version: int, api_key: str, *, dead_only: bool) -> None:
        if job.retried_from == version:
            return
        if job.state not in ("failed", "expired"):
            raise Refused("not_retryable")
        if job.version != version:
            raise Refused("version_conflict")
        if dead_only and not job.dead:
            raise Refused("not_retryable")
        cost = job.size + self.terms.job_kept_bytes
        if not dead_only:
            self.rates.require(job.tenant, api_key, cost)
        self._require_room(job.tenant, job.size, api_key)
        if not dead_only:
            self.rates.charge(job.tenant, api_key, cost)
        before, job.retried_from, job.api_key, job.said_bytes = job.state, version, api_key, 0
        job.max_attempts = job.attempt + self.terms.max_attempts
        job.state, job.place, job.order = "queued", "ready", self._next_order()
        job.ready_since, job.dead, job.told = self.now.ms, 0, {}
        job.started_at = job.first_token_at = job.ended_at = job.error_code = None
        self._start_deadline(job)
        self._moved(job, before)

    def erase(self, tenant: str, job_id: str, *, force: bool = False) -> None:
        """Remove a job, by force a running one too; again is fine while its tombstone stands."""
        try:
            job = self._own(tenant, job_id)
        except Refused as refused:
            if refused.code == "job_gone":
                return
            raise
        if job.place == "running" and not force:
            raise Refused("job_running")
        if job.place != "ended":
            self._end(job, "cancelled")
        self._remove(job)

    # The worker's moves.

    def claim(self, token: str) -> ModelJob | None:
        """Lease the next job and begin its attempt, or answer the one the token holds already.

        What is due is moved on the way, behind the job that is handed out.
        """
        while True:
            job = self.take(token)
            if job is not None and job.place == "taken":
                self._open(job)
            held = job is not None and job.token == token
            due = self.sweep(self.terms.swept_by_a_claim)
            if held:
                return job
            if job is None and not due:
                return None

    def take(self, token: str) -> ModelJob | None:
        """Do the first half of a claim: put a job under a lease, its attempt not yet begun."""
        for job in self.of_place("delayed"):
            self.wake(job)
        held, until = self.leases.get(token, (None, 0))
        if held is not None and until >= self.now.ms:
            if held.token != token:
                del self.leases[token]
            return held
        tenant = self.turns.serve()
        if tenant is None:
            return None
        own = (job for job in self.of_place("ready") if job.tenant == tenant)
        job = min(own, key=lambda each: (RANKS[each.priority], each.order))
        job.place, job.token = "taken", token
        self._lease(job, token)
        self._settle()
        return job

    def append(self, tenant: str, job_id: str, token: str, offset: int, chunks: list[str]) -> bool:
        """Add output; what was appended before is passed over. True when a cancel was asked."""
        job = self._under_lease(tenant, job_id, token)
        if offset > len(job.chunks):
            raise Refused("invalid_body")
        fresh = chunks[len(job.chunks) - offset :]
        job.chunks += fresh
        job.said_bytes += sum(len(chunk.encode()) for chunk in fresh)
        if fresh and job.first_token_at is None:
            job.first_token_at = self.now.ms
        return job.cancel_requested

    def extend(self, tenant: str, job_id: str, token: str) -> bool:
        """Renew the lease from now. True when a cancel was asked."""
        job = self._under_lease(tenant, job_id, token)
        self._lease(job, token)
        return job.cancel_requested

    def finish(self, tenant: str, job_id: str, token: str, ending: Ending) -> str:
        """End the attempt; the state the job went to, the same when it is said again."""
        told = self._told_before(tenant, job_id, token)
        if told is not None:
            return told
        job = self._under_lease(tenant, job_id, token)
        if ending.cancelled:
            if not job.cancel_requested:
                raise Refused("lease_lost")
            self._end(job, "cancelled")
        elif ending.result is not None:
            job.result = ending.result
            self._measure(job)
            self._end(job, "succeeded")
        elif not ending.retryable:
            self._end(job, "failed", ending.error_code)
        else:
            self._come_to_nothing(job, ending.error_code, ending.retry_at)
        job.told = {token: job.state}
        self.leases.pop(token, None)
        return job.state

    def release(self, tenant: str, job_id: str, token: str) -> str:
        """Give a job back unharmed: the attempt that was begun costs nothing."""
        released = f"release {token}"
        for by in (released, token):
            told = self._told_before(tenant, job_id, by)
            if told is not None:
                return told
        job = self._under_lease(tenant, job_id, token)
        job.max_attempts += 1
        self._come_to_nothing(job, None, None)
        job.told = {released: job.state}
        self.leases.pop(token, None)
        return job.state

    def beat(self, worker: str, slots: int) -> None:
        """Note that a worker lives and how many jobs it runs at once; 0 when it ends."""
        self.workers.pop(worker, None)
        if slots:
            self.workers[worker] = (self.now.ms, slots)

    # What time does.

    def lapsed(self, job: ModelJob) -> bool:
        """Whether the job's lease is over."""
        return job.place in ("taken", "running") and job.leased_until < self.now.ms

    def overdue(self, job: ModelJob) -> bool:
        """Whether a job that has not ended is past its deadline."""
        return (
            job.place != "ended" and job.deadline_at is not None and job.deadline_at <= self.now.ms
        )

    def removable(self, job: ModelJob) -> bool:
        """Whether an ended job has been kept for as long as it is to be."""
        return job.ended_at is not None and job.ended_at + self.terms.result_ms <= self.now.ms

    def reclaim(self, job: ModelJob) -> None:
        """Take a job back whose lease is over."""
        if not self.lapsed(job):
            return
        if job.place == "taken":
            self._make_ready(job)
        else:
            self._come_to_nothing(job, "attempts_exhausted", None)

    def expire(self, job: ModelJob) -> None:
        """End a job whose deadline has passed."""
        if self.overdue(job):
            self._end(job, "expired", "deadline_exceeded")

    def wake(self, job: ModelJob) -> None:
        """Make a delayed job ready whose time has come."""
        if job.place == "delayed" and job.retry_at is not None and job.retry_at <= self.now.ms:
            self._make_ready(job)

    def remove(self, job: ModelJob) -> None:
        """Remove an ended job whose retention has passed."""
        if self.removable(job):
            self._remove(job)

    def sweep(self, most: int | None = None) -> bool:
        """Take back lapsed jobs, then end overdue ones: whether any.

        What was due first comes first, *most* of each.
        """
        lapsed = [job for job in self.jobs.values() if self.lapsed(job)]
        overdue = [job for job in self.jobs.values() if self.overdue(job)]
        lapsed.sort(key=lambda each: (each.leased_until, *_place(each)))
        overdue.sort(key=lambda each: (each.deadline_at or 0, *_place(each)))
        for job in lapsed[:most]:
            self.reclaim(job)
        for job in overdue[:most]:
            self.expire(job)
        return bool(lapsed or overdue)

    def tick(self) -> None:
        """Do all that is due, removals first, and see that there is memory again."""
        self.full_until = 0
        for job in list(self.jobs.values()):
            self.remove(job)
        self.inboxes.remove_due()
        self.sweep()

    # What is to be seen of it.

    def of_place(self, *places: str) -> list[ModelJob]:
        """Return the jobs that wait or run there."""
        return [job for job in self.jobs.values() if job.place in places]

    def nearly_full(self) -> bool:
        """Whether the memory mark holds."""
        return self.full_until > self.now.ms

    def under_way(self, tenant: str) -> list[ModelJob]:
        """Return the tenant's jobs that have not ended."""
        own = (job for job in self.jobs.values() if job.tenant == tenant)
        return [job for job in own if job.place != "ended"]

    def open_bytes(self) -> int:
        """Return the size of all requests that have not ended."""
        return sum(job.size for job in self.jobs.values() if job.place != "ended")

    def inbox_bytes(self, tenant: str) -> int:
        """Return what counts against the tenant's inbox, room for ends to come included."""
        coming = sum(job.tenant == tenant and job.place != "ended" for job in self.jobs.values())
        return self.inboxes.held_bytes(tenant) + coming * self.terms.reserve_bytes

    def event(
        self, event_id: str | None, tenant: str, kind: str, source: str, payload: object, text: str
    ) -> ModelEvent:
        """Make an event that weighs what its texts do."""
        size = self.terms.overhead_bytes + len(kind) + len(source) + len(text)
        return ModelEvent(event_id, tenant, kind, source, payload, size)

    def publish(self, draft: ModelEvent, key: str | None, body: str) -> tuple[str, bool]:
        """Publish a tenant's own event: its id, and whether it was known."""
        room = self.terms.inbox_bytes - self.inbox_bytes(draft.tenant)
        return self.inboxes.publish(draft, key, body, room, full=self.nearly_full())

    # The steps that moves are made of.

    def _require_room(self, tenant: str, size: int, api_key: str) -> None:
        if self.nearly_full():
            raise Refused("store_full")
        terms, of_tenant = self.terms, self.under_way(tenant)
        if _too_many(of_tenant, size, terms.tenant_length, terms.tenant_bytes):
            raise Refused("too_many_jobs")
        of_key = [job for job in of_tenant if job.api_key == api_key]
        if api_key and _too_many(of_key, size, terms.key_length, terms.key_bytes):
            raise Refused("too_many_jobs")
        if len(self.of_place("ready", "delayed")) >= self.terms.queue_length:
            raise Refused("queue_full")
        if self.open_bytes() + size > self.terms.queue_bytes:
            raise Refused("queue_full")
        if self.inbox_bytes(tenant) + self.terms.reserve_bytes > self.terms.inbox_bytes:
            raise Refused("inbox_full")

    def _come_to_nothing(self, job: ModelJob, error_code: str | None, retry_at: int | None) -> None:
        if job.cancel_requested:
            self._end(job, "cancelled")
        elif self.overdue(job):
            self._end(job, "expired", "deadline_exceeded")
        elif job.attempt < job.max_attempts:
            self._wait_again(job, retry_at)
        else:
            self._end(job, "failed", error_code)
            job.dead = self._next_order()

    def _wait_again(self, job: ModelJob, retry_at: int | None) -> None:
        before, job.state, job.place, job.token, job.told = job.state, "queued", "delayed", None, {}
        job.retry_at = retry_at
        self._moved(job, before)
        if retry_at is None or retry_at <= self.now.ms:
            self._make_ready(job)

    def _end(self, job: ModelJob, state: str, error_code: str | None = None) -> None:
        before = job.state
        job.state, job.place, job.token, job.ended_at = state, "ended", None, self.now.ms
        job.cancel_requested, job.retry_at, job.told = False, None, {}
        job.error_code = error_code
        result = len(json.dumps(job.result)) if state == "succeeded" else 0
        stream = job.said_bytes and job.said_bytes + self.terms.stream_kept_bytes
        self.rates.owe(job.tenant, result + _error_bytes(error_code) + stream)
        self.ends.append(self.now.ms)
        self._moved(job, before)
        payload = {"job_id": job.id, "state": state, "attempt": job.attempt}
        text = json.dumps(payload, separators=(",", ":"))
        self.inboxes.put(self.event(None, job.tenant, f"job.{state}", ROUTER, payload, text))

    def _remove(self, job: ModelJob) -> None:
        del self.jobs[job.id]
        self.gone[job.id] = (job.tenant, self.now.ms + self.terms.tombstone_ms)

    def _moved(self, job: ModelJob, before: str | None) -> None:
        self.seen.add((before, job.state))
        self._settle()

    def _settle(self) -> None:
        self.turns.note({job.tenant for job in self.of_place("ready")})

    def _start_deadline(self, job: ModelJob) -> None:
        job.deadline_at = None if job.allowed_ms is None else self.now.ms + job.allowed_ms

    def _next_order(self) -> int:
        self._orders += 1
        return self._orders

    def _open(self, job: ModelJob) -> None:
        if self.overdue(job):
            self._end(job, "expired", "deadline_exceeded")
            return
        job.state, job.place = "running", "running"
        job.attempt += 1
        job.chunks, job.said_bytes, job.started_at = [], 0, self.now.ms
        job.first_token_at = job.retry_at = None
        self._moved(job, "queued")

    def _lease(self, job: ModelJob, token: str) -> None:
        job.leased_until = self.now.ms + self.terms.lease_ms
        self.leases[token] = (job, job.leased_until)

    def _make_ready(self, job: ModelJob) -> None:
        job.place, job.token, job.ready_since = "ready", None, self.now.ms
        self._settle()

    def _measure(self, job: ModelJob) -> None:
        took = self.now.ms - (job.started_at or 0)
        late = took if self.run_ms is None else self.run_ms + (took - self.run_ms) / 8
        self.run_ms = max(1, late)

    def _told_before(self, tenant: str, job_id: str, by: str) -> str | None:
        job = self.jobs.get(job_id)
        if job is None or job.tenant != tenant or job.token == by.removeprefix("release "):
            return None
        return job.told.get(by)

    def _under_lease(self, tenant: str, job_id: str, token: str) -> ModelJob:
        job = self.jobs.get(job_id)
        if job is None or job.tenant != tenant or job.place != "running" or job.token != token:
            raise Refused("lease_lost")
        return job

    def _is_gone(self, tenant: str, job_id: str) -> bool:
        owner, until = self.gone.get(job_id, ("", 0))
        return owner == tenant and until >= self.now.ms


def _too_many(jobs: list[ModelJob], size: int, length: int, most_bytes: int) -> bool:
    return len(jobs) >= length or sum(job.size for job in jobs) + size > most_bytes


def _error_bytes(code: str | None) -> int:
    return 0 if code is None else len(json.dumps({"code": code, "detail": ERRORS[code]}))


def _place(job: ModelJob) -> tuple[str, int, int]:
    return job.tenant + " ", RANKS[job.priority], job.order
