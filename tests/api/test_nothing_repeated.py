"""No refusal and no log line repeats what a caller said, wherever in a request it stood."""

import secrets

import pytest

import app
from chalicelib.routing import Route
from tests import leaks
from tests.calls import Api, Transport

EVERY = pytest.mark.parametrize(
    "route",
    [route for route in app.route.table if route.scope],
    ids=lambda route: f"{route.method} {route.path}",
)


@pytest.fixture
def word() -> str:
    """A word that nobody may repeat: the search for it fails the test, in any answer or log."""
    return leaks.LEDGER.note("a caller's word", f"whisper-{secrets.token_hex(16)}")


def path_of(route: Route, value: str) -> str:
    """Return the route's path with *value* for each parameter."""
    return "/".join(value if part[:1] == "{" else part for part in route.path.split("/"))


@EVERY
def test_what_stood_in_path_query_and_headers_is_not_repeated(
    client_transport: Transport, word: str, route: Route
) -> None:
    # Not over HTTP: a laptop's server of Chalice's writes each request's line to its log.
    api = Api(client_transport)
    query = "&".join(f"{name}={word}" for name in ("limit", "cursor", "after", "tenant", "state"))
    headers = {"Idempotency-Key": word * 10, "Prefer": f"wait={word}", "If-None-Match": word}

    answer = api.request(route.method, f"{path_of(route, word)}?{query}", {}, headers)

    assert word.encode() not in answer.body
    assert word not in str(answer.headers)


@EVERY
@pytest.mark.parametrize("content_type", ["application/json", "text/plain"])
def test_what_stood_in_the_body_is_not_repeated(
    api: Api, word: str, route: Route, content_type: str
) -> None:
    names = ("prompt", "messages", "payload", "type", "job_id", "key", "outcome", "chunks", "token")
    body = dict.fromkeys(names, word)

    answer = api.request(route.method, path_of(route, "x"), body, {"Content-Type": content_type})

    assert word.encode() not in answer.body
    assert word not in str(answer.headers)


@EVERY
def test_what_came_as_a_token_is_not_repeated(api: Api, word: str, route: Route) -> None:
    headers = {"Authorization": f"Bearer {word}"}

    answer = api.request(route.method, path_of(route, "x"), {}, headers)

    assert answer.status == 401
    assert word.encode() not in answer.body
    assert word not in str(answer.headers)
