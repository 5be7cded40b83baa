"""Whatever is answered, no browser keeps it, runs it, frames it or takes it for something else."""

import json

import pytest
from chalice.test import Client

import app
from chalicelib.routing import Route
from tests.calls import Answer, Api, Transport

EVERY = pytest.mark.parametrize(
    "route", app.route.table, ids=lambda route: f"{route.method} {route.path}"
)


PAGES = {"/console"}


def require_inert(answer: Answer, path: str = "") -> None:
    """Fail unless the answer carries what every answer of a laptop carries."""
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    policy = set(answer.headers["content-security-policy"].split("; "))
    assert {"default-src 'none'", "frame-ancestors 'none'"} <= policy
    # A page runs what it brought; test_console_page.py tells what else it says.
    assert len(policy) == 2 or (path in PAGES and answer.status == 200)
    # A browser that was told so would never come back to a laptop's plain HTTP.
    assert "strict-transport-security" not in answer.headers


def path_of(route: Route) -> str:
    """Return a path of the route under which nothing lies."""
    return route.path.replace("{", "").replace("}", "")


@EVERY
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nobody"}], ids=["", "token"])
def test_an_answer_to_who_is_nobody_is_inert(
    transport: Transport, route: Route, headers: dict[str, str]
) -> None:
    answer = transport(route.method, path_of(route), headers, b"")

    assert answer.status == (401 if route.scope else 200)
    require_inert(answer, route.path)


def test_a_refusal_of_an_unknown_path_is_inert(api: Api) -> None:
    answer = api.request("GET", "/nowhere")

    assert answer.status == 404
    require_inert(answer)


@EVERY
def test_a_refusal_for_want_of_a_scope_is_inert(transport: Transport, route: Route) -> None:
    scope = "jobs:read" if route.scope != "jobs:read" else "inbox:read"

    answer = Api(transport, scope=scope).request(route.method, path_of(route), {})

    assert answer.status == (403 if route.scope else 200)
    require_inert(answer, route.path)


@EVERY
def test_an_answer_to_who_may_call_is_inert(api: Api, route: Route) -> None:
    answer = api.request(route.method, path_of(route), {"prompt": 1} if route.body else None)

    assert answer.status in {200, 204, 400, 404, 422}
    require_inert(answer, route.path)


def test_a_refusal_of_the_method_is_inert(api: Api) -> None:
    answer = api.request("DELETE", "/health")

    assert answer.status == 405
    require_inert(answer)


def test_an_answer_of_success_is_inert(api: Api) -> None:
    answer = api.post("/infer", {"prompt": "Say hello"})

    assert answer.status == 202
    require_inert(answer)


def test_who_comes_over_https_is_told_to_come_so_again(
    client_transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    del client_transport
    monkeypatch.setenv("TINYLLAMA_ENV", "dev")

    with Client(app.app) as client:
        answer = client.http.get("/openapi.json")

    assert json.loads(answer.body)["openapi"]
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
