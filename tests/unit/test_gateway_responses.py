"""What API Gateway answers by itself, rendered as it does for each context it may have."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from chalicelib.errors import TOKEN_REASONS
from tests.contract_check import validator
from tinyllama.deployment.gateway_responses import responses

ORIGIN = "https://app.example"
REQUEST_ID = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
TYPES = responses(ORIGIN)
# docs.aws.amazon.com/apigateway/latest/api/API_GatewayResponse.html, and the status without ours.
KNOWN = {
    "ACCESS_DENIED": 403,
    "API_CONFIGURATION_ERROR": 500,
    "AUTHORIZER_CONFIGURATION_ERROR": 500,
    "AUTHORIZER_FAILURE": 500,
    "BAD_REQUEST_BODY": 400,
    "BAD_REQUEST_PARAMETERS": 400,
    "DEFAULT_4XX": None,
    "DEFAULT_5XX": None,
    "EXPIRED_TOKEN": 403,
    "INTEGRATION_FAILURE": 504,
    "INTEGRATION_TIMEOUT": 504,
    "INVALID_API_KEY": 403,
    "INVALID_SIGNATURE": 403,
    "MISSING_AUTHENTICATION_TOKEN": 403,
    "QUOTA_EXCEEDED": 429,
    "REQUEST_TOO_LARGE": 413,
    "RESOURCE_NOT_FOUND": 404,
    "THROTTLED": 429,
    "UNAUTHORIZED": 401,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "WAF_FILTERED": 403,
}
DENIALS = [reason for reason, (status, _) in TOKEN_REASONS.items() if status == 403]


def rendered(kind: str, authorizer: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the body of a response: names of the context are filled in, nothing else is done."""
    context = {"requestId": REQUEST_ID}
    context |= {f"authorizer.{name}": value for name, value in (authorizer or {}).items()}
    (template,) = TYPES[kind]["responseTemplates"].values()
    body: dict[str, Any] = json.loads(
        re.sub(r"\$context\.([\w.]+)", lambda found: context.get(found[1], ""), template)
    )
    return body


def headers(kind: str, origin: str | None = ORIGIN) -> dict[str, str]:
    """Return the headers of a response, a text for each."""
    told = responses(origin)[kind]["responseParameters"]
    values = {"context.requestId": REQUEST_ID}
    return {
        name.removeprefix("gatewayresponse.header."): values.get(value, value.strip("'"))
        for name, value in told.items()
    }


def test_every_type_of_response_that_there_is_has_words_of_ours() -> None:
    assert TYPES.keys() == KNOWN.keys()


@pytest.mark.parametrize("kind", sorted(KNOWN.keys() - {"ACCESS_DENIED"}))
def test_a_response_is_a_problem_of_its_own_status(kind: str) -> None:
    body = rendered(kind)

    validator("components", "schemas", "problem").validate(body)
    assert str(body["status"]) == TYPES[kind]["statusCode"]
    assert body["type"] == f"urn:tinyllama:problem:{body['code']}"
    assert (body["request_id"], headers(kind)["X-Request-Id"]) == (REQUEST_ID, REQUEST_ID)
    assert headers(kind)["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("MISSING_AUTHENTICATION_TOKEN", 404, "route_not_found"),
        ("UNAUTHORIZED", 401, "unauthorized"),
        ("AUTHORIZER_FAILURE", 503, "keys_unavailable"),
        ("THROTTLED", 429, "throttled"),
        ("REQUEST_TOO_LARGE", 413, "body_too_large"),
        ("UNSUPPORTED_MEDIA_TYPE", 415, "unsupported_media_type"),
        ("INTEGRATION_FAILURE", 503, "router_unavailable"),
        ("INTEGRATION_TIMEOUT", 504, "timed_out"),
        ("DEFAULT_5XX", 500, "internal"),
    ],
)
def test_what_happened_is_told_by_status_and_code(kind: str, status: int, code: str) -> None:
    body = rendered(kind)

    assert (body["status"], body["code"]) == (status, code)


@pytest.mark.parametrize("reason", DENIALS)
def test_a_denial_is_the_very_problem_that_the_router_would_tell(reason: str) -> None:
    title = TOKEN_REASONS[reason][1]

    body = rendered("ACCESS_DENIED", {"reason": reason, "title": title})

    validator("components", "schemas", "problem").validate(body)
    assert body == {
        "type": f"urn:tinyllama:problem:{reason}",
        "title": title,
        "status": 403,
        "detail": title,
        "code": reason,
        "request_id": REQUEST_ID,
        "error": {"message": title, "type": "permission_error", "param": None, "code": reason},
    }


@pytest.mark.parametrize("kind", sorted(KNOWN.keys() - {"ACCESS_DENIED"}))
def test_a_response_is_told_to_clients_of_the_openai_api_as_well(kind: str) -> None:
    body = rendered(kind)

    validator("components", "schemas", "openai_error").validate({"error": body["error"]})
    assert (body["error"]["code"], body["error"]["message"]) == (body["code"], body["detail"])


def test_a_denial_without_a_context_is_still_json_of_its_status() -> None:
    # A resource policy would deny so; the API has none.
    body = rendered("ACCESS_DENIED")

    assert (body["status"], body["code"]) == (403, "")


def test_templates_name_nothing_that_a_caller_can_choose() -> None:
    named = {
        name
        for response in TYPES.values()
        for template in response["responseTemplates"].values()
        for name in re.findall(r"\$[\w.]*", template)
    }

    assert named == {
        "$context.requestId",
        "$context.authorizer.reason",
        "$context.authorizer.title",
    }


@pytest.mark.parametrize("reason", DENIALS)
def test_what_the_authorizer_tells_stays_within_its_string(reason: str) -> None:
    told = [reason, TOKEN_REASONS[reason][1]]

    assert all(json.dumps(text) == f'"{text}"' for text in told)


def test_a_refused_token_is_told_how_to_come_again() -> None:
    challenged = {kind for kind in TYPES if "WWW-Authenticate" in headers(kind)}

    assert challenged == {"UNAUTHORIZED", "ACCESS_DENIED"}
    assert headers("UNAUTHORIZED")["WWW-Authenticate"] == "Bearer"


def test_what_may_go_well_later_says_when() -> None:
    for kind, response in TYPES.items():
        again = response["statusCode"] in ("429", "503")

        assert ("Retry-After" in headers(kind)) == again, kind


def test_the_stages_origin_may_read_every_response_and_no_other_may() -> None:
    for kind in TYPES:
        told = headers(kind)

        assert told["Access-Control-Allow-Origin"] == ORIGIN
        assert {"X-Request-Id", "Retry-After", "WWW-Authenticate"} <= set(
            told["Access-Control-Expose-Headers"].split(",")
        )
        assert not [name for name in headers(kind, None) if name.startswith("Access-Control")]


def test_no_response_is_kept_by_a_cache_read_as_what_it_is_not_or_asked_for_over_http() -> None:
    for kind in TYPES:
        told = headers(kind)

        assert told["Cache-Control"] == "no-store"
        assert told["X-Content-Type-Options"] == "nosniff"
        assert told["Strict-Transport-Security"] == "max-age=31536000"


def test_a_mapping_is_a_quoted_text_or_a_name_of_the_context() -> None:
    mappings = {value for each in TYPES.values() for value in each["responseParameters"].values()}

    assert all(re.fullmatch(r"'[^']+'|context\.requestId", value) for value in mappings)
