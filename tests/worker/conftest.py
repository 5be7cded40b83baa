"""What the worker's tests share: an engine's server, the suite's store, and both ways to it."""

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from chalicelib.inbox import Inbox
from chalicelib.leasing import JobLeases
from chalicelib.queueing import JobQueue
from chalicelib.store import Store, connect
from tests.worker.doubles import Reach, via
from tests.worker.engine_server import EngineServer
from tests.worker.harness import queue_settings
from tests.worker.routers import Router, Routers
from worker.ways import Way, far, near

# A third of it is time enough for a call to a laptop's host on a busy machine.
SHORT_OVER_HTTPS = 1.5


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


@pytest.fixture(scope="session")
def lasting(valkey_url: str) -> Iterator[Callable[[float], Router]]:
    """Routers on the suite's store, one for each length of leases, that outlive a test."""
    with ExitStack() as stack:

        @functools.cache
        def start(lease_seconds: float) -> Router:
            router = Router(valkey_url, lease_seconds)
            stack.callback(router.stop)
            return router

        yield start


@pytest.fixture
def routers(lasting: Callable[[float], Router], valkey_url: str) -> Iterator[Routers]:
    """Routers on any store; those on another than the suite's end with the test."""
    with ExitStack() as stack:

        def start(store_url: str, lease_seconds: float) -> Router:
            if store_url == valkey_url:
                return lasting(lease_seconds)
            router = Router(store_url, lease_seconds)
            stack.callback(router.stop)
            return router

        yield start


@pytest.fixture(params=["store", pytest.param("https", marks=pytest.mark.slow)])
def how(request: pytest.FixtureRequest) -> str:
    """Each way to the queue by name."""
    return str(request.param)


@pytest.fixture
def reach(how: str, store_url: str, store: Store, routers: Routers) -> Iterator[Reach]:
    """Each way to the queue in turn, with leases as long as the test asks."""
    with ExitStack() as stack:

        def make(lease_seconds: float) -> Way:
            if how == "store":
                return near(JobLeases(store, queue_settings(lease_seconds)))
            router = routers(store_url, lease_seconds)
            leases = stack.enter_context(via(router.url, router.token))
            return far(leases, poll_seconds=0.2, offer=leases.offer)

        yield Reach(make, short_seconds=0.2 if how == "store" else SHORT_OVER_HTTPS)


@pytest.fixture
def way(reach: Reach) -> Way:
    """Each way to the queue in turn, with leases that outlive the test."""
    return reach()
