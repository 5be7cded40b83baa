"""A write counts once a replica has it, whichever connection made it."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chalicelib import keyspace, visits
from chalicelib.errors import StoreUnavailable
from chalicelib.jobs import Draft
from chalicelib.leasing import JobLeases
from chalicelib.queueing import Idempotency, JobQueue
from chalicelib.store import connect
from chalicelib.visits import Visit
from chaos.proxy import Proxy
from chaos.stand import free_port, wait_for
from tests.servers import Server, store_binary
from tests.store.harness import SETTINGS, job_id, request, stands, token

KEY = Idempotency("a key", "hash")


@pytest.fixture
def pair(tmp_path: Path, short_folder: Path) -> Iterator[tuple[Server, Server, Proxy]]:
    """A store, its one replica, and the line between them."""
    port = free_port()
    folders = [short_folder / f"{tmp_path.name[-20:]}-{number}" for number in (1, 2)]
    for folder in folders:
        folder.mkdir()
    quick = ("--repl-diskless-sync-delay", "0")
    listening = ("--port", str(port), "--bind", "127.0.0.1")
    first = Server(folders[0], store_binary(), *listening, *quick)
    with Proxy(port) as line:
        follow = ("--replicaof", f"127.0.0.1 {line.port}")
        second = Server(folders[1], store_binary(), *follow)
        with second.client() as raw:
            wait_for(lambda: raw.info("replication")["master_link_status"] == "up", "replication")
        yield first, second, line
        second.stop()
    first.stop()


@pytest.mark.slow
def test_a_repeat_over_another_connection_is_no_sooner_acknowledged(
    pair: tuple[Server, Server, Proxy],
) -> None:
    server, _, line = pair
    one, other = (connect(server.url, replicas=1) for _ in range(2))
    line.silent = True

    with pytest.raises(StoreUnavailable):
        JobQueue(one, SETTINGS).submit(Draft(job_id(), "acme", {"prompt": "a"}), KEY)
    with pytest.raises(StoreUnavailable):
        JobQueue(other, SETTINGS).submit(Draft(job_id(), "acme", {"prompt": "a"}), KEY)

    line.silent = False
    line.cut()
    one.close()
    other.close()


@pytest.mark.slow
def test_an_acknowledged_write_is_on_the_replica(pair: tuple[Server, Server, Proxy]) -> None:
    server, replica, line = pair
    store = connect(server.url, replicas=1)
    line.delay_seconds = 0.3

    job = JobQueue(store, SETTINGS).submit(Draft(job_id(), "acme", {"prompt": "a"}), KEY).job

    with replica.client() as raw:
        assert raw.exists(keyspace.job(job.id))
    store.close()


@pytest.mark.slow
def test_call_that_missed_the_replica_answers_as_the_first_once_it_follows(
    pair: tuple[Server, Server, Proxy],
) -> None:
    server, _, line = pair
    store = connect(server.url, replicas=1)
    queue, leases = JobQueue(store, SETTINGS), JobLeases(store, SETTINGS)
    first, second, one = request(), request(), token()
    queue.submit(first)
    line.silent = True
    with pytest.raises(StoreUnavailable):
        queue.submit(second)
    with pytest.raises(StoreUnavailable):
        leases.claim(one)
    line.silent = False
    line.cut()

    claimed = _patiently(lambda: leases.claim(one))
    again = _patiently(lambda: queue.submit(second))

    assert claimed is not None
    assert (claimed.job.id, claimed.job.attempt) == (first.id, 1)
    assert (again.job.id, again.known) == (second.id, False)
    assert stands(queue) == (1, 1)
    store.close()


@pytest.mark.slow
def test_reading_asks_for_no_replica(pair: tuple[Server, Server, Proxy]) -> None:
    server, _, line = pair
    store = connect(server.url, replicas=1)
    queue = JobQueue(store, SETTINGS)
    job = queue.submit(request()).job
    line.silent = True

    fetched = queue.fetch("acme", job.id)

    assert fetched == job
    assert queue.gauge().waiting == 1
    line.silent = False
    line.cut()
    store.close()


@pytest.mark.slow
def test_what_a_caller_reads_asks_for_no_replica_and_what_it_writes_does(
    pair: tuple[Server, Server, Proxy],
) -> None:
    server, _, line = pair
    store = connect(server.url, replicas=1)
    queue = JobQueue(store, SETTINGS)
    visit = Visit("acme", quota=6)
    with visits.serving(visit):
        job = queue.submit(request()).job
    line.silent = True

    with visits.serving(Visit("acme", quota=6)):
        fetched = queue.fetch("acme", job.id)
        with pytest.raises(StoreUnavailable):
            queue.submit(request())

    assert fetched == job
    assert [rate.left for rate in visit.rates] == [5]
    line.silent = False
    line.cut()
    store.close()


def _patiently[T](move: Callable[[], T]) -> T:
    """Call *move* until the replica follows again."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return move()
        except StoreUnavailable:
            assert time.monotonic() < deadline
