"""Fills a store fast: the product's own moves, sent in pipelines instead of one by one."""

import secrets
from collections.abc import Sequence
from typing import Any

import redis

from chalicelib import inbox
from chalicelib.bounds import QueueSettings, RetentionSettings
from chalicelib.jobs import Draft, Priority
from chalicelib.moves import JOB_LIBRARIES, JobMoves
from chalicelib.queueing import JobQueue
from chalicelib.scripts import Script
from chalicelib.store import Store
from tests.servers import Server

REQUEST = {"prompt": "Why do llamas hum? " * 10}
ROOMY = QueueSettings(
    lease_seconds=600,
    max_attempts=3,
    queue_length=10**9,
    queue_bytes=10**15,
    inbox_bytes=10**15,
    rate_per_minute=0,
)
KEPT = RetentionSettings()

_CANCEL = Script("cancel", *JOB_LIBRARIES)
_AT_ONCE = 500
_ACKNOWLEDGED_AT_ONCE = 100


class Pipelined(Store):
    """A store whose moves are sent some hundred at a time; each is told *answer* beforehand."""

    def __init__(self, client: "redis.Redis", answer: Any) -> None:
        super().__init__(client)
        self._direct = client
        self._answer = answer
        self._waiting = client.pipeline(transaction=False)
        self._known: set[str] = set()

    def run(
        self,
        script: Script,
        keys: Sequence[str],
        args: Sequence[str | float],
        *,
        retry: bool = True,
    ) -> Any:
        """Put the move into the pipeline, which is sent once it is long enough."""
        del retry
        if script.sha not in self._known:
            self._direct.script_load(script.source)
            self._known.add(script.sha)
        self._waiting.execute_command("EVALSHA", script.sha, len(keys), *keys, *args)  # type: ignore[no-untyped-call]
        if len(self._waiting) >= _AT_ONCE:
            self.flush()
        return self._answer

    def flush(self) -> None:
        """Send what waits. Raises what the server refuses."""
        self._waiting.execute()


def submit(
    server: Server,
    tenants: Sequence[str],
    count: int,
    priority: Priority = Priority.NORMAL,
) -> list[tuple[str, str]]:
    """Queue *count* jobs, the tenants in turn; returns each job's tenant and id."""
    with server.client() as client:
        store = Pipelined(client, ["queued", "0", 0, -1])
        queue = JobQueue(store, ROOMY)
        jobs = [
            (tenants[number % len(tenants)], f"job_{secrets.token_hex(16)}")
            for number in range(count)
        ]
        for tenant, job_id in jobs:
            queue.submit(Draft(job_id, tenant, REQUEST, priority))
        store.flush()
    return jobs


def cancel(server: Server, jobs: Sequence[tuple[str, str]]) -> None:
    """Cancel queued *jobs* (tenant, id): each is in retention then, its event in the inbox."""
    with server.client() as client:
        store = Pipelined(client, "cancelled")
        moves = JobMoves(store, ROOMY, KEPT)
        for whose in jobs:
            moves.run(_CANCEL, whose, {})
        store.flush()


def acknowledge(server: Server, tenant: str, event_ids: Sequence[str]) -> None:
    """Acknowledge a tenant's events."""
    with server.client() as client:
        store = Pipelined(client, 1)
        for first in range(0, len(event_ids), _ACKNOWLEDGED_AT_ONCE):
            some = event_ids[first : first + _ACKNOWLEDGED_AT_ONCE]
            inbox.acknowledge(store, KEPT, tenant, some)
        store.flush()
