"""The waiting room: a set share may wait for an answer, whichever instance they wait in."""

import time
from contextlib import suppress
from pathlib import Path

import redis

from chalicelib import keyspace
from chalicelib.errors import StoreUnavailable
from chalicelib.store import Store, connect
from chalicelib.waiting import WaitingRoom
from tests.servers import Server


def test_so_many_may_wait_and_the_rest_is_told_at_once(store: Store) -> None:
    room = WaitingRoom(store, places=2)

    with room.wait(5) as first, room.wait(5) as second, room.wait(5) as third:
        assert (first, second, third) == (True, True, False)


def test_places_are_shared_by_all_instances(server: Server, store: Store) -> None:
    other = connect(server.url)

    with WaitingRoom(store, 1).wait(5) as here, WaitingRoom(other, 1).wait(5) as there:
        assert (here, there) == (True, False)

    other.close()


def test_place_is_free_again_once_its_caller_has_left(store: Store, raw: "redis.Redis") -> None:
    room = WaitingRoom(store, places=1)
    with room.wait(5):
        pass

    with room.wait(5) as admitted:
        assert admitted

    assert not raw.exists(keyspace.WAITERS)


def test_place_is_given_up_by_a_caller_that_fails(store: Store, raw: "redis.Redis") -> None:
    with suppress(ZeroDivisionError), WaitingRoom(store, places=1).wait(5):
        _ = 1 / 0

    assert not raw.exists(keyspace.WAITERS)


def test_who_loses_the_store_while_waiting_lets_the_place_lapse_and_asks_it_nothing_more(
    store: Store, raw: "redis.Redis"
) -> None:
    with suppress(StoreUnavailable), WaitingRoom(store, places=1).wait(5):
        raise StoreUnavailable

    assert raw.zcard(keyspace.WAITERS) == 1


def test_whoever_was_not_admitted_takes_no_place_from_another(
    store: Store, raw: "redis.Redis"
) -> None:
    room = WaitingRoom(store, places=1)

    with room.wait(5):
        with room.wait(5) as refused:
            assert not refused

        assert raw.zcard(keyspace.WAITERS) == 1


def test_place_of_a_dead_caller_is_free_once_its_time_is_over(
    store: Store, raw: "redis.Redis"
) -> None:
    room = WaitingRoom(store, places=1)
    dead = room.wait(5)
    dead.__enter__()
    (name,) = raw.zrange(keyspace.WAITERS, 0, -1)
    raw.zadd(keyspace.WAITERS, {str(name): 1})

    with room.wait(5) as admitted:
        assert admitted

    del dead


def test_place_is_kept_a_little_longer_than_the_wait(store: Store, raw: "redis.Redis") -> None:
    before = time.time() * 1000

    with WaitingRoom(store, places=1).wait(25):
        kept = raw.zrange(keyspace.WAITERS, 0, -1, withscores=True)
        assert float(kept[0][1]) - before >= 25_000


def test_room_without_places_lets_nobody_wait(store: Store) -> None:
    with WaitingRoom(store, places=0).wait(5) as admitted:
        assert not admitted


def test_no_wait_needs_no_place(store: Store, raw: "redis.Redis") -> None:
    with WaitingRoom(store, places=1).wait(0) as admitted:
        assert not admitted
        assert not raw.exists(keyspace.WAITERS)


def test_store_that_is_away_lets_nobody_wait(tmp_path: Path) -> None:
    nowhere = connect(f"unix://{tmp_path}/none.sock")

    with WaitingRoom(nowhere, places=1).wait(5) as admitted:
        assert not admitted
