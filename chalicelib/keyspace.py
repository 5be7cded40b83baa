"""Every key in the store, its type and how long it lives. No other module spells a key.

One hash tag holds everything together, so that a script may touch any of these on a cluster; the
tag is where partitions would come. Names of tenants hold neither space nor brace (``tokens`` sees
to it). A *place* is ``<tenant> <priority> <order> <job id>`` and names a job in every zset.
"""

import hashlib

_TAG = "tl:{p0}:"

SEQUENCE = f"{_TAG}sequence"
"""string: the last order number given to a job or an event; for ever."""

QUEUE = f"{_TAG}queue:jobs"
"""zset of places, all scored 0: what is ready, a tenant's in the order it runs; as its members."""

TURNS = f"{_TAG}turns:jobs"
"""zset of the tenants with ready jobs by the virtual time of their next turn; as its members."""

SERVED = f"{_TAG}served:jobs"
"""zset of tenants that had their turn and have nothing ready; until nobody is owed less."""

AGES = f"{_TAG}ages:jobs"
"""zset of ready places by the time (ms) they became ready; as its members."""

DELAYED = f"{_TAG}delayed:jobs"
"""zset of places by the time (ms) they are ready again; as its members."""

LEASED = f"{_TAG}leased:jobs"
"""zset of places by lease end (ms): what a worker holds; as its members."""

DEADLINES = f"{_TAG}deadlines:jobs"
"""zset of places by deadline (ms), of jobs that have one and have not ended; as its members."""

RETENTION_JOBS = f"{_TAG}retention:jobs"
"""zset of ended jobs' places by the time (ms) they are to be removed; as its members."""

RETENTION_EVENTS = f"{_TAG}retention:events"
"""zset of ``<event id> <tenant> <bytes that count>`` by when (ms) to remove it; as its members."""

DEAD = f"{_TAG}dead:jobs"
"""zset of places by order of failing, of jobs that ran out of attempts; as the jobs."""

JOBS_BELL = f"{_TAG}bell:jobs"
"""stream of one entry: rung when a job becomes ready; for ever."""

WORKERS = f"{_TAG}workers"
"""zset of worker names by last heartbeat (ms); a silent one is dropped by the next heartbeat."""

SLOTS = f"{_TAG}slots"
"""hash: worker name to how many jobs it runs at once; as ``WORKERS``."""

MODELS = f"{_TAG}models"
"""hash: worker name to the JSON list of the models it serves; as ``WORKERS``."""

COUNTERS = f"{_TAG}counters"
"""hash: the queue's virtual clock, bytes, memory mark, measured times, counts of ends; for ever."""

METRICS = f"{_TAG}metrics"
"""hash: what was done so far, and times by bounds (``lua/lib/counts.lua``); only grows, for ever.

Not in ``COUNTERS``, which every claim and submit reads: the fewer fields, the sooner. It names no
tenant, and how many fields it has is bounded by the codes and states there are.
"""

WAITERS = f"{_TAG}waiters"
"""zset of callers that wait for an answer by when they will have left (ms); as its members."""

WRITTEN = f"{_TAG}written"
"""string: what a connection writes so that it can wait for the replicas to have it; for ever."""

OLD_READY_JOBS = f"{_TAG}ready:jobs"
"""zset of job ids by order: what 0.1.0 queued; adopted by the next claim or sweep."""

OLD_JOB_LEASES = f"{_TAG}leases:jobs"
"""zset of job ids by lease end (ms): what a worker of 0.1.0 holds; adopted when it lapses."""

EVERYTHING = f"{_TAG}*"
"""The pattern that every key of the router matches."""


def job(job_id: str) -> str:
    """Name the hash, the job's record; until its removal, with an expiry a day later."""
    return f"{_TAG}job:{job_id}"


def job_bell(job_id: str) -> str:
    """Name the stream of one entry whose id is the record's version.

    From the job's first change until a minute after its end.
    """
    return f"{_TAG}bell:{job_id}"


def job_tokens(job_id: str) -> str:
    """Name the stream of this attempt's text, ids ``<attempt>-<chunks>``; as the job."""
    return f"{_TAG}tokens:{job_id}"


def gone(job_id: str) -> str:
    """Name the string, the tenant of a job that was removed; 7 days."""
    return f"{_TAG}gone:{job_id}"


def jobs(tenant: str) -> str:
    """Name the zset of a tenant's job ids by order; as its members."""
    return f"{_TAG}jobs:{tenant}"


