"""A job as a response or its events: what the official client's own types take, strictly."""

import json
from typing import Any

import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from chalicelib import limits, response_answers
from chalicelib.carriage import carried_bytes, result_carried_bytes
from chalicelib.errors import JobNotFound
from chalicelib.jobs import Job, JobState
from chalicelib.openai_errors import JobFailed
from chalicelib.response_events import events
from chalicelib.response_objects import response
from tests.unit.openai_jobs import CALL, HEX, chatted, responded, result
from tests.unit.timing import seconds_of

EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
PLACE = {"token": "Hi", "logprob": -0.5, "bytes": None, "top_logprobs": [
    {"token": "Hi", "logprob": -0.5, "bytes": [72, 105]}]}  # fmt: skip
TOOL = {"type": "function", "name": "weather", "parameters": {"type": "object"}, "strict": None}
FORMAT = {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True}
BODY = {
    "model": "org/tiny", "instructions": "Be brief", "metadata": {"a": "b"}, "temperature": 0.5,
    "top_p": 0.9, "max_output_tokens": 7, "tools": [TOOL], "tool_choice": "required",
    "parallel_tool_calls": False, "text": {"format": FORMAT, "verbosity": "low"},
    "reasoning": {"effort": "low"}, "truncation": "auto", "user": "ada", "background": True,
    "top_logprobs": 2, "include": ["reasoning.encrypted_content"], "service_tier": "auto",
}  # fmt: skip
CARRIED_MOST = 6 * 1024 * 1024 - 16 * 1024  # what Lambda carries, but for status and headers
RESULTS = [
    result(),
    result(""),
    result("Two words " * 2000),
    result(usage=None, finish_reason=None, model=None),
    result("", message={"tool_calls": [CALL, CALL | {"id": "call_2"}]}),
    result("I look", message={"tool_calls": [CALL]}),
    result("", message={"refusal": "I cannot help with that."}),
    result(message={"reasoning_content": "Hm. A greeting."}),
    result(logprobs={"content": [PLACE]}),
    result(finish_reason="length"),
    result(finish_reason="content_filter"),
]
JOBS = [
    *(responded(result=found) for found in RESULTS),
    *(responded(BODY, state=state) for state in JobState),
]
ENDED = [job for job in JOBS if job.state.ended]


def parsed(job: Job) -> Response:
    return Response.model_validate_json(json.dumps(response(job)), strict=True)


@pytest.mark.parametrize("job", JOBS)
def test_every_response_is_one_that_the_official_types_take(job: Job) -> None:
    found = parsed(job)

    assert found.id == f"resp_{HEX}"
    assert found.created_at == 1_769_860_800
    assert (found.output == []) == (job.result is None)
    assert (found.usage is None) == (job.result is None)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (JobState.QUEUED, "queued"), (JobState.RUNNING, "in_progress"),
        (JobState.SUCCEEDED, "completed"), (JobState.FAILED, "failed"),
        (JobState.EXPIRED, "failed"), (JobState.CANCELLED, "cancelled"),
    ],
)  # fmt: skip
def test_a_status_says_where_the_job_stands(state: JobState, status: str) -> None:
    found = parsed(responded(state=state))

    assert found.status == status
    assert (found.error is not None) == (status == "failed")
    assert (found.completed_at is not None) == (status == "completed")


@pytest.mark.parametrize(
    ("finish", "reason"), [("length", "max_output_tokens"), ("content_filter", "content_filter")]
)
def test_an_answer_that_was_cut_short_is_incomplete_and_says_why(finish: str, reason: str) -> None:
    found = parsed(responded(result=result(finish_reason=finish)))

    assert found.status == "incomplete"
    assert found.incomplete_details is not None
    assert found.incomplete_details.reason == reason
    assert found.output[0].to_dict()["status"] == "incomplete"


def test_a_response_repeats_what_it_was_asked() -> None:
    told = response(responded(BODY))

    assert {name: told[name] for name in BODY if name != "model"} == {
        name: BODY[name] for name in BODY if name != "model"
    }
    assert told["model"] == "tiny"
    assert response(responded(BODY, state=JobState.QUEUED))["model"] == "org/tiny"


def test_an_answer_is_told_item_by_item() -> None:
    message = {"reasoning_content": "Hm.", "tool_calls": [CALL]}
    found = parsed(responded(result=result("Hello", message=message)))

    assert [item.type for item in found.output] == ["reasoning", "message", "function_call"]
    assert len({item.id for item in found.output}) == 3
    assert found.output_text == "Hello"
    assert found.output[2].to_dict()["call_id"] == "call_1"


@pytest.mark.parametrize("job", ENDED)
def test_every_event_is_one_that_the_official_types_take_and_numbered(job: Job) -> None:
    told = events(job)

    for event in told:
        EVENT.validate_json(json.dumps(event), strict=True)
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    assert [event["type"] for event in told[:2]] == ["response.created", "response.in_progress"]
    assert all(event["response"]["output"] == [] for event in told[:2])
    for name in ("completed_at", "error", "incomplete_details", "usage"):
        assert [event["response"][name] for event in told[:2]] == [None, None]
    assert told[-1]["response"] == response(job)
    assert told == events(job)


