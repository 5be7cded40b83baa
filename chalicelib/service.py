"""The use cases: what a caller may do, in the words of the product. No HTTP, no I/O of its own."""

import hashlib
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from chalicelib import cloudevents
from chalicelib.errors import (
    FieldError,
    IdempotencyKeyReused,
    InvalidBody,
    RateLimited,
    RouterError,
    StoreUnavailable,
    TokenRejected,
)
from chalicelib.events import ROUTER_SOURCE, Event
from chalicelib.gauging import Gauge, Measured
from chalicelib.inbox import Inbox, Page, Published
from chalicelib.inbox_leases import InboxLease, InboxLeases
from chalicelib.jobs import Draft, Job, JsonObject, Priority
from chalicelib.listing import JobLists
from chalicelib.patience import Awaited, Patience
from chalicelib.queueing import Idempotency, JobQueue, Submitted
from chalicelib.streaming import START, Cursor, TokenPage, TokenStreams

_NOT_THE_MODELS = frozenset({"priority", "deadline_seconds"})
_LEASE_EVENTS = 10
_LEASE_SECONDS = 60
_SOON_SECONDS = 0.001


@dataclass(frozen=True)
class FrontDoor:
    """Takes prompts and events in, gives answers and inboxes out.

    Where a tenant is named, nothing of another tenant's is seen or changed. A wait begins with the
    call: a slow store must not stretch it beyond the gateway's limit. All raise StoreUnavailable
    when the store is away.
    """

    queue: JobQueue
    lists: JobLists
    streams: TokenStreams
    inbox: Inbox
    leases: InboxLeases
    patience: Patience

    def submit(
        self, tenant: str, body: JsonObject, idempotency_key: str | None, wait_seconds: float
    ) -> Awaited[Submitted]:
        """Store a job and give it *wait_seconds* to end.

        Raises RateLimited, TooManyJobs, QueueFull, StoreFull, InboxFull, IdempotencyKeyReused,
        JobGone.
        """
        until = self.patience.until(wait_seconds)
        idempotency = Idempotency(idempotency_key, _digest(body)) if idempotency_key else None
        submitted = self.queue.submit(drafted(tenant, new_id("job"), body), idempotency)
        try:
            found = self.await_end(submitted.job, until)
        except StoreUnavailable:
            # The job is stored: an error now would make its caller send it again.
            return Awaited(submitted)
        return Awaited(replace(submitted, job=found.value), found.waited)

    def fetch(
        self, tenant: str, job_id: str, seen: int | None, wait_seconds: float
    ) -> Awaited[Job]:
        """Return a job; waits while it is unchanged since version *seen*, or has not ended.

        Raises JobNotFound, JobGone.
        """
        until = self.patience.until(wait_seconds)
        job = self.queue.fetch(tenant, job_id)
        if seen is None:
            return self.await_end(job, until)

        def settled(job: Job) -> bool:
            return job.state.ended or job.version != seen

        return self.patience.wait(until, job, settled, self._await_change)

    def read_text(
        self, tenant: str, job_id: str, after: str | None, wait_seconds: float
    ) -> Awaited[TokenPage]:
        """Return what a job has said since the cursor *after*; waits while that is nothing.

        Raises JobNotFound, JobGone.
        """
        cursor = START if after is None else Cursor.parse(after)
        until = self.patience.until(wait_seconds)
        job = self.queue.fetch(tenant, job_id)

        def again(seen: tuple[Job, TokenPage], left: float) -> tuple[Job, TokenPage]:
            self.streams.await_text(*seen, _within_deadline(seen[0], left))
            job = self.queue.fetch(tenant, job_id, retry=False)
            return job, self.streams.read(job, cursor)

        seen = job, self.streams.read(job, cursor)
        found = self.patience.wait(until, seen, lambda seen: _tells(seen[1]), again)
        return Awaited(found.value[1], found.waited)

    def redrive(
        self, dead_letters: Iterable[JsonObject]
    ) -> tuple[list[str], list[tuple[str, str]]]:
        """Queue dead letters again, each ``{"tenant", "id", "version"}``; again is fine.

        Returns the ids of those that wait again, and ids with codes of those that do not.
        """
        redriven: list[str] = []
        refused: list[tuple[str, str]] = []
        for letter in dead_letters:
            try:
                self.queue.redrive(letter["tenant"], letter["id"], letter["version"])
            except (StoreUnavailable, TokenRejected, RateLimited):
                raise  # about the call, not about a letter
            except RouterError as error:
                refused.append((letter["id"], error.code))
            else:
                redriven.append(letter["id"])
        return redriven, refused

    def publish(self, tenant: str, body: JsonObject, idempotency_key: str | None) -> Published:
        """Put an event or a CloudEvent into the tenant's inbox.

        A CloudEvent is known by its source and id, and comes without a key. Raises InvalidBody for
        the router's own source, IdempotencyKeyReused, EventGone, RateLimited, InboxFull, StoreFull.
        """
        if body["source"] == ROUTER_SOURCE:
            reserved = FieldError("/source", "is reserved for the router's own events")
            raise InvalidBody("the source is reserved", errors=[reserved])
        if "specversion" not in body:
            draft = _draft(tenant, body["event_type"], body["source"], body["payload"], None)
            return self.inbox.publish(draft, _digest(body), idempotency_key)
        kept = cloudevents.attributes(body)
        draft = _draft(tenant, body["type"], body["source"], body.get("data"), kept)
        # No caller's own key holds a space. What else differs may have been changed on the way.
        key = f"cloudevent {_digest([body['source'], body['id']])}"
        try:
            return self.inbox.publish(draft, _digest([draft.event_type, draft.payload]), key)
        except IdempotencyKeyReused:
            raise IdempotencyKeyReused(
                "a CloudEvent of this source and id came before with another type or other data"
            ) from None

    def page(
        self, tenant: str, after: int, limit: int, event_type: str | None, wait_seconds: float
    ) -> Awaited[Page]:
        """Return up to *limit* pending events later than *after*; waits while there are none."""
        until = self.patience.until(wait_seconds)
        page = self.inbox.page(tenant, after, limit, event_type)

        def again(page: Page, left: float) -> Page:
            self.inbox.await_event(tenant, page, left)
            return self.inbox.page(tenant, after, limit, event_type)

        return self.patience.wait(until, page, _leads_on, again)

    def lease_events(
        self, tenant: str, body: JsonObject, wait_seconds: float
    ) -> Awaited[InboxLease]:
        """Lease the oldest pending events; waits while there are none.

        A token that holds some answers them at once. Raises LeaseLost.
        """
        until = self.patience.until(wait_seconds)
        token = body.get("lease") or secrets.token_urlsafe(24)
        count = body.get("count", _LEASE_EVENTS)
        seconds = body.get("seconds", _LEASE_SECONDS)

        def again(_: InboxLease, left: float) -> InboxLease:
            page = self.inbox.page(tenant, 0, 1)
            if not page.events:
                self.inbox.await_event(tenant, page, left)
            return self.leases.lease(tenant, token, count, seconds)

        lease = self.leases.lease(tenant, token, count, seconds)
        return self.patience.wait(until, lease, lambda lease: bool(lease.events), again)

    def gauge(self) -> Gauge:
        """Tell how the queue stands."""
        return self.queue.gauge()

    def measure(self) -> Measured:
        """Tell how the router stands, and what it has done so far."""
        return self.queue.measure()

    def await_end(self, job: Job, until: float) -> Awaited[Job]:
        """Return *job* once it has ended, or as it is at *until* by the patience's clock."""
        return self.patience.wait(until, job, lambda job: job.state.ended, self._await_change)

    def _await_change(self, job: Job, left: float) -> Job:
        return self.queue.await_change(job, _within_deadline(job, left))