def tenant_counts(tenant: str) -> str:
    """Name the hash of a tenant's counts; while any is not zero.

    ``inbox`` in bytes; ``jobs`` that have not ended and ``bytes`` of their requests, and
    ``jobs:<key>``, ``bytes:<key>`` of those that an API key asked for.
    """
    return f"{_TAG}tenant:{tenant}"


def waiters(tenant: str) -> str:
    """Name the zset, those of ``WAITERS`` that are the tenant's; as its members."""
    return f"{WAITERS}:{tenant}"


def rate(tenant: str) -> str:
    """Name the string, when the tenant's bucket of calls is empty again (ms); until then."""
    return f"{_TAG}rate:{tenant}"


def key_rate(tenant: str, key_id: str) -> str:
    """Name the string, the same of an API key's bucket of calls; until it is empty again."""
    return f"{_TAG}keyrate:{tenant}:{key_id}"


def bytes_in(tenant: str) -> str:
    """Name the string, the same of the bytes that the tenant brought in; until it is empty."""
    return f"{_TAG}bytes:{tenant}"


def requests(tenant: str) -> str:
    """Name the string, when the tenant's bucket of requests is empty again (ms); until then."""
    return f"{_TAG}requests:{tenant}"


def key_requests(tenant: str, key_id: str) -> str:
    """Name the string, the same of an API key's bucket of requests; until it is empty again."""
    return f"{_TAG}keyrequests:{tenant}:{key_id}"


def api_key(tenant: str, key_id: str) -> str:
    """Name the hash, an API key's record; until a day after the key expires, revoked or not."""
    return f"{_TAG}apikey:{tenant}:{key_id}"


def api_keys(tenant: str) -> str:
    """Name the zset of a tenant's API key ids by expiry (ms); each as long as its record."""
    return f"{_TAG}apikeys:{tenant}"


def live_api_keys(tenant: str) -> str:
    """Name the zset of those that open anything, by when they end (ms)."""
    return f"{_TAG}livekeys:{tenant}"


def lease(token: str) -> str:
    """Name the string, the place that the lease's token holds; until the lease ends."""
    return f"{_TAG}lease:{token}"


def event(event_id: str) -> str:
    """Name the hash, the event's record; until its removal, as a job's."""
    return f"{_TAG}event:{event_id}"


def inbox(tenant: str) -> str:
    """Name the zset of pending event ids by sequence; as its members."""
    return f"{_TAG}ready:inbox:{tenant}"


def inbox_leases(tenant: str) -> str:
    """Name the zset of ``<event id> <sequence>`` by lease end (ms); as its members."""
    return f"{_TAG}leases:inbox:{tenant}"


def inbox_lease(tenant: str, token: str) -> str:
    """Name the hash, a lease's ``end`` and its events' sequences by id; ten minutes longer.

    One that holds nothing any more: ten minutes from then, no longer than it was.
    """
    # A token is the caller's own text: with a colon in it, it could spell another tenant's lease.
    return f"{_TAG}lease:{tenant}:{hashlib.sha256(token.encode()).hexdigest()}"


def inbox_bell(tenant: str) -> str:
    """Name the stream of one entry: rung when an event becomes pending; as an event."""
    return f"{_TAG}bell:inbox:{tenant}"


def idempotency(tenant: str, route: str, key: str) -> str:
    """Name the string, the id and body hash first sent under the caller's key; 24 hours."""
    digest = hashlib.sha256(f"{route}\0{key}".encode()).hexdigest()
    return f"{_TAG}idem:{tenant}:{digest}"


def undelivered(tenant: str, call: str) -> str:
    """Name the hash, the jobs of a *call* (a digest) that no caller has had; an hour.

    Job id to ``<since> <until> <waiter> <told>`` (ms): when it was asked for, until when who waits
    for it, and whether its answer was told (``lua/lib/undelivered.lua``); a minute if all were.
    """
    return f"{_TAG}undelivered:{tenant}:{call}"


def owner(key: str) -> str | None:
    """Return whose *key* is that ends in a tenant and an ending without a colon, else None.

    That is a lease of events, an idempotency key, an API key's record or one of its buckets, and
    the jobs of a call that no caller has had.
    """
    for kind in ("lease", "idem", "apikey", "keyrate", "keyrequests", "undelivered"):
        start = f"{_TAG}{kind}:"
        tenant, colon, _ = key.removeprefix(start).rpartition(":")
        if key.startswith(start) and colon:
            return tenant
    return None


def subject(kind: str, key: str) -> str | None:
    """Return what *key* names after its *kind* (``job``, ``event``, ``gone``), else None."""
    start = f"{_TAG}{kind}:"
    return key[len(start) :] if key.startswith(start) else None
