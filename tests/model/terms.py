"""What both halves of the model share: the settings, a clock that a test sets, and refusals."""

from dataclasses import dataclass, field
from typing import NamedTuple

from chalicelib import limits


@dataclass(frozen=True)
class Terms:
    """Every number that the rules depend on. Times are milliseconds."""

    lease_ms: int = 30_000
    max_attempts: int = 2
    swept_by_a_claim: int = 16  # lua/take.lua
    queue_length: int = 6
    queue_bytes: int = 4_000
    tenant_length: int = 5
    tenant_bytes: int = 3_000
    key_length: int = 3
    key_bytes: int = 1_500
    inbox_bytes: int = 12_000
    reserve_bytes: int = limits.END_EVENT_BYTES
    overhead_bytes: int = limits.EVENT_OVERHEAD_BYTES
    result_ms: int = 3_600_000
    tombstone_ms: int = 3 * 3_600_000
    event_ms: int = 4 * 3_600_000
    acknowledged_ms: int = 1_800_000
    idempotency_ms: int = 2 * 3_600_000
    lease_remembered_ms: int = limits.LEASE_REMEMBERED_SECONDS * 1000
    silent_ms: int = limits.WORKER_SILENT_SECONDS * 1000
    rate_quota: int = 0
    key_quota: int = 0
    rate_ms: int = 60_000
    bytes_quota: int = 0
    bytes_ms: int = 24 * 3_600_000
    job_kept_bytes: int = limits.JOB_KEPT_BYTES
    stream_kept_bytes: int = limits.STREAM_KEPT_BYTES
    event_kept_bytes: int = limits.EVENT_KEPT_BYTES


@dataclass
class Now:
    """The model's clock: stands still during a move, and is set between moves."""

    ms: int


class Refused(Exception):
    """A move that the rules refuse; *code* is the API's."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


ENDS = ("succeeded", "failed", "cancelled", "expired")
RANKS = {"high": 0, "normal": 1, "low": 2}


@dataclass
class ModelJob:
    """One job. ``place`` is where it waits or runs: ready, delayed, taken, running or ended."""

    id: str
    tenant: str
    request: object
    size: int
    priority: str
    number: int
    order: int
    ready_since: int
    created_at: int
    max_attempts: int
    allowed_ms: int | None
    api_key: str
    state: str = "queued"
    place: str = "ready"
    attempt: int = 0
    version: int = 1
    retried_from: int | None = None
    deadline_at: int | None = None
    retry_at: int | None = None
    token: str | None = None
    leased_until: int = 0
    cancel_requested: bool = False
    told: dict[str, str] = field(default_factory=dict)
    chunks: list[str] = field(default_factory=list)
    said_bytes: int = 0
    started_at: int | None = None
    first_token_at: int | None = None
    ended_at: int | None = None
    result: object = None
    error_code: str | None = None
    dead: int = 0


class Draft(NamedTuple):
    """What a caller submits."""

    id: str
    tenant: str
    request: dict[str, object]
    size: int
    priority: str = "normal"
    deadline_ms: int | None = None
    key: str | None = None
    body: str = ""
    api_key: str = ""


class Ending(NamedTuple):
    """What a worker says at the end of an attempt; ``retry_at`` is the backoff that was seen."""

    result: dict[str, object] | None = None
    error_code: str | None = None
    retryable: bool = False
    cancelled: bool = False
    retry_at: int | None = None
