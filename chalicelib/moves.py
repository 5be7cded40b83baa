"""Moves of one job: each is told the same keys and terms, which lua/lib/job.lua names."""

import json
import secrets
from dataclasses import dataclass
from typing import Any

from chalicelib import charging, keyspace, limits
from chalicelib.bounds import QueueSettings, RetentionSettings
from chalicelib.events import ROUTER_SOURCE
from chalicelib.scripts import Script
from chalicelib.store import Store

JOB_LIBRARIES = ("rates", "queue", "inbox", "counts", "job")


@dataclass(frozen=True)
class Place:
    """Where a job stands in the queue; names its tenant and its id."""

    text: str

    @property
    def tenant(self) -> str:
        """Whose job it is."""
        return self.text.partition(" ")[0]

    @property
    def job_id(self) -> str:
        """Which job it is."""
        return self.text.rpartition(" ")[2]


class JobMoves:
    """Runs moves of one job on the store. Thread-safe."""

    def __init__(self, store: Store, queue: QueueSettings, retention: RetentionSettings) -> None:
        self.store = store
        self._terms: dict[str, object] = {
            "source": ROUTER_SOURCE,
            "queue_length": queue.queue_length,
            "queue_bytes": queue.queue_bytes,
            "tenant_length": queue.tenant_queue_length,
            "tenant_bytes": queue.tenant_queue_bytes,
            "key_length": queue.key_queue_length,
            "key_bytes": queue.key_queue_bytes,
            "reserve": limits.END_EVENT_BYTES,
            "stream_bytes": limits.STREAM_KEPT_BYTES,
            "silent_ms": limits.WORKER_SILENT_SECONDS * 1000,
            "result_ms": round(retention.result_seconds * 1000),
            "bell_ms": limits.BELL_SECONDS * 1000,
            "tombstone_ms": round(retention.tombstone_seconds * 1000),
            **event_terms(queue, retention),
        }

    def run(
        self,
        script: Script,
        whose: tuple[str, str],
        given: dict[str, object],
        *,
        keys: tuple[str, ...] = (),
        texts: tuple[str, ...] = (),
        retry: bool = True,
    ) -> Any:
        """Run *script* on the job *whose* (tenant, id), with further *keys* and long *texts*."""
        tenant, job_id = whose
        event_id = f"evt_{secrets.token_hex(16)}"
        named = self._terms | {"id": job_id, "tenant": tenant, "event_id": event_id} | given
        own = *_job_keys(tenant, job_id), *_event_keys(tenant, event_id), keyspace.METRICS
        all_keys = *own, *keys
        return self.store.run(script, all_keys, (json.dumps(named), *texts), retry=retry)


def event_terms(queue: QueueSettings, retention: RetentionSettings) -> dict[str, object]:
    """Return the terms on which anything is taken and an event is put into an inbox."""
    return {
        "overhead": limits.EVENT_OVERHEAD_BYTES,
        "inbox_bytes": queue.inbox_bytes,
        **charging.Charges(queue).terms(),
        "event_ms": round(retention.event_seconds * 1000),
        "backstop_ms": limits.BACKSTOP_SECONDS * 1000,
        "idempotency_ms": round(retention.idempotency_seconds * 1000),
    }


def _job_keys(tenant: str, job_id: str) -> tuple[str, ...]:
    return (
        keyspace.job(job_id),
        keyspace.job_bell(job_id),
        keyspace.job_tokens(job_id),
        keyspace.gone(job_id),
        keyspace.jobs(tenant),
        keyspace.tenant_counts(tenant),
        keyspace.QUEUE,
        keyspace.TURNS,
        keyspace.SERVED,
        keyspace.AGES,
        keyspace.DELAYED,
        keyspace.LEASED,
        keyspace.DEADLINES,
        keyspace.RETENTION_JOBS,
        keyspace.DEAD,
        keyspace.JOBS_BELL,
        keyspace.COUNTERS,
        keyspace.WORKERS,
        keyspace.SEQUENCE,
    )


def _event_keys(tenant: str, event_id: str) -> tuple[str, ...]:
    return (
        keyspace.event(event_id),
        keyspace.inbox(tenant),
        keyspace.inbox_bell(tenant),
        keyspace.RETENTION_EVENTS,
        keyspace.bytes_in(tenant),
    )
