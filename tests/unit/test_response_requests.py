"""POST /v1/responses: its body as the chat that engines know."""

from typing import Any, get_type_hints

import pytest
from openai.types.responses import response_create_params

from chalicelib import chat, limits, responses, schemas, validation
from chalicelib.errors import InvalidBody
from chalicelib.jobs import JobState
from tests.unit.openai_jobs import CALL, chatted, responded, result

FUNCTION = {"name": "weather", "description": "Tells it.", "parameters": {"type": "object"}}
TOOL = {"type": "function", **FUNCTION, "strict": True}


def request(given: Any = "Hi", **body: Any) -> dict[str, Any]:
    whole = {"input": given, **body}
    validation.check("response_request", whole)
    return responses.job_request(whole, None)


def refusal_of(body: dict[str, Any], previous: Any = None) -> list[str]:
    whole = {"input": "Hi", **body}
    try:
        validation.check("response_request", whole)
        responses.job_request(whole, previous)
    except InvalidBody as refusal:
        return [error.pointer for error in refusal.errors]
    return []


def said(text: str, kind: str = "input_text") -> dict[str, Any]:
    return {"type": kind, "text": text}


IMAGE = {"type": "input_image", "image_url": "data:,", "detail": "low"}
FILE = {"file_data": "data:,", "filename": "a.pdf"}
CALLED = {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": "{}"}


@pytest.mark.parametrize(
    ("given", "messages"),
    [
        ("Hi", [{"role": "user", "content": "Hi"}]),
        ([{"role": "user", "content": "Hi"}], [{"role": "user", "content": "Hi"}]),
        (
            [{"type": "message", "role": "developer", "content": [said("Hi")]}],
            [{"role": "developer", "content": "Hi"}],
        ),
        (
            [{"role": "user", "content": [said("a"), said("b")]}],
            [{"role": "user", "content": [said("a", "text"), said("b", "text")]}],
        ),
        (
            [{"role": "user", "content": [IMAGE]}],
            [{"role": "user", "content": [
                {"type": "image_url", "image_url": {"url": "data:,", "detail": "low"}}]}],
        ),
        (
            [{"role": "user", "content": [{"type": "input_file", **FILE}]}],
            [{"role": "user", "content": [{"type": "file", "file": FILE}]}],
        ),
        (
            [{"id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
              "content": [said("a", "output_text"), {"type": "refusal", "refusal": "b"}]}],
            [{"role": "assistant", "content": "ab"}],
        ),
        (
            [{"type": "reasoning", "id": "rs_1", "summary": []}, {"role": "user", "content": "Hi"}],
            [{"role": "user", "content": "Hi"}],
        ),
        (
            [CALLED, CALLED | {"call_id": "call_2"},
             {"type": "function_call_output", "call_id": "call_1", "output": "rain"},
             {"type": "function_call_output", "call_id": "call_2", "output": [said("sun")]}],
            [{"role": "assistant", "content": None, "tool_calls": [CALL, CALL | {"id": "call_2"}]},
             {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
             {"role": "tool", "tool_call_id": "call_2", "content": "sun"}],
        ),
        (
            [{"role": "assistant", "content": "I look"}, CALLED],
            [{"role": "assistant", "content": "I look", "tool_calls": [CALL]}],
        ),
    ],
)  # fmt: skip
def test_each_item_becomes_what_engines_know(given: Any, messages: list[Any]) -> None:
    assert request(given)["messages"] == messages


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({"model": "tiny", "temperature": 0}, {"model": "tiny", "temperature": 0}),
        ({"max_output_tokens": 7}, {"max_tokens": 7}),
        ({"metadata": {"a": "b"}}, {"metadata": {"a": "b"}}),
        ({"tools": [TOOL]},
         {"options": {"tools": [{"type": "function", "function": FUNCTION | {"strict": True}}]}}),
        ({"tools": []}, {}),
        ({"tool_choice": "required"}, {"options": {"tool_choice": "required"}}),
        ({"tool_choice": {"type": "function", "name": "f"}},
         {"options": {"tool_choice": {"type": "function", "function": {"name": "f"}}}}),
        ({"parallel_tool_calls": False}, {"options": {"parallel_tool_calls": False}}),
        ({"text": {"format": {"type": "text"}}}, {}),
        ({"text": {"format": {"type": "json_object"}, "verbosity": "low"}},
         {"options": {"response_format": {"type": "json_object"}, "verbosity": "low"}}),
        ({"text": {"format": {"type": "json_schema", "name": "n", "schema": {}, "strict": True}}},
         {"options": {"response_format": {"type": "json_schema", "json_schema":
             {"name": "n", "schema": {}, "strict": True}}}}),
        ({"reasoning": {"effort": "low", "summary": "auto"}},
         {"options": {"reasoning_effort": "low"}}),
        ({"top_logprobs": 2}, {"options": {"logprobs": True, "top_logprobs": 2}}),
        ({"include": ["message.output_text.logprobs"]}, {"options": {"logprobs": True}}),
        ({"include": ["reasoning.encrypted_content"]}, {}),
        ({"guided_json": {}}, {"options": {"guided_json": {}}}),
        ({"store": False, "user": "ada", "truncation": "auto", "background": True}, {}),
    ],
)  # fmt: skip
def test_a_member_is_told_to_the_engine_in_its_words(
    body: dict[str, Any], wanted: dict[str, Any]
) -> None:
    found = request(**body)

    del found["openai"], found["messages"]
    assert found == wanted


