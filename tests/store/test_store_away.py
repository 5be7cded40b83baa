"""A store that is away or refuses: StoreUnavailable, soon, and back by itself."""

import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import redis

from chalicelib import connections
from chalicelib.errors import NotConfigured, StoreUnavailable
from chalicelib.leasing import JobLeases
from chalicelib.queueing import JobQueue
from chalicelib.store import Store, connect
from tests.servers import Server
from tests.store.harness import DONE, SETTINGS, claim, job_id, stands, submit, token
from tests.store.proxy import Proxy

BOUND_SECONDS = 12.0

REFUSALS = [
    "LOADING Redis is loading the dataset in memory",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "CLUSTERDOWN The cluster is down",
    "MOVED 5 127.0.0.1:1",
    "ASK 5 127.0.0.1:1",
    "TRYAGAIN Multiple keys request during rehashing of slot",
    "READONLY You can't write against a read only replica.",
    "OOM command not allowed when used memory > 'maxmemory'.",
    "MISCONF Redis is configured to save RDB snapshots, but it's unable to persist to disk.",
    "NOREPLICAS Not enough good replicas to write.",
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
    "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
    "ERR max number of clients reached",
]


@contextmanager
def _configured(raw: "redis.Redis", settings: Mapping[str, str]) -> Iterator[None]:
    before = {name: raw.config_get(name)[name] or "" for name in settings}
    for name, value in settings.items():
        raw.config_set(name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            raw.config_set(name, value)


def _refused(queue: JobQueue) -> StoreUnavailable:
    began = time.monotonic()
    with pytest.raises(StoreUnavailable) as refused:
        submit(queue)
    assert time.monotonic() - began < BOUND_SECONDS
    return refused.value


def test_refusal_says_when_to_try_again(tmp_path: Path) -> None:
    nowhere = JobQueue(connect(f"unix://{tmp_path}/none.sock"), SETTINGS)

    refused = _refused(nowhere)

    assert (refused.status, refused.code) == (503, "store_unavailable")
    assert int(refused.headers["Retry-After"]) > 0


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.split()[0])
def test_every_refusal_of_a_server_is_the_store_being_away(
    far: Store, proxy: Proxy, refusal: str
) -> None:
    queue, leases = JobQueue(far, SETTINGS), JobLeases(far, SETTINGS)
    proxy.refusal = f"-{refusal}\r\n".encode()

    _refused(queue)
    with pytest.raises(StoreUnavailable):
        leases.wait(0.1)
    with pytest.raises(StoreUnavailable):
        queue.fetch("acme", job_id())
    proxy.refusal = b""

    assert submit(queue).position == 0


