"""Engines: what comes of every answer and every misbehaviour of a model's server."""

import asyncio
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from chalicelib import limits
from chalicelib.jobs import JsonObject
from chalicelib.settings import EngineSettings
from tests.worker.engine_server import (
    EngineServer,
    Exchange,
    delta,
    events,
    raw,
    refuse,
    stream,
    usage,
)
from worker.engines import EchoEngine, Engine, EngineFailure
from worker.openai_engine import TRIES, OpenAIEngine

pytestmark = pytest.mark.slow  # a server of its own

PROMPT: JsonObject = {"prompt": "secret words", "model": "asked-model"}


def openai_engine(url: str, *, model: str | None = None, silence: float = 5) -> OpenAIEngine:
    settings = EngineSettings(url=url, api_key=None, model=model, timeout_seconds=silence)
    return OpenAIEngine(settings, backoff_seconds=0.01)


def answer(engine: Engine, request: JsonObject) -> tuple[JsonObject, list[str]]:
    """Return the result and the pieces that were told on the way."""
    told: list[str] = []

    async def run() -> JsonObject:
        try:
            return await engine.run(request, told.append)
        finally:
            await engine.close()

    return asyncio.run(run()), told


def failure(engine: Engine, request: JsonObject) -> EngineFailure:
    with pytest.raises(EngineFailure) as caught:
        answer(engine, request)
    return caught.value


def test_streamed_pieces_are_told_in_order_and_joined_in_the_result(
    engine_server: EngineServer,
) -> None:
    result, told = answer(openai_engine(engine_server.url), PROMPT)

    assert told == ["Hello", " world"]
    assert result == {
        "text": "Hello world",
        "finish_reason": "stop",
        "engine": "openai",
        "model": "served-model",
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    }


def test_a_prompt_becomes_one_message_and_sampling_settings_are_passed_on(
    engine_server: EngineServer,
) -> None:
    sampling = {"max_tokens": 5.0, "temperature": 0.5, "top_p": 0.9, "stop": ["x"], "seed": 7}

    answer(openai_engine(engine_server.url), PROMPT | sampling | {"metadata": {"a": "b"}})

    assert engine_server.requests == [
        {
            "model": "asked-model",
            "messages": [{"role": "user", "content": "secret words"}],
            "stream": True,
            "stream_options": {"include_usage": True},
            **sampling,
        }
    ]
    assert isinstance(engine_server.requests[0]["max_tokens"], int)


def test_messages_are_passed_on_and_what_was_not_given_is_left_out(
    engine_server: EngineServer,
) -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]

    answer(openai_engine(engine_server.url, model="set-model"), {"messages": messages})

    (sent,) = engine_server.requests
    assert sent["messages"] == messages
    assert sent["model"] == "set-model"
    assert set(sent) == {"model", "messages", "stream", "stream_options"}


def test_without_a_named_model_the_first_listed_one_serves_and_is_asked_for_once(
    engine_server: EngineServer,
) -> None:
    engine = openai_engine(engine_server.url)

    async def twice() -> None:
        for _ in range(2):
            await engine.run({"prompt": "Hi"}, lambda _: None)
        await engine.close()

    asyncio.run(twice())

    assert [sent["model"] for sent in engine_server.requests] == ["first-model"] * 2
    assert engine_server.listings == 1


def test_no_named_and_no_listed_model_is_refused(engine_server: EngineServer) -> None:
    engine_server.models = []

    assert failure(openai_engine(engine_server.url), {"prompt": "Hi"}).code == "engine_refused"


@pytest.mark.parametrize("counts", [(None, "many", 1), (1, -1, 0), (1, 2**53, 2)])
def test_usage_is_null_when_the_engine_counts_nothing_usable(
    engine_server: EngineServer, counts: tuple[object, object, object]
) -> None:
    engine_server.steps.append(events(delta("Hi", "stop"), usage(*counts)))

    result, _ = answer(openai_engine(engine_server.url), PROMPT)

    assert result["usage"] is None


