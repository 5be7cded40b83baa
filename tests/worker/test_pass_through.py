"""What an engine is sent and what it says beside its text: options, tool calls, likelihoods."""

import json
from typing import Any

import pytest

from chalicelib import limits
from chalicelib.jobs import JsonObject
from tests.worker.engine_server import EngineServer, delta, events, raw, said, usage
from tests.worker.test_engines import answer, failure, openai_engine
from worker.completion import Completion
from worker.engines import EchoEngine, EngineFailure

pytestmark = pytest.mark.slow  # a server of its own

PROMPT: JsonObject = {"prompt": "secret words", "model": "asked-model"}
OPTIONS: JsonObject = {
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "get_weather",
                "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
                "strict": True,
            },
        }
    ],
    "tool_choice": {"type": "function", "function": {"name": "get_weather"}},
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "été", "schema": {"z": 1, "a": [1.0, 1e-7, 12345678901234567890]}},
    },
    "logprobs": True,
    "top_logprobs": 2,
    "frequency_penalty": -0.0,
    "logit_bias": {"50256": -100},
    "parallel_tool_calls": False,
    "chat_template_kwargs": {"enable_thinking": False, "\U0001f600": None},
    "user": None,
    "unknown_field": [[], {}, "", "\u2028 \x7f \U0001f600"],
}
CITY = {"name": "get_weather", "arguments": '{"city":"Oslo"}'}


def spelled(raw_json: str | bytes) -> Any:
    """Read JSON so that order, doubles and the spelling of numbers count."""
    return json.loads(raw_json, object_pairs_hook=list, parse_int=str, parse_float=str)


def call(index: int | None = 0, **more: object) -> JsonObject:
    """Return one piece of a tool call."""
    return ({} if index is None else {"index": index}) | more


def said_by(server: EngineServer, *chunks: JsonObject) -> JsonObject:
    """Return the result of a stream of *chunks* that then ends well."""
    server.steps.append(events(*chunks, said("stop")))
    result, _ = answer(openai_engine(server.url), PROMPT)
    return result


LEAST = -9999.0


def likely(token: str, **more: object) -> JsonObject:
    return {"token": token, "logprob": -0.25, "bytes": None} | more


def test_options_arrive_as_the_caller_spelled_them(engine_server: EngineServer) -> None:
    answer(openai_engine(engine_server.url), PROMPT | {"options": OPTIONS})

    sent = dict(spelled(engine_server.raw_requests[0]))
    assert {name: sent[name] for name in OPTIONS} == dict(spelled(json.dumps(OPTIONS)))


