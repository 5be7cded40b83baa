"""Two ways into the router for the load: its moves on the store, and its HTTP API."""

import secrets
from dataclasses import dataclass
from typing import Any, Protocol

from chalicelib.bounds import QueueSettings, RetentionSettings
from chalicelib.events import Event
from chalicelib.inbox import Inbox
from chalicelib.inbox_leases import InboxLeases
from chalicelib.jobs import Draft, Job, JsonObject
from chalicelib.listing import JobLists
from chalicelib.queueing import Idempotency, JobQueue
from chalicelib.store import connect
from chalicelib.streaming import START, TokenStreams

SHOWN = 20
LEASED = 10
ENDED = frozenset({"succeeded", "failed", "cancelled", "expired"})
WAIT_SECONDS = 5.0


@dataclass(frozen=True)
class Seen:
    """A job as a caller sees it; *text* is the result's."""

    id: str
    state: str
    version: str
    text: str | None = None

    @property
    def ended(self) -> bool:
        """Whether no worker will touch it again by itself."""
        return self.state in ENDED


@dataclass(frozen=True)
class Fact:
    """An event as a consumer sees it; *job_id* is whose end it tells, if any."""

    id: str
    job_id: str | None


class Door(Protocol):
    """What a caller may do. Raises RouterError, whose ``code`` tells why."""

    def submit(self, tenant: str, request: JsonObject, key: str, wait: float) -> Seen:
        """Store a job under an idempotency key; see its end if it comes within *wait* seconds."""
        ...

    def fetch(self, tenant: str, seen: Seen, wait: float) -> Seen:
        """Look at a job again, once it has changed or *wait* seconds have passed."""
        ...

    def listed(self, tenant: str) -> int:
        """Return how many jobs the first page of the list shows."""
        ...

    def read_along(self, tenant: str, seen: Seen) -> str:
        """Return what a job has said so far."""
        ...

    def cancel(self, tenant: str, job_id: str) -> None:
        """Ask to stop a job."""
        ...

    def retry(self, tenant: str, seen: Seen) -> Seen:
        """Run a job again that failed or expired."""
        ...

    def erase(self, tenant: str, job_id: str) -> None:
        """Erase a job."""
        ...

    def publish(self, tenant: str, payload: JsonObject, key: str) -> str:
        """Store an event under an idempotency key; returns its id."""
        ...

    def page(self, tenant: str, wait: float) -> list[Fact]:
        """Return the first page of the inbox, waiting for something to be there."""
        ...

    def lease(self, tenant: str, token: str, seconds: float) -> list[Fact]:
        """Lease some events."""
        ...

    def extend(self, tenant: str, token: str, seconds: float) -> None:
        """Renew a lease on events."""
        ...

    def release(self, tenant: str, token: str, event_ids: list[str]) -> None:
        """Give leased events back."""
        ...

    def acknowledge(self, tenant: str, token: str, event_ids: list[str]) -> None:
        """Acknowledge leased events."""
        ...

    def remove(self, tenant: str, event_id: str) -> None:
        """Acknowledge one event, leased or not."""
        ...

    def gauge(self, tenant: str) -> int:
        """Return how many jobs wait."""
        ...


class StoreDoor:
    """The moves themselves."""

    def __init__(self, url: str, queue: QueueSettings, retention: RetentionSettings) -> None:
        store = connect(url)
        self._queue = JobQueue(store, queue, retention)
        self._lists = JobLists(store)
        self._streams = TokenStreams(store)
        self._inbox = Inbox(store, queue, retention)
        self._leases = InboxLeases(store, retention)

    def submit(self, tenant: str, request: JsonObject, key: str, wait: float) -> Seen:
        """See Door."""
        body = {name: request[name] for name in request if name != "deadline_seconds"}
        draft = Draft(
            f"job_{secrets.token_hex(16)}",
            tenant,
            body,
            deadline_seconds=request.get("deadline_seconds"),
        )
        job = self._queue.submit(draft, Idempotency(key, key)).job
        if wait and not job.state.ended:
            job = self._queue.await_change(job, wait)
        return _seen(job)

    def fetch(self, tenant: str, seen: Seen, wait: float) -> Seen:
        """See Door."""
        job = self._queue.fetch(tenant, seen.id)
        if wait and str(job.version) == seen.version and not job.state.ended:
            job = self._queue.await_change(job, wait)
        return _seen(job)

    def listed(self, tenant: str) -> int:
        """See Door."""
        return len(self._lists.jobs(tenant, None, SHOWN).jobs)

    def read_along(self, tenant: str, seen: Seen) -> str:
        """See Door."""
        return self._streams.read(self._queue.fetch(tenant, seen.id), START).text

    def cancel(self, tenant: str, job_id: str) -> None:
        """See Door."""
        self._queue.cancel(tenant, job_id)

    def retry(self, tenant: str, seen: Seen) -> Seen:
        """See Door."""
        return _seen(self._queue.retry(tenant, seen.id, int(seen.version)).job)

    def erase(self, tenant: str, job_id: str) -> None:
        """See Door."""
        self._queue.erase(tenant, job_id)

    def publish(self, tenant: str, payload: JsonObject, key: str) -> str:
        """See Door."""
        event_id = f"evt_{secrets.token_hex(16)}"
        draft = Event(event_id, tenant, "soak.happened", "soak", payload, 0, 0)
        return self._inbox.publish(draft, key, key).event.id

    def page(self, tenant: str, wait: float) -> list[Fact]:
        """See Door."""
        page = self._inbox.page(tenant, 0, SHOWN)
        if wait and not page.events:
            self._inbox.await_event(tenant, page, wait)
            page = self._inbox.page(tenant, 0, SHOWN)
        return [_fact(event) for event in page]

    def lease(self, tenant: str, token: str, seconds: float) -> list[Fact]:
        """See Door."""
        return [_fact(each) for each in self._leases.lease(tenant, token, LEASED, seconds).events]

    def extend(self, tenant: str, token: str, seconds: float) -> None:
        """See Door."""
        self._leases.extend(tenant, token, seconds)

    def release(self, tenant: str, token: str, event_ids: list[str]) -> None:
        """See Door."""
        self._leases.release(tenant, token, event_ids)

    def acknowledge(self, tenant: str, token: str, event_ids: list[str]) -> None:
        """See Door."""
        self._leases.acknowledge(tenant, token, event_ids)

    def remove(self, tenant: str, event_id: str) -> None:
        """See Door."""
        self._inbox.acknowledge(tenant, event_id)

    def gauge(self, tenant: str) -> int:
        """See Door."""
        del tenant
        return self._queue.gauge().waiting


def _seen(job: Job) -> Seen:
    text = job.result["text"] if job.result else None
    return Seen(job.id, str(job.state), str(job.version), text)


def _fact(event: Event) -> Fact:
    return fact(event.id, event.event_type, event.payload)


def fact(event_id: str, event_type: str, payload: Any) -> Fact:
    """Return the event, naming the job whose end it tells."""
    return Fact(event_id, payload["job_id"] if event_type.startswith("job.") else None)
