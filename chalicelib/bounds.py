"""How much is taken, how often, and how long it is kept: the bounds that an operator may set."""

from dataclasses import dataclass

from chalicelib import limits
from chalicelib.settings import number, whole


@dataclass(frozen=True)
class QueueSettings:
    """How the queue behaves: leases, attempts, and how much is taken before it is refused.

    ``queue_length`` counts jobs that wait, ``queue_bytes`` the requests of all that have not
    ended, ``inbox_bytes`` one tenant's pending events. ``rate_per_minute`` is what one tenant may
    submit and publish, 0 for no limit; ``waiters`` how many calls may wait for an answer at once.
    """

    lease_seconds: float
    max_attempts: int
    queue_length: int
    queue_bytes: int = limits.QUEUE_BYTES
    inbox_bytes: int = limits.INBOX_BYTES
    rate_per_minute: int = 0
    waiters: int = limits.WAITERS

    @property
    def waiting_callers(self) -> int:
        """How many of the waiters may be callers: a quarter of the places is left to workers."""
        return self.waiters - self.waiters // 4


def queue_settings() -> QueueSettings:
    """Read the queue's settings. Raises NotConfigured naming a bad one."""
    return QueueSettings(
        lease_seconds=number("lease_seconds", 30, 0.1),
        max_attempts=whole("max_attempts", limits.MAX_ATTEMPTS, 1),
        queue_length=whole("queue_length", limits.QUEUE_LENGTH, 1),
        queue_bytes=whole("queue_bytes", limits.QUEUE_BYTES, limits.BODY_BYTES),
        inbox_bytes=whole("inbox_bytes", limits.INBOX_BYTES, limits.BODY_BYTES),
        rate_per_minute=whole("rate_per_minute", limits.RATE_PER_MINUTE, 0),
        waiters=whole("waiters", limits.WAITERS, 0),
    )


@dataclass(frozen=True)
class RequestSettings:
    """How many requests a tenant, and one API key, may make a minute; 0 for no limit.

    Those that have a rate of their own (``QueueSettings.rate_per_minute``) are not counted.
    """

    per_minute: int = 0
    key_per_minute: int = 0


def request_settings() -> RequestSettings:
    """Read the limits on requests. Raises NotConfigured naming a bad one."""
    return RequestSettings(
        per_minute=whole("requests_per_minute", limits.REQUESTS_PER_MINUTE, 0),
        key_per_minute=whole("key_requests_per_minute", 0, 0),
    )


@dataclass(frozen=True)
class RetentionSettings:
    """How long things are kept, in seconds: ended jobs, tombstones, events, keys of callers."""

    result_seconds: float = limits.RESULT_SECONDS
    tombstone_seconds: float = limits.TOMBSTONE_SECONDS
    event_seconds: float = limits.EVENT_SECONDS
    acknowledged_seconds: float = limits.ACKNOWLEDGED_SECONDS
    idempotency_seconds: float = limits.IDEMPOTENCY_SECONDS


def retention_settings() -> RetentionSettings:
    """Read how long things are kept. Raises NotConfigured naming a bad one."""
    return RetentionSettings(
        result_seconds=number("result_seconds", limits.RESULT_SECONDS, 1),
        tombstone_seconds=number("tombstone_seconds", limits.TOMBSTONE_SECONDS, 1),
        event_seconds=number("event_seconds", limits.EVENT_SECONDS, 1),
        acknowledged_seconds=number("acknowledged_seconds", limits.ACKNOWLEDGED_SECONDS, 1),
        idempotency_seconds=number("idempotency_seconds", limits.IDEMPOTENCY_SECONDS, 1),
    )
