"""What the worker's tests share: an engine's server, the suite's store, and both ways to it."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from chalicelib.inbox import Inbox
from chalicelib.leasing import JobLeases
from chalicelib.queueing import JobQueue
from chalicelib.store import Store, connect
from tests.worker.doubles import Reach, via
from tests.worker.engine_server import EngineServer
from tests.worker.harness import queue_settings
from tests.worker.standin import standing_in
from worker.ways import Way, far, near


@pytest.fixture
def engine_server() -> Iterator[EngineServer]:
    """An engine's server that answers ``Hello world`` until told otherwise."""
    with EngineServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """The suite's store, emptied, through the product's own client."""
    connected = connect(store_url)
    yield connected
    connected.close()


@pytest.fixture
def queue(store: Store) -> JobQueue:
    """The queue as callers see it."""
    return JobQueue(store, queue_settings())


@pytest.fixture
def leases(store: Store) -> JobLeases:
    """The queue as a worker on the store sees it; its leases outlive the test."""
    return JobLeases(store, queue_settings())


@pytest.fixture
def inbox(store: Store) -> Inbox:
    """The inboxes beside the queue."""
    return Inbox(store, queue_settings())


@pytest.fixture(params=["store", pytest.param("https", marks=pytest.mark.slow)])
def reach(request: pytest.FixtureRequest, store: Store) -> Iterator[Reach]:
    """Each way to the queue in turn, with leases as long as the test asks."""
    with ExitStack() as stack:

        def make(lease_seconds: float) -> Way:
            leases = JobLeases(store, queue_settings(lease_seconds))
            if request.param == "store":
                return near(leases)
            url = stack.enter_context(standing_in(leases))
            return far(stack.enter_context(via(url)), poll_seconds=0.2)

        yield Reach(make, short_seconds=0.2)


@pytest.fixture
def way(reach: Reach) -> Way:
    """Each way to the queue in turn, with leases that outlive the test."""
    return reach()
