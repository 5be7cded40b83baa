"""kill -9 of the store under load: what was acknowledged is there, with one outcome each."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable

import pytest

from chalicelib.bounds import QueueSettings
from chalicelib.errors import LeaseLost, StoreUnavailable
from chalicelib.inbox import Inbox
from chalicelib.jobs import Draft, JobState
from chalicelib.leasing import JobLeases, Outcome
from chalicelib.queueing import JobQueue
from chalicelib.store import connect
from tests.servers import Server
from tests.store.harness import job_id, stands, token

KILLS = 3
LOAD_SECONDS = 0.5  # before each kill
GIVE_UP_SECONDS = 20


def _patiently[T](move: Callable[[], T]) -> T:
    """Call *move* until the store answers, as callers and workers do."""
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while True:
        try:
            return move()
        except StoreUnavailable:
            assert time.monotonic() < deadline
            time.sleep(0.01)


class _Load:
    """Submits jobs and runs them, and remembers what the store acknowledged."""

    def __init__(self, queue: JobQueue, leases: JobLeases) -> None:
        self._queue = queue
        self._leases = leases
        self.no_more = threading.Event()
        self.submitted: set[str] = set()
        self.finished: dict[str, str] = {}

    def submit(self) -> None:
        while not self.no_more.is_set():
            new = job_id()
            _patiently(lambda new=new: self._queue.submit(Draft(new, "acme", {"prompt": new})))  # type: ignore[misc]
            self.submitted.add(new)

    def work(self) -> None:
        while not (self.no_more.is_set() and self._is_empty()):
            one = token()
            claimed = _patiently(lambda one=one: self._leases.claim(one))  # type: ignore[misc]
            if claimed is None or random.random() < 0.02:  # noqa: S311 - some workers die
                continue
            try:
                outcome = Outcome(result={"text": claimed.token})
                _patiently(lambda held=claimed: self._leases.append(held, 0, ["a"]))  # type: ignore[misc]
                _patiently(lambda held=claimed, told=outcome: self._leases.finish(held, told))  # type: ignore[misc]
            except LeaseLost:
                continue
            self.finished[claimed.job.id] = claimed.token

    def _is_empty(self) -> bool:
        gauge = _patiently(self._queue.gauge)
        return gauge.waiting + gauge.leased == 0


@pytest.mark.slow
def test_store_killed_under_load_loses_nothing(own: Server) -> None:
    store = connect(own.url)
    settings = QueueSettings(lease_seconds=1, max_attempts=100, queue_length=100_000)
    queue = JobQueue(store, settings)
    load = _Load(queue, JobLeases(store, settings))
    threads = [threading.Thread(target=load.submit) for _ in range(2)]
    threads += [threading.Thread(target=load.work) for _ in range(4)]
    for thread in threads:
        thread.start()

    for _ in range(KILLS):
        time.sleep(LOAD_SECONDS)
        own.kill()
        own.start()
    load.no_more.set()
    for thread in threads:
        thread.join()

    jobs = [queue.fetch("acme", job) for job in load.submitted]
    events = list(Inbox(store, settings).page("acme", 0, 100_000))
    store.close()
    assert len(jobs) > 100
    assert {job.state for job in jobs} == {JobState.SUCCEEDED}
    assert Counter(event.payload["job_id"] for event in events) == Counter(load.submitted)
    outcomes = {job.id: (job.result or {})["text"] for job in jobs}
    assert load.finished.items() <= outcomes.items()
    assert stands(queue) == (0, 0)