@pytest.mark.parametrize("status", [400, 422])
def test_an_engine_that_refuses_stream_options_is_asked_without_from_then_on(
    engine_server: EngineServer, status: int
) -> None:
    def strict(exchange: Exchange) -> None:
        step = refuse(status) if "stream_options" in exchange.body else stream("Hi")
        step(exchange)

    engine_server.otherwise = strict
    engine = openai_engine(engine_server.url)

    async def twice() -> list[JsonObject]:
        results = [await engine.run(PROMPT, lambda _: None) for _ in range(2)]
        await engine.close()
        return results

    results = asyncio.run(twice())

    assert [result["text"] for result in results] == ["Hi", "Hi"]
    asked = ["stream_options" in sent for sent in engine_server.requests]
    assert asked == [True, False, False]


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_busy_or_broken_engine_is_tried_again(engine_server: EngineServer, status: int) -> None:
    engine_server.steps.extend([refuse(status), refuse(status)])

    result, told = answer(openai_engine(engine_server.url), PROMPT)

    assert result["text"] == "Hello world"
    assert told == ["Hello", " world"]
    assert len(engine_server.requests) == 3


@pytest.mark.parametrize(
    ("status", "code"), [(429, "engine_rate_limited"), (500, "engine_unavailable")]
)
def test_tries_are_bounded_and_the_failure_names_the_status_alone(
    engine_server: EngineServer, status: int, code: str
) -> None:
    engine_server.otherwise = refuse(status)

    failed = failure(openai_engine(engine_server.url), PROMPT)

    assert failed.code == code
    assert failed.detail == f"the engine answered {status}"
    assert len(engine_server.requests) == TRIES


def test_retry_after_seconds_are_waited(engine_server: EngineServer) -> None:
    engine_server.steps.append(refuse(429, Retry_After="0.2"))
    began = time.monotonic()

    result, _ = answer(openai_engine(engine_server.url), PROMPT)

    assert result["text"] == "Hello world"
    assert time.monotonic() - began >= 0.2


@pytest.mark.parametrize("header", ["soon", "-1", "nan", "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_an_unusable_or_past_retry_after_is_passed_over(
    engine_server: EngineServer, header: str
) -> None:
    engine_server.steps.append(refuse(503, Retry_After=header))

    result, _ = answer(openai_engine(engine_server.url), PROMPT)

    assert result["text"] == "Hello world"


def test_a_retry_after_beyond_the_timeout_fails_at_once(engine_server: EngineServer) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    engine_server.steps.append(refuse(429, Retry_After=later))

    failed = failure(openai_engine(engine_server.url), PROMPT)

    assert failed.code == "engine_rate_limited"
    assert len(engine_server.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 404, 413])
def test_a_refusal_is_not_tried_again_and_its_body_is_not_repeated(
    engine_server: EngineServer, status: int
) -> None:
    engine_server.otherwise = refuse(status)

    failed = failure(openai_engine(engine_server.url), PROMPT)

    assert failed.code == "engine_refused"
    assert failed.detail == f"the engine answered {status}"
    assert len(engine_server.requests) == (2 if status == 400 else 1)


def test_an_engine_that_is_not_there_is_unavailable() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}/v1"

        assert failure(openai_engine(url), PROMPT).code == "engine_unavailable"


@pytest.mark.parametrize("pieces", [(), ("Hel", "lo")])
def test_a_hung_engine_times_out(engine_server: EngineServer, pieces: tuple[str, ...]) -> None:
    gate = threading.Event()
    engine_server.otherwise = stream(*pieces, "never", gate=gate)

    failed = failure(openai_engine(engine_server.url, silence=0.12), PROMPT)
    gate.set()

    assert failed.code == "engine_timeout"
    assert len(engine_server.requests) == 1


def test_keep_alive_comments_do_not_count_as_an_answer(engine_server: EngineServer) -> None:
    def drip(exchange: Exchange) -> None:
        exchange.begin()
        for _ in range(100):
            exchange.wfile.write(b": still there\n\n")
            time.sleep(0.02)

    engine_server.otherwise = drip

    assert failure(openai_engine(engine_server.url, silence=0.12), PROMPT).code == "engine_timeout"


def test_a_slow_engine_that_keeps_talking_is_not_timed_out(engine_server: EngineServer) -> None:
    def slow(exchange: Exchange) -> None:
        exchange.begin()
        for _ in range(6):
            time.sleep(0.06)
            exchange.event(delta("x"))
        exchange.event(delta(None, "stop"))

    engine_server.otherwise = slow

    result, _ = answer(openai_engine(engine_server.url, silence=0.125), PROMPT)

    assert result["text"] == "x" * 6


def test_a_stream_that_dies_after_text_is_interrupted_and_not_tried_again(
    engine_server: EngineServer,
) -> None:
    engine_server.steps.append(stream("Hel", "lo", finish=None))

    failed = failure(openai_engine(engine_server.url), PROMPT)

    assert failed.code == "engine_interrupted"
    assert len(engine_server.requests) == 1


