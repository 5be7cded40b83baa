"""POST /worker/…: the moves of a worker that cannot reach the store."""

import json
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import redis

from chalicelib import keyspace, limits
from chalicelib.model_lists import ModelLists
from chalicelib.store import Store
from tests import contract_check
from tests.calls import Answer, Api

PROMPT = {"prompt": "Say hello"}
RESULT = {"text": "Hello", "finish_reason": "stop", "engine": "echo", "model": None, "usage": None}
CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{"}}
LIKELY = {"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": []}
ERROR = {"code": "engine_unavailable", "detail": "the engine did not answer"}


def spelled(value: object) -> str:
    """Return JSON in which a double is no integer."""
    return json.dumps(value, sort_keys=True)


def submit(api: Api, **fields: Any) -> str:
    return str(api.post("/infer", PROMPT | fields).json["id"])


@pytest.fixture
def worker(api: Api) -> Api:
    """The API as a worker sees it: of no tenant that has jobs, with its one scope."""
    return Api(api.transport, tenant="operator", scope="worker:run")


@pytest.fixture
def models(store: Store) -> ModelLists:
    """The models as callers see them."""
    return ModelLists(store)


def lease(worker: Api, token: str | None = None, **headers: str) -> Answer:
    body = {"token": token or secrets.token_hex(16), "worker": "gpu-1", "slots": 2}
    return worker.post("/worker/lease", body, **headers)


def leased(worker: Api) -> dict[str, str]:
    """Lease a job; return what names it in every further move."""
    token = secrets.token_hex(16)
    job = lease(worker, token).json["job"]
    return {"job_id": job["id"], "tenant": job["tenant"], "token": token}


def move(api: Api, name: str, held: dict[str, str], /, **more: Any) -> Answer:
    return api.post(f"/worker/{name}", held | more)


MOVES: dict[str, dict[str, Any]] = {
    "append": {"offset": 0, "chunks": ["Hello"]},
    "extend": {},
    "finish": {"outcome": {"result": RESULT}},
    "release": {},
}


def test_a_worker_gets_a_job_with_all_that_it_needs(api: Api, worker: Api) -> None:
    job_id = submit(api, seed=7, deadline_seconds=60, metadata={"not": "the model's"})

    answer = lease(worker)

    job = answer.json["job"]
    assert (answer.status, answer.json["lease_seconds"]) == (200, 30)
    assert (job["id"], job["tenant"], job["attempt"], job["max_attempts"]) == (job_id, "acme", 1, 3)
    assert job["request"] == PROMPT | {"seed": 7}
    assert job["deadline_at"] - job["created_at"] == 60_000


def test_the_trace_of_whoever_asked_goes_with_the_job(
    api: Api, worker: Api, direct: "redis.Redis"
) -> None:
    asked = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    direct.hset(keyspace.job(submit(api)), "traceparent", asked)

    assert lease(worker).json["job"]["traceparent"] == asked


def test_the_same_token_leases_the_same_job(api: Api, worker: Api) -> None:
    submit(api)
    submit(api)
    token = secrets.token_hex(16)

    assert lease(worker, token).json == lease(worker, token).json
    assert lease(worker).json != lease(worker, token).json


def test_nothing_ready_is_204_and_the_worker_counts_as_live(api: Api, worker: Api) -> None:
    answer = lease(worker)

    assert (answer.status, answer.body) == (204, b"")
    queue = api.get("/queue").json
    assert (queue["workers"], queue["slots"]) == (1, 2)


def test_the_models_that_a_worker_tells_are_listed_until_it_tells_others(
    api: Api, worker: Api, models: ModelLists
) -> None:
    submit(api)
    held = leased(worker)
    named = {"worker": "gpu-1", "slots": 2}

    told = []
    tellings: list[dict[str, Any]] = [
        {"models": ["small", "org/large"]},
        {},
        {"models": ["new"]},
        {"models": []},
    ]
    for more in tellings:
        assert move(worker, "extend", held, **named, **more).status == 200
        told.append(models.models())
    lease_of = {"token": secrets.token_hex(16), "models": ["leasing"], **named}
    assert worker.post("/worker/lease", lease_of).status == 204

    assert told == [["org/large", "small"], ["org/large", "small"], ["new"], []]
    assert models.models() == ["leasing"]


@pytest.mark.parametrize("odd", [["two words"], [""], ["x" * 129], [7], ["a"] * 33, "a", None])
def test_models_that_no_request_can_name_are_refused(worker: Api, odd: Any) -> None:
    body = {"token": secrets.token_hex(16), "worker": "gpu-1", "slots": 2, "models": odd}

    answer = worker.post("/worker/lease", body)

    assert (answer.status, answer.json["code"]) == (422, "invalid_body")
    assert answer.json["errors"][0]["pointer"].startswith("/models")


def test_what_the_model_said_beside_its_text_is_shown_with_the_job(api: Api, worker: Api) -> None:
    job_id = submit(api)
    held = leased(worker)
    said = {"message": {"tool_calls": [CALL]}, "logprobs": {"content": [LIKELY]}}

    finished = move(worker, "finish", held, outcome={"result": RESULT | said})

    assert finished.json == {"state": "succeeded"}
    result = api.get(f"/jobs/{job_id}").json["result"]
    assert {name: result[name] for name in said} == said


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (
            {"logprobs": {"content": [{"token": "Hi", "logprob": None, "more": "x"}]}},
            {
                "logprobs": {
                    "content": [
                        {"token": "Hi", "logprob": -9999.0, "bytes": None, "top_logprobs": []}
                    ]
                }
            },
        ),
        (
            {"logprobs": {"refusal": [LIKELY | {"logprob": -1, "top_logprobs": None}]}},
            {"logprobs": {"refusal": [LIKELY | {"logprob": -1.0}]}},
        ),
        (
            {"message": {"refusal": "", "tool_calls": [], "reasoning": "So"}},
            {"message": {"reasoning": "So"}},
        ),
        ({"message": {"tool_calls": []}, "logprobs": {"content": None, "refusal": []}}, {}),
        (
            {"message": {"tool_calls": [CALL | {"type": "custom"}]}},
            {"message": {"tool_calls": [CALL]}},
        ),
        ({"message": {}, "logprobs": {}}, {}),
    ],
)
def test_a_result_is_kept_in_the_form_that_a_worker_on_the_store_writes(
    api: Api, worker: Api, said: dict[str, Any], kept: dict[str, Any]
) -> None:
    job_id = submit(api)

    move(worker, "finish", leased(worker), outcome={"result": RESULT | said})

    answer = api.get(f"/jobs/{job_id}")
    plain = {name: value for name, value in RESULT.items() if name != "usage"}
    assert spelled(answer.json["result"]) == spelled(plain | kept)
    contract_check.check("GET", f"/jobs/{job_id}", answer.status, answer.headers, answer.body)


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"message": {"tool_calls": [CALL | {"id": 7}]}}, "/message/tool_calls/0"),
        ({"message": {"tool_calls": [CALL | {"more": "x"}]}}, "/message/tool_calls/0"),
        ({"message": {"tool_calls": [CALL, {"id": "c"}]}}, "/message/tool_calls/1"),
        ({"message": {"tool_calls": [CALL] * 129}}, "/message/tool_calls"),
        ({"message": {"content": "x"}}, "/message/content"),
        ({"message": {"refusal": None}}, "/message/refusal"),
        ({"message": None}, "/message"),
        ({"logprobs": {"content": [LIKELY | {"logprob": "low"}]}}, "/logprobs/content/0"),
        ({"logprobs": {"content": [LIKELY | {"bytes": [256]}]}}, "/logprobs/content/0"),
        ({"logprobs": {"refusal": [{}]}}, "/logprobs/refusal/0"),
        ({"logprobs": {"content": [LIKELY | {"top_logprobs": [{}]}]}}, "/logprobs/content/0"),
        ({"logprobs": {"tokens": []}}, "/logprobs/tokens"),
        ({"message": {"reasoning": "x" * limits.RESULT_BYTES}}, "/text"),
    ],
)
def test_what_no_model_says_is_refused(
    api: Api, worker: Api, said: dict[str, Any], pointer: str
) -> None:
    submit(api)
    held = leased(worker)

    answer = move(worker, "finish", held, outcome={"result": RESULT | said})

    assert (answer.status, answer.json["code"]) == (422, "invalid_body")
    assert answer.json["errors"][0]["pointer"] == f"/outcome/result{pointer}"


