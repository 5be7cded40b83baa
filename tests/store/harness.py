"""What the store's tests share: short ways to make, lapse and look at jobs and events."""

import secrets
from collections.abc import Callable
from itertools import count
from typing import Any

import redis

from chalicelib import keyspace
from chalicelib.api_keys import ApiKey
from chalicelib.bounds import QueueSettings, RetentionSettings
from chalicelib.events import Event
from chalicelib.jobs import Draft, Job, JobState, Priority
from chalicelib.leasing import Claim, JobLeases, Outcome
from chalicelib.moves import JobMoves
from chalicelib.queueing import JobQueue
from chalicelib.store import Store
from chalicelib.sweeping import Sweeper
from tests import leaks

SETTINGS = QueueSettings(lease_seconds=30, max_attempts=3, queue_length=1000)
DONE = Outcome(result={"text": "Hello", "finish_reason": "stop", "engine": "echo", "model": "m"})
CANCELLED = Outcome(cancelled=True)
FLAKY = Outcome(
    error={"code": "engine_failed", "detail": "busy"}, retryable=True, retry_after_seconds=60
)
BROKEN = Outcome(error={"code": "engine_failed", "detail": "the engine answered 500"})

_numbers = count(1)
# No log may hold it: it stands for what callers say.
_WORD = leaks.LEDGER.note("a prompt", f"number {secrets.token_hex(8)}")


def job_id() -> str:
    return f"job_{secrets.token_hex(16)}"


def token() -> str:
    return secrets.token_hex(16)


def request(tenant: str = "acme", **terms: Any) -> Draft:
    """Return a job as its caller asks for it, that no other test has."""
    return Draft(job_id(), tenant, {"prompt": f"{_WORD} {next(_numbers)}"}, **terms)


def submit(queue: JobQueue, tenant: str = "acme", priority: Priority = Priority.NORMAL) -> Job:
    """Queue a job that no other test has."""
    return queue.submit(request(tenant, priority=priority)).job


def claim(leases: JobLeases) -> Claim:
    """Claim a job that must be there."""
    claimed = leases.claim(token())
    assert claimed is not None
    return claimed


def end(queue: JobQueue, leases: JobLeases, outcome: Outcome = DONE) -> Job:
    """Take the job whose turn it is to its end."""
    claimed = claim(leases)
    leases.finish(claimed, outcome)
    return queue.fetch(claimed.job.tenant, claimed.job.id)


def dead_letter(leases: JobLeases, sweeper: Sweeper, raw: "redis.Redis") -> Job:
    """Let every attempt of the job whose turn it is lapse, until it is among the dead letters."""
    while True:
        lost = claim(leases)
        held = place(raw, lost.job.id)
        lapse(raw, lost)
        if sweeper.reclaim(held) == JobState.FAILED:
            return lost.job


def sweeper_of(
    store: Store,
    settings: QueueSettings = SETTINGS,
    retention: RetentionSettings = RetentionSettings(),  # noqa: B008 - frozen
) -> Sweeper:
    return Sweeper(JobMoves(store, settings, retention))


def sweep(sweeper: Sweeper) -> list[str]:
    """Do all that is due, as the tick does; returns the verbs of what was done."""
    return [did for each in sweeper.due(100) if (did := sweeper.do(each))]


def stands(queue: JobQueue) -> tuple[int, int]:
    """Return how many jobs wait, for another attempt too, and how many are under lease."""
    gauge = queue.gauge()
    return gauge.waiting + gauge.delayed, gauge.leased


def submit_as_0_1_0(raw: "redis.Redis", tenant: str = "acme") -> str:
    """Queue a job as version 0.1.0 did; returns its id."""
    old = job_id()
    order = raw.incr(keyspace.SEQUENCE)
    record: dict[Any, Any] = {
        "tenant": tenant, "state": "queued", "version": 1, "attempt": 0, "max_attempts": 3,
        "request": '{"prompt": "old"}', "created_at": now_ms(raw), "order": order, "lease": "",
    }  # fmt: skip
    raw.hset(keyspace.job(old), mapping=record)
    raw.xadd(keyspace.job_bell(old), {"version": 1}, id="1-0")
    raw.zadd(keyspace.OLD_READY_JOBS, {old: order})
    return old


