"""Each route opens to one scope: at the gateway's policy, and again inside where it was cached."""

import re
import time
from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import pytest

import app
from chalicelib.authorizer import permitted_routes
from chalicelib.routing import Dialect, Reply, Route
from chalicelib.settings import PROJECT
from tests.api.test_refusals import called, require_problem
from tests.calls import Api, Transport
from tinyllama import devkeys

PUBLIC = {("GET", "/health"), ("GET", "/status"), ("GET", "/openapi.json"), ("GET", "/console")}
SCOPES = {
    "infer:write", "jobs:read", "jobs:write", "events:write", "inbox:read", "inbox:ack",
    "metrics:read", "keys:admin", "queue:admin", "worker:run",
}  # fmt: skip
OPERATORS = {
    "queue:admin": {("GET", "/dead-letters"), ("POST", "/dead-letters/redrive")},
    "worker:run": {
        ("POST", f"/worker/{move}") for move in ("lease", "append", "extend", "finish", "release")
    },
}
GUARDED = [route for route in app.route.table if route.scope is not None]
NAMES = [f"{route.method} {route.path}" for route in GUARDED]


def misplaced(table: Iterable[Route]) -> set[str]:
    """Name the routes that are open without being public, or want a scope that nobody has."""
    return {
        f"{route.method} {route.path}"
        for route in table
        if route.scope not in SCOPES
        and (route.scope is not None or (route.method, route.path) not in PUBLIC)
    }


def path_of(route: Route) -> str:
    """Return a path of the route's, its parameters of the right form."""
    kinds = {"job_id": "job_", "event_id": "evt_", "key_id": "key_", "response_id": "resp_",
             "model": "model-"}  # fmt: skip
    return re.sub(r"{(\w+)}", lambda found: kinds[found[1]] + "0" * 32, route.path)


def test_every_route_wants_a_scope_there_is_or_is_one_of_the_public_ones() -> None:
    assert misplaced(app.route.table) == set()


@pytest.mark.parametrize("scope", [None, "", "jobs:reed", "jobs:read inbox:read"])
def test_a_route_that_was_left_open_or_misspelt_is_noticed(scope: str | None) -> None:
    public = Route("GET", "/health", None, lambda _: Reply(), {})
    planted = replace(public, path="/inbox", scope=scope)

    assert misplaced([public, planted]) == {"GET /inbox"}


def test_the_public_routes_are_open(client_transport: Transport) -> None:
    answers = [client_transport(method, path, {}, b"") for method, path in sorted(PUBLIC)]

    assert [answer.status for answer in answers] == [200] * len(PUBLIC)


def test_every_scope_there_is_can_be_granted() -> None:
    terraform = (PROJECT / "terraform-extras" / "cognito.tf").read_text(encoding="utf-8")
    block = terraform.partition("  scopes = {")[2].partition("}")[0]

    assert set(re.findall(r'^ +"([^"]+)" ', block, re.MULTILINE)) == SCOPES
    assert set(devkeys.SCOPES) == SCOPES


@pytest.mark.parametrize("transport", ["client"], indirect=True)
@pytest.mark.parametrize("route", GUARDED, ids=NAMES)
def test_a_token_of_any_other_scope_is_told_so(transport: Transport, route: Route) -> None:
    others = sorted(SCOPES - {route.scope})

    answers = [
        Api(transport, scope=scope).request(route.method, path_of(route)) for scope in others
    ]

    for answer in answers:
        problem = require_problem(answer, 403, "scope_insufficient")
        assert answer.headers["www-authenticate"] == 'Bearer error="insufficient_scope"'
        assert route.scope in problem["detail"] or "no scope of this API" in problem["detail"]


@pytest.mark.parametrize("transport", ["client"], indirect=True)
@pytest.mark.parametrize("route", GUARDED, ids=NAMES)
def test_a_token_of_the_routes_own_scope_opens_it(transport: Transport, route: Route) -> None:
    answer = Api(transport, scope=route.scope).request(route.method, path_of(route))

    assert answer.status not in {401, 403}


@pytest.fixture
def hosted(client_transport: Transport) -> None:
    """The app on the suite's store, to be called as by a host that has already authorized."""
    del client_transport


def _inside(route: Route, scopes: str) -> Any:
    context = {
        "tenant": "acme", "principal": "acme", "scopes": scopes, "key_id": "",
        "expires_at": str(int(time.time()) + 60), "key_digest": "",
    }  # fmt: skip
    values = {name: f"{name[:3]}_" + "0" * 32 for name in re.findall(r"{(\w+)}", route.path)}
    return called(context, route.method, route.path, pathParameters=values or None)


@pytest.mark.parametrize("route", GUARDED, ids=NAMES)
@pytest.mark.usefixtures("hosted")
def test_a_cached_policy_that_is_too_wide_opens_nothing_inside(route: Route) -> None:
    others = " ".join(sorted(SCOPES - {route.scope}))

    answer = _inside(route, others)

    assert answer.status == 403
    if route.dialect is Dialect.OPENAI:
        told = answer.json["error"]
        assert told["code"] == "scope_insufficient"
        assert told["message"] == f"this route needs the scope {route.scope}"
    else:
        problem = require_problem(answer, 403, "scope_insufficient")
        assert problem["detail"] == f"this route needs the scope {route.scope}"


@pytest.mark.parametrize("route", GUARDED, ids=NAMES)
@pytest.mark.usefixtures("hosted")
def test_the_routes_own_scope_opens_it_inside(route: Route) -> None:
    assert _inside(route, str(route.scope)).status not in {401, 403}


@pytest.mark.parametrize("scopes", ["", " ", "inbox", "inbox:read2", "xinbox:read", "INBOX:READ"])
@pytest.mark.usefixtures("hosted")
def test_only_the_scope_itself_is_the_scope(scopes: str) -> None:
    (inbox,) = [route for route in GUARDED if route.path == "/inbox"]

    assert _inside(inbox, scopes).json["code"] == "scope_insufficient"


@pytest.mark.parametrize("scope", sorted(SCOPES))
def test_the_wildcards_of_one_scopes_policy_reach_no_route_of_another(scope: str) -> None:
    own = {(route.method, path_of(route)) for route in GUARDED if route.scope == scope}
    named = [f"{method}{path}" for method, path in permitted_routes(GUARDED, frozenset({scope}))]

    reached = {
        (route.method, path_of(route))
        for route in app.route.table
        # A policy's asterisk goes on over slashes, as the one here does.
        if any(fnmatchcase(f"{route.method}{path_of(route)}", each) for each in named)
    }

    assert reached == own


def test_the_operators_scopes_alone_reach_over_tenants_and_where_they_do_is_known() -> None:
    found = {
        scope: {(route.method, route.path) for route in GUARDED if route.scope == scope}
        for scope in OPERATORS
    }

    assert found == OPERATORS