def test_a_job_is_run_from_lease_to_finish(api: Api, worker: Api) -> None:
    job_id = submit(api)
    held = leased(worker)

    appended = [move(worker, "append", held, offset=n, chunks=["Hel", "lo"][n:]) for n in (0, 1, 0)]
    extended = move(worker, "extend", held, worker="gpu-1", slots=2)
    finished = [move(worker, "finish", held, outcome={"result": RESULT}) for _ in range(2)]

    assert [answer.json for answer in appended] == [{"cancel": False}] * 3
    assert extended.json == {"cancel": False, "lease_seconds": 30}
    assert [answer.json for answer in finished] == [{"state": "succeeded"}] * 2
    assert api.get(f"/jobs/{job_id}/stream").json["text"] == "Hello"
    job = api.get(f"/jobs/{job_id}").json
    assert (job["result"]["text"], job["usage"]) == ("Hello", None)


def test_a_cancel_is_told_with_the_next_move_and_confirmed(api: Api, worker: Api) -> None:
    job_id = submit(api)
    held = leased(worker)
    api.post(f"/jobs/{job_id}/cancel", None)

    told = [move(worker, name, held, **MOVES[name]).json["cancel"] for name in ("append", "extend")]
    finished = move(worker, "finish", held, outcome={"cancelled": True})

    assert told == [True, True]
    assert finished.json == {"state": "cancelled"}


