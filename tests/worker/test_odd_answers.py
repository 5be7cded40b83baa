"""Whatever a router answers to a move: no worker and no keeper of leases ends by it."""

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.errors import LeaseLost, StoreUnavailable
from chalicelib.jobs import Job, JobState, JsonObject
from chalicelib.leasing import Claim, Outcome
from tests.unit.odd_json import VALUES, renamed, spelled
from tests.worker.doubles import via
from tests.worker.router_server import LEASED, answer, serving
from worker.via import LEASE_SECONDS, CallRefused, Via

pytestmark = pytest.mark.slow  # a server of its own

TOKEN = "a" * 32
HELD = Claim(
    Job(
        id=f"job_{1:032x}",
        tenant="tenant",
        state=JobState.RUNNING,
        version=0,
        attempt=1,
        max_attempts=3,
        request={"prompt": "secret words"},
        created_at=1,
    ),
    TOKEN,
)
RESULT = {"text": "Hello", "message": {"reasoning": "So"}, "logprobs": {"content": []}}

MOVES: Mapping[str, Callable[[Via], object]] = {
    "claim": lambda leases: leases.claim(TOKEN),
    "append": lambda leases: leases.append(HELD, 0, ["x"]),
    "extend": lambda leases: leases.extend(HELD),
    "finish": lambda leases: leases.finish(HELD, Outcome(result=RESULT)),
    "release": lambda leases: leases.release(HELD),
}
SOUND: Mapping[str, JsonObject] = {
    "claim": LEASED,
    "append": {"cancel": False},
    "extend": {"cancel": False, "lease_seconds": 30},
    "finish": {"state": "succeeded"},
    "release": {"state": "queued"},
}
PROBLEM: JsonObject = {"code": "lease_lost", "errors": [{"pointer": "/models"}]}
# What the loop and a job's run are ready for.
EXPECTED: Mapping[str, tuple[type[Exception], ...]] = {
    "claim": (StoreUnavailable,),
    "append": (StoreUnavailable, LeaseLost, CallRefused),
    "extend": (StoreUnavailable, LeaseLost),
    "finish": (StoreUnavailable, LeaseLost, CallRefused),
    "release": (StoreUnavailable, LeaseLost),
}
STATUSES = (200, 200, 200, 201, 302, 400, 401, 403, 404, 409, 413, 422, 429, 500, 502, 503, 504)
AGAIN = "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"
HEADERS: tuple[dict[str, str], ...] = (
    {},
    {"Retry_After": AGAIN},
    {"Retry_After": "nan"},
    {"Retry_After": "9" * 400},
    {"Set_Cookie": "a=\xe9"},
    {"Location": "//["},
)

NO_TIMES: tuple[object, ...] = (0, -1, True, "7", None, [], float("nan"), float("inf"))


@pytest.mark.parametrize("errors", [5, True, "x", {"pointer": "/models"}, [[], None, {}], None])
@pytest.mark.parametrize("status", [422, 502])
@pytest.mark.parametrize("move", MOVES)
def test_errors_that_are_no_list_of_problems_are_passed_over(
    move: str, status: int, errors: object
) -> None:
    with serving() as router, via(router.url) as leases:
        router.otherwise = answer(status, {"errors": errors})
        leases.offer(["small"])

        with pytest.raises(EXPECTED[move]):
            MOVES[move](leases)

    assert len(router.calls) == 1


@pytest.mark.parametrize("status", [200, 409, 500, 502])
def test_nothing_is_left_out_for_an_answer_that_refuses_nothing(status: int) -> None:
    with serving() as router, via(router.url) as leases:
        router.otherwise = answer(status, {"errors": [{"pointer": "/models"}]})
        leases.offer(["small"])

        for _ in range(2):
            with pytest.raises(StoreUnavailable):
                leases.claim(TOKEN)

    assert ["models" in body for _, _, body in router.calls] == [True, True]


def test_who_claims_has_no_lease_to_lose() -> None:
    with serving() as router, via(router.url) as leases:
        router.otherwise = answer(409, {"code": "lease_lost"})

        with pytest.raises(StoreUnavailable):
            leases.claim(TOKEN)


@pytest.mark.parametrize(
    ("told", "held"),
    [
        (12, 12),
        (0.1, 0.1),
        (1e-300, 0.1),
        (10**400, 86_400),
        (1e300, 86_400),
        *((each, LEASE_SECONDS) for each in NO_TIMES),
    ],
)
@pytest.mark.parametrize("move", ["claim", "extend"])
def test_a_lease_holds_as_long_as_is_told_within_reason(
    move: str, told: object, held: float
) -> None:
    with serving() as router, via(router.url) as leases:
        router.otherwise = answer(200, SOUND[move] | {"lease_seconds": told})

        MOVES[move](leases)

    assert leases.lease_seconds == held
    assert held < threading.TIMEOUT_MAX


@pytest.mark.parametrize("name", ["id", "tenant"])
@pytest.mark.parametrize("value", ["\ud800", "a\nb", "", "x" * 129, "é"])
def test_a_job_that_no_later_call_can_name_is_none(name: str, value: str) -> None:
    with serving() as router, via(router.url) as leases:
        router.otherwise = answer(200, LEASED | {"job": LEASED["job"] | {name: value}})

        with pytest.raises(StoreUnavailable):
            leases.claim(TOKEN)


def test_a_job_that_still_runs_has_not_ended() -> None:
    with serving() as router, via(router.url) as leases:
        router.otherwise = answer(200, {"state": "running"})

        with pytest.raises(StoreUnavailable):
            MOVES["finish"](leases)


@pytest.mark.parametrize("body", [b"<html>Sign in</html>", b"{}"])
def test_a_page_that_answers_in_the_routers_place_gives_nothing_back(body: bytes) -> None:
    with serving() as router, via(router.url) as leases:
        router.otherwise = answer(200, body)

        with pytest.raises(StoreUnavailable):
            leases.release(HELD)


@pytest.mark.parametrize("cookie", ["a=b", "a=\xe9"])
def test_no_cookie_is_kept(cookie: str) -> None:
    with serving() as router, via(router.url) as leases:
        router.otherwise = answer(204, None, Set_Cookie=cookie)

        for _ in range(2):
            leases.claim(TOKEN)

    assert ["cookie" in headers for _, headers, _ in router.calls] == [False, False]


@pytest.mark.parametrize("move", MOVES)
def test_no_answer_ends_a_worker(move: str) -> None:
    bodies = st.one_of(
        renamed(SOUND[move]).map(spelled),
        renamed(LEASED["job"]).map(lambda job: spelled({"job": job, "lease_seconds": 30})),
        renamed(PROBLEM).map(spelled),
        VALUES.map(spelled),
        st.sampled_from(["", "{", "[" * 50_000, '{"cancel":' * 900, "9" * 5000, "\xff"]),
    )

    with serving() as router, via(router.url) as leases:

        @settings(
            max_examples=150,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=[HealthCheck.too_slow],
        )
        @given(st.sampled_from(STATUSES), bodies, st.sampled_from(HEADERS))
        def heard(status: int, body: str, headers: dict[str, str]) -> None:
            router.otherwise = answer(status, body.encode("latin-1"), **headers)
            leases.offer(["small"])
            found: Any = None
            try:
                found = MOVES[move](leases)
            except EXPECTED[move]:
                pass
            router.otherwise = answer(200, json.dumps(SOUND["extend"]).encode())
            held = found if isinstance(found, Claim) else HELD

            assert leases.extend(held) is False
            assert 0.1 <= leases.lease_seconds <= threading.TIMEOUT_MAX

        heard()
