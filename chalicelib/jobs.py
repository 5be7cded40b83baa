"""What a job is and how it may move between states. Pure: no clock, no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

type JsonObject = dict[str, Any]


class JobState(StrEnum):
    """Where a job stands; ``MOVES`` says which way it may go next."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """Whether no worker will touch the job again by itself."""
        return not MOVES[self]


MOVES: Mapping[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.RUNNING}),
    JobState.RUNNING: frozenset({JobState.QUEUED, JobState.SUCCEEDED, JobState.FAILED}),
    JobState.SUCCEEDED: frozenset(),
    JobState.FAILED: frozenset(),
}


@dataclass(frozen=True)
class Job:
    """One inference request and its life, owned by one tenant.

    Times are milliseconds since the epoch by the store's clock. ``version`` grows with every
    change of the record. ``position`` is how many jobs are ahead in the queue, None once it left.
    """

    id: str
    tenant: str
    state: JobState
    version: int
    attempt: int
    max_attempts: int
    request: JsonObject
    created_at: int
    started_at: int | None = None
    first_token_at: int | None = None
    ended_at: int | None = None
    result: JsonObject | None = None
    error: JsonObject | None = None
    position: int | None = field(default=None, compare=False)
