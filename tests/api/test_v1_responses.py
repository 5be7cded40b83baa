"""/v1/responses: asked at once or in the background, found again, followed, cancelled, erased."""

import json
import secrets
import threading
from typing import Any

import pytest
import redis
from openai.types.responses import Response

from chalicelib import keyspace
from chalicelib.leasing import Outcome
from tests.api.answering import ERROR, at_work, outcome
from tests.api.conftest import forget_parts
from tests.calls import Answer, Api, HandWorker

RESPONSES = "/v1/responses"
BODY = {"model": "tiny", "input": "Say hello"}
LATER = BODY | {"background": True}
RETRY = {"X-Stainless-Retry-Count": "1"}
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}


def parsed(answer: Answer) -> Response:
    assert answer.status == 200, answer.body
    return Response.model_validate_json(answer.body, strict=True)


def events_of(answer: Answer) -> list[Any]:
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["x-streaming"] == "buffered"
    lines = answer.body.decode().split("\n")
    return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]


def begun(api: Api, **more: Any) -> str:
    """Begin a response in the background; returns where it is."""
    return f"{RESPONSES}/{api.post(RESPONSES, LATER | more).json['id']}"


def test_a_response_is_answered_once_the_model_has(api: Api, hand_worker: HandWorker) -> None:
    with at_work(hand_worker, outcome("Hello to you")) as claims:
        told = parsed(api.post(RESPONSES, BODY | {"instructions": "Be brief"}))

    assert told.id == f"resp_{claims[0].job.id.removeprefix('job_')}"
    assert (told.status, told.output_text) == ("completed", "Hello to you")
    assert told.instructions == "Be brief"
    assert claims[0].job.request["messages"] == [
        {"role": "system", "content": "Be brief"},
        {"role": "user", "content": "Say hello"},
    ]


def test_one_in_the_background_is_answered_at_once_and_found_again(
    api: Api, hand_worker: HandWorker
) -> None:
    first = parsed(api.post(RESPONSES, LATER | {"metadata": {"a": "b"}}))
    where = f"{RESPONSES}/{first.id}"
    claim = hand_worker.claim()
    running = parsed(api.get(where))
    hand_worker.leases.finish(claim, outcome("Hello to you"))
    last = parsed(api.get(where))

    assert (first.status, first.output, first.background) == ("queued", [], True)
    assert (running.status, running.output) == ("in_progress", [])
    assert (last.status, last.output_text) == ("completed", "Hello to you")
    assert last.metadata == {"a": "b"}


def test_the_same_idempotency_key_never_makes_a_second_response(
    api: Api, direct: "redis.Redis"
) -> None:
    first = api.post(RESPONSES, LATER, idempotency_key="order-1")
    second = api.post(RESPONSES, LATER, idempotency_key="order-1")

    assert second.json["id"] == first.json["id"]
    assert second.headers["idempotency-replayed"] == "true"
    assert direct.zcard(keyspace.QUEUE) == 1


def test_a_repeat_is_answered_though_what_it_goes_on_from_is_gone(
    api: Api, hand_worker: HandWorker
) -> None:
    before = begun(api)
    hand_worker.answer()
    later = LATER | {"previous_response_id": before.rpartition("/")[2]}
    first = api.post(RESPONSES, later, idempotency_key="order-2")
    api.delete(before)

    again = api.post(RESPONSES, later, idempotency_key="order-2")
    retry = api.request("POST", RESPONSES, later, RETRY | {"Idempotency-Key": "order-2"})
    new = api.post(RESPONSES, later, idempotency_key="order-3")

    assert (again.status, retry.status, new.status) == (200, 200, 400)
    assert again.json["id"] == retry.json["id"] == first.json["id"]


def test_a_key_stands_for_the_bytes_that_came_with_it(api: Api) -> None:
    api.post(RESPONSES, LATER, idempotency_key="order-1")

    spaced = api.post(RESPONSES, json.dumps(LATER, indent=1).encode(), idempotency_key="order-1")

    assert (spaced.status, spaced.json["error"]["code"]) == (400, "idempotency_key_reused")


def test_one_in_the_background_whose_answer_was_lost_is_found_by_the_retry(
    api: Api, direct: "redis.Redis"
) -> None:
    first = api.post(RESPONSES, LATER)
    retry = api.request("POST", RESPONSES, LATER, RETRY)
    anew = api.post(RESPONSES, LATER)

    assert (first.status, retry.status, anew.status) == (200, 200, 200)
    assert retry.json["id"] == first.json["id"] != anew.json["id"]
    assert direct.zcard(keyspace.QUEUE) == 2


def test_a_retry_goes_on_with_its_response_though_what_came_before_is_gone(
    api: Api, hand_worker: HandWorker
) -> None:
    before = begun(api)
    hand_worker.answer()
    later = LATER | {"previous_response_id": before.rpartition("/")[2]}
    first = api.post(RESPONSES, later)
    api.delete(before)

    retry = api.request("POST", RESPONSES, later, RETRY)

    assert (retry.status, retry.json["id"]) == (200, first.json["id"])