def test_messages_of_any_form_arrive_as_they_are(engine_server: EngineServer) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "x"}}
    messages = [
        {"role": "developer", "content": [{"type": "text", "text": "Be brief.", "more": 1.0}]},
        {"role": "user", "name": "ann", "content": [{"type": "text", "text": "Look:"}, image]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c1", "type": "function", "function": CITY}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "12 °C"},
        {"role": "user", "content": [], "unknown": {"a": None}},
    ]

    answer(openai_engine(engine_server.url), {"messages": messages, "model": "m"})

    sent = dict(spelled(engine_server.raw_requests[0]))
    assert sent["messages"] == spelled(json.dumps(messages))


def test_no_option_speaks_for_the_job_or_for_the_worker(engine_server: EngineServer) -> None:
    options = {
        "model": "other",
        "messages": [],
        "stream": False,
        "stream_options": {"include_usage": False},
        "n": 4,
        "temperature": 2,
        "top_k": 1,
    }

    answer(openai_engine(engine_server.url), PROMPT | {"temperature": 0.5, "options": options})

    assert engine_server.requests == [
        {
            "model": "asked-model",
            "messages": [{"role": "user", "content": "secret words"}],
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": 0.5,
            "top_k": 1,
        }
    ]


def test_what_the_door_keeps_for_itself_never_reaches_the_engine(
    engine_server: EngineServer,
) -> None:
    kept = {"api": "responses", "instructions": "not the engine's"}

    answer(openai_engine(engine_server.url), PROMPT | {"openai": kept, "metadata": {"a": "b"}})

    assert set(engine_server.requests[0]) == {"model", "messages", "stream", "stream_options"}
    assert b"not the engine's" not in engine_server.raw_requests[0]


def test_tool_calls_are_put_together_by_their_index(engine_server: EngineServer) -> None:
    result = said_by(
        engine_server,
        said(tool_calls=[call(0, id="c1", type="function", function=CITY | {"arguments": ""})]),
        said(tool_calls=[call(1, id="c2", type="function", function={"name": "get_time"})]),
        said(tool_calls=[call(0, function={"arguments": '{"city":'})]),
        said(tool_calls=[call(1, function={"arguments": "{}"}), call(0, function=None)]),
        said(tool_calls=[call(0, function={"name": None, "arguments": '"Oslo"}'})]),
    )

    assert result["text"] == ""
    assert result["message"] == {
        "tool_calls": [
            {"id": "c1", "type": "function", "function": CITY},
            {"id": "c2", "type": "function", "function": {"name": "get_time", "arguments": "{}"}},
        ]
    }


@pytest.mark.parametrize("index", [0, None], ids=["one index for all", "no index"])
def test_another_id_is_another_call_whatever_the_index(
    engine_server: EngineServer, index: int | None
) -> None:
    result = said_by(
        engine_server,
        said(tool_calls=[call(index, id="c1", function=CITY)]),
        said(tool_calls=[call(index, id="c2", function=CITY | {"arguments": "{"})]),
        said(tool_calls=[call(index, id="c2", function=CITY | {"arguments": "}"})]),
    )

    told = [(each["id"], each["function"]) for each in result["message"]["tool_calls"]]
    assert told == [("c1", CITY), ("c2", CITY | {"arguments": "{}"})]


def test_a_call_that_the_engine_gave_no_id_gets_one_of_its_own(engine_server: EngineServer) -> None:
    nameless = [call(0, function=CITY), call(1, id="", function=CITY)]

    result = said_by(engine_server, said(tool_calls=nameless))

    first, second = (each["id"] for each in result["message"]["tool_calls"])
    assert first.startswith("call_")
    assert first != second


def whole(name: str, arguments: str = "{}", **more: object) -> JsonObject:
    """Return a call as engines send it that send it whole."""
    return {"type": "function", "function": {"name": name, "arguments": arguments}} | more


def piece(arguments: str, **more: object) -> JsonObject:
    """Return what follows on a call's name."""
    return {"function": {"arguments": arguments}} | more


F, G = ("f", '{"a":1}'), ("g", '{"b":2}')
FORMS: dict[str, tuple[list[list[JsonObject]], list[tuple[str, str]]]] = {
    "llama.cpp before b5500 and Ollama: all in one delta, no index": (
        [[whole(*F), whole(*G)]],
        [F, G],
    ),
    "the same, one name twice": ([[whole("f"), whole("f")]], [("f", "{}")] * 2),
    "the same, with ids": ([[whole(*F, id="c1"), whole(*G, id="c2")]], [F, G]),
    "a whole call in each delta": ([[whole(*F)], [whole(*G)]], [F, G]),
    "the same, one name twice, arguments of their own": (
        [[whole(*F)], [whole("f", "{}")]],
        [F, ("f", "{}")],
    ),
    "a whole call without arguments, then another": (
        [[whole("f", "")], [whole(*G)]],
        [("f", ""), G],
    ),
    "Ollama: each call whole, all of index 0": (
        [[whole(*F, index=0)], [whole(*G, index=0)]],
        [F, G],
    ),
    "names, then arguments, no index": (
        [[whole("f", "")], [piece('{"a"')], [piece(":1}")], [whole("g", "")], [piece('{"b":2}')]],
        [F, G],
    ),
    "two batches, no index": (
        [[whole(*F), whole(*G)], [whole(*G), whole(*F)]],
        [F, G, G, F],
    ),
    "names side by side, then arguments side by side": (
        [[whole("f", ""), whole("g", "")], [piece('{"a":1}'), piece('{"b":2}')]],
        [F, G],
    ),
    "vLLM: an index, the id and the name first": (
        [
            [whole("f", "", index=0, id="c1")],
            [piece('{"a"', index=0)],
            [piece(":1}", index=0)],
            [whole("g", "", index=1, id="c2")],
            [piece('{"b":2}', index=1)],
        ],
        [F, G],
    ),
    "an index, and the name with each piece": (
        [[whole("f", '{"a"', index=0)], [whole("f", ":1}", index=0)]],
        [F],
    ),
    "an index, and the name in pieces": (
        [[whole("ge", "", index=0)], [whole("t", "{}", index=0)]],
        [("get", "{}")],
    ),
    "types that are none": ([[whole(*F, type="tool"), whole(*G, type=None)]], [F, G]),
    "an id with each piece, and the name": (
        [[whole("f", '{"a"', id="c1")], [whole("f", ":1}", id="c1")]],
        [F],
    ),
}


@pytest.mark.parametrize(("deltas", "calls"), FORMS.values(), ids=FORMS)
def test_each_call_is_read_as_one_whatever_form_the_engine_gives_it(
    deltas: list[list[JsonObject]], calls: list[tuple[str, str]]
) -> None:
    completion = Completion(lambda _: None)

    for items in deltas:
        completion.take(said(tool_calls=items))
    completion.take(said("tool_calls"))

    told = completion.result()["message"]["tool_calls"]
    assert [(each["function"]["name"], each["function"]["arguments"]) for each in told] == calls
    assert len({each["id"] for each in told}) == len(calls)
    assert {each["type"] for each in told} == {"function"}


@pytest.mark.parametrize("nothing", [None, {}, {"name": None, "arguments": ""}])
def test_a_function_call_that_is_none_is_nothing(nothing: object) -> None:
    completion = Completion(lambda _: None)

    completion.take(said("stop", content="Hi", function_call=nothing))

    assert completion.result()["text"] == "Hi"


def test_a_last_chunk_without_choices_costs_no_answer(engine_server: EngineServer) -> None:
    counted = usage(1, 2, 3) | {"choices": None}

    result = said_by(engine_server, delta("Hi"), counted)

    assert (result["text"], result["usage"]["total_tokens"]) == ("Hi", 3)


def test_text_refusal_and_reasoning_are_kept_apart(engine_server: EngineServer) -> None:
    engine_server.steps.append(
        events(
            said(role="assistant", content="", reasoning_content="Let me "),
            said(reasoning_content="think.", reasoning="So"),
            delta("Hello"),
            said(refusal="I can"),
            said("stop", refusal="not.", unknown={"more": 1}),
        )
    )

    result, told = answer(openai_engine(engine_server.url), PROMPT)

    assert told == ["Hello"]
    assert result["text"] == "Hello"
    assert result["message"] == {
        "reasoning_content": "Let me think.",
        "reasoning": "So",
        "refusal": "I cannot.",
    }


def test_likelihoods_are_joined(engine_server: EngineServer) -> None:
    top = [likely("Hi", bytes=[72, 105], more="dropped"), likely("Ho", logprob=None)]
    result = said_by(
        engine_server,
        said(logprobs={"content": [likely("He", top_logprobs=top)], "refusal": None}, content="He"),
        said(logprobs=None),
        said(logprobs={"content": [likely("l\ud800", more=1)], "refusal": [likely("no")]}),
        said(logprobs={"content": None}),
    )

    assert result["logprobs"] == {
        "content": [
            likely("He", top_logprobs=[likely("Hi", bytes=[72, 105]), likely("Ho", logprob=LEAST)]),
            likely("l\ufffd", top_logprobs=[]),
        ],
        "refusal": [likely("no", top_logprobs=[])],
    }


def test_a_plain_answer_has_neither_message_nor_logprobs(engine_server: EngineServer) -> None:
    result = said_by(engine_server, said(role="assistant", tool_calls=[], refusal=""), delta("Hi"))

    assert set(result) == {"text", "finish_reason", "engine", "model", "usage"}


def test_usage_keeps_its_three_numbers_alone(engine_server: EngineServer) -> None:
    counted = usage(1, 2, 3)
    counted["usage"] |= {"completion_tokens_details": {"reasoning_tokens": 1}}

    result = said_by(engine_server, delta("Hi"), counted)

    assert result["usage"] == {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}


@pytest.mark.parametrize(
    "chunk",
    [
        said(tool_calls="secret"),
        said(tool_calls=["secret"]),
        said(tool_calls=[call(0, id=7, function=CITY)]),
        said(tool_calls=[call(0, function="secret")]),
        said(tool_calls=[call(0, function={"name": "f", "arguments": {"a": "secret"}})]),
        said(tool_calls=[call(0, id="c1", function={"arguments": "{}"})]),
        said(tool_calls=[call(-1, function=CITY)]),
        said(tool_calls=[{"index": True, "function": CITY}]),
        said(tool_calls=[call(0, id="c" * 257, function=CITY)]),
        said(refusal=["secret"]),
        said(reasoning_content=7),
        said(function_call={"name": "f", "arguments": "secret"}),
        {"choices": "secret"},
        {"model": "secret"},
        None,
    ],
)
def test_what_is_no_completion_is_garbage(engine_server: EngineServer, chunk: JsonObject) -> None:
    engine_server.steps.append(events(chunk, said("stop")))

    failed = failure(openai_engine(engine_server.url), PROMPT)

    assert failed.code == "engine_garbage"
    assert "secret" not in failed.detail


@pytest.mark.parametrize(
    "odd",
    [
        [],
        ["secret"],
        {"content": "secret"},
        {"content": [{"token": "a"}]},
        {"content": [likely("a", logprob="low")]},
        {"content": [likely("a", logprob=10**400)]},
        {"content": [likely("a", bytes=[256])]},
        {"content": [likely("a", top_logprobs=[None])]},
        {"refusal": [{}]},
    ],
)
def test_likelihoods_that_cannot_be_read_are_left_out_and_no_answer_is_lost(
    engine_server: EngineServer, odd: object
) -> None:
    good = {"content": [likely("a")]}
    chunks = [said(content="Hi", logprobs=each) for each in (good, odd, good)]

    result = said_by(engine_server, *chunks)

    # A list with a hole would tell another token's likelihood.
    assert (result["text"], "logprobs" in result) == ("HiHiHi", False)


@pytest.mark.parametrize(
    ("number", "told"),
    [("NaN", None), ("Infinity", None), ("1e999", None)]
    + [(least, LEAST) for least in ("-Infinity", "-1e999", "null", "-10000", "-1" + "0" * 400)]
    + [("-1", -1.0), ("0", 0.0)],
)
def test_a_likelihood_is_a_double_or_none_is_kept(
    engine_server: EngineServer, number: str, told: float | None
) -> None:
    chunk = json.dumps(said("stop", content="a", logprobs={"content": [likely("a")]}))
    engine_server.steps.append(raw(f"data: {chunk.replace('-0.25', number)}\n\n".encode()))

    result, _ = answer(openai_engine(engine_server.url), PROMPT)

    found = [each["logprob"] for each in result.get("logprobs", {}).get("content", [])]
    assert found == ([] if told is None else [told])
    assert all(type(each) is float for each in found)


MOST = limits.RESULT_BYTES


@pytest.mark.parametrize(
    "chunks",
    [
        [said(reasoning="x" * (MOST // 2)), delta("x" * (MOST // 2 + 1))],
        [said(tool_calls=[call(0, function={"name": "f", "arguments": "x" * MOST})])],
        [said(tool_calls=[call(n, function=CITY) for n in range(limits.TOOL_CALLS + 1)])],
        [said(logprobs={"content": [likely("x") for _ in range(2000)]}) for _ in range(10)],
        [said(refusal="\x01" * (limits.RESULT_CARRIED_BYTES // 7 + 1))],
    ],
    ids=["text and reasoning", "arguments", "calls", "likelihoods", "control characters"],
)
def test_all_that_is_said_is_bounded_together(
    engine_server: EngineServer, chunks: list[JsonObject]
) -> None:
    engine_server.steps.append(events(*chunks, said("stop")))

    assert failure(openai_engine(engine_server.url), PROMPT).code == "result_too_large"


@pytest.mark.parametrize(
    "chunk",
    [
        said(reasoning_content="x" * 1024),
        said(refusal="x" * 1024),
        said(tool_calls=[call(0, function={"arguments": "x" * 1024})]),
        said(logprobs={"content": [likely("x" * 1024)]}),
    ],
    ids=["reasoning", "refusal", "arguments", "likelihoods"],
)
def test_what_never_ends_is_not_kept_for_ever(chunk: JsonObject) -> None:
    completion = Completion(lambda _: None)

    def go_on() -> None:
        for _ in range(MOST // 1024 + 1):
            completion.take(chunk)

    with pytest.raises(EngineFailure) as caught:
        go_on()

    assert caught.value.code == "result_too_large"


def test_names_and_brackets_count_too() -> None:
    completion = Completion(lambda _: None)
    for _ in range(16):
        completion.take(said(reasoning="x" * (MOST // 16)))
    completion.take(said("stop"))

    with pytest.raises(EngineFailure) as caught:
        completion.result()

    assert caught.value.code == "result_too_large"


def test_an_answer_of_tool_calls_that_breaks_off_is_tried_again(
    engine_server: EngineServer,
) -> None:
    engine_server.steps.append(events(said(tool_calls=[call(0, id="c1", function=CITY)])))

    result, _ = answer(openai_engine(engine_server.url), PROMPT)

    assert (result["text"], "message" in result) == ("Hello world", False)
    assert len(engine_server.requests) == 2


TEXT_PARTS = [{"type": "text", "text": "one two"}, {"type": "image_url", "image_url": {"url": "x"}}]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([*TEXT_PARTS, {"type": "text", "text": "three"}], "one two three"),
        ([], ""),
        (None, ""),
        ([None, 7, {"text": 7}, {}], ""),
        ("four", "four"),
    ],
)
def test_echo_answers_the_texts_of_any_content(content: object, text: str) -> None:
    messages = [{"role": "user", "content": "a b"}, {"role": "tool", "content": content}]

    result, _ = answer(EchoEngine(), {"messages": messages, "options": OPTIONS})

    assert result["text"] == text
    assert result["usage"]["prompt_tokens"] == 2 + len(text.split())
    assert set(result) == {"text", "finish_reason", "engine", "model", "usage"}


@pytest.mark.parametrize("messages", [[], [{"role": "assistant", "tool_calls": []}]])
def test_echo_of_messages_without_content_is_nothing(messages: list[JsonObject]) -> None:
    result, told = answer(EchoEngine(), {"messages": messages})

    assert (result["text"], told) == ("", [])
