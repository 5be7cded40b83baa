"""The stores on which every move is tested, each a real server of the suite's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from chalicelib.inbox import Inbox
from chalicelib.inbox_leases import InboxLeases
from chalicelib.leasing import JobLeases
from chalicelib.queueing import JobQueue
from chalicelib.store import Store, connect
from chalicelib.sweeping import Sweeper
from tests.servers import Server
from tests.store.harness import SETTINGS, sweeper_of, token
from tests.store.proxy import Proxy
from tests.store.stores import KINDS, start

FIRST, *REST = [kind + form for kind in KINDS for form in ("", "-cluster")]
STORES = [FIRST, *(pytest.param(kind, marks=pytest.mark.slow) for kind in REST)]


@pytest.fixture(scope="session", params=STORES)
def server(request: pytest.FixtureRequest, short_folder: Path, valkey: Server) -> Iterator[Server]:
    """Each of the stores in turn."""
    if request.param == FIRST:
        yield valkey
        return
    started = start(short_folder / request.param, request.param, "--appendonly", "no")
    yield started
    started.stop()


@pytest.fixture(params=KINDS)
def own(request: pytest.FixtureRequest, short_folder: Path) -> Iterator[Server]:
    """A store of the test's own, to be killed by it."""
    server = start(short_folder / f"own-{token()[:8]}", request.param)
    yield server
    server.stop()


@pytest.fixture
def raw(server: Server) -> "Iterator[redis.Redis]":
    """The emptied store, seen by a client that is not the product's."""
    with server.client() as client:
        client.flushall()
        yield client


@pytest.fixture
def store(server: Server, raw: "redis.Redis") -> Iterator[Store]:
    """The emptied store through the product's own client."""
    del raw
    connected = connect(server.url)
    yield connected
    connected.close()


@pytest.fixture
def operators(server: Server, raw: "redis.Redis") -> Iterator[Store]:
    """The emptied store as its operator signs in, who alone may look for all that a tenant has."""
    del raw
    connected = connect(server.operators_url)
    yield connected
    connected.close()


@pytest.fixture
def queue(store: Store) -> JobQueue:
    """The queue as callers see it."""
    return JobQueue(store, SETTINGS)


@pytest.fixture
def leases(store: Store) -> JobLeases:
    """The queue as workers see it; leases outlive a test."""
    return JobLeases(store, SETTINGS)


@pytest.fixture
def sweeper(store: Store) -> Sweeper:
    """What the tick does."""
    return sweeper_of(store)


@pytest.fixture
def inbox(store: Store) -> Inbox:
    """The inboxes beside the queue."""
    return Inbox(store, SETTINGS)


@pytest.fixture
def inbox_leases(store: Store) -> InboxLeases:
    """Leases on the events of the inboxes."""
    return InboxLeases(store)


@pytest.fixture
def proxy(valkey: Server, short_folder: Path) -> Iterator[Proxy]:
    """A proxy before the suite's emptied Valkey."""
    with valkey.client() as client:
        client.flushall()
    with Proxy(short_folder, valkey.socket) as carrying:
        yield carrying


@pytest.fixture
def far(proxy: Proxy) -> Iterator[Store]:
    """The store behind the proxy; nothing is connected yet."""
    connected = connect(proxy.url)
    yield connected
    connected.close()