def test_a_refused_response_is_found_by_no_retry(api: Api, direct: "redis.Redis") -> None:
    api.post(RESPONSES, LATER | {"previous_response_id": f"resp_{'0' * 32}"})

    assert direct.keys(keyspace.undelivered("acme", "*")) == []


def test_a_stream_tells_how_a_response_came_about(api: Api, hand_worker: HandWorker) -> None:
    with at_work(hand_worker, outcome("Grüße\u2028an das kleine Lama")):
        told = events_of(api.post(RESPONSES, BODY | {"stream": True}))

    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    said = [e["delta"] for e in told if e["type"] == "response.output_text.delta"]
    assert "".join(said) == "Grüße\u2028an das kleine Lama"
    assert told[-1]["type"] == "response.completed"


def test_the_events_of_one_in_the_background_are_told_after_any_of_them(
    api: Api, hand_worker: HandWorker
) -> None:
    where = begun(api)
    hand_worker.leases.finish(hand_worker.claim(), outcome())

    whole = events_of(api.get(f"{where}?stream=true"))
    rest = events_of(api.get(f"{where}?stream=true&starting_after=3"))

    assert rest == whole[4:]
    assert rest


@pytest.mark.parametrize("transport", ["client"], indirect=True)
def test_who_follows_one_that_runs_is_led_to_where_to_wait_on(
    api: Api, hand_worker: HandWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYLLAMA_RELAY_SECONDS", "0.05")
    forget_parts()
    where = begun(api)

    first = api.get(f"{where}?stream=true&starting_after=3")
    last = api.get(f"{where}?stream=true&starting_after=3&hop=9")
    hand_worker.leases.finish(hand_worker.claim(), outcome())
    found = api.get(f"{where}{first.headers['location']}")

    assert first.status == 307
    assert first.headers["location"] == "?stream=true&starting_after=3&hop=1"
    assert (last.status, last.json["error"]["code"]) == (503, "still_running")
    assert events_of(found)[0]["sequence_number"] == 4
    forget_parts()


def test_who_follows_one_that_runs_waits_for_its_end(api: Api, hand_worker: HandWorker) -> None:
    where = begun(api)
    claim = hand_worker.claim()
    threading.Timer(0.3, hand_worker.leases.finish, (claim, outcome())).start()

    told = events_of(api.get(f"{where}?stream=true"))

    assert told[-1]["type"] == "response.completed"


def test_one_that_waits_is_cancelled_and_again_is_fine(api: Api) -> None:
    where = begun(api)

    first, second = (parsed(api.post(f"{where}/cancel", None)) for _ in range(2))

    assert first.status == second.status == "cancelled"
    assert parsed(api.get(where)).status == "cancelled"


def test_one_that_runs_is_cancelled_once_its_worker_confirms(
    api: Api, hand_worker: HandWorker
) -> None:
    where = begun(api)
    claim = hand_worker.claim()
    confirm = Outcome(cancelled=True)
    threading.Timer(0.3, hand_worker.leases.finish, (claim, confirm)).start()

    answer = api.post(f"{where}/cancel", None)

    assert parsed(answer).status == "cancelled"


def test_one_that_has_ended_stays_what_it_came_to(api: Api, hand_worker: HandWorker) -> None:
    where = begun(api)
    hand_worker.leases.finish(hand_worker.claim(), outcome())

    answer = api.post(f"{where}/cancel", None)

    assert parsed(answer).status == "completed"


def test_an_erased_one_is_gone(api: Api, hand_worker: HandWorker) -> None:
    where = begun(api)
    hand_worker.leases.finish(hand_worker.claim(), outcome())

    erased = api.delete(where)

    assert erased.json == {"id": where.rpartition("/")[2], "object": "response", "deleted": True}
    for again in (api.get(where), api.delete(where), api.post(f"{where}/cancel", None)):
        assert (again.status, again.json["error"]["code"]) == (404, "response_not_found")


def test_one_that_runs_is_not_erased(api: Api, hand_worker: HandWorker) -> None:
    where = begun(api)
    hand_worker.claim()

    answer = api.delete(where)

    assert (answer.status, answer.json["error"]["code"]) == (409, "job_running")
    assert answer.headers["x-should-retry"] == "false"


def test_what_is_no_response_of_ones_own_is_not_there_byte_for_byte_alike(
    api: Api, hand_worker: HandWorker
) -> None:
    def hex_of(job_id: str) -> str:
        return job_id.rpartition("_")[2].rpartition("-")[2]

    infer = hex_of(api.post("/infer", {"prompt": "Say hello"}).json["id"])
    hand_worker.answer()
    with at_work(hand_worker, outcome()):
        body = {"messages": [{"role": "user", "content": "Say hello"}]}
        chat = hex_of(api.post("/v1/chat/completions", body).json["id"])
    theirs = hex_of(Api(api.transport, "globex").post(RESPONSES, LATER).json["id"])
    erased = begun(api)
    api.delete(erased)
    there = [f"{RESPONSES}/resp_{each}" for each in (infer, chat, theirs, secrets.token_hex(16))]

    for where in (*there, erased, f"{RESPONSES}/job_{infer}"):
        told = [api.get(where), api.get(f"{where}?stream=true"), api.delete(where)]
        told.append(api.post(f"{where}/cancel", None))
        assert {answer.status for answer in told} == {404}
        assert len({answer.body for answer in told}) == 1
        assert told[0].body == api.get(f"{RESPONSES}/resp_{'0' * 32}").body


def test_a_response_goes_on_from_the_one_before(api: Api, hand_worker: HandWorker) -> None:
    with at_work(hand_worker, outcome("", message={"tool_calls": [CALL]}), outcome()) as claims:
        first = api.post(RESPONSES, BODY).json
        output = {"type": "function_call_output", "call_id": "call_1", "output": "rain"}
        body = {"input": [output], "previous_response_id": first["id"]}
        second = parsed(api.post(RESPONSES, body))

    assert second.previous_response_id == first["id"]
    assert claims[1].job.request["messages"] == [
        {"role": "user", "content": "Say hello"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
    ]


def test_a_response_goes_on_from_no_one_elses_and_from_none_that_runs(api: Api) -> None:
    theirs = begun(Api(api.transport, "globex")).rpartition("/")[2]
    running = begun(api).rpartition("/")[2]

    told = [
        api.post(RESPONSES, BODY | {"previous_response_id": previous})
        for previous in (theirs, f"resp_{'0' * 32}", "resp_1", running)
    ]

    assert [answer.status for answer in told] == [400] * 4
    assert [answer.json["error"]["param"] for answer in told] == ["previous_response_id"] * 4
    assert told[0].body == told[1].body == told[2].body


def test_an_input_names_items_of_ones_own_responses(api: Api, hand_worker: HandWorker) -> None:
    with at_work(hand_worker, outcome("", message={"tool_calls": [CALL]}), outcome()) as claims:
        item = api.post(RESPONSES, BODY).json["output"][0]
        output = {"type": "function_call_output", "call_id": "call_1", "output": "rain"}
        body = {"input": [{"type": "item_reference", "id": item["id"]}, output]}
        answer = api.post(RESPONSES, body)
    theirs = Api(api.transport, "globex").post(RESPONSES, body)

    assert answer.status == 200
    assert claims[1].job.request["messages"] == [
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
    ]
    assert (theirs.status, theirs.json["error"]["param"]) == (400, "input.0")


@pytest.mark.parametrize("transport", ["client"], indirect=True)
def test_what_an_engine_may_be_told_is_the_operators_to_say(
    api: Api, hand_worker: HandWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYLLAMA_ENGINE_OPTIONS", "top_k")
    forget_parts()
    chat = "/v1/chat/completions", {"messages": [{"role": "user", "content": "Say hello"}]}

    refused = [
        api.post(path, body | {"kv_transfer_params": {}})
        for path, body in (chat, (RESPONSES, BODY))
    ]
    with at_work(hand_worker, outcome(), outcome()) as claims:
        for path, body in (chat, (RESPONSES, BODY)):
            api.post(path, body | {"top_k": 3, "parallel_tool_calls": False})
    forget_parts()

    assert {answer.status for answer in refused} == {400}
    assert {answer.json["error"]["param"] for answer in refused} == {"kv_transfer_params"}
    for claim in claims:
        assert claim.job.request["options"] == {"top_k": 3, "parallel_tool_calls": False}


def test_a_failed_job_is_told_to_who_waits_and_kept_as_failed(
    api: Api, hand_worker: HandWorker
) -> None:
    where = begun(api)
    with at_work(hand_worker, Outcome(error=ERROR), Outcome(error=ERROR)):
        answer = api.post(RESPONSES, BODY)
        events = events_of(api.get(f"{where}?stream=true"))

    assert (answer.status, answer.json["error"]["code"]) == (422, "job_failed")
    assert answer.headers["x-should-retry"] == "false"
    kept = parsed(api.get(where))
    assert kept.status == "failed"
    assert kept.error is not None
    assert "engine_unavailable" in kept.error.message
    assert events[-1]["type"] == "response.failed"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (BODY | {"tools": [{"type": "web_search"}]}, "tools.0.type"),
        (BODY | {"conversation": "conv_1"}, "conversation"),
        (LATER | {"prompt": {"id": "pmpt_1"}}, "prompt"),
        (LATER | {"max_tokens": 5}, "max_tokens"),
        (BODY | {"temperature": 3}, "temperature"),
        ({"model": "tiny"}, "input"),
    ],
)
def test_a_refused_member_is_named(api: Api, body: dict[str, Any], param: str) -> None:
    answer = api.post(RESPONSES, body)

    assert (answer.status, answer.json["error"]["code"]) == (400, "invalid_body")
    assert answer.json["error"]["param"] == param
