"""What a caller may send to bend an answer: headers, paths, queries and bodies made to deceive."""

import base64
import json
import time
from typing import Any

import pytest

from chalicelib import limits
from chalicelib.calls import Call, Caller
from tests.api.test_refusals import called, require_problem
from tests.calls import Answer, Api, Transport
from tinyllama import devkeys

EVIL = "x\r\nX-Evil: 1\r\n\r\n<script>evil()</script>"
EVERYTHING = " ".join(devkeys.SCOPES)
JOB = "job_" + "0" * 32
# Amazon API Gateway quotas: all headers of a request together.
HEADER_BYTES = 10_240


@pytest.fixture
def hosted(client_transport: Transport) -> None:
    """The app on the suite's store, to be called as by a host that has already authorized."""
    del client_transport


def context(**changed: Any) -> dict[str, Any]:
    """Return what the authorizer tells of a caller; None leaves a name out."""
    told = {
        "tenant": "acme", "principal": "acme", "scopes": EVERYTHING, "key_id": "",
        "expires_at": str(int(time.time()) + 60), "key_digest": "",
    } | changed  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


def require_unbent(answer: Answer) -> None:
    """Fail where something that was sent came back as a header, or as anything but JSON."""
    sent = [*answer.headers, *answer.headers.values()]
    assert not any(mark in text.lower() for mark in ("\r", "\n", "evil") for text in sent)
    assert "set-cookie" not in answer.headers
    assert "access-control-allow-credentials" not in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"].endswith("json")
    json.loads(answer.body)


@pytest.mark.parametrize(
    "changed",
    [
        {"expires_at": None},
        {"expires_at": ""},
        {"expires_at": "soon"},
        {"expires_at": "inf"},
        {"expires_at": "-1"},
        {"expires_at": "1e12"},
        {"expires_at": "9" * 5000},
        {"expires_at": "\uff19" * 10},
        {"expires_at": 10**11},
        {"expires_at": True},
        {"tenant": None},
        {"tenant": 7},
        {"tenant": ["acme"]},
        {"scopes": 7},
        {"scopes": ["inbox:read"]},
        {"key_id": 7},
        {"key_id": {}},
        {"key_digest": 7},
        {"key_digest": ["0" * 64]},
    ],
)
@pytest.mark.usefixtures("hosted")
def test_a_context_that_our_authorizer_never_tells_is_nobodys(changed: dict[str, Any]) -> None:
    require_problem(called(context(**changed)), 401, "token_missing")


@pytest.mark.usefixtures("hosted")
def test_a_context_without_scopes_opens_nothing() -> None:
    require_problem(called(context(scopes=None)), 403, "scope_insufficient")


@pytest.mark.parametrize("key_id", ["k", "null", "*", "key_" + "0" * 32, " "])
@pytest.mark.usefixtures("hosted")
def test_an_api_key_that_nobody_registered_is_revoked(key_id: str) -> None:
    require_problem(called(context(key_id=key_id)), 403, "key_revoked")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/inbox"), ("GET", "/jobs"), ("GET", "/dead-letters")]
)
@pytest.mark.parametrize("name", ["limit", "cursor", "type", "state", "model", "after", EVIL])
@pytest.mark.usefixtures("hosted")
def test_a_query_bends_no_answer(method: str, path: str, name: str) -> None:
    answer = called(context(), method, path, multiValueQueryStringParameters={name: [EVIL]})

    require_unbent(answer)
    assert answer.status in {200, 400}


@pytest.mark.parametrize(
    "name",
    [
        *("Prefer", "If-None-Match", "Idempotency-Key", "Origin", "Host", "X-Request-Id", "Cookie"),
        *("X-Forwarded-Host", "X-Forwarded-For", "X-HTTP-Method-Override", "Traceparent", EVIL),
    ],
)
@pytest.mark.usefixtures("hosted")
def test_a_header_bends_no_answer(name: str) -> None:
    headers = {name: EVIL, "Content-Type": "application/json"}

    fetched = called(
        context(), "GET", "/jobs/{job_id}", headers=headers, pathParameters={"job_id": JOB}
    )
    refused = called(context(), "POST", "/infer", headers=headers, body='{"prompt": 1}')

    require_unbent(fetched)
    require_unbent(refused)
    assert refused.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert fetched.headers["x-request-id"] == refused.headers["x-request-id"] == "gateway-1"


@pytest.mark.parametrize("name", ["Ce-Id", "Ce-Source", "Ce-Type", "Ce-Subject", "Ce-Evil"])
@pytest.mark.usefixtures("hosted")
def test_a_cloudevents_header_bends_no_answer(name: str) -> None:
    event = {"Ce-Id": "1", "Ce-Source": "shop", "Ce-Type": "a", "Ce-Specversion": "1.0"}
    headers = event | {name: EVIL, "Content-Type": "application/json"}

    answer = called(context(), "POST", "/events", headers=headers, body="{}")

    require_unbent(answer)
    assert answer.status in {201, 422}


