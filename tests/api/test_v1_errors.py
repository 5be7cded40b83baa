"""Whatever is wrong under /v1 is told as clients of the OpenAI API read it, whoever refuses."""

import json
from typing import Any

import openai
import pytest

import tinyllama
from chalicelib import errors, limits, openai_errors
from chalicelib.errors import FieldError, InvalidBody, RouterError
from tests.calls import Answer, Api, Transport
from tests.worker.routers import Router

CHAT = "/v1/chat/completions"
BODY = {"messages": [{"role": "user", "content": "Say hello"}]}


def told(answer: Answer, status: int) -> dict[str, Any]:
    """Return what went wrong, after checking what each refusal owes."""
    assert answer.status == status
    found: dict[str, Any] = answer.json["error"]
    assert found.keys() == {"message", "type", "param", "code"}
    assert found["message"]
    assert answer.headers["x-request-id"]
    return found


@pytest.mark.parametrize("raw", [b"", b"{", b"[1,]", b"\xff", b'{"messages": NaN}', b"{} {}"])
def test_what_is_not_json_is_refused(api: Api, raw: bytes) -> None:
    error = told(api.post(CHAT, raw), 400)

    assert (error["code"], error["type"]) == ("invalid_json", "invalid_request_error")


def test_a_bad_field_is_400_and_named(api: Api) -> None:
    answer = api.post(CHAT, {"messages": [{"role": "user", "content": "x"}], "temperature": 9})

    error = told(answer, 400)
    assert (error["code"], error["param"]) == ("invalid_body", "temperature")
    assert "/temperature" in error["message"]


def test_another_content_type_is_refused(api: Api) -> None:
    answer = api.request("POST", CHAT, BODY, {"Content-Type": "text/plain"})

    assert told(answer, 415)["code"] == "unsupported_media_type"


def test_a_body_over_the_limit_is_refused(api: Api) -> None:
    answer = api.post(CHAT, json.dumps(BODY).encode().ljust(limits.BODY_BYTES + 1))

    assert told(answer, 413)["code"] == "body_too_large"


def test_a_method_that_is_not_offered_is_told_with_those_that_are(api: Api) -> None:
    answer = api.request("PUT", CHAT)

    assert told(answer, 405)["code"] == "method_not_allowed"
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize("path", ["/v1", "/v1/embeddings", "/v1/models/org/name", "/inferno"])
def test_an_unknown_path_is_told_in_both_forms(api: Api, path: str) -> None:
    answer = api.request("GET", path)

    error = told(answer, 404)
    assert error["code"] == answer.json["code"] == "route_not_found"
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("claims", "status", "code", "kind"),
    [
        ({"expires_in": -1}, 401, "token_expired", "authentication_error"),
        ({"aud": "somebody-else"}, 403, "audience_invalid", "permission_error"),
        ({"scope": "jobs:read"}, 403, "scope_insufficient", "permission_error"),
    ],
)
def test_a_token_that_will_not_do_is_told_in_both_forms(
    api: Api, claims: dict[str, Any], status: int, code: str, kind: str
) -> None:
    headers = {"Authorization": f"Bearer {tinyllama.make_token(**claims)}"}

    answer = api.request("POST", CHAT, BODY, headers)

    error = told(answer, status)
    assert (error["code"], error["type"]) == (answer.json["code"], kind) == (code, kind)
    assert answer.headers["www-authenticate"].startswith("Bearer error=")


def test_no_token_is_told_in_both_forms(api: Api) -> None:
    answer = api.transport("POST", CHAT, {"Content-Type": "application/json"}, b"{}")

    assert told(answer, 401)["code"] == answer.json["code"] == "token_missing"


@pytest.mark.parametrize("kind", [errors.JobRunning, errors.LeaseLost, errors.VersionConflict])
def test_a_conflict_is_not_to_be_tried_again(kind: type[RouterError]) -> None:
    assert openai_errors.headers(kind())["x-should-retry"] == "false"


def test_a_field_is_named_as_a_path_of_names() -> None:
    error = InvalidBody(errors=[FieldError("/messages/0/role", "is no role"), FieldError("", "x")])

    member = openai_errors.member(error)

    assert member["param"] == "messages.0.role"
    assert "/messages/0/role: is no role; /: x" in str(member["message"])


@pytest.mark.slow
def test_an_unmodified_client_raises_what_it_has_for_each(router: Router) -> None:
    def client(**claims: Any) -> openai.OpenAI:
        key = tinyllama.make_token(**claims)
        return openai.OpenAI(base_url=f"{router.url}/v1", api_key=key, max_retries=0)

    def error_of(kind: type[openai.APIStatusError], path: str, by: openai.OpenAI) -> Any:
        with by, pytest.raises(kind) as raised:
            by.post(path, body=BODY | {"temperature": 9}, cast_to=object)
        return raised.value.code

    assert error_of(openai.BadRequestError, "/chat/completions", client()) == "invalid_body"
    assert error_of(openai.NotFoundError, "/embeddings", client()) == "route_not_found"
    late, narrow = client(expires_in=-1), client(scope="jobs:read")
    assert error_of(openai.AuthenticationError, "/chat/completions", late) == "token_expired"
    refused = error_of(openai.PermissionDeniedError, "/chat/completions", narrow)
    assert refused == "scope_insufficient"


@pytest.mark.slow
def test_a_page_may_send_and_read_what_openais_client_does(http_transport: Transport) -> None:
    answer = http_transport("OPTIONS", CHAT, {"Origin": "http://localhost:3000"}, b"")

    allowed = {name.lower() for name in answer.headers["access-control-allow-headers"].split(",")}
    exposed = answer.headers["access-control-expose-headers"].lower().split(",")
    assert {"openai-organization", "openai-project", "x-stainless-retry-count"} <= allowed
    assert {"x-should-retry", "retry-after-ms", "location", "x-request-id"} <= {*exposed}
