"""Which calls count as requests, and that nothing of a caller outlives its call."""

from collections.abc import Iterator

import pytest

import app
from chalicelib import visits, wiring
from chalicelib.bounds import RequestSettings
from chalicelib.service import FrontDoor
from chalicelib.visits import Visit
from tests.api.conftest import forget_parts
from tests.calls import Answer, Api

ABSENT = f"/jobs/job_{0:032x}"
WORKER = {"token": "0" * 32, "worker": "gpu-1", "slots": 1}
NOT_COUNTED = {
    *(
        "GET /health",
        "GET /status",
        "GET /openapi.json",
        "GET /console",
    ),  # nobody to count them for
    *("POST /infer", "POST /jobs/{job_id}/retry", "POST /events"),  # a rate of their own
    *(f"POST /worker/{move}" for move in ("lease", "append", "extend", "finish", "release")),
}


@pytest.fixture
def scarce(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """The API where a tenant may make three requests a minute."""
    monkeypatch.setenv("TINYLLAMA_REQUESTS_PER_MINUTE", "3")
    forget_parts()
    assert wiring.requests() == RequestSettings(per_minute=3)
    yield api
    forget_parts()


def test_every_route_counts_but_those_that_are_known_not_to() -> None:
    not_counted = {f"{row.method} {row.path}" for row in app.route.table if not row.counted}

    assert not_counted == NOT_COUNTED


@pytest.mark.parametrize("transport", ["client"], indirect=True)
def test_requests_are_told_and_refused_once_they_are_spent(scarce: Api) -> None:
    *taken, refused = [scarce.get(path) for path in ("/jobs", "/inbox", "/queue", "/jobs")]

    assert [answer.status for answer in taken] == [200, 200, 200]
    assert [_left(answer) for answer in taken] == [2, 1, 0]
    assert (refused.status, refused.json["code"], _left(refused)) == (429, "rate_limited", 0)
    assert 1 <= int(refused.headers["retry-after"]) <= 20


@pytest.mark.parametrize("transport", ["client"], indirect=True)
def test_spent_requests_hold_up_neither_prompts_nor_workers_nor_other_tenants(scarce: Api) -> None:
    spent = [scarce.get("/jobs").status for _ in range(4)]

    assert spent == [200, 200, 200, 429]
    assert scarce.post("/infer", {"prompt": "Say hello"}).status == 202
    assert scarce.post("/worker/lease", WORKER).status == 200
    assert Api(scarce.transport, "globex").get("/jobs").status == 200


@pytest.mark.parametrize("transport", ["client"], indirect=True)
@pytest.mark.parametrize(("path", "status"), [("/jobs", 200), (ABSENT, 404), ("/inbox", 500)])
def test_no_call_leaves_its_caller_to_the_next(
    api: Api, monkeypatch: pytest.MonkeyPatch, path: str, status: int
) -> None:
    seen: list[Visit | None] = []
    door = wiring.door

    def watched() -> FrontDoor:
        seen.append(visits.current())
        if path == "/inbox":
            raise ZeroDivisionError
        return door()

    monkeypatch.setattr(app, "door", watched)

    answer = api.get(path)

    assert answer.status == status
    assert [visit and visit.tenant for visit in seen] == ["acme"]
    assert visits.current() is None


def _left(answer: Answer) -> int:
    return int(answer.headers["ratelimit"].removeprefix('"requests";r=').partition(";")[0])
