"""One line for each request, with the ids by which it is found again."""

import json
import time
from collections.abc import Mapping
from typing import Any

import pytest

import app
from chalicelib import signals
from chalicelib.service import FrontDoor
from tests.api.test_refusals import called
from tests.calls import Answer, Api, HandWorker, Transport

pytestmark = pytest.mark.parametrize("transport", ["client"], indirect=True)

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
PROMPT = {"prompt": "What does the fox say to nobody?"}

type Line = Mapping[str, Any]


def lines(capsys: pytest.CaptureFixture[str]) -> list[Line]:
    """Return what was logged since the last look."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def of_requests(capsys: pytest.CaptureFixture[str]) -> list[Line]:
    return [line for line in lines(capsys) if line["event"] == "request"]


def traced(api: Api, method: str, path: str, body: Any = None) -> Answer:
    return api.request(method, path, body, {"Traceparent": TRACE})


def test_each_request_is_one_line_that_names_its_route(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    job_id = api.post("/infer", PROMPT).json["id"]
    capsys.readouterr()

    answer = traced(api, "GET", f"/jobs/{job_id}?wait=0")

    (line,) = lines(capsys)
    assert 0 <= line["duration_ms"] < 10_000
    assert {name: line[name] for name in line if name not in {"time", "duration_ms"}} == {
        "level": "INFO",
        "app": "tinyllama",
        "event": "request",
        "request_id": answer.headers["x-request-id"],
        "traceparent": TRACE,
        "job_id": job_id,
        "method": "GET",
        "route": "/jobs/{job_id}",
        "status": 200,
    }


def test_a_submitted_job_is_found_by_its_requests_trace(
    api: Api, hand_worker: HandWorker, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = traced(api, "POST", "/infer", PROMPT)

    (line,) = of_requests(capsys)
    claim = hand_worker.claim()
    assert line["job_id"] == answer.json["id"] == claim.job.id
    assert line["traceparent"] == claim.job.traceparent == TRACE


def test_a_request_without_a_trace_begins_one(
    api: Api, hand_worker: HandWorker, capsys: pytest.CaptureFixture[str]
) -> None:
    api.post("/infer", PROMPT)
    api.post("/infer", PROMPT)

    first, second = (line["traceparent"] for line in of_requests(capsys))
    assert first != second
    assert hand_worker.claim().job.traceparent == first


@pytest.mark.parametrize("move", ["cancel", "retry", "stream", "erase"])
def test_every_line_about_a_job_names_it(
    api: Api, hand_worker: HandWorker, capsys: pytest.CaptureFixture[str], move: str
) -> None:
    job = api.post("/infer", PROMPT).json
    if move == "retry":
        hand_worker.fail()
    capsys.readouterr()

    calls = {
        "cancel": ("POST", f"/jobs/{job['id']}/cancel", None),
        "retry": ("POST", f"/jobs/{job['id']}/retry", {"version": 3}),
        "stream": ("GET", f"/jobs/{job['id']}/stream", None),
        "erase": ("DELETE", f"/jobs/{job['id']}", None),
    }
    api.request(*calls[move])

    (line,) = of_requests(capsys)
    assert line["job_id"] == job["id"]
    assert line["status"] < 300


def test_a_workers_move_names_its_job(
    api: Api, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYLLAMA_LOG_LEVEL", "DEBUG")
    job_id = api.post("/infer", PROMPT).json["id"]
    token = "0" * 32
    capsys.readouterr()

    api.post("/worker/lease", {"token": token, "worker": "w", "slots": 1})
    held = {"job_id": job_id, "tenant": "acme", "token": token}
    api.post("/worker/append", {**held, "offset": 0, "chunks": ["Ring-ding"]})
    api.post("/worker/extend", held)
    api.post("/worker/finish", {**held, "outcome": {"error": {"code": "e", "detail": "x"}}})

    told = of_requests(capsys)
    assert [(line["level"], line["job_id"]) for line in told] == [("DEBUG", job_id)] * 4


def test_a_workers_move_that_is_refused_is_told_to_all(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    held = {"job_id": "job_" + "0" * 32, "tenant": "acme", "token": "0" * 32}

    api.post("/worker/extend", held)

    (line,) = of_requests(capsys)
    assert (line["level"], line["code"]) == ("INFO", "lease_lost")


def test_a_refusal_is_told_by_its_code(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    api.get("/jobs/job_1")

    (line,) = of_requests(capsys)
    assert (line["status"], line["code"]) == (404, "job_not_found")
    assert "job_id" not in line


def test_public_routes_are_told_to_those_who_ask_for_more(
    transport: Transport, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    transport("GET", "/health", {}, b"")
    silent = lines(capsys)
    monkeypatch.setenv("TINYLLAMA_LOG_LEVEL", "DEBUG")

    transport("GET", "/health", {}, b"")

    (line,) = lines(capsys)
    assert silent == []
    assert (line["level"], line["route"], line["status"]) == ("DEBUG", "/health", 200)


def test_a_line_from_within_has_the_requests_ids(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], transport: Transport
) -> None:
    del transport

    def burst() -> FrontDoor:
        raise ZeroDivisionError

    monkeypatch.setattr(app, "door", burst)
    context = {"tenant": "a", "scopes": "inbox:read", "expires_at": str(int(time.time()) + 60)}

    answer = called(context)

    unexpected, request = lines(capsys)
    assert unexpected["event"] == "unexpected_error"
    assert (request["status"], request["code"]) == (500, "internal")
    for line in (unexpected, request):
        assert line["request_id"] == answer.json["request_id"]
        assert line["traceparent"] == request["traceparent"]


def test_a_line_after_a_request_has_nothing_of_it(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    api.post("/infer", PROMPT)
    capsys.readouterr()

    signals.log("afterwards")

    (line,) = lines(capsys)
    assert not {"request_id", "traceparent", "job_id"} & line.keys()


def test_no_line_holds_what_was_asked_or_who_asked(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    api.post("/infer", PROMPT | {"metadata": {"note": "for the vixen alone"}})
    api.get("/jobs?model=whisper-of-the-fox")

    told = json.dumps(lines(capsys))
    assert "vixen" not in told
    assert "whisper" not in told
    assert "acme" not in told
