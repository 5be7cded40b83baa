"""POST /v1/chat/completions: what of its body the job asks, and what the engine is told."""

from typing import Any, get_type_hints

import pytest
from openai.types.chat import completion_create_params

from chalicelib import chat, schemas, validation
from chalicelib.errors import FieldError, InvalidBody

MESSAGES = [{"role": "user", "content": "Hi"}]


def request(**body: Any) -> dict[str, Any]:
    return chat.job_request({"messages": MESSAGES, **body})


def test_messages_of_any_kind_reach_the_engine_unharmed() -> None:
    image = {
        "type": "image_url",
        "image_url": {"url": "data:image/png;base64,AA==", "detail": "low"},
    }
    called = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    messages = [
        {"role": "developer", "content": "Be brief", "name": "ada"},
        {"role": "user", "content": [{"type": "text", "text": "What is this?"}, image]},
        {"role": "assistant", "content": None, "tool_calls": called},
        {"role": "tool", "tool_call_id": "c", "content": "a llama"},
        {"role": "function", "name": "f", "content": "a llama"},
    ]
    body = {"messages": messages}
    validation.check("chat_completion_request", body)

    assert chat.job_request(body)["messages"] == messages


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({"model": "org/tiny"}, {"model": "org/tiny"}),
        ({"max_tokens": 7}, {"max_tokens": 7}),
        ({"max_completion_tokens": 7}, {"max_tokens": 7}),
        ({"max_completion_tokens": 7, "max_tokens": 9}, {"max_tokens": 7}),
        ({"temperature": 0, "top_p": 0.5}, {"temperature": 0, "top_p": 0.5}),
        ({"stop": ["a"], "seed": 3}, {"stop": ["a"], "seed": 3}),
        ({"stop": []}, {}),
        ({"metadata": {"a": "b"}}, {"metadata": {"a": "b"}}),
        ({"tools": [1], "tool_choice": "auto"}, {"options": {"tools": [1], "tool_choice": "auto"}}),
        ({"response_format": {"type": "text"}}, {"options": {"response_format": {"type": "text"}}}),
        ({"guided_json": {"a": None}}, {"options": {"guided_json": {"a": None}}}),
        ({"n": 1, "user": "ada", "store": True, "service_tier": "auto"}, {}),
        ({"logprobs": None, "model": None, "stop": None, "stream_options": None}, {}),
    ],
)
def test_a_member_goes_where_the_engine_or_nobody_finds_it(
    body: dict[str, Any], wanted: dict[str, Any]
) -> None:
    found = request(**body)

    del found["openai"], found["messages"]
    assert found == wanted


def test_the_form_of_the_answer_is_kept_with_the_job() -> None:
    plain = request()["openai"]
    streamed = request(stream=True, stream_options={"include_usage": True})["openai"]

    assert plain == {"api": "chat", "stream": False, "include_usage": False}
    assert streamed == {"api": "chat", "stream": True, "include_usage": True}


def test_every_member_that_openai_defines_is_known_or_passed_on_on_purpose() -> None:
    defined = get_type_hints(completion_create_params.CompletionCreateParamsBase).keys()
    shaped = {"messages", "stream_options", *chat.REFUSED}

    found = request(**dict.fromkeys(defined - shaped, "x"))

    assert found["options"].keys() == chat.STANDARD
    assert chat.REFUSED.keys() < defined


@pytest.mark.parametrize(
    ("name", "instead"), [("functions", "use tools"), ("function_call", "use tool_choice")]
)
def test_what_older_chats_said_is_refused_with_what_says_it_now(name: str, instead: str) -> None:
    with pytest.raises(InvalidBody) as refusal:
        request(**{name: []})

    assert refusal.value.errors == (FieldError(f"/{name}", instead),)
    assert request(**{name: None}) == request()


def test_a_field_that_the_operator_did_not_name_is_not_passed_on() -> None:
    openais = request(tools=[1], logprobs=True, user="ada", stream=True)
    named = request(top_k=3)
    others = request(top_k=3, kv_transfer_params={}, **{"a/b": 1})

    assert chat.permitted(openais, frozenset()) == openais
    assert chat.permitted(named, frozenset({"top_k"})) == named
    assert chat.permitted(others, None) == others
    with pytest.raises(InvalidBody) as refusal:
        chat.permitted(others, frozenset({"top_k"}))
    assert [error.pointer for error in refusal.value.errors] == ["/a~1b"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"n": 2}, "/n"),
        ({"temperature": 3}, "/temperature"),
        ({"messages": []}, "/messages"),
        ({"messages": [{"role": "llama", "content": "Hi"}]}, "/messages/0/role"),
        (
            {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]},
            "/messages/0/content/0/type",
        ),
        ({"model": "no spaces"}, "/model"),
        ({"tools": {}}, "/tools"),
        ({"stream": "yes"}, "/stream"),
        ({"metadata": {"a": 1}}, "/metadata/a"),
    ],
)
def test_a_refused_member_is_named(body: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidBody) as refusal:
        validation.check("chat_completion_request", {"messages": MESSAGES, **body})

    assert [error.pointer for error in refusal.value.errors] == [pointer]


def test_null_is_as_good_as_absent_for_every_member_but_the_messages() -> None:
    known = schemas.load("chat_completion_request")["properties"].keys() - {"messages"}
    body = {"messages": MESSAGES, **dict.fromkeys(known)}

    validation.check("chat_completion_request", body)

    assert chat.job_request(body) == request()