def drafted(tenant: str, job_id: str, body: JsonObject) -> Draft:
    """Return the job that *body*, of ``POST /infer`` or in its words, asks for."""
    return Draft(
        id=job_id,
        tenant=tenant,
        request={name: body[name] for name in body if name not in _NOT_THE_MODELS},
        priority=Priority(body.get("priority", Priority.NORMAL)),
        deadline_seconds=body.get("deadline_seconds"),
    )


def new_id(kind: str) -> str:
    """Return an id that nothing else has; *kind* is ``job`` or ``evt``."""
    return f"{kind}_{secrets.token_hex(16)}"


def _within_deadline(job: Job, seconds: float) -> float:
    """Return how long to wait for *job* at a time: a look at it ends it once its deadline came."""
    if job.expires_in_seconds is None:
        return seconds
    return max(_SOON_SECONDS, min(seconds, job.expires_in_seconds))


def _tells(page: TokenPage) -> bool:
    return bool(page.text) or page.reset or page.complete


def _leads_on(page: Page) -> bool:
    return bool(page.events) or page.cursor is not None


def _draft(
    tenant: str, event_type: str, source: str, payload: Any, attributes: JsonObject | None
) -> Event:
    return Event(
        id=new_id("evt"),
        tenant=tenant,
        event_type=event_type,
        source=source,
        payload=payload,
        created_at=0,
        sequence=0,
        attributes=attributes,
    )


def _digest(body: Any) -> str:
    """Return a hash that two bodies share when Python reads them alike; 5 and 5.0 differ."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
