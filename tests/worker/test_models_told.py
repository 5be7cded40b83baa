"""Which models a worker tells of: its engine's, as long as engine and worker are there."""

import asyncio
import socket
import time
from functools import partial

import pytest

from chalicelib.model_lists import ModelLists
from chalicelib.store import Store
from tests.worker.doubles import Gated, work
from tests.worker.engine_server import EngineServer, raw, refuse
from tests.worker.harness import log_lines, wait_for
from tests.worker.test_engines import openai_engine
from worker import keeper, loop
from worker.engines import EchoEngine, Engine
from worker.openai_engine import OpenAIEngine
from worker.ways import Way


@pytest.fixture
def lists(store: Store) -> ModelLists:
    """The lists as callers see them."""
    return ModelLists(store)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask the engine often, and tell at once."""
    monkeypatch.setattr(loop, "MODELS_SECONDS", 0.05)
    monkeypatch.setattr(keeper, "BEAT_SECONDS", 0.05)


def models_of(engine: Engine) -> list[str]:
    async def run() -> list[str]:
        try:
            return list(await engine.models())
        finally:
            await engine.close()

    return asyncio.run(run())


def test_a_workers_models_are_listed_while_it_works(way: Way, lists: ModelLists, how: str) -> None:
    engine = Gated()
    engine.served = ["small", "no name", "org/large:7b", "small"]

    work(way, engine, lambda: wait_for(lambda: lists.models() == ["org/large:7b", "small"]))

    # Over HTTPS nothing tells of the end, and it counts for some seconds more.
    assert bool(lists.models()) is (how == "https")


def test_models_follow_the_engine(way: Way, lists: ModelLists) -> None:
    engine = Gated()

    def told(models: list[str]) -> bool:
        return lists.models() == models

    def meanwhile() -> None:
        for models in (["one"], ["one", "two"], []):
            engine.served = models
            wait_for(partial(told, models))

    work(way, engine, meanwhile)


def test_echo_serves_its_one_name() -> None:
    assert models_of(EchoEngine()) == ["echo"]


@pytest.mark.slow
def test_an_engine_is_asked_for_its_models_once_in_a_while(engine_server: EngineServer) -> None:
    engine = openai_engine(engine_server.url)

    async def often() -> list[list[str]]:
        told = [list(await engine.models()) for _ in range(3)]
        await engine.run({"prompt": "Hi"}, lambda _: None)
        await engine.close()
        return told

    assert asyncio.run(often()) == [["first-model", "second-model"]] * 3
    assert engine_server.listings == 1


@pytest.mark.slow
def test_the_model_that_is_set_comes_first(engine_server: EngineServer) -> None:
    models = models_of(openai_engine(engine_server.url, model="set-model"))

    assert models == ["set-model", "first-model", "second-model"]


@pytest.mark.parametrize(("model", "left"), [(None, []), ("set-model", ["set-model"])])
def test_an_engine_that_is_away_serves_nothing_but_what_is_set(
    model: str | None, left: list[str]
) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}/v1"

        assert models_of(openai_engine(url, model=model)) == left


@pytest.mark.slow
def test_an_engine_that_comes_back_is_asked_again(engine_server: EngineServer) -> None:
    engine = openai_engine(engine_server.url)
    good = engine_server.list_models

    async def run() -> list[list[str]]:
        engine_server.list_models = lambda exchange: exchange.reply(503, b"", "text/plain")
        away = list(await engine.models())
        engine_server.list_models = good
        back = list(await engine.models())
        await engine.close()
        return [away, back]

    assert asyncio.run(run()) == [[], ["first-model", "second-model"]]


@pytest.mark.slow
@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b'{"data": "models"}',
        b'{"data": [7, {"id": 7}, {}, null, {"id": ""}]}',
        b"{" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
    ],
)
def test_a_list_that_is_none_holds_no_models(engine_server: EngineServer, body: bytes) -> None:
    engine_server.list_models = raw(body, "application/json")

    assert models_of(openai_engine(engine_server.url)) == []


def test_a_list_that_nobody_foresaw_ends_neither_the_telling_nor_the_worker(
    way: Way, lists: ModelLists, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = Gated()

    def meanwhile() -> None:
        for served in (["one"], None, ["two"], None):
            engine.served = served  # type: ignore[assignment]
            expected = [] if served is None else served
            wait_for(partial(lambda models: lists.models() == models, expected))

    work(way, engine, meanwhile)

    failed = [
        line for line in log_lines(capsys.readouterr().out) if line["event"] == "models.failed"
    ]
    assert [(line["level"], line["error"]) for line in failed] == [("ERROR", "TypeError")] * 2
    assert engine.closed


@pytest.mark.slow
def test_an_engine_that_never_lists_keeps_nobody_waiting(
    engine_server: EngineServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.openai_engine.MODELS_SECONDS", 0.1)
    engine_server.list_models = lambda _: time.sleep(1)

    began = time.monotonic()
    models = models_of(openai_engine(engine_server.url))

    assert models == []
    assert time.monotonic() - began < 1


@pytest.mark.slow
def test_the_trace_goes_on_to_the_engine(engine_server: EngineServer) -> None:
    engine: OpenAIEngine = openai_engine(engine_server.url)
    engine_server.steps.append(refuse(503))
    step = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    async def run() -> None:
        await engine.run({"prompt": "Hi", "model": "m"}, lambda _: None, step)
        await engine.run({"prompt": "Hi", "model": "m"}, lambda _: None)
        await engine.close()

    asyncio.run(run())

    assert engine_server.traceparents == [step, step, None]