def draft(tenant: str = "acme", event_type: str = "order.placed") -> Event:
    """Return an event as a publisher makes it."""
    event_id = f"evt_{secrets.token_hex(16)}"
    payload = {"number": next(_numbers), "said": _WORD}
    return Event(event_id, tenant, event_type, "shop", payload, created_at=0, sequence=0)


def key(raw: "redis.Redis", tenant: str = "acme", seconds: int = 3600) -> ApiKey:
    """Return an API key that no other test has, as it is read; it expires in so many seconds."""
    key_id, now = f"key_{secrets.token_hex(16)}", now_ms(raw) // 1000
    return ApiKey(
        id=key_id,
        tenant=tenant,
        name="shop",
        scopes=frozenset({"jobs:read", "a:b"}),
        issued_at=now,
        expires_at=now + seconds,
        digest=secrets.token_hex(32),
    )


def lapse(raw: "redis.Redis", claimed: Claim) -> None:
    """Leave the store as it is once the lease's end has passed."""
    assert raw.zadd(keyspace.LEASED, {place(raw, claimed.job.id): 1}, xx=True, ch=True) == 1
    raw.delete(keyspace.lease(claimed.token))


def place(raw: "redis.Redis", held_job_id: str) -> str:
    """Return the place of a job under lease."""
    (found,) = [str(each) for each in raw.zrange(keyspace.LEASED, 0, -1) if held_job_id in each]
    return found


def where(raw: "redis.Redis", submitted_job_id: str) -> str:
    """Return the place that a job's record names."""
    return str(raw.hget(keyspace.job(submitted_job_id), "place"))


def pass_deadline(raw: "redis.Redis", submitted_job_id: str) -> None:
    """Leave the store as it is once the job's deadline has passed."""
    due = {where(raw, submitted_job_id): 1}
    assert raw.zadd(keyspace.DEADLINES, due, xx=True, ch=True) == 1
    raw.hset(keyspace.job(submitted_job_id), "deadline_at", 1)


def pass_delay(raw: "redis.Redis", submitted_job_id: str) -> None:
    """Leave the store as it is once the pause before the job's next attempt is over."""
    assert raw.zadd(keyspace.DELAYED, {where(raw, submitted_job_id): 1}, xx=True, ch=True) == 1


def pass_retention(raw: "redis.Redis", ended_job_id: str) -> None:
    """Leave the store as it is once an ended job is due for removal."""
    due = {where(raw, ended_job_id): 1}
    assert raw.zadd(keyspace.RETENTION_JOBS, due, xx=True, ch=True) == 1


def pass_event_retention(raw: "redis.Redis", event_id: str) -> str:
    """Leave the store as it is once an event is to be forgotten; returns how that is due."""
    kept = [str(each) for each in raw.zrange(keyspace.RETENTION_EVENTS, 0, -1)]
    (found,) = [each for each in kept if each.startswith(event_id)]
    raw.zadd(keyspace.RETENTION_EVENTS, {found: 1})
    return found


def contents(raw: "redis.Redis") -> dict[str, Any]:
    """Return all that the store holds with its expiry, but for what is renewed by the clock."""
    return {key: _value(raw, key) for key in raw.scan_iter(count=1000)}


def _value(raw: "redis.Redis", key: str) -> Any:
    kind = str(raw.type(key))
    if key.startswith((keyspace.LEASED, keyspace.WORKERS, keyspace.inbox_leases(""))):
        return raw.zrange(key, 0, -1)
    if key.startswith(keyspace.lease("")):
        return raw.get(key) if kind == "string" else {**raw.hgetall(key), "end": ""}
    if key.startswith(keyspace.undelivered("", "").removesuffix(":")):
        # Until when somebody waits, the clock says.
        return {job: text.split()[::2] for job, text in raw.hgetall(key).items()}
    readers: dict[str, Callable[[], Any]] = {
        "none": lambda: None,  # its time came between two looks
        "string": lambda: raw.get(key),
        "hash": lambda: raw.hgetall(key),
        "stream": lambda: raw.xrange(key),
        "zset": lambda: raw.zrange(key, 0, -1, withscores=True),
    }
    return readers[kind](), raw.pexpiretime(key)


def now_ms(raw: "redis.Redis") -> int:
    """Return the store's time."""
    seconds, microseconds = raw.time()
    return int(seconds) * 1000 + int(microseconds) // 1000
