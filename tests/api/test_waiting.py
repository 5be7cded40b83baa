"""`Prefer: wait`: who waits is told at once what happens; who finds no place is told so."""

import threading
import time
from typing import Any

import pytest
import redis

import app
from chalicelib import keyspace
from chalicelib.store import Store
from tests.api import doors
from tests.calls import Answer, Api, HandWorker

PROMPT = {"prompt": "Say hello"}
EVENT = {"event_type": "order.created", "payload": 1, "source": "shop"}
WAIT = {"Prefer": "wait=20"}


def call(api: Api, where: str, job_id: str) -> Answer:
    """Call a route that waits, with nothing to tell yet."""
    method, path = where.replace("{job_id}", job_id).split(" ")
    bodies: dict[str, Any] = {
        "/infer": PROMPT,
        "/inbox/lease": {},
        "/worker/lease": {"token": "0" * 32, "worker": "w", "slots": 1},
    }
    return api.request(method, path, bodies.get(path), WAIT)


@pytest.mark.parametrize("transport", ["client"], indirect=True)
@pytest.mark.parametrize(
    "where",
    [
        "POST /infer",
        "GET /jobs/{job_id}",
        "GET /jobs/{job_id}/stream",
        "GET /inbox",
        "POST /inbox/lease",
        "POST /worker/lease",
    ],
)
def test_who_finds_no_place_is_answered_at_once(
    api: Api, store: Store, hand_worker: HandWorker, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    job_id = api.post("/infer", PROMPT).json["id"]
    hand_worker.claim()
    monkeypatch.setattr(app, "door", lambda: doors.door(store, waiters=0))
    monkeypatch.setattr(app, "workshop", lambda: doors.workshop(store, waiters=0))
    before = time.monotonic()

    answer = call(api, where, job_id)

    assert time.monotonic() - before < 5
    assert answer.status in {200, 202, 204}
    assert "preference-applied" not in answer.headers


@pytest.mark.slow
@pytest.mark.parametrize("transport", ["client"], indirect=True)
def test_a_place_is_given_up_when_the_wait_is_over(
    api: Api, store: Store, direct: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "door", lambda: doors.door(store, waiters=1))

    waits = [api.get("/inbox", prefer="wait=1") for _ in range(2)]

    assert [answer.headers["preference-applied"] for answer in waits] == ["wait=1", "wait=1"]
    assert direct.zcard(keyspace.WAITERS) == 0


@pytest.mark.slow
@pytest.mark.parametrize("transport", ["client"], indirect=True)
def test_callers_who_wait_leave_a_quarter_of_the_places_to_workers(
    api: Api, store: Store, direct: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "door", lambda: doors.door(store, waiters=4))
    monkeypatch.setattr(app, "workshop", lambda: doors.workshop(store, waiters=4))
    direct.zadd(keyspace.WAITERS, {str(n): 10**15 for n in range(3)})
    wanted = {"token": "0" * 32, "worker": "w", "slots": 1}

    caller = api.get("/inbox", prefer="wait=1")
    worker = api.post("/worker/lease", wanted, prefer="wait=1")

    assert "preference-applied" not in caller.headers
    assert worker.headers["preference-applied"] == "wait=1"


def test_who_has_something_to_hear_needs_no_place(
    api: Api, hand_worker: HandWorker, direct: "redis.Redis"
) -> None:
    job_id = api.post("/infer", PROMPT).json["id"]
    hand_worker.answer()
    direct.zadd(keyspace.WAITERS, {str(n): 10**15 for n in range(200)})

    answers = [call(api, where, job_id) for where in ("GET /jobs/{job_id}", "GET /inbox")]

    assert [answer.headers["preference-applied"] for answer in answers] == ["wait=20"] * 2


@pytest.mark.slow
def test_an_inbox_that_is_empty_waits_for_an_event_of_the_type(api: Api) -> None:
    threading.Timer(0.3, api.post, ("/events", EVENT)).start()
    threading.Timer(0.8, api.post, ("/events", EVENT | {"event_type": "order.paid"})).start()
    before = time.monotonic()

    answer = api.get("/inbox?type=order.paid", prefer="wait=20")

    assert 0.7 < time.monotonic() - before < 5
    assert [event["event_type"] for event in answer.json["events"]] == ["order.paid"]
    assert answer.headers["preference-applied"] == "wait=20"


@pytest.mark.slow
def test_an_inbox_that_stays_empty_answers_an_empty_page(api: Api) -> None:
    answer = api.get("/inbox", prefer="wait=1")

    assert (answer.status, answer.json) == (200, {"events": []})
    assert "link" not in answer.headers


@pytest.mark.slow
@pytest.mark.parametrize("where", ["POST /infer", "GET /jobs/{job_id}"])
def test_a_wait_ends_when_the_deadline_comes(api: Api, where: str) -> None:
    limited = PROMPT | {"deadline_seconds": 1}
    before = time.monotonic()

    if where == "POST /infer":
        answer = api.post("/infer", limited, prefer="wait=20")
    else:
        answer = api.get(f"/jobs/{api.post('/infer', limited).json['id']}", prefer="wait=20")

    assert 0.9 < time.monotonic() - before < 5
    assert (answer.status, answer.json["state"]) == (200, "expired")
