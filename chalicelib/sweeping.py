"""What time brings: lapsed leases, deadlines, the end of retention. One move for each thing due.

A sweep lists what is due; each move then looks again, so that any number of sweepers may run.
"""

import json
from collections.abc import Mapping
from typing import Any

from chalicelib import forgetting, keyspace, records
from chalicelib.jobs import Priority
from chalicelib.moves import JOB_LIBRARIES, JobMoves, Place
from chalicelib.scripts import Script

_RECLAIM = Script("reclaim", *JOB_LIBRARIES)
_EXPIRE = Script("expire", *JOB_LIBRARIES)
_REMOVE = Script("remove", *JOB_LIBRARIES)
_ADOPT = Script("adopt", *JOB_LIBRARIES)
_DUE = Script("due", "due", reads=True)
_MARK = Script("mark")


class Sweeper:
    """Moves what is due. Thread-safe."""

    def __init__(self, moves: JobMoves) -> None:
        self._moves = moves
        self._store = moves.store
        self._deeds: Mapping[str, Any] = {
            "reclaim": self.reclaim,
            "expire": self.expire,
            "remove": self.remove,
            "adopt": self.adopt,
            "forget": self.forget,
        }

    def due(self, most: int) -> list[str]:
        """Return what is due now, at most *most* of each kind, as ``do`` takes it."""
        keys = (
            keyspace.LEASED,
            keyspace.DEADLINES,
            keyspace.OLD_READY_JOBS,
            keyspace.OLD_JOB_LEASES,
            keyspace.RETENTION_JOBS,
            keyspace.RETENTION_EVENTS,
        )
        listed: list[str] = self._store.run(_DUE, keys, (most,))
        return listed

    def do(self, due: str) -> str:
        """Do what is *due*: the verb, if anything was left to do, else an empty text."""
        verb, _, subject = due.partition(" ")
        return verb if self._deeds[verb](subject) else ""

    def reclaim(self, place: str) -> str:
        """Take a job back whose lease lapsed: the state it is in then, or an empty text."""
        return str(self._run(_RECLAIM, place))

    def expire(self, place: str) -> str:
        """End a job whose deadline has passed: its state, or an empty text."""
        return str(self._run(_EXPIRE, place))

    def expire_overdue(self, tenant: str, job_id: str) -> None:
        """End the job now if its deadline has passed."""
        (place,) = self._store.read(("HGET", keyspace.job(job_id), "place"))
        if place and Place(place).tenant == tenant:
            self.expire(place)

    def remove(self, place: str) -> bool:
        """Remove an ended job whose retention is over; returns whether there was one."""
        return bool(self._run(_REMOVE, place))

    def adopt(self, job_id: str) -> str:
        """Take over a job of version 0.1.0: the state it is in then, or an empty text."""
        # The tenant names keys, and a script must declare its keys before it runs.
        (record,) = self._store.read(("HMGET", keyspace.job(job_id), "tenant", "request"))
        tenant, request = record[0] or "", json.loads(record[1] or "{}")
        metadata = request.get("metadata")
        given: dict[str, object] = {
            "priority": records.PRIORITIES[Priority.NORMAL],
            "model": request.get("model") or "",
            "metadata": "" if metadata is None else json.dumps(metadata),
        }
        keys = keyspace.OLD_READY_JOBS, keyspace.OLD_JOB_LEASES
        return str(self._moves.run(_ADOPT, (tenant, job_id), given, keys=keys))

    def forget(self, subject: str, *, force: bool = False) -> bool:
        """Remove an event (``<id> <tenant> <bytes>``) whose retention is over.

        With *force* it is removed whatever its retention says.
        """
        event_id, tenant, size = subject.split(" ")
        return forgetting.forget(self._store, tenant, event_id, size=size, force=force)

    def mark_full(self, seconds: float) -> None:
        """Let nothing new be taken for *seconds*, since memory runs out; 0 takes that back."""
        self._store.run(_MARK, (keyspace.COUNTERS,), (round(seconds * 1000),))

    def _run(self, script: Script, place: str) -> Any:
        at = Place(place)
        return self._moves.run(script, (at.tenant, at.job_id), {"place": place})
