"""`RateLimit` and `RateLimit-Policy`: a caller hears how much it may still call."""

import re
from typing import Any

import pytest
import redis

import app
from chalicelib.store import Store
from tests.api import doors
from tests.calls import Answer, Api
from tests.store.harness import pass_deadline

NO_RATES = {"rate_per_minute": 0, "tenant_bytes_per_day": 0}
BODIES: dict[str, Any] = {
    "/infer": {"prompt": "Say hello"},
    "/events": {"event_type": "a", "payload": None, "source": "b"},
}


MANY = re.compile(r'"([a-z-]+)";r=(\d+);t=(\d+)')


def told(answer: Answer) -> dict[str, tuple[int, int]]:
    """Return what is left by policy, and the seconds until all is."""
    rates = [MANY.fullmatch(each) for each in answer.headers["ratelimit"].split(", ")]
    assert all(rates)
    return {rate[1]: (int(rate[2]), int(rate[3])) for rate in rates if rate}


def _expired(api: Api, direct: "redis.Redis") -> tuple[str, int]:
    """Return the id and the version of a job that has expired."""
    job_id = api.post("/infer", {"prompt": "Say hello", "deadline_seconds": 60}).json["id"]
    pass_deadline(direct, job_id)
    job = api.get(f"/jobs/{job_id}").json
    assert job["state"] == "expired"
    return job_id, job["version"]


def left(answer: Answer) -> int:
    """Return how many calls are left."""
    return told(answer)["default"][0]


@pytest.mark.parametrize("path", BODIES)
def test_each_call_tells_what_is_left(api: Api, path: str) -> None:
    first, second = api.post(path, BODIES[path]), api.post(path, BODIES[path])

    day = '"bytes";q=134217728;qu="content-bytes";w=86400'
    assert first.headers["ratelimit-policy"] == f'"default";q=600;w=60, {day}'
    assert told(first).keys() == {"default", "bytes"}
    assert left(first) == 599
    assert left(second) in {598, 599}


def test_prompts_and_events_share_a_tenants_rate_and_no_other_tenants(api: Api) -> None:
    other = Api(api.transport, tenant="globex")

    lefts = [left(who.post(path, BODIES[path])) for who in (api, other) for path in BODIES]

    assert lefts[0] == lefts[2] == 599
    assert lefts[1] < 600


@pytest.mark.parametrize("path", BODIES)
def test_a_repeat_is_charged_nothing_and_tells_nothing(api: Api, path: str) -> None:
    api.post(path, BODIES[path], idempotency_key="k")

    again = api.post(path, BODIES[path], idempotency_key="k")

    assert again.headers["idempotency-replayed"] == "true"
    assert "ratelimit" not in again.headers


@pytest.mark.parametrize("transport", ["client"], indirect=True)
@pytest.mark.parametrize("path", BODIES)
def test_who_calls_too_often_is_told_when_to_come_back(
    api: Api, store: Store, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(app, "door", lambda: doors.door(store, rate_per_minute=2))

    *taken, refused = [api.post(path, BODIES[path]) for _ in range(3)]

    assert all(answer.status in {201, 202} for answer in taken)
    assert (refused.status, refused.json["code"]) == (429, "rate_limited")
    assert left(refused) == 0
    assert refused.headers["ratelimit-policy"] == '"default";q=2;w=60'
    assert 1 <= int(refused.headers["retry-after"]) <= 30
    # When all are left again: a window later than the last was taken, half of one each.
    assert 50 < int(refused.headers["ratelimit"].rpartition("t=")[2]) <= 60


@pytest.mark.parametrize("transport", ["client"], indirect=True)
def test_without_a_limit_nothing_is_told(
    api: Api, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "door", lambda: doors.door(store, **NO_RATES))

    assert "ratelimit" not in api.post("/infer", BODIES["/infer"]).headers


@pytest.mark.parametrize("transport", ["client"], indirect=True)
@pytest.mark.parametrize("path", BODIES)
def test_who_brings_in_too_much_is_told_when_there_is_room_again(
    api: Api, store: Store, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(app, "door", lambda: doors.door(store, tenant_bytes_per_day=3000))

    answers = [api.post(path, BODIES[path]) for _ in range(11)]

    refused = answers[-1]
    assert (refused.status, refused.json["code"]) == (429, "rate_limited")
    assert refused.headers["ratelimit-policy"] == '"bytes";q=3000;qu="content-bytes";w=86400'
    bytes_left, all_left_seconds = told(refused)["bytes"]
    assert bytes_left < 3000
    assert 0 < int(refused.headers["retry-after"]) <= all_left_seconds <= 86_400


@pytest.mark.parametrize("transport", ["client"], indirect=True)
def test_retry_is_told_and_refused_as_a_submit_is(
    api: Api, store: Store, direct: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "door", lambda: doors.door(store, rate_per_minute=3))
    one, other = (_expired(api, direct) for _ in range(2))

    taken, repeated, refused = [
        api.post(f"/jobs/{job_id}/retry", {"version": version})
        for job_id, version in (one, one, other)
    ]

    assert [answer.status for answer in (taken, repeated, refused)] == [202, 202, 429]
    assert left(taken) == left(refused) == 0
    assert told(taken).keys() == {"default", "bytes"}
    assert "ratelimit" not in repeated.headers
    assert refused.json["code"] == "rate_limited"
    assert 1 <= int(refused.headers["retry-after"]) <= 20


@pytest.mark.parametrize("transport", ["client"], indirect=True)
def test_who_has_too_many_jobs_under_way_is_told_so(
    api: Api, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "door", lambda: doors.door(store, tenant_queue_length=1))

    taken, refused = [api.post("/infer", BODIES["/infer"]) for _ in range(2)]

    assert taken.status == 202
    assert (refused.status, refused.json["code"]) == (429, "too_many_jobs")
    assert int(refused.headers["retry-after"]) > 0
