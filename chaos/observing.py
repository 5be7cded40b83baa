"""Reads all that the store holds, through the product's own reads; only ids come from a scan."""

import time
from collections.abc import Iterator

import redis

from chalicelib import keyspace
from chalicelib.errors import JobNotFound
from chalicelib.inbox import Inbox
from chalicelib.jobs import Job
from chalicelib.listing import JobLists
from chalicelib.queueing import JobQueue
from chalicelib.store import Store
from chalicelib.streaming import START, TokenStreams
from chaos.audit import Seen, SeenEvent, SeenJob
from chaos.config import queue_settings
from chaos.ledger import TENANTS

_PAGE = 200


def come_to_rest(store: Store, seconds: float) -> bool:
    """Wait until nothing waits and nothing runs, at most *seconds*; whether it came to that."""
    queue = JobQueue(store, queue_settings())
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        gauge = queue.gauge()
        if not gauge.waiting + gauge.delayed + gauge.leased:
            return True
        time.sleep(0.05)
    return False


def observe(store: Store, raw: "redis.Redis") -> Seen:
    """Return the store's jobs, and the inboxes of the tenants in ``TENANTS``."""
    gauge = JobQueue(store, queue_settings()).gauge()
    return Seen(
        jobs=list(_jobs(store, raw)),
        events=[event for tenant in TENANTS for event in _events(store, tenant)],
        leased=gauge.leased,
        waiting=gauge.waiting + gauge.delayed,
        request_bytes=gauge.bytes,
    )


def _jobs(store: Store, raw: "redis.Redis") -> Iterator[SeenJob]:
    queue = JobQueue(store, queue_settings())
    listed = {job_id for tenant in TENANTS for job_id in _listed(store, tenant)}
    for key in raw.scan_iter(keyspace.job("*"), count=1000):
        job_id, tenant = key.removeprefix(keyspace.job("")), raw.hget(key, "tenant")
        try:
            job = queue.fetch(str(tenant), job_id)
        except JobNotFound:
            continue
        text = str(job.request["prompt"])
        yield SeenJob(
            id=job.id,
            tenant=job.tenant,
            key=text.partition(" ")[0],
            state=str(job.state),
            result=None if job.result is None else str(job.result["text"]),
            tokens=_tokens(store, job),
            listed=job.id in listed,
            error=None if job.error is None else str(job.error["code"]),
        )


def _listed(store: Store, tenant: str) -> Iterator[str]:
    before: int | None = None
    while True:
        page = JobLists(store).jobs(tenant, before, _PAGE)
        yield from (job.id for job in page.jobs)
        if page.cursor is None:
            return
        before = page.cursor


def _tokens(store: Store, job: Job) -> str:
    streams, text, cursor = TokenStreams(store), "", START
    while True:
        page = streams.read(job, cursor)
        text += page.text
        if page.cursor == cursor or page.complete:
            return text
        cursor = page.cursor


def _events(store: Store, tenant: str) -> Iterator[SeenEvent]:
    inbox, after = Inbox(store, queue_settings()), 0
    while True:
        page = inbox.page(tenant, after, _PAGE)
        for event in page:
            about = event.payload.get("job_id") or event.payload.get("key")
            yield SeenEvent(event.id, tenant, event.event_type, str(about))
        if page.cursor is None:
            return
        after = page.cursor
