"""Whatever is wrong is answered with a problem document that names it."""

import json
import time
from typing import Any

import pytest

import app
import tinyllama
from chalicelib import limits
from chalicelib.service import FrontDoor
from tests.calls import Answer, Api, Transport
from tests.contract_check import CONTRACT, operations

PROMPT = {"prompt": "Say hello"}


def require_problem(answer: Answer, status: int, code: str) -> dict[str, Any]:
    """Return the problem after checking what every problem owes."""
    assert (answer.status, answer.json.get("code")) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"] == answer.json["request_id"]
    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.json["status"] == status
    assert {"type", "title", "detail"} <= answer.json.keys()
    found: dict[str, Any] = answer.json
    return found


@pytest.mark.parametrize("raw", [b"", b"{", b"[1,]", b"\xff", b'{"prompt": NaN}', b"{} {}"])
def test_what_is_not_json_is_refused(api: Api, raw: bytes) -> None:
    answer = api.post("/infer", raw)

    require_problem(answer, 400, "invalid_json")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""),
        ({"prompt": ""}, "/prompt"),
        ({"prompt": 7}, "/prompt"),
        ({"prompt": "x", "temperature": True}, "/temperature"),
        ({"prompt": "x", "temperature": 9}, "/temperature"),
        ({"prompt": "x", "max_tokens": 1.5}, "/max_tokens"),
        ({"prompt": "x", "surprise/~": 1}, "/surprise~1~0"),
        ({"messages": [{"role": "user"}]}, "/messages/0/content"),
    ],
)
def test_a_bad_field_is_named_by_its_pointer(api: Api, body: Any, pointer: str) -> None:
    problem = require_problem(api.post("/infer", body), 422, "invalid_body")

    assert pointer in [error["pointer"] for error in problem["errors"]]


@pytest.mark.parametrize(
    "media_type",
    [
        "text/plain",
        "application/xml",
        "application/jsonp",
        "application/json, text/plain",
        "application/json; Charset=UTF-16",
        "",
    ],
)
def test_another_content_type_is_refused(api: Api, media_type: str) -> None:
    answer = api.request("POST", "/infer", PROMPT, {"Content-Type": media_type})

    require_problem(answer, 415, "unsupported_media_type")


def test_a_missing_content_type_is_refused(api: Api) -> None:
    headers = {"Authorization": f"Bearer {tinyllama.make_token()}"}

    answer = api.transport("POST", "/infer", headers, json.dumps(PROMPT).encode())

    require_problem(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json; charset=utf-8",
        'APPLICATION/JSON;charset="UTF-8"',
        "application/json; Charset=UTF-8 ; profile=x",
    ],
)
def test_json_in_utf_8_is_read_however_it_is_written(api: Api, media_type: str) -> None:
    answer = api.request("POST", "/infer", PROMPT, {"Content-Type": media_type})

    assert answer.status == 202


def test_a_body_over_the_limit_is_refused(api: Api) -> None:
    fits = b'{"prompt": "x"}'.ljust(limits.BODY_BYTES)

    assert api.post("/infer", fits).status == 202
    require_problem(api.post("/infer", fits + b" "), 413, "body_too_large")


def test_a_body_of_ten_megabytes_is_refused(api: Api) -> None:
    require_problem(api.post("/infer", b" " * 10_000_000), 413, "body_too_large")


def test_a_method_that_is_not_offered_names_those_that_are(api: Api) -> None:
    answer = api.request("PUT", "/events")

    require_problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("claims", "status", "code"),
    [
        ({"expires_in": -1}, 401, "token_expired"),
        ({"aud": "somebody-else"}, 403, "audience_invalid"),
        ({"scope": "jobs:read"}, 403, "scope_insufficient"),
        ({"scope": ""}, 403, "scope_insufficient"),
    ],
)
def test_a_token_that_will_not_do_is_refused_with_its_reason(
    api: Api, claims: dict[str, Any], status: int, code: str
) -> None:
    headers = {"Authorization": f"Bearer {tinyllama.make_token(**claims)}"}

    answer = api.request("POST", "/infer", PROMPT, headers)

    require_problem(answer, status, code)
    assert answer.headers["www-authenticate"].startswith("Bearer error=")


@pytest.mark.parametrize("value", ["Bearer", "Bearer x", "Basic YTpi", "Bearer a.b.c"])
def test_what_is_no_token_is_refused(api: Api, value: str) -> None:
    answer = api.request("POST", "/infer", PROMPT, {"Authorization": value})

    assert answer.status == 401
    assert answer.json["code"] in ("token_missing", "token_malformed")


def test_a_token_with_a_wrong_signature_is_refused(api: Api) -> None:
    head, payload, signature = tinyllama.make_token().split(".")
    changed = ("A" if signature[0] != "A" else "B") + signature[1:]
    headers = {"Authorization": f"Bearer {head}.{payload}.{changed}"}

    answer = api.request("POST", "/infer", PROMPT, headers)

    require_problem(answer, 403, "signature_invalid")


