"""Models: what live workers tell of, for as long as they live."""

import json

import pytest
import redis

from chalicelib import keyspace, limits
from chalicelib.bounds import RetentionSettings
from chalicelib.leasing import JobLeases
from chalicelib.model_lists import ModelLists
from chalicelib.store import Store
from chalicelib.upkeep import Upkeep
from tests.store.harness import SETTINGS, now_ms

SILENT_MS = limits.WORKER_SILENT_SECONDS * 1000


@pytest.fixture
def lists(store: Store) -> ModelLists:
    """The lists as callers see them."""
    return ModelLists(store)


def test_models_of_all_live_workers_are_listed_once_and_sorted(
    lists: ModelLists, leases: JobLeases
) -> None:
    leases.beat("one", 1, ["small", "org/large:7b"])
    leases.beat("two", 1, ["tiny", "small"])

    assert lists.models() == ["org/large:7b", "small", "tiny"]


def test_what_a_worker_tells_replaces_what_it_told_and_saying_nothing_leaves_it(
    lists: ModelLists, leases: JobLeases
) -> None:
    leases.beat("one", 1, ["old", "kept"])
    leases.beat("one", 1, ["kept", "new"])
    leases.beat("one", 1)

    assert lists.models() == ["kept", "new"]


def test_a_worker_whose_engine_went_away_lists_nothing(
    lists: ModelLists, leases: JobLeases, raw: "redis.Redis"
) -> None:
    leases.beat("one", 1, ["small"])
    leases.beat("one", 1, [])

    assert lists.models() == []
    assert not raw.exists(keyspace.MODELS)


def test_models_go_with_a_worker_that_ends(
    lists: ModelLists, leases: JobLeases, raw: "redis.Redis"
) -> None:
    leases.beat("ended", 1, ["gone"])
    leases.beat("alive", 1, ["here"])
    leases.beat("ended", 0, ["gone"])

    assert lists.models() == ["here"]
    assert raw.hkeys(keyspace.MODELS) == ["alive"]


def test_models_of_a_silent_worker_are_out_at_once_and_forgotten_by_the_next_beat(
    lists: ModelLists, leases: JobLeases, raw: "redis.Redis"
) -> None:
    leases.beat("silent", 1, ["gone"])
    raw.zadd(keyspace.WORKERS, {"silent": now_ms(raw) - SILENT_MS - 1})

    listed = lists.models()
    leases.beat("alive", 1, ["here"])

    assert listed == []
    assert raw.hkeys(keyspace.MODELS) == ["alive"]


def test_models_left_behind_by_a_beat_of_an_older_release_are_trimmed_by_the_tick(
    store: Store, leases: JobLeases, raw: "redis.Redis"
) -> None:
    leases.beat("alive", 1, ["here"])
    raw.hset(keyspace.MODELS, "forgotten by 0.4.0", '["gone"]')

    Upkeep(store, SETTINGS, RetentionSettings(), lambda: 0.0).tick()

    assert raw.hkeys(keyspace.MODELS) == ["alive"]


def test_what_no_request_can_name_and_what_is_beyond_the_bound_is_left_out(
    lists: ModelLists, leases: JobLeases, raw: "redis.Redis"
) -> None:
    longest = "m" * limits.MODEL_CHARS
    odd = ["", ".hidden", "two words", longest + "m", "é"]
    many = [f"model-{number}" for number in range(limits.WORKER_MODELS + 1)]

    leases.beat("odd", 1, [*odd, longest])
    leases.beat("many", 1, many)

    assert longest in lists.models()
    assert json.loads(str(raw.hget(keyspace.MODELS, "odd"))) == [longest]
    assert json.loads(str(raw.hget(keyspace.MODELS, "many"))) == many[:-1]
