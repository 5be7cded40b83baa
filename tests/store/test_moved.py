"""A cluster says which node has the keys: the product goes there, and back once it is gone."""

import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib import keyspace, visits
from chalicelib.connections import Place
from chalicelib.errors import StoreUnavailable, TokenRejected
from chalicelib.jobs import Job
from chalicelib.leasing import JobLeases
from chalicelib.queueing import JobQueue
from chalicelib.store import Store, connect
from chalicelib.visits import Visit
from tests.store.clusters import Node, cluster
from tests.store.harness import SETTINGS, claim, end, request, stands
from tests.store.stores import KINDS

ENDLESS = replace(SETTINGS, queue_length=10_000_000, queue_bytes=1 << 40)
CLIENTS = 4
BEFORE_SECONDS = AFTER_SECONDS = 1.0
# Two tries to connect and two pauses between three, and what a node takes to hand over.
BOUND_SECONDS = 8.0


@pytest.fixture(params=KINDS)
def pair(request: pytest.FixtureRequest, short_folder: Path) -> Iterator[tuple[Node, Node]]:
    """A cluster's primary and its replica."""
    with cluster(short_folder, request.param) as nodes:
        yield nodes


@pytest.fixture
def store(pair: tuple[Node, Node]) -> Iterator[Store]:
    """The store, given the address of the replica."""
    connected = connect(pair[1].address)
    yield connected
    connected.close()


@pytest.mark.slow
def test_every_kind_of_call_finds_the_node_that_has_the_keys(
    pair: tuple[Node, Node],
) -> None:
    _, replica = pair
    calls: list[Callable[[Store], object]] = [
        lambda store: JobQueue(store, SETTINGS).submit(request()),
        lambda store: JobQueue(store, SETTINGS).gauge(),
        lambda store: store.read(("GET", keyspace.SEQUENCE)),
        lambda store: store.await_entry({keyspace.JOBS_BELL: "0-0"}, 5),
    ]

    for call in calls:
        store = connect(replica.address)
        call(store)
        store.close()

    assert replica.redirects() == len(calls)


@pytest.mark.slow
def test_node_is_asked_for_once(pair: tuple[Node, Node], store: Store) -> None:
    _, replica = pair
    queue, leases = JobQueue(store, SETTINGS), JobLeases(store, SETTINGS)

    for _ in range(3):
        queue.submit(request())
        end(queue, leases)

    assert stands(queue) == (0, 0)
    assert replica.redirects() == 1


@pytest.mark.slow
def test_write_waits_for_the_replica_of_the_node_it_was_sent_on_to(
    pair: tuple[Node, Node],
) -> None:
    _, replica = pair
    store = connect(replica.address, replicas=1)

    job = JobQueue(store, SETTINGS).submit(request()).job

    with replica.client() as raw:
        raw.readonly()
        assert raw.exists(keyspace.job(job.id))
    store.close()


@pytest.mark.slow
def test_request_that_is_sent_on_is_looked_at_and_charged_by_the_node_that_has_the_keys(
    pair: tuple[Node, Node], store: Store
) -> None:
    first, replica = pair
    visit, revoked = Visit("acme", quota=6), Visit("acme", "key", quota=6)
    another = connect(replica.address)

    with visits.serving(visit):
        JobQueue(store, SETTINGS).submit(request())
        store.read(("GET", keyspace.SEQUENCE))
    with visits.serving(revoked), pytest.raises(TokenRejected):
        another.read(("GET", keyspace.SEQUENCE))

    another.close()
    assert [rate.left for rate in visit.rates] == [5]
    with first.client() as raw:
        assert 5_000 < raw.pttl(keyspace.requests("acme")) <= 10_000


@pytest.mark.slow
def test_wait_that_is_moved_lasts_no_longer(pair: tuple[Node, Node], store: Store) -> None:
    del pair
    began = time.monotonic()

    store.await_entry({keyspace.JOBS_BELL: "0-0"}, 0.5)

    assert 0.4 < time.monotonic() - began < 2


