"""The lease queue as workers see it: claim, append, extend, finish, release.

Writing needs the lease's token, which the claimer makes, so that a second call answers as the
first. All raise StoreUnavailable when the store is away.
"""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass

from redis import ResponseError

from chalicelib import keyspace, limits, records, signals
from chalicelib.bounds import QueueSettings, RetentionSettings
from chalicelib.errors import FieldError, InvalidBody, LeaseLost
from chalicelib.jobs import Job, JobState, JsonObject, retry_delay_seconds
from chalicelib.model_lists import listable
from chalicelib.moves import JOB_LIBRARIES, JobMoves, Place
from chalicelib.scripts import Script
from chalicelib.store import Store
from chalicelib.sweeping import Sweeper

_TAKE = Script("take", "queue", "due")
_OPEN = Script("open", *JOB_LIBRARIES)
_APPEND = Script("append", "counts")
_EXTEND = Script("extend")
_FINISH = Script("finish", *JOB_LIBRARIES)
_RELEASE = Script("release", *JOB_LIBRARIES)
_BEAT = Script("beat", "workers")

_TAKES_PER_CLAIM = 8


@dataclass(frozen=True)
class Claim:
    """A running job and the token of the lease under which its worker may write."""

    job: Job
    token: str


@dataclass(frozen=True)
class Outcome:
    """What a run came to: exactly one of *result*, *error* (``{"code", "detail"}``), *cancelled*.

    A *retryable* error is worth another attempt, not before ``retry_after_seconds``. Raises
    ValueError for none or several.
    """

    result: JsonObject | None = None
    error: JsonObject | None = None
    cancelled: bool = False
    retryable: bool = False
    retry_after_seconds: float = 0.0

    def __post_init__(self) -> None:
        if [self.result is None, self.error is None, not self.cancelled].count(False) != 1:
            raise ValueError("an outcome is a result, an error or a cancel")

    @property
    def word(self) -> str:
        """What the move is told."""
        if self.cancelled:
            return "cancelled"
        if self.error is None:
            return "succeeded"
        return "retry" if self.retryable else "failed"


