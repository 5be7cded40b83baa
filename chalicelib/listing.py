"""Lists of jobs: a tenant's own, and the dead letters of all. No list holds a request or result."""

from dataclasses import dataclass

from chalicelib import keyspace, limits, records
from chalicelib.carriage import carried_bytes
from chalicelib.jobs import Job, JobState
from chalicelib.moves import Place
from chalicelib.store import Store

_PER_READ = 50
# What a summary may hold beside metadata and error, escaped.
_ENVELOPE_BYTES = 1200


@dataclass(frozen=True)
class JobPage:
    """Some jobs; *cursor* is where the next page begins, None after the last."""

    jobs: tuple[Job, ...]
    cursor: int | None


class JobLists:
    """Reads lists. Thread-safe; raises StoreUnavailable when the store is away."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def jobs(
        self,
        tenant: str,
        before: int | None,
        limit: int,
        state: JobState | None = None,
        model: str | None = None,
    ) -> JobPage:
        """Return up to *limit* of the tenant's jobs, newest first, those before the cursor.

        A filter looks at ``limits.JOB_LOOKS`` jobs at most, and Lambda carries so much at most: a
        page may be short and still not be the last.
        """
        found: list[Job] = []
        top = "+inf" if before is None else f"({before}"
        looked, room = 0, limits.PAGE_BYTES
        while True:
            count = min(_PER_READ, limit) if state is None and model is None else _PER_READ
            bounds = (top, "-inf", "BYSCORE", "REV", "LIMIT", 0, count, "WITHSCORES")
            (flat,) = self._store.read(("ZRANGE", keyspace.jobs(tenant), *bounds))
            entries = list(zip(flat[::2], map(int, flat[1::2]), strict=True))
            for job, order in zip(self._read([each for each, _ in entries]), entries, strict=True):
                looked, top = looked + 1, f"({order[1]}"
                if job and state in {None, job.state} and model in {None, job.model}:
                    found.append(job)
                    room -= _carried_bytes(job)
                if len(found) == limit or looked >= max(limit, limits.JOB_LOOKS) or room < 0:
                    return JobPage(tuple(found), order[1])
            if len(entries) < count:
                return JobPage(tuple(found), None)

    def dead_letters(self, before: int | None, limit: int) -> JobPage:
        """Return up to *limit* jobs of any tenant that ran out of attempts, the latest first."""
        top = "+inf" if before is None else f"({before}"
        bounds = (top, "-inf", "BYSCORE", "REV", "LIMIT", 0, limit + 1, "WITHSCORES")
        (flat,) = self._store.read(("ZRANGE", keyspace.DEAD, *bounds))
        places = [Place(text) for text in flat[::2]]
        jobs = self._read([place.job_id for place in places[:limit]])
        cursor = int(flat[2 * limit - 1]) if len(places) > limit else None
        return JobPage(tuple(job for job in jobs if job), cursor)

    def _read(self, job_ids: list[str]) -> list[Job | None]:
        if not job_ids:
            return []
        read = self._store.read(
            *(("HMGET", keyspace.job(job_id), *records.SUMMARY) for job_id in job_ids)
        )
        return [
            records.job(job_id, dict(zip(records.SUMMARY, values, strict=True)))
            if values[0]
            else None
            for job_id, values in zip(job_ids, read, strict=True)
        ]


def _carried_bytes(job: Job) -> int:
    """Return how long *job* is in Lambda's answer, where a page is JSON in a JSON string."""
    return _ENVELOPE_BYTES + carried_bytes([job.metadata, job.error])