class _Callers:
    """Submit and fetch from many threads, each at its own node's address, until told to stop."""

    def __init__(self, nodes: tuple[Node, Node]) -> None:
        self._stores = [connect(nodes[number % 2].address) for number in range(CLIENTS)]
        self._threads = [threading.Thread(target=self._run, args=(each,)) for each in self._stores]
        self._over = threading.Event()
        self.acknowledged: list[Job] = []
        self.refused: list[StoreUnavailable] = []
        self.raised: list[BaseException] = []
        self.longest_seconds = 0.0

    def __enter__(self) -> "_Callers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        for store in self._stores:
            store.close()

    def _run(self, store: Store) -> None:
        queue = JobQueue(store, ENDLESS)
        try:
            while not self._over.is_set():
                began = time.monotonic()
                self._submit(queue)
                self.longest_seconds = max(self.longest_seconds, time.monotonic() - began)
        except BaseException as error:  # noqa: BLE001 - told by the test
            self.raised.append(error)

    def _submit(self, queue: JobQueue) -> None:
        try:
            job = queue.submit(request()).job
            self.acknowledged.append(queue.fetch(job.tenant, job.id))
        except StoreUnavailable as error:
            self.refused.append(error)


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_when_the_replica_takes_over_under_load(
    pair: tuple[Node, Node],
) -> None:
    first, second = pair

    with _Callers(pair) as callers:
        time.sleep(BEFORE_SECONDS)
        second.take_over()
        before = len(callers.acknowledged)
        time.sleep(AFTER_SECONDS)
        first.take_over()
        time.sleep(AFTER_SECONDS)

    with first.client() as raw:
        kept = [raw.exists(keyspace.job(job.id)) for job in callers.acknowledged]
    assert callers.raised == []
    assert callers.refused == []
    assert len(kept) > before > 0
    assert all(kept)
    assert callers.longest_seconds < BOUND_SECONDS


@pytest.mark.slow
def test_given_address_is_asked_again_once_the_node_is_gone(
    pair: tuple[Node, Node], store: Store
) -> None:
    first, second = pair
    queue, leases = JobQueue(store, SETTINGS), JobLeases(store, SETTINGS)
    queue.submit(request())
    first.kill()
    second.take_over("TAKEOVER")
    began = time.monotonic()

    claimed = claim(leases)

    assert claimed.job.attempt == 1
    assert time.monotonic() - began < BOUND_SECONDS


@pytest.mark.slow
def test_node_that_is_gone_without_another_is_the_store_being_away(
    pair: tuple[Node, Node], store: Store
) -> None:
    queue = JobQueue(store, SETTINGS)
    queue.submit(request())
    pair[0].kill()
    began = time.monotonic()

    with pytest.raises(StoreUnavailable):
        queue.gauge()

    assert time.monotonic() - began < BOUND_SECONDS


class _Pointing(socketserver.StreamRequestHandler):
    """Answers every command that the keys are where it is itself."""

    def handle(self) -> None:
        while line := self.rfile.readline():
            for _ in range(2 * int(line[1:])):
                self.rfile.readline()
            assert isinstance(self.server, _Pointer)
            self.server.asked += 1
            self.wfile.write(f"-MOVED 5 127.0.0.1:{self.server.port}\r\n".encode())


class _Pointer(socketserver.ThreadingTCPServer):
    asked = 0
    daemon_threads = True
    block_on_close = False

    @property
    def port(self) -> int:
        port: int = self.socket.getsockname()[1]
        return port


def test_nodes_that_only_point_to_each_other_are_the_store_being_away() -> None:
    with _Pointer(("127.0.0.1", 0), _Pointing) as pointer:
        thread = threading.Thread(target=pointer.serve_forever, args=(0.01,))
        thread.start()
        store = connect(f"redis://127.0.0.1:{pointer.port}")
        began = time.monotonic()

        with pytest.raises(StoreUnavailable):
            store.read(("GET", keyspace.SEQUENCE))

        store.close()
        pointer.shutdown()
        thread.join()
    assert pointer.asked == 6
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("host", ["", "?"])
def test_node_without_a_name_is_the_host_that_answered(host: str) -> None:
    place = Place("given", 1)
    place.follow("node", 2)

    place.follow(host, 3)

    assert place.now == ("node", 3)
    place.back()
    assert place.now == ("given", 1)


@pytest.mark.parametrize(
    ("host", "name"), [("node", "node"), ("10.0.0.7", "given"), ("fe80::1", "given")]
)
def test_node_told_by_number_must_be_certified_for_the_given_name(host: str, name: str) -> None:
    place = Place("given", 1)

    assert place.name_of(host) == name
