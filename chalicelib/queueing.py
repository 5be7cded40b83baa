"""The lease queue of jobs: its moves on the store, each one script and safe to repeat.

A move that changes a job checks the job's state and lease inside the script, by the store's own
clock. Ids and lease tokens are made by the caller, so that a second call answers as the first.
All moves raise StoreUnavailable when the store is away.
"""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib import keyspace, limits, records
from chalicelib.errors import IdempotencyKeyReused, JobGone, JobNotFound, LeaseLost, QueueFull
from chalicelib.events import ROUTER_SOURCE
from chalicelib.jobs import Job, JobState, JsonObject
from chalicelib.settings import QueueSettings
from chalicelib.store import Script, Store

_SUBMIT = Script("submit")
_TAKE = Script("take")
_OPEN = Script("open")
_APPEND = Script("append")
_EXTEND = Script("extend")
_FINISH = Script("finish")
_RECLAIM = Script("reclaim")
_BEAT = Script("beat")
_GAUGE = Script("gauge")

_RESULT_MS = limits.RESULT_SECONDS * 1000
_EVENT_MS = limits.EVENT_SECONDS * 1000
_SILENT_MS = 10_000
_TOKEN_ENTRIES = 10_000
_TAKES_PER_CLAIM = 8
_ATTEMPTS_EXHAUSTED = json.dumps(
    {"code": "attempts_exhausted", "detail": "every worker that ran the job was lost"}
)


@dataclass(frozen=True)
class Idempotency:
    """A caller's Idempotency-Key and the hash of the body that it stands for."""

    key: str
    body_hash: str


@dataclass(frozen=True)
class Claim:
    """A running job and the token of the lease under which its worker may write."""

    job: Job
    token: str


@dataclass(frozen=True)
class Outcome:
    """How a run ended: exactly one of *result* and *error* (``{"code", "detail"}``) is given.

    Raises ValueError for both or none.
    """

    result: JsonObject | None = None
    error: JsonObject | None = None

    def __post_init__(self) -> None:
        if (self.result is None) == (self.error is None):
            raise ValueError("an outcome is a result or an error")


@dataclass(frozen=True)
class Gauge:
    """How the queue stands: jobs waiting, jobs under lease, workers heard of lately."""

    waiting: int
    leased: int
    workers: int


