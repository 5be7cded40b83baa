"""What the worker's tests share: an engine's server, the suite's store, its queue and inboxes."""

import threading
from collections.abc import Iterator

import pytest

from chalicelib.inbox import Inbox
from chalicelib.queueing import JobQueue
from chalicelib.store import Store, connect
from tests.worker.engine_server import EngineServer
from tests.worker.harness import queue_settings


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
    """A queue whose leases outlive the test."""
    return JobQueue(store, queue_settings())


@pytest.fixture
def inbox(store: Store) -> Inbox:
    """The inboxes beside the queue."""
    return Inbox(store)
