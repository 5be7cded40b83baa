"""The use cases: what a caller may do, in the words of the product. No HTTP, no I/O of its own."""

import hashlib
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chalicelib.errors import FieldError, InvalidBody, StoreUnavailable
from chalicelib.events import ROUTER_SOURCE, Event
from chalicelib.inbox import Inbox
from chalicelib.jobs import Draft, Job, JsonObject
from chalicelib.queueing import Gauge, Idempotency, JobQueue


@dataclass(frozen=True)
class FrontDoor:
    """Takes prompts and events in, gives answers and inboxes out.

    *clock* counts seconds and never goes back. Where a tenant is named, nothing of another
    tenant's is seen or changed. All raise StoreUnavailable when the store is away.
    """

    queue: JobQueue
    inbox: Inbox
    clock: Callable[[], float]

    def submit(
        self, tenant: str, request: JsonObject, idempotency_key: str | None, wait_seconds: float
    ) -> tuple[Job, bool]:
        """Store a job, give it *wait_seconds* to end; the job, and whether it was there before.

        The wait begins with the call: a slow store must not stretch it beyond the gateway's limit.
        Raises QueueFull, IdempotencyKeyReused, JobGone.
        """
        deadline = self.clock() + wait_seconds
        idempotency = Idempotency(idempotency_key, _digest(request)) if idempotency_key else None
        submitted = self.queue.submit(Draft(_new_id("job"), tenant, request), idempotency)
        job, known = submitted.job, submitted.known
        try:
            return self._wait_until_ended(job, deadline), known
        except StoreUnavailable:
            # The job is stored: an error now would make its caller send it again.
            return job, known

    def fetch(self, tenant: str, job_id: str, seen: int | None, wait_seconds: float) -> Job:
        """Return a job; waits while it is unchanged since version *seen*, or has not ended.

        The wait begins with the call. Raises JobNotFound.
        """
        deadline = self.clock() + wait_seconds
        job = self.queue.fetch(tenant, job_id)
        if seen is None:
            return self._wait_until_ended(job, deadline)
        left = deadline - self.clock()
        if job.version == seen and not job.state.ended and left > 0:
            return self.queue.await_change(job, left)
        return job

    def publish(
        self, tenant: str, body: JsonObject, idempotency_key: str | None
    ) -> tuple[Event, bool]:
        """Put an event into the tenant's inbox: the event, and whether it was there before.

        Raises InvalidBody for the router's own source, IdempotencyKeyReused, EventGone.
        """
        if body["source"] == ROUTER_SOURCE:
            reserved = FieldError("/source", "is reserved for the router's own events")
            raise InvalidBody("the source is reserved", errors=[reserved])
        draft = Event(
            id=_new_id("evt"),
            tenant=tenant,
            event_type=body["event_type"],
            source=body["source"],
            payload=body["payload"],
            created_at=0,
            sequence=0,
        )
        published = self.inbox.publish(draft, _digest(body), idempotency_key)
        return published.event, published.known

    def gauge(self) -> Gauge:
        """Tell how the queue stands."""
        return self.queue.gauge()

    def _wait_until_ended(self, job: Job, deadline: float) -> Job:
        while not job.state.ended and (left := deadline - self.clock()) > 0:
            job = self.queue.await_change(job, left)
        return job


def _new_id(kind: str) -> str:
    return f"{kind}_{secrets.token_hex(16)}"


def _digest(body: Any) -> str:
    """Return a hash that two bodies share when Python reads them alike; 5 and 5.0 differ."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