class JobLeases:
    """Leases on jobs. Thread-safe; one instance serves a process."""

    def __init__(
        self,
        store: Store,
        settings: QueueSettings,
        retention: RetentionSettings = RetentionSettings(),  # noqa: B008 - frozen
    ) -> None:
        self._store = store
        self._moves = JobMoves(store, settings, retention)
        self._sweeper = Sweeper(self._moves)
        self._lease_seconds = settings.lease_seconds
        self._bell = "0-0"

    @property
    def lease_seconds(self) -> float:
        """How long a claim or a renewal holds."""
        return self._lease_seconds

    def claim(self, token: str) -> Claim | None:
        """Lease the job whose turn it is, or None; two tokens never hold the same one.

        What is due is moved on the way: lapsed leases, passed deadlines. The same token again,
        while its lease holds, answers the same job.
        """
        keys = (
            keyspace.QUEUE,
            keyspace.TURNS,
            keyspace.SERVED,
            keyspace.AGES,
            keyspace.DELAYED,
            keyspace.LEASED,
            keyspace.DEADLINES,
            keyspace.JOBS_BELL,
            keyspace.COUNTERS,
            keyspace.lease(token),
            keyspace.OLD_READY_JOBS,
            keyspace.OLD_JOB_LEASES,
        )
        for _ in range(_TAKES_PER_CLAIM):
            place, bell, due = self._store.run(_TAKE, keys, (self._lease_ms,))
            job = self._open(Place(place), token) if place else None
            moved = [self._moved(each) for each in due]
            if job:
                signals.note(job_id=job.id)
                return Claim(job, token)
            if not place:
                # Read before what is due was moved, so that whatever became ready rings anew.
                self._bell = bell
                if not any(moved):
                    return None
        return None

    def wait(self, seconds: float) -> None:
        """Block until a job may be ready, at most *seconds*; call it after a claim found none."""
        self._store.await_entry({keyspace.JOBS_BELL: self._bell}, seconds)

    def append(self, claim: Claim, offset: int, chunks: Sequence[str]) -> bool:
        """Add *chunks* of output, the first of which is the attempt's chunk number *offset*.

        Chunks that were appended before are passed over. Returns whether a cancel was asked.
        Raises LeaseLost, InvalidBody where the offset lies beyond what is stored or the text is
        longer than a result may be.
        """
        job = claim.job
        signals.note(job_id=job.id)
        record = keyspace.job(job.id), keyspace.job_bell(job.id), keyspace.job_tokens(job.id)
        keys = *record, keyspace.METRICS
        fixed: tuple[str | float, ...] = (job.tenant, claim.token, offset, limits.RESULT_BYTES)
        answer = self._store.run(_APPEND, keys, (*fixed, *chunks))
        if answer == "gap":
            raise _refused("/offset", "lies beyond the chunks that are stored")
        if answer == "full":
            raise _refused("/chunks", f"an attempt may say {limits.RESULT_BYTES} bytes")
        return _cancel_asked(answer)

    def extend(self, claim: Claim) -> bool:
        """Renew the lease from now; returns whether a cancel was asked. Raises LeaseLost."""
        job = claim.job
        signals.note(job_id=job.id)
        keys = (keyspace.job(job.id), keyspace.LEASED, keyspace.lease(claim.token))
        return _cancel_asked(
            self._store.run(_EXTEND, keys, (job.tenant, claim.token, self._lease_ms))
        )

    def finish(self, claim: Claim, outcome: Outcome) -> JobState:
        """Record what the run came to; an end is published in the same step.

        Returns the state the job is in then: after a retryable error it may be queued again.
        Raises LeaseLost, for a cancel that nobody asked for too.
        """
        jitter = random.random()  # noqa: S311 - spreads load, guards nothing
        delay = retry_delay_seconds(claim.job.attempt, jitter, outcome.retry_after_seconds)
        given = {"token": claim.token, "outcome": outcome.word, "delay_ms": round(delay * 1000)}
        return self._end(_FINISH, claim, given, (_text(outcome.result), _text(outcome.error)))

    def release(self, claim: Claim) -> JobState:
        """Give the job back unharmed: it is ready at once, and the attempt costs nothing.

        Raises LeaseLost.
        """
        return self._end(_RELEASE, claim, {"token": claim.token}, ())

    def beat(self, worker: str, slots: int, models: Sequence[str] | None = None) -> None:
        """Tell that *worker* lives and runs *slots* jobs at once; 0 when it ends.

        It counts as live for fifteen seconds, and so do the *models* that it told of last; None
        leaves them, and what no request may name is left out (``model_lists.listable``).
        """
        keys = (keyspace.WORKERS, keyspace.SLOTS, keyspace.COUNTERS, keyspace.MODELS)
        told = "" if models is None else json.dumps(listable(models))
        silent_ms = limits.WORKER_SILENT_SECONDS * 1000
        self._store.run(_BEAT, keys, (worker, slots, silent_ms, told))

    def _moved(self, due: str) -> bool:
        try:
            return bool(self._sweeper.do(due))
        except ResponseError:
            # One record that no script can read; the tick tells of it.
            return False

    @property
    def _lease_ms(self) -> int:
        return round(self._lease_seconds * 1000)

    def _open(self, place: Place, token: str) -> Job | None:
        whose = place.tenant, place.job_id
        given: dict[str, object] = {"place": place.text, "token": token}
        flat = self._moves.run(_OPEN, whose, given, keys=(keyspace.lease(token),))
        return records.job(place.job_id, records.pairs(flat)) if flat else None

    def _end(
        self, script: Script, claim: Claim, given: dict[str, object], texts: tuple[str, ...]
    ) -> JobState:
        signals.note(job_id=claim.job.id)
        whose = claim.job.tenant, claim.job.id
        keys = (keyspace.lease(claim.token),)
        state = self._moves.run(script, whose, given, keys=keys, texts=texts)
        if not state:
            raise LeaseLost(_LOST)
        return JobState(state)


_LOST = "the lease lapsed and the job went on without it, or the job has ended"


def _cancel_asked(answer: str) -> bool:
    if answer == "lost":
        raise LeaseLost(_LOST)
    return answer == "cancel"


def _refused(pointer: str, detail: str) -> InvalidBody:
    return InvalidBody("the append cannot be stored", errors=[FieldError(pointer, detail)])


def _text(value: JsonObject | None) -> str:
    return "" if value is None else json.dumps(value)