def test_every_member_that_openai_defines_is_known_or_passed_on_on_purpose() -> None:
    defined = get_type_hints(response_create_params.ResponseCreateParamsBase).keys()
    shaped = {"input", "include", "tools", "tool_choice", "text", "reasoning", *responses.REFUSED}

    found = responses.job_request({"input": "Hi", **dict.fromkeys(defined - shaped, "x")}, None)

    assert found["options"].keys() == {"parallel_tool_calls", "logprobs", "top_logprobs"}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"tools": [{"type": "web_search"}]}, "/tools/0/type"),
        ({"tools": [TOOL, {"type": "custom", "name": "x"}]}, "/tools/1/type"),
        ({"tools": [{"type": "function"}]}, "/tools/0/name"),
        ({"tool_choice": {"type": "file_search"}}, "/tool_choice"),
        ({"text": {"format": {"type": "grammar"}}}, "/text/format/type"),
        ({"conversation": "conv_1"}, "/conversation"),
        ({"prompt": {"id": "pmpt_1"}}, "/prompt"),
        ({"max_tokens": 7}, "/max_tokens"),
        ({"max_completion_tokens": 7}, "/max_completion_tokens"),
        ({"n": 1}, "/n"),
        ({"response_format": {"type": "json_object"}}, "/response_format"),
        ({"messages": []}, "/messages"),
        ({"functions": []}, "/functions"),
        ({"function_call": "auto"}, "/function_call"),
        ({"image": {}}, "/image"),
        ({"context_management": []}, "/context_management"),
        ({"input": []}, "/input"),
        ({"input": [{"type": "web_search_call"}]}, "/input/0/type"),
        ({"input": [{"role": "llama", "content": "Hi"}]}, "/input/0/role"),
        ({"input": [{"role": "user"}]}, "/input/0/content"),
        ({"input": [{"role": "user", "content": [1]}]}, "/input/0/content/0/type"),
        ({"input": [{"role": "user", "content": [{"type": ["text"]}]}]}, "/input/0/content/0/type"),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]},
         "/input/0/content/0/image_url"),
        ({"input": [{"type": "function_call", "name": "f", "arguments": "{}"}]},
         "/input/0/call_id"),
        ({"input": [{"type": "function_call_output", "call_id": "c"}]}, "/input/0/output"),
        ({"temperature": "hot"}, "/temperature"),
    ],
)  # fmt: skip
def test_what_cannot_be_had_is_refused_by_its_name(body: dict[str, Any], pointer: str) -> None:
    assert refusal_of(body) == [pointer]


def test_null_is_as_good_as_absent_for_every_member_but_the_input() -> None:
    known = schemas.load("response_request")["properties"].keys() - {"input"}

    assert request(**dict.fromkeys(known)) == request()


def test_a_response_goes_on_from_the_one_before_without_its_instructions() -> None:
    previous = responded({"instructions": "Be brief", "input": "Hi"}, result=result("Hello"))

    found = responses.job_request({"input": "And?", "instructions": "Be long"}, previous)

    assert found["messages"] == [
        {"role": "system", "content": "Be long"},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "And?"},
    ]


def test_what_a_tool_gave_follows_the_call_of_the_response_before() -> None:
    previous = responded(result=result("", message={"tool_calls": [CALL]}))
    output = {"type": "function_call_output", "call_id": "call_1", "output": "rain"}

    found = responses.job_request({"input": [output]}, previous)

    assert found["messages"][1:] == [
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
    ]


@pytest.mark.parametrize(
    "previous",
    [responded(state=state) for state in JobState if state is not JobState.SUCCEEDED]
    + [chatted(), responded(result=result("x" * limits.BODY_BYTES))],
)
def test_a_response_goes_on_from_no_other(previous: Any) -> None:
    assert refusal_of({"previous_response_id": "resp_1"}, previous) == ["/previous_response_id"]


@pytest.mark.parametrize(
    ("body", "now"),
    [(None, False), ({}, False), ({"background": True}, True),
     ({"background": None}, False), ({"background": True, "stream": True}, False)],
)  # fmt: skip
def test_only_what_runs_in_the_background_and_is_no_stream_is_answered_at_once(
    body: dict[str, Any] | None,
    now: bool,  # noqa: FBT001
) -> None:
    assert responses.at_once(body) == now


def test_no_member_is_both_the_engines_and_openais() -> None:
    assert not set(responses.ECHOED) & set(responses.REFUSED)
    assert not set(chat.SAMPLING) & chat.NOT_THE_ENGINES.keys()
