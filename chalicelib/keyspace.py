"""Every key in the store, its type and how long it lives. No other module spells a key.

One hash tag holds everything together, so that a script may touch any of these on a cluster; the
tag is where partitions would come. Names of tenants never hold a brace (``tokens`` sees to it).
"""

import hashlib

_TAG = "tl:{p0}:"

SEQUENCE = f"{_TAG}sequence"
"""string: the last order number given to a job or an event; for ever."""

READY_JOBS = f"{_TAG}ready:jobs"
"""zset of job ids by order: what waits for a worker; as its members."""

JOB_LEASES = f"{_TAG}leases:jobs"
"""zset of job ids by lease end (ms): what a worker holds; as its members."""

JOBS_BELL = f"{_TAG}bell:jobs"
"""stream of one entry: rung when a job becomes ready; for ever."""

WORKERS = f"{_TAG}workers"
"""zset of worker names by last heartbeat (ms); a silent one is dropped by the next heartbeat."""


def job(job_id: str) -> str:
    """Name the hash, the job's record; until its retention ends."""
    return f"{_TAG}job:{job_id}"


def job_bell(job_id: str) -> str:
    """Name the stream of one entry whose id is the record's version; as the job."""
    return f"{_TAG}bell:{job_id}"


def job_tokens(job_id: str) -> str:
    """Name the stream of what the model said so far (attempt, offset, text); as the job."""
    return f"{_TAG}tokens:{job_id}"


def lease(token: str) -> str:
    """Name the string, the id that the lease's token holds; until the lease ends."""
    return f"{_TAG}lease:{token}"


def event(event_id: str) -> str:
    """Name the hash, the event's record; 14 days, or 24 hours once acknowledged."""
    return f"{_TAG}event:{event_id}"


def inbox(tenant: str) -> str:
    """Name the zset of event ids by order, what was not acknowledged; as its youngest member."""
    return f"{_TAG}ready:inbox:{tenant}"


def idempotency(tenant: str, route: str, key: str) -> str:
    """Name the string, the id and body hash first sent under the caller's key; 24 hours."""
    digest = hashlib.sha256(f"{route}\0{key}".encode()).hexdigest()
    return f"{_TAG}idem:{tenant}:{digest}"
