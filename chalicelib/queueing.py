"""The lease queue as callers see it: submit, fetch, wait, cancel, run again, erase, gauge.

Each move is one script that checks the job's state by the store's own clock. Ids are made by the
caller, so that a second call answers as the first. All raise StoreUnavailable when the store is
away.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from chalicelib import gauging, keyspace, limits, records, signals, visits
from chalicelib.bounds import QueueSettings, RetentionSettings
from chalicelib.charging import FREE, Charges, asking_key
from chalicelib.errors import (
    IdempotencyKeyReused,
    JobEnded,
    JobGone,
    JobNotFound,
    JobRunning,
    NotRetryable,
    VersionConflict,
)
from chalicelib.gauging import Gauge, Measured
from chalicelib.jobs import Draft, Job, JobState, Priority
from chalicelib.moves import JOB_LIBRARIES, JobMoves
from chalicelib.refusals import Rate
from chalicelib.scripts import Script
from chalicelib.store import Store
from chalicelib.sweeping import Sweeper

_SUBMIT = Script("submit", *JOB_LIBRARIES)
_FETCH = Script("fetch", *JOB_LIBRARIES, reads=True)
_CANCEL = Script("cancel", *JOB_LIBRARIES)
_RETRY = Script("retry", *JOB_LIBRARIES)
_ERASE = Script("erase", *JOB_LIBRARIES)

_NORMAL = records.PRIORITIES[Priority.NORMAL]


@dataclass(frozen=True)
class Idempotency:
    """A caller's Idempotency-Key and the hash of the body that it stands for."""

    key: str
    body_hash: str


@dataclass(frozen=True)
class Submitted:
    """A queued job, whether an earlier call did that, and the rates that were charged for it."""

    job: Job
    known: bool
    rates: Sequence[Rate] = ()