@pytest.mark.parametrize("job", ENDED)
def test_deltas_put_together_are_what_their_last_event_says(job: Job) -> None:
    grown: dict[tuple[str, str], str] = {}
    for event in events(job):
        kind, _, step = event["type"].rpartition(".")
        if step == "delta":
            place = kind, event["item_id"]
            grown[place] = grown.get(place, "") + event["delta"]
        elif step == "done" and "item_id" in event and "part" not in event:
            member = kind.rpartition("_")[2].removeprefix("response.")
            assert event[member] == grown.get((kind, event["item_id"]), "")


@pytest.mark.parametrize(
    ("state", "last"),
    [
        (JobState.SUCCEEDED, "response.completed"), (JobState.FAILED, "response.failed"),
        (JobState.EXPIRED, "response.failed"), (JobState.CANCELLED, "response.failed"),
    ],
)  # fmt: skip
def test_the_last_event_says_how_it_ended(state: JobState, last: str) -> None:
    assert events(responded(state=state))[-1]["type"] == last


def told_in(job: Job, after: int = -1) -> list[dict[str, Any]]:
    body = str(response_answers.streamed(job, after).body)
    blocks = [block.split("\n") for block in body.split("\n\n") if block]
    found = [json.loads(data.removeprefix("data: ")) for _, data in blocks]
    assert [name.removeprefix("event: ") for name, _ in blocks] == [e["type"] for e in found]
    return found


def test_a_stream_goes_on_after_the_number_that_was_seen() -> None:
    whole = told_in(responded())

    assert told_in(responded(), 3) == whole[4:]
    assert told_in(responded(), 10**9) == []


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("x" * 1_000_000, {"output_text.done", "completed"}),
        ('"' * 600_000, {"output_text.delta", "completed"}),
        ("\x01" * 700_000, {"completed"}),
    ],
)
def test_a_large_answer_is_told_as_often_as_an_answer_carries(text: str, kinds: set[str]) -> None:
    found = told_in(responded(result=result(text)))

    assert kinds <= {event["type"].removeprefix("response.") for event in found}
    assert found[-1]["response"]["output"][0]["content"][0]["text"] == text
    body = str(response_answers.streamed(responded(result=result(text)), -1).body)
    assert len(json.dumps(body)) < CARRIED_MOST


LARGE = "\x7f" * 250_000
SCHEMA = {"format": {"type": "json_schema", "name": "n", "schema": {"title": LARGE}}}


@pytest.mark.parametrize(
    ("body", "left_out"),
    [
        ({"instructions": LARGE}, {"instructions": None}),
        ({"tools": [TOOL | {"description": LARGE}]}, {"tools": []}),
        ({"text": SCHEMA}, {"text": {}}),
        ({"user": LARGE, "previous_response_id": "resp_1"},
         {"user": None, "previous_response_id": "resp_1"}),
        ({"reasoning": {"effort": "low", "summary": LARGE}},
         {"reasoning": {"effort": None, "summary": None}}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("text", ["\x7f" * 748_000, "\x7f\\" * 475_000])
def test_the_largest_answer_to_the_largest_question_is_carried(
    body: dict[str, Any], left_out: dict[str, Any], text: str
) -> None:
    found = result(text)
    job = responded(body, result=found)
    short = responded(body, result=result())
    assert 0.9 < result_carried_bytes(found) / limits.RESULT_CARRIED_BYTES <= 1

    told = response(job)
    streamed = str(response_answers.streamed(job, -1).body)

    assert carried_bytes(told) < CARRIED_MOST
    assert len(json.dumps(streamed)) < CARRIED_MOST
    assert told["output"][0]["content"][0]["text"] == text
    assert {name: told[name] for name in left_out} == left_out
    assert {name: response(short)[name] for name in body} == body
    assert parsed(job).status == "completed"


def test_only_the_last_event_repeats_what_was_asked() -> None:
    told = events(responded(BODY))

    first, second, last = (event["response"] for event in told if "response" in event)
    assert (first["instructions"], first["tools"]) == (None, [])
    assert (second["instructions"], second["tools"]) == (None, [])
    assert (last["instructions"], last["tools"]) == ("Be brief", [TOOL])


def test_a_stream_costs_little_more_than_what_it_says() -> None:
    job = responded({"instructions": LARGE}, result=result("\x7f" * 700_000))

    plain = seconds_of(lambda: json.dumps(response(job)))
    told = seconds_of(lambda: response_answers.streamed(job, -1))

    assert told < 40 * plain


def test_a_response_is_kept_whatever_is_asked_and_says_so() -> None:
    assert response(responded({"store": False}))["store"] is True


ENDS = [JobState.FAILED, JobState.CANCELLED, JobState.EXPIRED]


@pytest.mark.parametrize("state", ENDS)
def test_a_job_without_an_answer_is_a_failure_to_who_waits_for_it(state: JobState) -> None:
    with pytest.raises(JobFailed, match=state):
        response_answers.answered(responded(state=state))


@pytest.mark.parametrize("state", ENDS)
def test_a_stream_tells_the_failure_itself(state: JobState) -> None:
    reply = response_answers.answered(responded({"stream": True}, state=state))

    assert reply.status == 200
    assert reply.headers["X-Streaming"] == "buffered"


def test_a_job_of_another_door_is_not_there() -> None:
    with pytest.raises(JobNotFound):
        response_answers.answered(chatted())
