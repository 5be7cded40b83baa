"""Erasure of a tenant: everything of it in the store, found by looking at every key.

Slow and rare by intent: it reads the whole store, which must be one node.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import batched
from typing import Any

from chalicelib import keyspace
from chalicelib.bounds import QueueSettings, RetentionSettings
from chalicelib.errors import JobNotFound
from chalicelib.moves import JOB_LIBRARIES, JobMoves, Place
from chalicelib.queueing import JobQueue
from chalicelib.scripts import Script
from chalicelib.store import Store
from chalicelib.sweeping import Sweeper

_DISOWN = Script("disown", *JOB_LIBRARIES)
_DROP = Script("drop")
_VACATE = Script("vacate")

_PER_READ = 100
_PER_SCAN = 1000
_ROUNDS = 10
_PLACES = (
    keyspace.QUEUE,
    keyspace.AGES,
    keyspace.DELAYED,
    keyspace.LEASED,
    keyspace.DEADLINES,
    keyspace.RETENTION_JOBS,
    keyspace.DEAD,
)


@dataclass(frozen=True)
class Erased:
    """What was removed, counted by kind; *clean* is whether a last look found nothing more."""

    counts: Mapping[str, int]
    clean: bool


class TenantErasure:
    """Removes tenants. Thread-safe; any number may run, and one that was cut off runs again."""

    def __init__(self, store: Store, queue: QueueSettings, retention: RetentionSettings) -> None:
        self._store = store
        self._moves = JobMoves(store, queue, retention)
        self._queue = JobQueue(store, queue, retention)
        self._sweeper = Sweeper(self._moves)

    def erase(self, tenant: str) -> Erased:
        """Remove all that is the *tenant*'s: no key and no value names it afterwards.

        That is its jobs, whatever their state (the worker of one that runs finds its lease lost),
        events, tombstones, idempotency keys, leases, API keys, counts and rates. What others own
        stays as it is. An API key of the tenant's that was revoked may be registered again then.
        Looks again until nothing is found, ten times at most: who still submits keeps it from
        being *clean*. Raises StoreUnavailable; what was removed until then stays so.
        """
        counts: Counter[str] = Counter()
        for _ in range(_ROUNDS):
            found = self._round(tenant)
            counts += found
            if not found.total():
                return Erased(counts, clean=True)
        return Erased(counts, clean=False)

    def _round(self, tenant: str) -> Counter[str]:
        found: Counter[str] = Counter()
        for keys in batched(self._keys(), _PER_READ):
            found += self._erase_among(tenant, keys)
        return found + self._erase_remains(tenant)

    def _erase_among(self, tenant: str, keys: Sequence[str]) -> Counter[str]:
        """Remove what is the tenant's among *keys*, each by the move that also uncounts it."""
        found: Counter[str] = Counter()
        for job_id in self._owned("job", "HGET", tenant, keys):
            with suppress(JobNotFound):
                self._queue.erase(tenant, job_id, force=True)
                found["jobs"] += 1
            self._drop(keyspace.gone(job_id))
        for event_id in self._owned("event", "HGET", tenant, keys):
            found["events"] += self._sweeper.forget(f"{event_id} {tenant} ", force=True)
        for job_id in self._owned("gone", "GET", tenant, keys):
            found["tombstones"] += self._drop(keyspace.gone(job_id))
        nobodys = [key for key in keys if keyspace.owner(key) is None]
        held = [keyspace.lease(each) for each in self._owned("lease", "GET", tenant, nobodys)]
        named = [key for key in keys if keyspace.owner(key) == tenant]
        found["leases and keys"] += self._drop(*held, *named)
        return found

    def _erase_remains(self, tenant: str) -> Counter[str]:
        """Remove what names the tenant although no record of a job or event does."""
        found: Counter[str] = Counter()
        for places in _PLACES:
            for place in self._members(places, f"{tenant} *"):
                found["list entries"] += self._disown(tenant, Place(place).job_id, place)
        for job_id in self._members(keyspace.jobs(tenant)):
            found["list entries"] += self._disown(tenant, job_id, "")
        for kept in self._members(keyspace.RETENTION_EVENTS, f"* {tenant} *"):
            found["list entries"] += self._sweeper.forget(kept, force=True)
        inbox = keyspace.inbox(tenant), keyspace.inbox_leases(tenant)
        api_keys = keyspace.api_keys(tenant), keyspace.live_api_keys(tenant)
        found["list entries"] += self._drop(*inbox, *api_keys)
        own = (
            keyspace.tenant_counts(tenant),
            keyspace.inbox_bell(tenant),
            keyspace.rate(tenant),
            keyspace.bytes_in(tenant),
            keyspace.requests(tenant),
            keyspace.waiters(tenant),
        )
        keys = (keyspace.jobs(tenant), *inbox, keyspace.TURNS, keyspace.SERVED, *own)
        found["counts"] += self._store.run(_VACATE, keys, (tenant,))
        return found

    def _owned(self, kind: str, read: str, tenant: str, keys: Sequence[str]) -> list[str]:
        """Return what the *keys* of the *kind* name whose record says that it is the tenant's."""
        named = {key: subject for key in keys if (subject := keyspace.subject(kind, key))}
        field = ("tenant",) if read == "HGET" else ()
        told = self._store.read(*((read, key, *field) for key in named)) if named else []
        # The text of a job's lease is its place, which begins with the tenant.
        return [
            subject
            for subject, owner in zip(named.values(), told, strict=True)
            if owner and Place(owner).tenant == tenant
        ]

    def _disown(self, tenant: str, job_id: str, place: str) -> int:
        return int(self._moves.run(_DISOWN, (tenant, job_id), {"place": place}))

    def _drop(self, *keys: str) -> int:
        return int(self._store.run(_DROP, keys, ())) if keys else 0

    def _keys(self) -> Iterator[str]:
        yield from self._scan(("SCAN",), keyspace.EVERYTHING)

    def _members(self, zset: str, match: str = "*") -> Iterator[str]:
        for member, _ in self._scan(("ZSCAN", zset), match):
            yield member

    def _scan(self, command: tuple[str, ...], match: str) -> Iterator[Any]:
        """Yield all that there is and stays while this looks; some of it twice."""
        cursor = 0
        while True:
            terms = ("MATCH", match, "COUNT", _PER_SCAN)
            ((cursor, found),) = self._store.read((*command, cursor, *terms))
            yield from found
            if not cursor:
                return
