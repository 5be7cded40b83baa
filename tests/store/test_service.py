"""The use cases where the store fails in between, or lets nobody wait."""

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from chalicelib.bounds import queue_settings
from chalicelib.errors import StoreUnavailable
from chalicelib.inbox import Inbox
from chalicelib.inbox_leases import InboxLeases
from chalicelib.jobs import Draft, Job
from chalicelib.listing import JobLists
from chalicelib.patience import Patience
from chalicelib.queueing import Idempotency, JobQueue, Submitted
from chalicelib.service import FrontDoor
from chalicelib.store import Store
from chalicelib.streaming import TokenStreams
from chalicelib.waiting import WaitingRoom

BODY = {"prompt": "hi"}

type Door = Callable[..., FrontDoor]


@pytest.fixture
def door(store: Store) -> Door:
    """Make the use cases around a queue that misbehaves."""

    def made(
        queue: JobQueue, clock: Callable[[], float] = time.monotonic, places: int = 10
    ) -> FrontDoor:
        return FrontDoor(
            queue=queue,
            lists=JobLists(store),
            streams=TokenStreams(store),
            inbox=Inbox(store, queue_settings()),
            leases=InboxLeases(store),
            patience=Patience(WaitingRoom(store, places), clock),
        )

    return made


class LosesTheStoreWhileWaiting(JobQueue):
    """A queue whose store goes away right after each submit."""

    def await_change(self, job: Job, seconds: float) -> Job:
        del job, seconds
        raise StoreUnavailable


def test_a_stored_job_is_told_though_the_store_goes_away_while_waiting(
    store: Store, door: Door
) -> None:
    service = door(LosesTheStoreWhileWaiting(store, queue_settings()))

    submitted = service.submit("acme", BODY, None, wait_seconds=5).value

    job = submitted.job
    assert not submitted.known
    assert JobQueue(store, queue_settings()).fetch("acme", job.id).id == job.id


def test_a_look_that_waits_tells_that_the_store_is_away(store: Store, door: Door) -> None:
    service = door(LosesTheStoreWhileWaiting(store, queue_settings()))
    job = service.submit("acme", BODY, None, wait_seconds=0).value.job

    with pytest.raises(StoreUnavailable):
        service.fetch("acme", job.id, job.version, wait_seconds=5)


class AnswersSlowly(JobQueue):
    """A queue whose store takes ten seconds of the clock below for each answer."""

    seconds = 0.0
    waited: float | None = None

    def submit(self, draft: Draft, idempotency: Idempotency | None = None) -> Submitted:
        self.seconds += 10
        return super().submit(draft, idempotency)

    def fetch(self, tenant: str, job_id: str, *, retry: bool = True) -> Job:
        self.seconds += 10
        return super().fetch(tenant, job_id, retry=retry)

    def await_change(self, job: Job, seconds: float) -> Job:
        self.waited, self.seconds = seconds, self.seconds + seconds
        return replace(job, version=job.version + 1)


@pytest.mark.parametrize("use", ["submit", "look", "look for news"])
def test_slow_store_counts_as_waiting(store: Store, door: Door, use: str) -> None:
    queue = AnswersSlowly(store, queue_settings())
    service = door(queue, clock=lambda: queue.seconds)

    if use == "submit":
        service.submit("acme", BODY, None, wait_seconds=25)
    else:
        job = JobQueue(store, queue_settings()).submit(Draft("job_1", "acme", BODY)).job
        seen = job.version if use == "look for news" else None
        service.fetch("acme", job.id, seen, wait_seconds=25)

    assert queue.waited == 15


@pytest.mark.parametrize("use", ["submit", "look", "page"])
def test_caller_without_a_place_is_answered_at_once_and_told_so(
    store: Store, door: Door, use: str
) -> None:
    service = door(JobQueue(store, queue_settings()), places=0)
    job = service.submit("acme", BODY, None, wait_seconds=0).value.job

    began = time.monotonic()
    if use == "submit":
        waited = service.submit("acme", BODY, None, wait_seconds=5).waited
    elif use == "look":
        waited = service.fetch("acme", job.id, None, wait_seconds=5).waited
    else:
        waited = service.page("acme", 0, 10, None, wait_seconds=5).waited

    assert not waited
    assert time.monotonic() - began < 1