def test_store_without_the_replicas_it_asks_for_is_away_until_it_has_them(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    submit(queue)
    claimed = claim(leases)

    with _configured(raw, {"min-replicas-to-write": "1"}):
        _refused(queue)
        with pytest.raises(StoreUnavailable):
            leases.append(claimed, 0, ["a"])
        with pytest.raises(StoreUnavailable):
            leases.finish(claimed, DONE)
        assert stands(queue) == (0, 1)

    leases.finish(claimed, DONE)
    assert submit(queue).position == 0


def test_full_store_takes_nothing_new_until_there_is_room(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    submit(queue)
    claimed = claim(leases)

    with _configured(raw, {"maxmemory": "1", "maxmemory-policy": "noeviction"}):
        _refused(queue)
        assert stands(queue) == (0, 1)

    leases.finish(claimed, DONE)
    assert submit(queue).position == 0


def test_store_busy_with_a_script_is_away_until_it_ends(
    server: Server, queue: JobQueue, raw: "redis.Redis"
) -> None:
    name = "busy-reply-threshold"
    with _configured(raw, {name: "10"}), ThreadPoolExecutor(1) as threads, server.client() as other:
        endless = threads.submit(other.eval, "while true do end", 0)
        time.sleep(0.05)

        try:
            _refused(queue)
        finally:
            raw.script_kill()

        assert isinstance(endless.exception(), redis.ResponseError)
    assert submit(queue).position == 0


@contextmanager
def _demoted(raw: "redis.Redis") -> Iterator[None]:
    """Make the store a replica of nobody who answers, as after a failover."""
    raw.replicaof("127.0.0.1", "1")
    try:
        yield
    finally:
        raw.replicaof("NO", "ONE")


def test_read_only_replica_is_away_until_it_is_promoted(
    valkey: Server, store_url: str, far: Store
) -> None:
    del store_url
    queue = JobQueue(far, SETTINGS)
    submit(queue)

    with valkey.client() as raw, _demoted(raw):
        _refused(queue)
        assert queue.gauge().waiting == 1

    assert submit(queue).position == 1


def test_waiter_on_a_demoted_primary_hears_that_the_store_is_away(
    valkey: Server, far: Store
) -> None:
    leases = JobLeases(far, SETTINGS)
    assert leases.claim(token()) is None

    with valkey.client() as raw, ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(leases.wait, 10)
        time.sleep(0.05)
        with _demoted(raw):
            raised = waiting.exception(timeout=5)

    assert isinstance(raised, StoreUnavailable)


@pytest.mark.slow
def test_failover_is_followed_although_the_demoted_primary_still_answers(
    valkey: Server, own: Server, far: Store, proxy: Proxy
) -> None:
    queue = JobQueue(far, SETTINGS)
    submit(queue)

    with valkey.client() as raw, _demoted(raw):
        proxy.upstream = own.socket  # the address names the new primary from now on
        _refused(queue)

        assert submit(queue).position == 0


@pytest.mark.slow
def test_restarted_store_is_found_again(own: Server) -> None:
    queue = JobQueue(connect(own.url), SETTINGS)
    submit(queue)
    own.kill()
    _refused(queue)

    own.start()

    assert submit(queue).position == 1


@pytest.mark.slow
def test_loading_store_is_away_until_it_has_loaded(own: Server) -> None:
    queue = JobQueue(connect(own.url), SETTINGS)
    with own.client() as raw, raw.pipeline(transaction=False) as pipeline:
        # Each reply comes after a thousand keys: enough for three calls that sign in first.
        for number in range(15_000):
            pipeline.set(f"{number}", 1)
        pipeline.execute()
    submit(queue)
    own.kill()

    own.launch("--key-load-delay", "200")
    time.sleep(0.3)
    _refused(queue)
    own.await_answer()

    assert submit(queue).position == 1


def _seconds_until_unavailable(move: Callable[[], object]) -> float:
    began = time.monotonic()
    with pytest.raises(StoreUnavailable):
        move()
    return time.monotonic() - began


@pytest.mark.slow
def test_store_that_never_answers_is_away_within_a_bound(far: Store, proxy: Proxy) -> None:
    queue, leases = JobQueue(far, SETTINGS), JobLeases(far, SETTINGS)
    job = submit(queue)
    proxy.hang = True

    moves = {
        "submit": lambda: submit(queue),
        "fetch": lambda: queue.fetch("acme", job.id),
        "claim": lambda: leases.claim(token()),
        "wait 1 s": lambda: leases.wait(1),
        "wait 6 s": lambda: leases.wait(6),
    }
    with ThreadPoolExecutor(len(moves)) as threads:
        took = dict(
            zip(moves, threads.map(_seconds_until_unavailable, moves.values()), strict=True)
        )

    bounds = {"wait 1 s": 5.0, "wait 6 s": 10.0}
    assert all(took[move] < bounds.get(move, BOUND_SECONDS) for move in moves), took
    proxy.hang = False
    assert submit(queue).position == 1


@pytest.mark.slow
def test_store_that_cannot_be_connected_to_is_away_within_a_bound() -> None:
    # A full backlog: the kernel answers no further connection, as a firewall would not.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.settimeout(0)
            with suppress(BlockingIOError):
                filler.connect(address)
        queue = JobQueue(connect(f"redis://127.0.0.1:{address[1]}"), SETTINGS)

        began = time.monotonic()
        _refused(queue)

        assert time.monotonic() - began > connections.CONNECT_SECONDS
        for filler in fillers:
            filler.close()


def test_broken_connections_are_made_again_unnoticed(far: Store, proxy: Proxy) -> None:
    queue = JobQueue(far, SETTINGS)
    submit(queue)

    proxy.cut()

    assert submit(queue).position == 1


@pytest.mark.slow
def test_many_threads_may_wait_at_once(valkey: Server, store_url: str) -> None:
    del valkey
    connected = connect(store_url)
    leases = JobLeases(connected, SETTINGS)
    assert leases.claim(token()) is None
    raised: list[BaseException] = []
    ready = threading.Barrier(151)

    def wait() -> None:
        ready.wait()
        try:
            leases.wait(2)
        except StoreUnavailable as error:
            raised.append(error)

    threads = [threading.Thread(target=wait) for _ in range(150)]
    for thread in threads:
        thread.start()
    ready.wait()
    for thread in threads:
        thread.join()

    connected.close()
    assert raised == []


@pytest.mark.parametrize(
    "url",
    [
        "http://store:6379",
        "redis://user:a-password@store:port",
        "redis://user:a-password@store:6379?colour=blue",
        "redis://user:a-password@store:6379?protocol=9",
        "rediss://user:a-password@store:6379?ssl_cert_reqs=perhaps",
    ],
)
def test_unusable_address_is_refused_at_once_without_repeating_it(url: str) -> None:
    with pytest.raises(NotConfigured) as refused:
        connect(url)

    assert "TINYLLAMA_STORE_URL" in str(refused.value)
    assert "a-password" not in "".join(traceback.format_exception(refused.value))
