"""What a job is and how it may move between states. Pure: no clock, no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from chalicelib import limits

type JsonObject = dict[str, Any]


class JobState(StrEnum):
    """Where a job stands; ``MOVES`` says which way it may go next."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def ended(self) -> bool:
        """Whether no worker will touch the job again by itself."""
        return self not in {JobState.QUEUED, JobState.RUNNING}


MOVES: Mapping[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.CANCELLED, JobState.EXPIRED}),
    JobState.RUNNING: frozenset(set(JobState) - {JobState.RUNNING}),
    JobState.SUCCEEDED: frozenset(),
    JobState.FAILED: frozenset({JobState.QUEUED}),
    JobState.CANCELLED: frozenset(),
    JobState.EXPIRED: frozenset({JobState.QUEUED}),
}


class Priority(StrEnum):
    """Which of one tenant's jobs run first; it never puts one tenant before another."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


@dataclass(frozen=True)
class Draft:
    """A job as its caller asks for it: the id is the caller's own, so that a repeat is known."""

    id: str
    tenant: str
    request: JsonObject
    priority: Priority = Priority.NORMAL
    deadline_seconds: float | None = None


@dataclass(frozen=True)
class Job:
    """One inference request and its life, owned by one tenant.

    Times are milliseconds since the epoch by the store's clock. ``version`` grows with every
    change of the record. ``retry_at`` is when a job that waits for another attempt is ready
    again. ``position`` is about how many jobs run before it, ``eta_seconds`` about how long it
    still takes, ``expires_in_seconds`` how long it may still take, as of when it was read: each
    None where it does not apply or is not known. ``traceparent`` is the trace of the request that
    asked for it (``tracing``); None for a job of 0.4.0.
    """

    id: str
    tenant: str
    state: JobState
    version: int
    attempt: int
    max_attempts: int
    request: JsonObject
    created_at: int
    priority: Priority = Priority.NORMAL
    model: str | None = None
    metadata: JsonObject | None = None
    deadline_at: int | None = None
    retry_at: int | None = None
    cancel_requested: bool = False
    started_at: int | None = None
    first_token_at: int | None = None
    ended_at: int | None = None
    result: JsonObject | None = None
    error: JsonObject | None = None
    traceparent: str | None = None
    position: int | None = field(default=None, compare=False)
    eta_seconds: float | None = field(default=None, compare=False)
    expires_in_seconds: float | None = field(default=None, compare=False)


def retry_delay_seconds(attempt: int, jitter: float, at_least: float = 0) -> float:
    """Return the pause after the failed *attempt* (from 1): doubling, capped, half of it jitter.

    *jitter* is a number from 0 to 1, picked at random by the caller; *at_least* is what the engine
    asked for, which is granted up to an hour.
    """
    whole = min(limits.RETRY_MOST_SECONDS, limits.RETRY_FIRST_SECONDS * 2.0 ** min(attempt - 1, 30))
    return max(whole * (1 + jitter) / 2, min(at_least, limits.RETRY_AFTER_MOST_SECONDS))