def test_a_router_that_cannot_judge_tokens_names_the_setting(
    client_transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = {"Authorization": f"Bearer {tinyllama.make_token()}"}
    monkeypatch.setenv("TINYLLAMA_JWKS", "http://issuer.example/keys")
    app.gate.cache_clear()

    answer = client_transport("GET", "/inbox", headers, b"")

    assert "TINYLLAMA_JWKS" in require_problem(answer, 503, "not_configured")["detail"]


def test_a_missing_token_is_401(api: Api) -> None:
    headers = {"Content-Type": "application/json"}

    answer = api.transport("POST", "/infer", headers, json.dumps(PROMPT).encode())

    require_problem(answer, 401, "token_missing")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer whisper"}], ids=["", "token"])
@pytest.mark.parametrize("path", ["/", "/inferno", "/jobs/job_1/cancel/now", "//[", "/metric?a=b"])
def test_an_unknown_path_is_404_and_repeats_no_token(
    api: Api, path: str, headers: dict[str, str]
) -> None:
    answer = api.transport("GET", path, headers, b"")

    require_problem(answer, 404, "route_not_found")
    assert b"whisper" not in answer.body + str(answer.headers).encode()


@pytest.mark.parametrize("method", ["POST", "DELETE", "OPTIONS"])
def test_an_unknown_path_is_404_with_any_method(api: Api, method: str) -> None:
    require_problem(api.transport(method, "/nowhere", {}, b""), 404, "route_not_found")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/infer", {"POST"}),
        ("/jobs/job_1", {"GET", "DELETE"}),
        ("/jobs/job_1/cancel", {"POST"}),
        ("/inbox/evt_1", {"GET", "DELETE"}),
        ("/inbox/lease", {"POST"}),
    ],
)
def test_preflight_names_the_one_origin_and_every_header(
    http_transport: Transport, path: str, methods: set[str]
) -> None:
    # Over HTTP alone: Chalice's test client cannot read an answer without a body.
    headers = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST"}

    answer = http_transport("OPTIONS", path, headers, b"")

    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
    allowed = set(answer.headers["access-control-allow-headers"].split(","))
    assert {"Authorization", "Content-Type", "Idempotency-Key", "Prefer"} <= allowed
    allowed = set(answer.headers["access-control-allow-methods"].split(","))
    assert allowed == methods | {"OPTIONS"}


def test_a_browser_may_send_and_read_every_header_of_the_contract(api: Api) -> None:
    told = api.post("/infer", PROMPT).headers

    read = set(told["access-control-expose-headers"].split(","))
    sent = set(told["access-control-allow-headers"].split(","))
    assert read >= CONTRACT["components"]["headers"].keys() | {"Allow"}
    parameters = [each for _, _, operation in operations() for each in operation["parameters"]]
    assert sent >= {each["name"] for each in parameters if each["in"] == "header"}
    assert sent >= {"Authorization", "Content-Type"}


@pytest.fixture
def hosted(client_transport: Transport) -> None:
    """The app on the suite's store, to be called as by a host that has already authorized."""
    del client_transport


def called(
    authorizer: dict[str, Any] | None, method: str = "GET", path: str = "/inbox", **event: Any
) -> Answer:
    """Call as API Gateway would, GET /inbox at first, with what the authorizer told once."""
    event = {
        "resource": path,
        "requestContext": {
            "resourcePath": path, "httpMethod": method, "path": f"/dev{path}",
            "requestId": "gateway-1", "authorizer": authorizer,
        },
        "headers": {}, "multiValueQueryStringParameters": None, "pathParameters": None,
        "stageVariables": None, "body": None, "isBase64Encoded": False,
    } | event  # fmt: skip
    answer = app.app(event, None)
    found = {name.lower(): str(value) for name, value in answer["headers"].items()}
    return Answer(answer["statusCode"], found, answer["body"].encode())


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({}, 200, None),
        ({"expires_at": "1"}, 401, "token_expired"),
        ({"scopes": "jobs:read"}, 403, "scope_insufficient"),
        ({"tenant": ""}, 401, "token_missing"),
    ],
)
@pytest.mark.usefixtures("hosted")
def test_a_cached_policy_is_checked_again_inside(
    changed: dict[str, str], status: int, code: str | None
) -> None:
    context = {
        "tenant": "acme", "principal": "acme", "scopes": "inbox:read",
        "expires_at": str(int(time.time()) + 60), "key_id": "", "key_digest": "",
    }  # fmt: skip

    answer = called(context | changed)

    assert answer.status == status
    assert answer.json.get("code") == code
    assert answer.headers["x-request-id"] == "gateway-1"


@pytest.mark.parametrize(
    ("body", "encoded"),
    [
        ("%%%", True),
        ("\u00e9", True),
        ("e30", True),
        ("/w==", True),
        ('{"prompt": "\ud800"}', False),
    ],
)
@pytest.mark.usefixtures("hosted")
def test_a_body_that_the_gateway_spoilt_is_no_json(body: str, *, encoded: bool) -> None:
    context = {"tenant": "a", "scopes": "infer:write", "expires_at": str(int(time.time()) + 60)}
    headers = {"Content-Type": "application/json"}

    answer = called(context, "POST", "/infer", headers=headers, body=body, isBase64Encoded=encoded)

    require_problem(answer, 400, "invalid_json")


@pytest.mark.usefixtures("hosted")
def test_a_request_that_no_authorizer_saw_is_refused() -> None:
    assert called(None).json["code"] == "token_missing"


@pytest.mark.usefixtures("hosted")
def test_an_unexpected_exception_answers_500_and_tells_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def burst() -> FrontDoor:
        raise ZeroDivisionError("a prompt might stand here")

    monkeypatch.setattr(app, "door", burst)
    context = {"tenant": "a", "scopes": "inbox:read", "expires_at": str(int(time.time()) + 60)}

    answer = called(context)

    require_problem(answer, 500, "internal")
    line, _ = capsys.readouterr().out.splitlines()
    logged = json.loads(line)
    assert (logged["event"], logged["error"]) == ("unexpected_error", "ZeroDivisionError")
    assert "prompt might" not in json.dumps(logged) + answer.body.decode()