class JobQueue:
    """Jobs from submit to erasure. Thread-safe; one instance serves a process."""

    def __init__(
        self,
        store: Store,
        settings: QueueSettings,
        retention: RetentionSettings = RetentionSettings(),  # noqa: B008 - frozen
    ) -> None:
        self._store = store
        self._settings = settings
        self._charges = Charges(settings)
        self._moves = JobMoves(store, settings, retention)
        self._sweeper = Sweeper(self._moves)

    def submit(self, draft: Draft, idempotency: Idempotency | None = None) -> Submitted:
        """Store and queue a job in one round trip.

        A repeat, by id or by key, is answered before rate and caps are looked at. Raises
        IdempotencyKeyReused when the key came with another body, JobGone when the id's or key's
        job has been removed, RateLimited, TooManyJobs, QueueFull, StoreFull, InboxFull. The job
        counts for the API key that asks, as it does after a retry.
        """
        request = {name: draft.request[name] for name in draft.request if name != "metadata"}
        metadata = draft.request.get("metadata")
        texts = json.dumps(request), "" if metadata is None else json.dumps(metadata)
        given = self._charges.terms() | _without_none(
            priority=records.PRIORITIES[draft.priority],
            deadline_ms=draft.deadline_seconds and round(draft.deadline_seconds * 1000),
            max_attempts=self._settings.max_attempts,
            model=request.get("model"),
            hash=idempotency.body_hash if idempotency else "",
            key=asking_key(),
            traceparent=visits.traceparent(),
            kept_bytes=limits.JOB_KEPT_BYTES,
        )
        keys = [*self._charges.keys(draft.tenant)]
        if idempotency:
            keys.append(keyspace.idempotency(draft.tenant, "infer", idempotency.key))
        whose = draft.tenant, draft.id
        answer = self._moves.run(_SUBMIT, whose, given, keys=tuple(keys), texts=texts)
        if answer[0] == "known" and idempotency:
            same_body = answer[2] == idempotency.body_hash
            return Submitted(self._known(draft.tenant, answer[1], same_body=same_body), known=True)
        if answer[0] == "gone":
            raise JobGone(f"the job {draft.id} has been removed")
        if answer[0] != "queued":
            raise self._charges.refused(*answer)
        job = self._accepted(draft, answer)
        return Submitted(job, known=False, rates=self._charges.charged(answer[4:]))

    def known(self, tenant: str, idempotency: Idempotency) -> Job | None:
        """Return the job that a caller's key stands for, None for a new key.

        Raises IdempotencyKeyReused, JobGone, as submit does.
        """
        key = keyspace.idempotency(tenant, "infer", idempotency.key)
        (found,) = self._store.read(("GET", key))
        if found is None:
            return None
        job_id, _, body_hash = found.partition(" ")
        return self._known(tenant, job_id, same_body=body_hash == idempotency.body_hash)

    def fetch(self, tenant: str, job_id: str, *, retry: bool = True) -> Job:
        """Return the tenant's job, expired if its deadline has passed.

        Raises JobGone for one that was removed in the last days, else JobNotFound, for another
        tenant's job just the same.
        """
        signals.note(job_id=job_id)
        job = self._look(tenant, job_id, retry=retry)
        if job.expires_in_seconds is not None and job.expires_in_seconds <= 0:
            self._sweeper.expire_overdue(tenant, job_id)
            job = self._look(tenant, job_id, retry=retry)
        return job

    def await_change(self, job: Job, seconds: float) -> Job:
        """Return the job once its record is newer than *job*, or as it is after *seconds*.

        Nothing is tried again: whoever waited has no time left for it. Raises as fetch does.
        """
        self._store.await_entry({keyspace.job_bell(job.id): f"{job.version}-0"}, seconds)
        return self.fetch(job.tenant, job.id, retry=False)

    def cancel(self, tenant: str, job_id: str) -> Job:
        """Cancel a job that waits, or ask the worker of one that runs; again is fine.

        Returns the job as it is then. Raises JobNotFound, JobGone, JobEnded for another end.
        """
        self._found(self._move(_CANCEL, tenant, job_id), job_id)
        job = self.fetch(tenant, job_id)
        if job.state.ended and job.state is not JobState.CANCELLED:
            raise JobEnded(f"the job has ended: {job.state}")
        return job

    def retry(self, tenant: str, job_id: str, version: int) -> Submitted:
        """Queue a job again that failed or expired and is still as *version* says.

        It costs what a new one does. The same call again answers as before and costs nothing.
        Raises JobNotFound, JobGone, NotRetryable, VersionConflict, and as submit for want of room.
        """
        signals.note(job_id=job_id)
        given = self._charges.terms() | {"dead_only": False, "key": asking_key()}
        told = self._retry(tenant, job_id, version, given)
        rates = self._charges.charged(told)
        return Submitted(self.fetch(tenant, job_id), known=not told, rates=rates)

    def redrive(self, tenant: str, job_id: str, version: int) -> None:
        """Queue a dead letter again that is still as *version* says.

        The same call again changes nothing. It is the operator who asks: the job counts for its
        tenant, and for no API key, and is charged to nobody. Raises as retry does but RateLimited,
        NotRetryable for a job that is no dead letter.
        """
        self._retry(tenant, job_id, version, FREE | {"dead_only": True, "key": ""})

    def _retry(self, tenant: str, job_id: str, version: int, given: dict[str, object]) -> list[int]:
        told: list[int]
        given = given | {
            "version": version,
            "priority": _NORMAL,
            "max_attempts": self._settings.max_attempts,
            "kept_bytes": limits.JOB_KEPT_BYTES,
        }
        keys = self._charges.keys(tenant)
        answer, *told = self._moves.run(_RETRY, (tenant, job_id), given, keys=keys)
        self._found(answer, job_id)
        if answer == "other":
            which = "a dead letter" if given["dead_only"] else "a job that failed or expired"
            raise NotRetryable(f"only {which} can run again")
        if answer == "version":
            raise VersionConflict(f"the job has changed since version {version}")
        if answer != JobState.QUEUED:
            raise self._charges.refused(answer, *told)
        return told

    def erase(self, tenant: str, job_id: str, *, force: bool = False) -> None:
        """Remove a job, its input and its result; one that waits is cancelled first.

        Again is fine while its tombstone lives. With *force* a running one is removed too, and its
        worker finds its lease lost. Raises JobRunning, JobNotFound.
        """
        answer = self._move(_ERASE, tenant, job_id, force=force)
        if answer == "absent":
            raise JobNotFound(f"there is no job {job_id}")
        # A worker of 0.1.0 has taken it and is about to run it.
        if answer in {"running", "old"}:
            raise JobRunning("a running job is cancelled first, and erased once it has ended")

    def gauge(self) -> Gauge:
        """Tell how the queue stands."""
        return gauging.gauge(self._store)

    def measure(self) -> Measured:
        """Tell how the queue stands, and what was done so far."""
        return gauging.measure(self._store)

    def _look(self, tenant: str, job_id: str, *, retry: bool) -> Job:
        answer = self._moves.run(_FETCH, (tenant, job_id), {}, retry=retry)
        self._found(answer[0], job_id)
        now, position, eta_ms, flat = answer[1:]
        eta_seconds = None if eta_ms < 0 else eta_ms / 1000
        job = records.job(job_id, records.pairs(flat), _known_number(position), eta_seconds)
        if job.deadline_at is not None and not job.state.ended:
            return replace(job, expires_in_seconds=(job.deadline_at - now) / 1000)
        return job

    def _move(self, script: Script, tenant: str, job_id: str, **given: object) -> str:
        signals.note(job_id=job_id)
        answer = str(self._moves.run(script, (tenant, job_id), given))
        if answer == "old":
            self._sweeper.adopt(job_id)
            answer = str(self._moves.run(script, (tenant, job_id), given))
        return answer

    def _found(self, answer: str, job_id: str) -> str:
        if answer == "gone":
            raise JobGone(f"the job {job_id} has been removed")
        if answer == "absent":
            raise JobNotFound(f"there is no job {job_id}")
        return answer

    def _known(self, tenant: str, job_id: str, *, same_body: bool) -> Job:
        if not same_body:
            raise IdempotencyKeyReused("the Idempotency-Key came before with another body")
        try:
            return self.fetch(tenant, job_id)
        except JobNotFound:
            raise JobGone(f"the key's job {job_id} has been removed") from None

    def _accepted(self, draft: Draft, answer: list[int]) -> Job:
        signals.note(job_id=draft.id)
        created_at = int(answer[1])
        deadline = draft.deadline_seconds
        return Job(
            id=draft.id,
            tenant=draft.tenant,
            state=JobState.QUEUED,
            version=1,
            attempt=0,
            max_attempts=self._settings.max_attempts,
            request=draft.request,
            created_at=created_at,
            priority=draft.priority,
            model=draft.request.get("model"),
            metadata=draft.request.get("metadata"),
            traceparent=visits.traceparent() or None,
            deadline_at=None if deadline is None else created_at + round(deadline * 1000),
            position=answer[2],
            eta_seconds=None if answer[3] < 0 else answer[3] / 1000,
            expires_in_seconds=deadline,
        )


def _known_number(number: int) -> int | None:
    return None if number < 0 else number


def _without_none(**named: object) -> dict[str, object]:
    return {name: value for name, value in named.items() if value is not None}