def test_a_connection_cut_after_text_is_interrupted(engine_server: EngineServer) -> None:
    def cut(exchange: Exchange) -> None:
        exchange.send_response(200)
        exchange.send_header("Content-Type", "text/event-stream")
        exchange.send_header("Content-Length", "100000")
        exchange.end_headers()
        exchange.event(delta("Hel"))

    engine_server.steps.append(cut)

    assert failure(openai_engine(engine_server.url), PROMPT).code == "engine_interrupted"


def test_a_stream_that_dies_before_any_text_is_tried_again(engine_server: EngineServer) -> None:
    role_only = delta(None)
    error = {"error": {"message": "secret words", "code": 500}}
    engine_server.steps.extend([events(role_only), events(role_only, error)])

    result, told = answer(openai_engine(engine_server.url), PROMPT)

    assert result["text"] == "Hello world"
    assert told == ["Hello", " world"]


@pytest.mark.parametrize(
    "body",
    [
        b"<html>nginx</html>",
        b"data: {secret words\n\n",
        b"data: \xff\xfe\n\n",
        b'data: ["secret words"]\n\n',
        b'data: {"choices": "secret words"}\n\n',
        b'data: {"choices": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n\n",
        b'data: {"choices": [{"delta": {"content": {"secret": "words"}}}]}\n\n',
        b"",
    ],
)
def test_garbage_is_named_and_not_repeated(engine_server: EngineServer, body: bytes) -> None:
    engine_server.steps.append(raw(body))

    failed = failure(openai_engine(engine_server.url), PROMPT)

    assert failed.code == "engine_garbage"
    assert "secret" not in failed.detail


def test_an_answer_beyond_the_result_limit_is_refused(engine_server: EngineServer) -> None:
    most = "é" * (limits.RESULT_BYTES // 2)
    engine_server.steps.extend([stream(most), stream(most, "x")])
    url = engine_server.url

    result, _ = answer(openai_engine(url), PROMPT)
    failed = failure(openai_engine(url), PROMPT)

    assert result["text"] == most
    assert failed.code == "result_too_large"


def test_an_answer_that_lambda_could_not_carry_is_refused(engine_server: EngineServer) -> None:
    most = limits.RESULT_CARRIED_BYTES // 7
    engine_server.steps.extend([stream("\x7f" * most), stream("\x7f" * most, "\x01")])
    url = engine_server.url

    result, _ = answer(openai_engine(url), PROMPT)
    failed = failure(openai_engine(url), PROMPT)

    assert len(result["text"]) == most
    assert failed.code == "result_too_large"


def test_lone_surrogates_are_replaced(engine_server: EngineServer) -> None:
    engine_server.steps.append(stream("a\ud800b"))

    result, told = answer(openai_engine(engine_server.url), PROMPT)

    assert result["text"] == "a\ufffdb"
    assert told == ["a\ufffdb"]


def test_a_cancelled_run_hangs_up_on_the_engine(engine_server: EngineServer) -> None:
    gate, hung_up = threading.Event(), threading.Event()

    def endless(exchange: Exchange) -> None:
        exchange.begin()
        try:
            while not gate.wait(0.01):
                exchange.event(delta("x"))
        except OSError:
            hung_up.set()

    engine_server.steps.append(endless)
    engine = openai_engine(engine_server.url)

    async def run() -> None:
        begun = asyncio.Event()
        task = asyncio.create_task(engine.run(PROMPT, lambda _: begun.set()))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(hung_up.wait, 5)
        await engine.close()

    asyncio.run(run())
    gate.set()


def test_echo_answers_the_prompts_own_words_in_a_few_pieces() -> None:
    result, told = answer(EchoEngine(), {"prompt": "one two  three\nfour five six"})

    assert result == {
        "text": "one two three four five six",
        "finish_reason": "stop",
        "engine": "echo",
        "model": "echo",
        "usage": {"prompt_tokens": 6, "completion_tokens": 6, "total_tokens": 12},
    }
    assert "".join(told) == result["text"]
    assert 1 < len(told) <= 4


def test_echo_answers_the_last_message_and_stops_at_max_tokens() -> None:
    messages = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "a b c"}]

    result, _ = answer(EchoEngine(), {"messages": messages, "max_tokens": 2.0, "model": "m"})

    assert result["text"] == "a b"
    assert result["finish_reason"] == "length"
    assert result["model"] == "m"
    assert result["usage"]["prompt_tokens"] == 5


def test_echo_of_nothing_is_nothing() -> None:
    result, told = answer(EchoEngine(), {"prompt": "  "})

    assert result["text"] == ""
    assert told == []
