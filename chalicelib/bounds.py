"""How much is taken, how often, and how long it is kept: the bounds that an operator may set."""

import re
from dataclasses import dataclass

from chalicelib import limits
from chalicelib.errors import NotConfigured
from chalicelib.settings import PREFIX, number, variable, whole

_FIELD = re.compile(r"[A-Za-z0-9_]{1,64}")


@dataclass(frozen=True)
class QueueSettings:
    """How the queue behaves: leases, attempts, and how much is taken before it is refused.

    ``queue_length`` counts jobs that wait, ``queue_bytes`` the requests of all that have not
    ended, ``inbox_bytes`` one tenant's pending events; ``waiters`` is how many calls may wait for
    an answer at once. What begins with ``tenant`` or ``key`` is one tenant's or API key's share,
    where lengths count jobs that run, too; 0 is no limit but that of the whole. A tenant and a key
    may submit, retry and publish ``rate_per_minute`` and ``key_rate_per_minute``.

    ``tenant_bytes_per_day`` is what a tenant may bring in: requests, events, results, and what
    they weigh besides. All of it stays for a day by default, however soon it has ended, so a day
    is the window: over any 24 hours a tenant leaves twice as much at most (a full bucket and what
    fills it meanwhile). The default's double, 256 MiB, is less than what a store of 0.5 GB takes
    before it is nearly full, and its 10,000 jobs a day, of 2 KiB in and out, are more than one
    worker does that takes ten seconds for each. A bound by the minute would refuse a batch that
    the store holds well.
    """

    lease_seconds: float
    max_attempts: int
    queue_length: int
    queue_bytes: int = limits.QUEUE_BYTES
    inbox_bytes: int = limits.INBOX_BYTES
    rate_per_minute: int = 0
    waiters: int = limits.WAITERS
    key_rate_per_minute: int = 0
    tenant_bytes_per_day: int = 0
    tenant_queue_length: int = 0
    tenant_queue_bytes: int = 0
    key_queue_length: int = 0
    key_queue_bytes: int = 0
    tenant_waiters: int = 0

    @property
    def waiting_callers(self) -> int:
        """How many of the waiters may be callers: a quarter of the places is left to workers."""
        return _three_quarters(self.waiters)


def queue_settings() -> QueueSettings:
    """Read the queue's settings. Raises NotConfigured naming a bad one."""
    queue_length = whole("queue_length", limits.QUEUE_LENGTH, 1)
    queue_bytes = whole("queue_bytes", limits.QUEUE_BYTES, limits.BODY_BYTES)
    waiters = whole("waiters", limits.WAITERS, 0)
    return QueueSettings(
        lease_seconds=number("lease_seconds", 30, 0.1),
        max_attempts=whole("max_attempts", limits.MAX_ATTEMPTS, 1),
        queue_length=queue_length,
        queue_bytes=queue_bytes,
        inbox_bytes=whole("inbox_bytes", limits.INBOX_BYTES, limits.BODY_BYTES),
        rate_per_minute=whole("rate_per_minute", limits.RATE_PER_MINUTE, 0),
        waiters=waiters,
        key_rate_per_minute=whole("key_rate_per_minute", 0, 0),
        tenant_bytes_per_day=_bytes("tenant_bytes_per_day", limits.TENANT_BYTES_PER_DAY),
        tenant_queue_length=whole("tenant_queue_length", _three_quarters(queue_length), 0),
        tenant_queue_bytes=_bytes("tenant_queue_bytes", _three_quarters(queue_bytes)),
        key_queue_length=whole("key_queue_length", 0, 0),
        key_queue_bytes=_bytes("key_queue_bytes", 0),
        tenant_waiters=whole("tenant_waiters", (_three_quarters(waiters) + 1) // 2, 0),
    )


def _three_quarters(count: int) -> int:
    """Return three quarters of *count*, rounded up: a share that leaves some to the others."""
    return count - count // 4


def _bytes(name: str, default: int) -> int:
    """Read a bound on bytes: 0 for none, else no less than one body. Raises NotConfigured."""
    found = whole(name, default, 0)
    if 0 < found < limits.BODY_BYTES:
        raise NotConfigured(f"{PREFIX}{name.upper()} must be 0 or at least {limits.BODY_BYTES}")
    return found


@dataclass(frozen=True)
class RequestSettings:
    """How many requests a tenant, and one API key, may make a minute; 0 for no limit.

    ``Route.counted`` says which are; a prompt of ``/v1`` counts for its own rate besides.
    """

    per_minute: int = 0
    key_per_minute: int = 0


def request_settings() -> RequestSettings:
    """Read the limits on requests. Raises NotConfigured naming a bad one."""
    return RequestSettings(
        per_minute=whole("requests_per_minute", limits.REQUESTS_PER_MINUTE, 0),
        key_per_minute=whole("key_requests_per_minute", 0, 0),
    )


def relay_seconds() -> float:
    """Read how long a call of the OpenAI API is held before it is redirected.

    Raises NotConfigured where it is longer than the gateway allows.
    """
    found = number("relay_seconds", limits.WAIT_SECONDS, 0.01)
    if found > limits.WAIT_SECONDS:
        raise NotConfigured(f"{PREFIX}RELAY_SECONDS must be {limits.WAIT_SECONDS} at most")
    return found


def engine_options() -> frozenset[str] | None:
    """Read which fields a body of the OpenAI API may pass on to the engine beside OpenAI's own.

    None is all of them. Raises NotConfigured for what is no field's name.
    """
    text = variable("engine_options")
    if text is None:
        return None
    names = frozenset(text.replace(",", " ").split())
    if not all(_FIELD.fullmatch(name) for name in names):
        raise NotConfigured(f"{PREFIX}ENGINE_OPTIONS must be names of fields, apart by spaces")
    return names


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