def test_nobody_but_the_owner_cancels(api: Api, worker: Api) -> None:
    submit(api)

    answer = move(worker, "finish", leased(worker), outcome={"cancelled": True})

    assert (answer.status, answer.json["code"]) == (409, "lease_lost")


def test_a_retryable_error_is_tried_again_later_and_later(api: Api, worker: Api) -> None:
    job_id = submit(api)
    outcome = {"error": ERROR, "retryable": True, "retry_after_seconds": 100}

    finished = move(worker, "finish", leased(worker), outcome=outcome)

    job = api.get(f"/jobs/{job_id}").json
    assert (finished.json, job["state"], job["attempt"]) == ({"state": "queued"}, "queued", 1)
    assert job["retry_at"] is not None


def test_an_error_that_no_attempt_mends_is_the_end(api: Api, worker: Api) -> None:
    job_id = submit(api)

    finished = move(worker, "finish", leased(worker), outcome={"error": ERROR})

    assert finished.json == {"state": "failed"}
    assert api.get(f"/jobs/{job_id}").json["error"] == ERROR


def test_a_released_job_is_ready_at_once_and_has_lost_no_attempt(api: Api, worker: Api) -> None:
    job_id = submit(api)
    held = leased(worker)

    released = [move(worker, "release", held) for _ in range(2)]

    assert [(answer.status, answer.body) for answer in released] == [(204, b"")] * 2
    job = api.get(f"/jobs/{job_id}").json
    assert (job["state"], job["attempt"], job["max_attempts"]) == ("queued", 1, 4)
    assert leased(worker)["job_id"] == job_id


@pytest.mark.parametrize("name", MOVES)
@pytest.mark.parametrize(
    "changed",
    [{"tenant": "globex"}, {"token": "0" * 32}, {"job_id": f"job_{'0' * 32}"}],
    ids=["tenant", "token", "job"],
)
def test_a_move_that_names_another_than_it_holds_finds_the_lease_lost(
    api: Api, worker: Api, name: str, changed: dict[str, str]
) -> None:
    job_id = submit(api)
    held = leased(worker)

    answer = move(worker, name, held | changed, **MOVES[name])

    assert (answer.status, answer.json["code"]) == (409, "lease_lost")
    assert api.get(f"/jobs/{job_id}").json["state"] == "running"


def test_a_retryable_error_under_a_lost_lease_is_refused(api: Api, worker: Api) -> None:
    submit(api)
    held = leased(worker) | {"tenant": "globex"}

    answer = move(worker, "finish", held, outcome={"error": ERROR, "retryable": True})

    assert (answer.status, answer.json["code"]) == (409, "lease_lost")


@pytest.mark.parametrize("name", ["lease", *MOVES])
def test_a_tenants_own_scopes_open_no_workers_route(api: Api, name: str) -> None:
    tenant = Api(api.transport, scope="infer:write jobs:read jobs:write inbox:read inbox:ack")

    answer = tenant.post(f"/worker/{name}", {})

    assert (answer.status, answer.json["code"]) == (403, "scope_insufficient")


