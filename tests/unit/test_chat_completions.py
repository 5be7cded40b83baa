"""A job as a chat.completion or its chunks: what the official client's own types take, strictly."""

import json
from typing import Any

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from chalicelib import chat_answers
from chalicelib.errors import JobNotFound
from chalicelib.jobs import Job, JobState
from chalicelib.openai_errors import JobFailed
from tests.unit.openai_jobs import CALL, HEX, chatted, responded, result

LOGPROBS = {"content": [{"token": "Hi", "logprob": -0.5, "bytes": None, "top_logprobs": []}]}
RESULTS = [
    result(),
    result(""),
    result("Line one\u2028line two\r\nend \U0001f999"),
    result(usage=None, finish_reason=None, model=None),
    result("", message={"tool_calls": [CALL, CALL | {"id": "call_2"}]}, finish_reason=None),
    result("", message={"refusal": "I cannot help with that."}),
    result(message={"reasoning_content": "Hm. A greeting."}),
    result(logprobs=LOGPROBS),
    result(finish_reason="length"),
    result(finish_reason="eos_token"),
]


def completed(job: Job) -> ChatCompletion:
    body = json.dumps(chat_answers.completed(job).body)
    return ChatCompletion.model_validate_json(body, strict=True)


def streamed(found: dict[str, Any]) -> list[Any]:
    job = chatted({"stream": True, "stream_options": {"include_usage": True}}, result=found)
    text = chat_answers.completed(job).body
    assert isinstance(text, str)
    data = [line.removeprefix("data: ") for line in text.split("\n") if line]
    assert data.pop() == "[DONE]"
    return [ChatCompletionChunk.model_validate_json(each, strict=True) for each in data]


@pytest.mark.parametrize("found", RESULTS)
def test_every_answer_is_one_that_the_official_types_take(found: dict[str, Any]) -> None:
    told = completed(chatted(result=found))

    assert told.id == f"chatcmpl-{HEX}"
    assert told.created == 1_769_860_800
    assert told.choices[0].message.role == "assistant"


@pytest.mark.parametrize("found", RESULTS)
def test_a_stream_put_together_is_the_whole_answer(found: dict[str, Any]) -> None:
    whole = completed(chatted(result=found))

    chunks = streamed(found)

    last, *others = chunks[::-1]
    assert (last.choices, last.usage) == ([], whole.usage)
    assert all(chunk.usage is None for chunk in others)
    deltas = [chunk.choices[0].delta for chunk in chunks[:-1]]
    assert "".join(delta.content or "" for delta in deltas) == (
        whole.choices[0].message.content or ""
    )
    assert "".join(delta.refusal or "" for delta in deltas) == (
        whole.choices[0].message.refusal or ""
    )
    assert others[0].choices[0].finish_reason == whole.choices[0].finish_reason
    assert {chunk.id for chunk in chunks} == {whole.id}


def test_calls_of_tools_are_told_whole_and_in_deltas_with_their_index() -> None:
    arguments = json.dumps({"city": "Graz, in the far south of the country", "unit": "kelvin"})
    call = CALL | {"function": {"name": "weather", "arguments": arguments}}
    found = result("", message={"tool_calls": [CALL, call]}, finish_reason="tool_calls")

    message = completed(chatted(result=found)).choices[0].message
    chunks = [chunk.choices[0].delta for chunk in streamed(found)[:-1]]

    assert message.content is None
    assert message.tool_calls is not None
    assert message.tool_calls[1].to_dict() == call
    deltas = [each for delta in chunks for each in delta.tool_calls or [] if each.index == 1]
    assert deltas[0].id == "call_1"
    assert len(deltas) > 2
    assert "".join(each.function.arguments for each in deltas) == arguments


@pytest.mark.parametrize(
    ("said", "message", "told"),
    [
        ("stop", {}, "stop"), ("length", {}, "length"), ("content_filter", {}, "content_filter"),
        (None, {}, "stop"), ("eos_token", {}, "stop"), (None, {"tool_calls": [CALL]}, "tool_calls"),
        ("stop", {"tool_calls": [CALL]}, "stop"),
    ],
)  # fmt: skip
def test_the_reason_of_an_end_is_one_that_clients_know(
    said: str | None, message: dict[str, Any], told: str
) -> None:
    found = completed(chatted(result=result(finish_reason=said, message=message)))

    assert found.choices[0].finish_reason == told


def test_the_model_is_the_one_that_answered_else_the_one_that_was_asked_for() -> None:
    asked = {"model": "org/asked"}

    assert completed(chatted(asked)).model == "tiny"
    assert completed(chatted(asked, result=result(model=None))).model == "org/asked"
    assert completed(chatted(result=result(model=None))).model == "openai"


def test_members_that_only_the_engine_knows_are_told() -> None:
    found = completed(chatted(result=result(message={"reasoning_content": "Hm."})))

    assert found.choices[0].message.to_dict()["reasoning_content"] == "Hm."


def test_no_count_is_told_as_zeros_for_clients_that_read_it_unasked() -> None:
    usage = completed(chatted(result=result(usage=None))).usage

    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (0, 0, 0)


ENDS = [JobState.FAILED, JobState.CANCELLED, JobState.EXPIRED]


@pytest.mark.parametrize("state", ENDS)
def test_a_job_without_an_answer_is_a_failure(state: JobState) -> None:
    with pytest.raises(JobFailed, match=state):
        chat_answers.completed(chatted(state=state))


@pytest.mark.parametrize("state", ENDS)
def test_a_stream_tells_the_failure_itself(state: JobState) -> None:
    reply = chat_answers.completed(chatted({"stream": True}, state=state))

    told = json.loads(str(reply.body).removeprefix("data: "))
    assert reply.status == 200
    assert told["error"]["code"] == "job_failed"
    assert state in told["error"]["message"]


def test_a_stream_says_that_it_is_buffered() -> None:
    reply = chat_answers.completed(chatted({"stream": True}))

    assert reply.content_type == "text/event-stream; charset=utf-8"
    assert reply.headers == {"X-Streaming": "buffered"}


def test_a_job_of_another_door_is_not_there() -> None:
    with pytest.raises(JobNotFound):
        chat_answers.completed(responded())


def test_a_stream_of_very_many_calls_still_fits_into_an_answer() -> None:
    many = [CALL | {"id": f"call_{number}"} for number in range(12_000)]

    chunks = streamed(result("", message={"tool_calls": many}))

    assert [len(chunk.choices[0].delta.tool_calls or []) for chunk in chunks[:-1]] == [0, 12_000, 0]