@pytest.mark.parametrize(
    "value",
    [EVIL, "", "..", "%2e%2e", "..%2F..", f"{JOB}%00", f"{JOB}\n", f"{JOB}/stream", JOB.upper()],
)
@pytest.mark.usefixtures("hosted")
def test_a_path_that_names_no_job_names_none(value: str) -> None:
    answer = called(context(), "GET", "/jobs/{job_id}", pathParameters={"job_id": value})

    require_problem(answer, 404, "job_not_found")
    require_unbent(answer)


@pytest.mark.parametrize("slash", ["", "/", "//", "/../"])
@pytest.mark.usefixtures("hosted")
def test_a_location_leads_to_our_own_path_alone(slash: str) -> None:
    where = {
        "resourcePath": "/infer", "httpMethod": "POST", "path": f"//evil.example/infer{slash}",
        "requestId": "r", "authorizer": context(),
    }  # fmt: skip
    headers = {"Content-Type": "application/json", "Host": "evil.example"}

    answer = called(
        None, "POST", "/infer", requestContext=where, headers=headers, body='{"prompt": "a"}'
    )

    assert answer.status == 202
    wanted = "../jobs/" if slash.endswith("/") else "jobs/"
    assert answer.headers["location"] == f"{wanted}{answer.json['id']}"


@pytest.mark.usefixtures("hosted")
def test_of_several_values_of_a_query_parameter_the_last_counts() -> None:
    bad_first = called(context(), multiValueQueryStringParameters={"limit": ["x", "1"]})
    bad_last = called(context(), multiValueQueryStringParameters={"limit": ["1", "x"]})

    assert (bad_first.status, bad_last.status) == (200, 400)


@pytest.mark.parametrize("encoded", [True, False])
@pytest.mark.usefixtures("hosted")
def test_a_body_is_as_long_as_it_is_whatever_its_headers_say(*, encoded: bool) -> None:
    text = json.dumps({"prompt": "x"}).ljust(limits.BODY_BYTES + 1)
    body = base64.b64encode(text.encode()).decode() if encoded else text
    headers = {"Content-Type": "application/json", "Content-Length": "2"}

    answer = called(
        context(), "POST", "/infer", headers=headers, body=body, isBase64Encoded=encoded
    )

    require_problem(answer, 413, "body_too_large")


@pytest.mark.usefixtures("hosted")
def test_a_body_in_base64_is_read() -> None:
    body = base64.b64encode(b'{"prompt": "x"}').decode()
    headers = {"Content-Type": "application/json"}

    answer = called(context(), "POST", "/infer", headers=headers, body=body, isBase64Encoded=True)

    assert answer.status == 202


def _hostile(unit: str) -> str:
    return (unit * HEADER_BYTES)[: HEADER_BYTES - 1] + "!"


@pytest.mark.parametrize(
    "value",
    [
        *map(_hostile, ("wait", "wait=", "wait = ", " ", ",", ";", "wait ", "\t wait\t=\t")),
        _hostile("9").replace("9", "wait=", 1),
        "wait" + _hostile(" "),
        'wait="' + _hostile('"'),
        'W/"' + _hostile("1"),
        _hostile('W/"1"'),
    ],
    ids=repr,
)
def test_no_header_takes_long_to_read(value: str) -> None:
    headers = dict.fromkeys(("prefer", "if-none-match"), value)
    call = Call(Caller("acme"), None, {}, headers, "/infer")
    began = time.thread_time()

    told = call.wait_seconds, call.seen_version

    # Read once from end to end it takes a tenth of a millisecond.
    assert time.thread_time() - began < 0.1
    assert told == (0, None)


@pytest.mark.parametrize("transport", ["client"], indirect=True)
@pytest.mark.parametrize(
    "headers",
    [
        {"Cookie": "Authorization={token}; token={token}"},
        {"X-Authorization": "Bearer {token}"},
        {"Proxy-Authorization": "Bearer {token}"},
        {"X-Amz-Security-Token": "{token}"},
    ],
)
def test_a_token_counts_in_its_own_header_alone(api: Api, headers: dict[str, str]) -> None:
    token = devkeys.make_token(sub="acme")
    shown = {name: value.format(token=token) for name, value in headers.items()}

    answers = [
        api.transport("GET", "/inbox", shown, b""),
        api.transport("GET", f"/inbox?access_token={token}&Authorization=Bearer {token}", {}, b""),
    ]

    assert [answer.status for answer in answers] == [401, 401]