@pytest.mark.parametrize(
    ("outcome", "pointer"),
    [
        ({}, "/outcome"),
        ({"result": RESULT, "error": ERROR}, "/outcome"),
        ({"cancelled": False}, "/outcome/cancelled"),
        ({"cancelled": True, "retryable": True}, "/outcome/error"),
        ({"result": RESULT | {"text": None}}, "/outcome/result/text"),
        ({"result": {"text": "x"}}, "/outcome/result/engine"),
        (
            {"result": RESULT | {"text": "\u00e9" * (limits.RESULT_BYTES // 2 + 1)}},
            "/outcome/result/text",
        ),
        ({"error": ERROR | {"code": "Engine!"}}, "/outcome/error/code"),
        ({"error": ERROR, "retry_after_seconds": -1}, "/outcome/retry_after_seconds"),
    ],
)
def test_an_unusable_outcome_is_refused_by_field(
    api: Api, worker: Api, outcome: Any, pointer: str
) -> None:
    job_id = submit(api)

    answer = move(worker, "finish", leased(worker), outcome=outcome)

    assert answer.status == 422
    assert pointer in [error["pointer"] for error in answer.json["errors"]]
    assert api.get(f"/jobs/{job_id}").json["state"] == "running"


def test_a_whole_number_may_be_written_with_a_fraction_of_zero(api: Api, worker: Api) -> None:
    job_id, token = submit(api), secrets.token_hex(16)
    answer = worker.post("/worker/lease", {"token": token, "worker": "w", "slots": 2.0})
    held = {"job_id": job_id, "tenant": "acme", "token": token}

    appended = [move(worker, "append", held, offset=n, chunks=["a"]) for n in (0.0, 1.0)]

    assert [each.status for each in (answer, *appended)] == [200, 200, 200]
    assert api.get("/queue").json["slots"] == 2
    assert api.get(f"/jobs/{job_id}/stream").json["text"] == "aa"


def test_an_append_beyond_what_is_stored_is_refused(api: Api, worker: Api) -> None:
    submit(api)

    answer = move(worker, "append", leased(worker), offset=1, chunks=["lo"])

    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, "/offset")


@pytest.mark.parametrize("name", ["append", "finish"])
def test_a_result_of_one_mebibyte_is_carried(api: Api, worker: Api, name: str) -> None:
    submit(api)
    text = '"' * limits.RESULT_BYTES
    more: dict[str, dict[str, Any]] = {
        "append": {"offset": 0, "chunks": [text]},
        "finish": {"outcome": {"result": RESULT | {"text": text}}},
    }

    assert move(worker, name, leased(worker), **more[name]).status == 200


@pytest.mark.parametrize("name", ["append", "finish"])
def test_text_that_lambda_could_not_carry_is_refused(api: Api, worker: Api, name: str) -> None:
    job_id = submit(api)
    text = "\x7f" * limits.RESULT_BYTES
    more: dict[str, dict[str, Any]] = {
        "append": {"offset": 0, "chunks": [text]},
        "finish": {"outcome": {"result": RESULT | {"text": text}}},
    }
    body = json.dumps(leased(worker) | more[name], ensure_ascii=False).encode()

    answer = worker.post(f"/worker/{name}", body)

    assert (answer.status, answer.json["code"]) == (422, "invalid_body")
    assert api.get(f"/jobs/{job_id}").json["state"] == "running"


@pytest.mark.parametrize("name", ["append", "finish"])
def test_a_body_over_four_mebibytes_is_refused(worker: Api, name: str) -> None:
    answer = worker.post(f"/worker/{name}", b" " * (limits.WORKER_BODY_BYTES + 1))

    assert (answer.status, answer.json["code"]) == (413, "body_too_large")


@pytest.mark.slow
@pytest.mark.parametrize("happens", ["submitted", "delayed"])
def test_a_worker_waits_until_a_job_is_ready(api: Api, worker: Api, happens: str) -> None:
    acts: dict[str, Callable[[], object]] = {"submitted": lambda: submit(api), "delayed": list}
    if happens == "delayed":
        submit(api)
        move(worker, "finish", leased(worker), outcome={"error": ERROR, "retryable": True})
    threading.Timer(0.5, acts[happens]).start()
    before = time.monotonic()

    answer = lease(worker, prefer="wait=20")

    assert answer.status == 200
    assert answer.headers["preference-applied"] == "wait=20"
    assert 0.4 < time.monotonic() - before < 5


@pytest.mark.slow
def test_a_worker_is_told_when_the_time_is_up_and_counted_as_live(api: Api, worker: Api) -> None:
    answer = lease(worker, prefer="wait=1")

    assert answer.status == 204
    assert answer.headers["preference-applied"] == "wait=1"
    assert api.get("/queue").json["workers"] == 1
