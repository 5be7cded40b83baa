"""How often each move goes to the store and back, counted by a proxy."""

import time
from collections.abc import Callable, Iterator

import pytest

from chalicelib import store as store_module
from chalicelib.inbox import Inbox
from chalicelib.queueing import JobQueue
from chalicelib.store import Script, Store
from tests.servers import Server
from tests.store.harness import DONE, SETTINGS, claim, draft, submit, token
from tests.store.proxy import Proxy
from tests.store.test_declared_keys import MOVES


class Bench:
    """What the moves are run on, in both ways: through the proxy, and beside it."""

    def __init__(self, far: Store, near: Store) -> None:
        self.far, self.inbox = JobQueue(far, SETTINGS), Inbox(far)
        self.near, self.near_inbox = JobQueue(near, SETTINGS), Inbox(near)


def _load_scripts(valkey: Server) -> None:
    with valkey.client() as client:
        for move in MOVES:
            client.script_load(Script(move).source)


@pytest.fixture
def bench(far: Store, valkey: Server, proxy: Proxy) -> Iterator[Bench]:
    """A warm connection to a server that knows the scripts."""
    _load_scripts(valkey)
    near = store_module.connect(valkey.url)
    made = Bench(far, near)
    made.far.gauge()
    proxy.forget()
    yield made
    near.close()


type Deed = Callable[[], object]


def _submit(bench: Bench) -> Deed:
    return lambda: submit(bench.far)


def _fetch(bench: Bench) -> Deed:
    job = submit(bench.near)
    return lambda: bench.far.fetch("acme", job.id)


def _claim(bench: Bench) -> Deed:
    submit(bench.near)
    return lambda: claim(bench.far)


def _claim_nothing(bench: Bench) -> Deed:
    return lambda: bench.far.claim(token())


def _append(bench: Bench) -> Deed:
    submit(bench.near)
    claimed = claim(bench.near)
    return lambda: bench.far.append(claimed, 0, ["a", "b", "c"])


def _extend(bench: Bench) -> Deed:
    submit(bench.near)
    claimed = claim(bench.near)
    return lambda: bench.far.extend(claimed)


def _finish(bench: Bench) -> Deed:
    submit(bench.near)
    claimed = claim(bench.near)
    return lambda: bench.far.finish(claimed, DONE)


def _publish(bench: Bench) -> Deed:
    return lambda: bench.inbox.publish(draft(), "h", "k")


def _page(bench: Bench) -> Deed:
    for _ in range(16):
        bench.near_inbox.publish(draft())
    return lambda: list(bench.inbox.page("acme", 0, 16))


def _read(bench: Bench) -> Deed:
    event, _ = bench.near_inbox.publish(draft())
    return lambda: bench.inbox.read("acme", event.id)


def _acknowledge(bench: Bench) -> Deed:
    event, _ = bench.near_inbox.publish(draft())
    return lambda: bench.inbox.acknowledge("acme", event.id)


def _gauge(bench: Bench) -> Deed:
    return bench.far.gauge


@pytest.mark.parametrize(
    ("arrange", "round_trips"),
    [
        (_submit, 1), (_fetch, 1), (_claim, 2), (_claim_nothing, 1), (_append, 1), (_extend, 1),
        (_finish, 1), (_publish, 1), (_page, 2), (_read, 1), (_acknowledge, 1), (_gauge, 1),
    ],
)  # fmt: skip
def test_round_trips_of_each_move_on_a_warm_connection(
    bench: Bench, proxy: Proxy, arrange: Callable[[Bench], Deed], round_trips: int
) -> None:
    deed = arrange(bench)

    deed()

    assert proxy.round_trips == round_trips
    assert proxy.connections == 0


def test_new_connection_needs_no_round_trip_of_its_own(
    far: Store, valkey: Server, proxy: Proxy
) -> None:
    _load_scripts(valkey)

    submit(JobQueue(far, SETTINGS))

    assert (proxy.connections, proxy.round_trips) == (1, 1)


def test_script_that_the_server_does_not_know_costs_one_more(
    bench: Bench, valkey: Server, proxy: Proxy
) -> None:
    with valkey.client() as client:
        client.script_flush()

    submit(bench.far)
    submit(bench.far)

    assert proxy.round_trips == 3


def test_idle_connection_is_replaced_and_not_tried(
    bench: Bench, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "_IDLE_SECONDS", 0.1)
    time.sleep(0.11)

    submit(bench.far)
    submit(bench.far)

    assert (proxy.connections, proxy.round_trips) == (1, 2)


def test_connection_in_use_is_kept(bench: Bench, proxy: Proxy) -> None:
    for _ in range(5):
        submit(bench.far)

    assert (proxy.connections, proxy.round_trips) == (0, 5)


def test_connection_is_idle_after_half_a_minute() -> None:
    assert store_module._IDLE_SECONDS == 30  # noqa: SLF001 - the promise is this number
