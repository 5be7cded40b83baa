"""What the store's tests share: short ways to make, lapse and look at jobs and events."""

import secrets
from collections.abc import Callable
from itertools import count
from typing import Any

import redis

from chalicelib import keyspace
from chalicelib.events import Event
from chalicelib.jobs import Job
from chalicelib.queueing import Claim, JobQueue, Outcome
from chalicelib.settings import QueueSettings

SETTINGS = QueueSettings(lease_seconds=30, max_attempts=3, queue_length=1000)
DONE = Outcome(result={"text": "Hello", "finish_reason": "stop", "engine": "echo", "model": "m"})
BROKEN = Outcome(error={"code": "engine_failed", "detail": "the engine answered 500"})

_numbers = count(1)


def job_id() -> str:
    return f"job_{secrets.token_hex(16)}"


def token() -> str:
    return secrets.token_hex(16)


def submit(queue: JobQueue, tenant: str = "acme") -> Job:
    """Queue a job that no other test has."""
    return queue.submit(job_id(), tenant, {"prompt": f"number {next(_numbers)}"})[0]


def claim(queue: JobQueue) -> Claim:
    """Claim a job that must be there."""
    claimed = queue.claim(token())
    assert claimed is not None
    return claimed


def draft(tenant: str = "acme", event_type: str = "order.placed") -> Event:
    """Return an event as a publisher makes it."""
    event_id = f"evt_{secrets.token_hex(16)}"
    payload = {"number": next(_numbers)}
    return Event(event_id, tenant, event_type, "shop", payload, created_at=0, sequence=0)


def lapse(raw: "redis.Redis", leased_id: str, lease_token: str) -> None:
    """Leave the store as it is once the lease's end has passed."""
    assert raw.zadd(keyspace.JOB_LEASES, {leased_id: 1}, xx=True, ch=True) == 1
    raw.delete(keyspace.lease(lease_token))


def contents(raw: "redis.Redis") -> dict[str, Any]:
    """Return all that the store holds with its expiry, but for what is renewed by the clock."""
    return {key: _value(raw, key) for key in raw.scan_iter(count=1000)}


def _value(raw: "redis.Redis", key: str) -> Any:
    if key.startswith(keyspace.lease("")):
        return raw.get(key)
    if key in {keyspace.JOB_LEASES, keyspace.WORKERS}:
        return raw.zrange(key, 0, -1)
    readers: dict[str, Callable[[], Any]] = {
        "string": lambda: raw.get(key),
        "hash": lambda: raw.hgetall(key),
        "stream": lambda: raw.xrange(key),
        "zset": lambda: raw.zrange(key, 0, -1, withscores=True),
    }
    return readers[str(raw.type(key))](), raw.pexpiretime(key)


def now_ms(raw: "redis.Redis") -> int:
    """Return the store's time."""
    seconds, microseconds = raw.time()
    return int(seconds) * 1000 + int(microseconds) // 1000
