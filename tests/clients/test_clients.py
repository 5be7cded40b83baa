"""Official clients, unmodified and with their default settings, against the router as it is.

They all run at the same time, each in a process of its own; each case is a tenant of its own, so
that its jobs can be counted. Seconds are those of the case alone.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.clients.conftest import CLIENTS, MODEL, SLOW, SLOW_SECONDS, tenant
from tests.clients.plays import Play, Told
from tests.clients.routers import Router

pytestmark = pytest.mark.slow

PATIENCE_SECONDS = 200
# What may come on top of the engine's minute, on two cores that all clients share.
LATE_SECONDS = 40
TOKENS = 12


def playing(*cases: str) -> pytest.MarkDecorator:
    """Run a test for each client that plays one of *cases*."""
    pairs = [(client, case) for client in CLIENTS for case in CLIENTS[client][2] if case in cases]
    return pytest.mark.parametrize(("client", "case"), pairs)


@pytest.fixture
def told(client: str, case: str, plays: Mapping[str, Play]) -> Told:
    """What the client saw of the case, which has ended."""
    return plays[client].told(case, PATIENCE_SECONDS)


@pytest.fixture
def jobs(told: Told, router: Router, client: str, case: str) -> list[Any]:
    """The jobs there are of the case once it has ended."""
    del told
    return router.jobs(tenant(client, case))


def refused(told: Told) -> tuple[Any, ...]:
    """Return the class, status and code of what was raised."""
    return tuple(told.seen.get(name) for name in ("raised", "status", "code"))


# What takes no minute comes first: the minute passes meanwhile.


@playing("models")
def test_models_are_listed_and_one_is_found_by_a_name_with_a_slash(told: Told) -> None:
    assert told.seen == {"listed": [MODEL], "one": MODEL}


@playing("no_model")
def test_a_model_that_is_not_there_is_not_found(told: Told) -> None:
    assert refused(told) == ("NotFoundError", 404, "model_not_found")


@playing("absent")
def test_a_response_that_is_not_there_is_not_found(told: Told) -> None:
    assert refused(told) == ("NotFoundError", 404, "response_not_found")


@playing("cancel")
def test_a_response_is_called_off(told: Told, jobs: list[Any]) -> None:
    assert (told.seen["status"], told.seen["same"]) == ("cancelled", True)
    assert [job["state"] for job in jobs] == ["cancelled"]
    assert told.seconds < SLOW_SECONDS


@playing(*(case for case in SLOW if case != "background"))
def test_an_answer_of_a_minute_arrives_word_by_word_and_is_one_job(
    told: Told, jobs: list[Any], router: Router, client: str, case: str
) -> None:
    assert "text" in told.seen, told.seen
    assert SLOW_SECONDS <= told.seconds < SLOW_SECONDS + LATE_SECONDS
    assert [job["state"] for job in jobs] == ["succeeded"]
    job = router.ask("GET", f"/jobs/{jobs[0]['id']}", tenant(client, case))
    assert told.seen["text"] == job["result"]["text"]
    assert told.seen.get("tokens", TOKENS) == TOKENS
