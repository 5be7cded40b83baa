"""What no router tells is told of in a sentence by every command that would read it."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.health_server import HealthServer
from tests.unit.parameter_store import Run

ID = f"job_{'0' * 32}"
JOB: dict[str, Any] = {"id": ID, "state": "failed", "version": 1}


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[HealthServer]:
    """A server at the address that commands call."""
    server = HealthServer((200, {}))
    monkeypatch.setenv("TINYLLAMA_URL", server.url)
    monkeypatch.setenv("TINYLLAMA_TOKEN", "t")
    yield server
    server.stop()


def health(checks: object) -> dict[str, Any]:
    return {"status": "pass", "checks": checks}


ODD: list[tuple[str, dict[str, Any]]] = [
    ("health", health([])),
    ("health", health({"store": "fine"})),
    ("health", health({"store": ["fine"]})),
    ("health", health({"told": 1})),
    ("queue", {"depth": []}),
    ("models", {"data": ["tiny"]}),
    ("jobs list", {"jobs": ["one"]}),
    ("inbox list", {"events": [{"event_id": 1}]}),
    *(
        (f"jobs show {ID}", JOB | {name: value})
        for name, value in {
            "attempt": None,
            "max_attempts": "3",
            "eta_seconds": "soon",
            "timings": [1],
            "error": "timeout",
            "result": ["text"],
        }.items()
    ),
]


@pytest.mark.parametrize(("command", "document"), ODD)
def test_a_document_of_an_odd_shape_is_no_routers(
    run: Run, served: HealthServer, command: str, document: dict[str, Any]
) -> None:
    served.answers = [(200, document)]

    ran = run(*command.split())

    assert (ran.code, ran.out) == (7, "")
    assert "what answers is no router" in ran.err


def test_what_an_older_router_does_not_tell_of_a_job_is_not_missed(
    run: Run, served: HealthServer
) -> None:
    served.answers = [(200, JOB)]

    ran = run("jobs", "show", ID)

    assert ran.code == 0
    assert f"id\t{ID}" in ran.out


def test_a_refusal_to_list_models_has_the_cure_of_its_code(run: Run, served: HealthServer) -> None:
    told = {"message": "It may not.", "type": "permission_error", "code": "scope_insufficient"}
    served.answers = [(403, {"error": told})]

    ran = run("models")

    assert ran.code == 3
    assert "(403 scope_insufficient)\n  It may not.\n  What helps: " in ran.err