class JobQueue:
    """Jobs from submit to end. Thread-safe; one instance serves a process."""

    def __init__(self, store: Store, settings: QueueSettings) -> None:
        self._store = store
        self._settings = settings
        self._bell = "0-0"

    @property
    def lease_seconds(self) -> float:
        """How long a claim or a renewal holds."""
        return self._settings.lease_seconds

    def submit(
        self, job_id: str, tenant: str, request: JsonObject, idempotency: Idempotency | None = None
    ) -> tuple[Job, bool]:
        """Store and queue a job in one round trip: the job, and whether it was there before.

        Raises QueueFull at the cap, IdempotencyKeyReused when the key came with another body,
        JobGone when the key's job has been removed.
        """
        keys = [
            keyspace.job(job_id),
            keyspace.job_bell(job_id),
            keyspace.READY_JOBS,
            keyspace.JOBS_BELL,
            keyspace.SEQUENCE,
        ]
        if idempotency:
            keys.append(keyspace.idempotency(tenant, "infer", idempotency.key))
        most = self._settings.max_attempts
        text, body_hash = json.dumps(request), idempotency.body_hash if idempotency else ""
        bounds = (self._settings.queue_length, body_hash, limits.IDEMPOTENCY_SECONDS * 1000)
        answer = self._store.run(_SUBMIT, keys, (job_id, tenant, text, most, *bounds))
        if answer[0] == "full":
            raise QueueFull(
                "the queue is full; what is queued runs first",
                headers={"Retry-After": str(limits.RETRY_AFTER_SECONDS)},
            )
        if answer[0] == "known":
            return self._known(tenant, answer[1], same_body=answer[2] == body_hash), True
        return Job(
            id=job_id,
            tenant=tenant,
            state=JobState.QUEUED,
            version=1,
            attempt=0,
            max_attempts=most,
            request=request,
            created_at=int(answer[1]),
            position=answer[2],
        ), False

    def fetch(self, tenant: str, job_id: str, *, retry: bool = True) -> Job:
        """Return the tenant's job. Raises JobNotFound, for another tenant's job just the same."""
        record, position = self._store.read(
            ("HGETALL", keyspace.job(job_id)),
            ("ZRANK", keyspace.READY_JOBS, job_id),
            retry=retry,
        )
        if not record or record["tenant"] != tenant:
            raise JobNotFound(f"there is no job {job_id}")
        return records.job(job_id, record, position)

    def await_change(self, job: Job, seconds: float) -> Job:
        """Return the job once its record is newer than *job*, or as it is after *seconds*.

        Nothing is tried again: whoever waited has no time left for it. Raises JobNotFound.
        """
        self._store.await_entry(keyspace.job_bell(job.id), f"{job.version}-0", seconds)
        return self.fetch(job.tenant, job.id, retry=False)

    def claim(self, token: str) -> Claim | None:
        """Lease the oldest ready job, or None; two tokens never hold the same one.

        Leases that have lapsed are reclaimed first. The same token again, while its lease holds,
        answers the same job.
        """
        lease_ms = round(self.lease_seconds * 1000)
        fixed = (keyspace.READY_JOBS, keyspace.JOB_LEASES, keyspace.lease(token))
        for _ in range(_TAKES_PER_CLAIM):
            job_id, bell, *lapsed = self._store.run(
                _TAKE, (*fixed, keyspace.JOBS_BELL), (lease_ms,)
            )
            for lapsed_id in lapsed:
                self.reclaim(lapsed_id)
            if job_id:
                job = self._open(job_id, token)
                if job:
                    return Claim(job, token)
            elif not lapsed:
                self._bell = bell
                return None
        return None

    def wait(self, seconds: float) -> None:
        """Block until a job may be ready, at most *seconds*; call it after a claim found none."""
        self._store.await_entry(keyspace.JOBS_BELL, self._bell, seconds)

    def append(self, claim: Claim, offset: int, chunks: Sequence[str]) -> None:
        """Add *chunks* of output, the first of which is the attempt's chunk number *offset*.

        Chunks that were appended before are passed over. Raises LeaseLost.
        """
        job_id = claim.job.id
        keys = (keyspace.job(job_id), keyspace.job_bell(job_id), keyspace.job_tokens(job_id))
        args: list[str | float] = [claim.token, offset, _TOKEN_ENTRIES, *chunks]
        _require_lease(self._store.run(_APPEND, keys, args))

    def extend(self, claim: Claim) -> None:
        """Renew the lease from now. Raises LeaseLost."""
        job_id = claim.job.id
        keys = (keyspace.job(job_id), keyspace.JOB_LEASES, keyspace.lease(claim.token))
        args = (job_id, claim.token, round(self.lease_seconds * 1000))
        _require_lease(self._store.run(_EXTEND, keys, args))

    def finish(self, claim: Claim, outcome: Outcome) -> None:
        """Record the outcome and publish the end event in one step. Raises LeaseLost."""
        job, event_id = claim.job, _new_event_id()
        state = JobState.FAILED if outcome.result is None else JobState.SUCCEEDED
        keys = (
            *_job_keys(job.id),
            keyspace.lease(claim.token),
            *_end_keys(job.tenant, event_id),
        )
        told = (_text(outcome.result), _text(outcome.error))
        kept = (event_id, ROUTER_SOURCE, _RESULT_MS, _EVENT_MS)
        _require_lease(self._store.run(_FINISH, keys, (job.id, claim.token, state, *told, *kept)))

    def reclaim(self, job_id: str) -> JobState | None:
        """Take a job back whose lease lapsed: queued again, or failed when no attempt is left.

        Returns the state it went to, or None when there was nothing to reclaim.
        """
        # The tenant names the inbox key, and a script must declare its keys before it runs.
        (tenant,) = self._store.read(("HGET", keyspace.job(job_id), "tenant"))
        event_id = _new_event_id()
        keys = (
            *_job_keys(job_id),
            *_end_keys(tenant or "", event_id),
            keyspace.READY_JOBS,
            keyspace.JOBS_BELL,
        )
        kept = (event_id, ROUTER_SOURCE, _RESULT_MS, _EVENT_MS)
        state = self._store.run(_RECLAIM, keys, (job_id, _ATTEMPTS_EXHAUSTED, *kept))
        return JobState(state) if state else None

    def beat(self, worker: str) -> None:
        """Tell that *worker* lives; it counts as live for ten seconds."""
        self._store.run(_BEAT, (keyspace.WORKERS,), (worker, _SILENT_MS))

    def gauge(self) -> Gauge:
        """Tell how the queue stands."""
        keys = (keyspace.READY_JOBS, keyspace.JOB_LEASES, keyspace.WORKERS)
        return Gauge(*self._store.run(_GAUGE, keys, (_SILENT_MS,)))

    def _known(self, tenant: str, job_id: str, *, same_body: bool) -> Job:
        if not same_body:
            raise IdempotencyKeyReused("the Idempotency-Key came before with another body")
        try:
            return self.fetch(tenant, job_id)
        except JobNotFound:
            raise JobGone(f"the key's job {job_id} has been removed") from None

    def _open(self, job_id: str, token: str) -> Job | None:
        keys = (
            keyspace.job(job_id),
            keyspace.job_bell(job_id),
            keyspace.JOB_LEASES,
            keyspace.lease(token),
        )
        flat = self._store.run(_OPEN, keys, (job_id, token))
        record = dict(zip(flat[::2], flat[1::2], strict=True))
        return records.job(job_id, record) if record else None


def _job_keys(job_id: str) -> tuple[str, ...]:
    return (
        keyspace.job(job_id),
        keyspace.job_bell(job_id),
        keyspace.job_tokens(job_id),
        keyspace.JOB_LEASES,
    )


def _end_keys(tenant: str, event_id: str) -> tuple[str, ...]:
    return keyspace.event(event_id), keyspace.inbox(tenant), keyspace.SEQUENCE


def _require_lease(held: int) -> None:
    if not held:
        raise LeaseLost("the lease lapsed and the job went on without it, or the job has ended")


def _new_event_id() -> str:
    return f"evt_{secrets.token_hex(16)}"


def _text(value: JsonObject | None) -> str:
    return "" if value is None else json.dumps(value)
