"""POST /v1/chat/completions: a chat goes in, its answer comes out in the OpenAI API's words."""

import json
from typing import Any

import pytest
from openai.types.chat import ChatCompletion

from chalicelib.leasing import Outcome
from tests.api.answering import ERROR, at_work, outcome
from tests.calls import Answer, Api, HandWorker

CHAT = "/v1/chat/completions"
BODY = {"model": "tiny", "messages": [{"role": "user", "content": "Say hello"}]}
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}


def data_of(answer: Answer) -> list[Any]:
    """Return what the events of a stream hold, its end apart."""
    lines = [line.removeprefix("data: ") for line in answer.body.decode().split("\n") if line]
    assert lines.pop() == "[DONE]"
    return [json.loads(line) for line in lines]


def test_a_chat_is_answered_with_a_completion(api: Api, hand_worker: HandWorker) -> None:
    with at_work(hand_worker, outcome("Hello to you")) as claims:
        answer = api.post(CHAT, BODY)

    assert answer.status == 200
    told = ChatCompletion.model_validate_json(answer.body, strict=True)
    assert told.id == f"chatcmpl-{claims[0].job.id.removeprefix('job_')}"
    assert told.choices[0].message.content == "Hello to you"
    assert told.usage is not None
    assert told.usage.total_tokens == 21


def test_the_worker_gets_all_that_the_engine_may_know(api: Api, hand_worker: HandWorker) -> None:
    tools = [{"type": "function", "function": {"name": "weather", "parameters": {"a": [None]}}}]
    body = BODY | {"max_tokens": 7, "tools": tools, "guided_json": {"b": 1}, "user": "ada", "n": 1}

    with at_work(hand_worker, outcome()) as claims:
        api.post(CHAT, body | {"metadata": {"trace": "demo-1"}})

    asked = claims[0].job.request
    assert asked["messages"] == BODY["messages"]
    assert asked["max_tokens"] == 7
    assert asked["options"] == {"tools": tools, "guided_json": {"b": 1}}
    assert api.get(f"/jobs/{claims[0].job.id}").json["metadata"] == {"trace": "demo-1"}


def test_calls_of_tools_come_back(api: Api, hand_worker: HandWorker) -> None:
    called = outcome("", message={"tool_calls": [CALL]}, finish_reason="tool_calls")

    with at_work(hand_worker, called):
        choice = api.post(CHAT, BODY).json["choices"][0]

    assert choice["message"] == {
        "role": "assistant", "content": None, "refusal": None, "tool_calls": [CALL],
    }  # fmt: skip
    assert choice["finish_reason"] == "tool_calls"


def test_a_stream_comes_in_one_body_that_says_so(api: Api, hand_worker: HandWorker) -> None:
    body = BODY | {"stream": True, "stream_options": {"include_usage": True}}

    with at_work(hand_worker, outcome("Grüße\u2028an das kleine Lama \U0001f999")):
        answer = api.post(CHAT, body)

    assert answer.status == 200
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["x-streaming"] == "buffered"
    chunks = data_of(answer)
    said = [each["choices"][0]["delta"].get("content") or "" for each in chunks[:-1]]
    assert "".join(said) == "Grüße\u2028an das kleine Lama \U0001f999"
    assert chunks[-1]["usage"]["total_tokens"] == 21


def test_a_failed_job_is_told_and_never_tried_again(api: Api, hand_worker: HandWorker) -> None:
    with at_work(hand_worker, Outcome(error=ERROR)):
        answer = api.post(CHAT, BODY)

    assert answer.status == 422
    assert answer.headers["x-should-retry"] == "false"
    assert answer.json["error"]["code"] == "job_failed"
    assert "engine_unavailable" in answer.json["error"]["message"]


def test_a_stream_tells_a_failed_job_itself(api: Api, hand_worker: HandWorker) -> None:
    with at_work(hand_worker, Outcome(error=ERROR)):
        answer = api.post(CHAT, BODY | {"stream": True})

    assert answer.status == 200
    assert json.loads(answer.body.decode().removeprefix("data: "))["error"]["code"] == "job_failed"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (BODY | {"n": 2}, "n"),
        (BODY | {"functions": [{"name": "weather"}]}, "functions"),
        ({"messages": [{"role": "llama", "content": "Hi"}]}, "messages.0.role"),
        ({"model": "tiny"}, "messages"),
    ],
)
def test_a_refused_member_is_named(api: Api, body: dict[str, Any], param: str) -> None:
    answer = api.post(CHAT, body)

    assert (answer.status, answer.json["error"]["code"]) == (400, "invalid_body")
    assert answer.json["error"]["type"] == "invalid_request_error"
    assert answer.json["error"]["param"] == param
