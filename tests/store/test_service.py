"""The use cases where the store fails in between."""

import time
from collections.abc import Callable

import pytest

from chalicelib.errors import StoreUnavailable
from chalicelib.inbox import Inbox
from chalicelib.jobs import Draft, Job
from chalicelib.queueing import Idempotency, JobQueue, Submitted
from chalicelib.service import FrontDoor
from chalicelib.settings import queue_settings
from chalicelib.store import Store


class LosesTheStoreWhileWaiting(JobQueue):
    """A queue whose store goes away right after each submit."""

    def await_change(self, job: Job, seconds: float) -> Job:
        del job, seconds
        raise StoreUnavailable


@pytest.fixture
def door(store: Store) -> Callable[[JobQueue], FrontDoor]:
    return lambda queue: FrontDoor(queue, Inbox(store, queue_settings()), time.monotonic)


def test_a_stored_job_is_told_though_the_store_goes_away_while_waiting(
    store: Store, store_url: str, door: Callable[[JobQueue], FrontDoor]
) -> None:
    del store_url
    service = door(LosesTheStoreWhileWaiting(store, queue_settings()))

    job, known = service.submit("acme", {"prompt": "hi"}, None, wait_seconds=5)

    assert not known
    assert JobQueue(store, queue_settings()).fetch("acme", job.id).id == job.id


def test_a_look_that_waits_tells_that_the_store_is_away(
    store: Store, store_url: str, door: Callable[[JobQueue], FrontDoor]
) -> None:
    del store_url
    service = door(LosesTheStoreWhileWaiting(store, queue_settings()))
    job, _ = service.submit("acme", {"prompt": "hi"}, None, wait_seconds=0)

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
        return job


@pytest.mark.parametrize("use", ["submit", "look", "look for news"])
def test_slow_store_counts_as_waiting(store: Store, store_url: str, use: str) -> None:
    del store_url
    queue = AnswersSlowly(store, queue_settings())
    service = FrontDoor(queue, Inbox(store, queue_settings()), lambda: queue.seconds)
    request = {"prompt": "hi"}

    if use == "submit":
        service.submit("acme", request, None, wait_seconds=25)
    else:
        job = JobQueue(store, queue_settings()).submit(Draft("job_1", "acme", request)).job
        seen = job.version if use == "look for news" else None
        service.fetch("acme", job.id, seen, wait_seconds=25)

    assert queue.waited == 15
