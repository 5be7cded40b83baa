"""How often each move goes to the store and back, counted by a proxy."""

import time
from collections.abc import Iterator

import pytest

from chalicelib import connections
from chalicelib import store as store_module
from chalicelib.store import Store
from tests.servers import Server
from tests.store.deeds import DEEDS, Side
from tests.store.harness import submit
from tests.store.proxy import Proxy
from tests.store.scripts import SCRIPTS


def _load_scripts(valkey: Server) -> None:
    with valkey.client() as client:
        for script in SCRIPTS:
            client.script_load(script.source)


@pytest.fixture
def near(valkey: Server) -> Iterator[Side]:
    """The moves beside the proxy, on a server that knows the scripts."""
    _load_scripts(valkey)
    store = store_module.connect(valkey.url)
    with valkey.client() as raw:
        yield Side(store, raw)
    store.close()


@pytest.fixture
def side(near: Side, far: Store, proxy: Proxy) -> Side:
    """The moves through the proxy, on a warm connection."""
    made = Side(far, near.raw)
    made.queue.gauge()
    proxy.forget()
    return made


@pytest.mark.parametrize("name", DEEDS)
def test_round_trips_of_each_move_on_a_warm_connection(
    near: Side, side: Side, proxy: Proxy, name: str
) -> None:
    call = DEEDS[name].arrange(near)

    call(side)

    assert proxy.round_trips == DEEDS[name].round_trips
    assert proxy.connections == 0


def test_refusal_is_counted_in_one_round_trip(side: Side, proxy: Proxy) -> None:
    side.tally.refused("rate_limited")

    assert (proxy.connections, proxy.round_trips) == (0, 1)


def test_new_connection_needs_no_round_trip_of_its_own(
    near: Side, far: Store, proxy: Proxy
) -> None:
    side = Side(far, near.raw)

    submit(side.queue)

    assert (proxy.connections, proxy.round_trips) == (1, 1)


def test_script_that_the_server_does_not_know_costs_one_more(side: Side, proxy: Proxy) -> None:
    side.raw.script_flush()

    submit(side.queue)
    submit(side.queue)

    assert proxy.round_trips == 3


def test_idle_connection_is_replaced_and_not_tried(
    side: Side, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "IDLE_SECONDS", 0.1)
    time.sleep(0.11)

    submit(side.queue)
    submit(side.queue)

    assert (proxy.connections, proxy.round_trips) == (1, 2)


def test_connection_in_use_is_kept(side: Side, proxy: Proxy) -> None:
    for _ in range(5):
        submit(side.queue)

    assert (proxy.connections, proxy.round_trips) == (0, 5)


def test_connection_is_idle_after_half_a_minute() -> None:
    assert connections.IDLE_SECONDS == 30
