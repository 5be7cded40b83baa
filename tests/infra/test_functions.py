"""The packaged functions under Lambda's own runtime client."""

import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import pytest
import redis

import tinyllama
from chalicelib.bounds import queue_settings
from chalicelib.errors import TOKEN_REASONS
from chalicelib.jobs import Draft
from chalicelib.queueing import JobQueue
from chalicelib.store import Store
from tests.calls import Api, HandWorker
from tests.crafting import answer_with, serving
from tests.infra.gateway import API_ARN, Gateway, permits, proxy_event, token_event
from tests.infra.package import Package
from tests.infra.runtime_api import Function, FunctionFailed, StartFunction
from tests.servers import Server
from tinyllama import devkeys

pytestmark = pytest.mark.slow

PROMPT = {"prompt": "Say hello"}


# The authorizer


def test_a_good_token_is_allowed_the_routes_of_its_scopes(authorizer: Function) -> None:
    token = tinyllama.make_token(sub="acme", scope="infer:write jobs:read", expires_in=60)

    decision = authorizer.invoke(token_event(token))

    assert permits(decision, f"{API_ARN}/POST/infer")
    assert permits(decision, f"{API_ARN}/GET/jobs/job_1")
    assert not permits(decision, f"{API_ARN}/GET/inbox")
    context = decision["context"]
    assert (context["tenant"], context["scopes"]) == ("acme", "infer:write jobs:read")
    assert 0 < int(context["expires_at"]) - time.time() <= 60
    assert {type(value) for value in context.values()} == {str}


@pytest.mark.parametrize("expires_in", [-1, -3600])
def test_an_expired_token_is_unauthorized(authorizer: Function, expires_in: int) -> None:
    token = tinyllama.make_token(expires_in=expires_in)

    with pytest.raises(FunctionFailed, match=r"^Unauthorized$"):
        authorizer.invoke(token_event(token))


def test_what_is_no_token_is_unauthorized(authorizer: Function) -> None:
    with pytest.raises(FunctionFailed, match=r"^Unauthorized$"):
        authorizer.invoke(token_event("nonsense"))


def _with_wrong_signature() -> str:
    claims, signature = tinyllama.make_token().rsplit(".", 1)
    return f"{claims}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_with_wrong_signature, "signature_invalid"),
        (lambda: tinyllama.make_token(aud="another"), "audience_invalid"),
        (lambda: tinyllama.make_token(kid="nobody"), "key_unknown"),
        (lambda: tinyllama.make_token(iss="https://another.example"), "issuer_untrusted"),
        (lambda: tinyllama.make_token(scope="tea:make"), "scope_insufficient"),
    ],
)
def test_a_token_that_never_will_do_is_denied_with_its_reason(
    authorizer: Function, make: Callable[[], str], reason: str
) -> None:
    decision = authorizer.invoke(token_event(make()))

    (statement,) = decision["policyDocument"]["Statement"]
    assert (statement["Action"], statement["Effect"]) == ("execute-api:Invoke", "Deny")
    assert all(fnmatchcase(f"{API_ARN}/GET/jobs/job_1", arn) for arn in statement["Resource"])
    assert decision["context"] == {"reason": reason, "title": TOKEN_REASONS[reason][1]}


def test_keys_come_from_an_address_too(
    start_function: StartFunction, variables: Mapping[str, str]
) -> None:
    answer = answer_with(Path(variables["TINYLLAMA_JWKS"]).read_bytes())

    def serve(_path: str, reply: BufferedIOBase) -> None:
        reply.write(answer)

    with serving(serve) as address:
        function = start_function("app.jwt_authorizer", TINYLLAMA_JWKS=f"{address}/jwks.json")

        decision = function.invoke(token_event(tinyllama.make_token()))

    assert permits(decision, f"{API_ARN}/POST/infer")


def test_unreachable_keys_are_neither_a_401_nor_a_denial(
    start_function: StartFunction, closed_port: int
) -> None:
    address = f"http://127.0.0.1:{closed_port}/jwks.json"
    function = start_function("app.jwt_authorizer", TINYLLAMA_JWKS=address)

    with pytest.raises(FunctionFailed, match=r"^keys_unavailable$"):
        function.invoke(token_event(tinyllama.make_token()))


# The API


@pytest.fixture
def context() -> dict[str, str]:
    """What a good token's policy tells the API."""
    expires_at = int(time.time()) + 60
    return {
        "tenant": "acme",
        "principal": "acme",
        "scopes": "infer:write jobs:read",
        "expires_at": str(expires_at),
        "key_id": "",
        "key_digest": "",
    }


@pytest.fixture
def direct(valkey: Server, store_url: str) -> Iterator["redis.Redis"]:
    """The emptied store, past the product."""
    del store_url
    with valkey.client() as client:
        yield client


def _sent(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}


def _infer(context: Mapping[str, str] | None = None) -> dict[str, Any]:
    headers = {"Content-Type": "application/json"}
    body = json.dumps(PROMPT).encode()
    return proxy_event("POST", "/infer", headers=headers, body=body, context=context)


def _problem(answer: Mapping[str, Any]) -> tuple[int, str]:
    """Return status and code of a problem document."""
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    body = json.loads(answer["body"])
    assert body["status"] == answer["statusCode"]
    return answer["statusCode"], body["code"]


def test_a_prompt_is_authorized_submitted_and_answered(
    gateway: Gateway, direct: "redis.Redis", store: Store
) -> None:
    api = Api(gateway, tenant="acme")

    submitted = api.post("/infer", PROMPT)
    waiting = direct.zcard("tl:{p0}:queue:jobs")
    HandWorker(store).answer("Hello to you")
    job = api.get("/" + submitted.headers["location"])
    inbox = api.get("/inbox?limit=10")
    (event,) = inbox.json["events"]
    acknowledged = api.delete(f"/inbox/{event['event_id']}")

    assert (submitted.status, waiting) == (202, 1)
    assert (job.status, job.json["state"]) == (200, "succeeded")
    assert job.json["result"]["text"] == "Hello to you"
    assert (event["event_type"], event["payload"]["job_id"]) == ("job.succeeded", job.json["id"])
    assert acknowledged.status == 204
    assert api.get("/inbox").json == {"events": []}


def test_another_tenant_finds_no_such_job(gateway: Gateway, direct: "redis.Redis") -> None:
    del direct
    location = Api(gateway, tenant="acme").post("/infer", PROMPT).headers["location"]

    answer = Api(gateway, tenant="globex").get("/" + location)

    assert (answer.status, answer.json["code"]) == (404, "job_not_found")


def test_the_policy_keeps_a_token_to_its_scopes(gateway: Gateway) -> None:
    token = tinyllama.make_token(scope="inbox:read")

    answer = gateway("POST", "/infer", _sent(token), json.dumps(PROMPT).encode())

    assert answer.status == 403


def test_health_is_public(gateway: Gateway) -> None:
    answer = gateway("GET", "/health", {}, b"")

    assert (answer.status, answer.headers["content-type"]) == (200, "application/health+json")
    assert answer.json["status"] == "warn"


def test_a_body_beyond_its_schema_is_refused_field_by_field(
    api_function: Function, context: dict[str, str]
) -> None:
    event = _infer(context) | {"body": '{"prompt": 7}'}

    answer = api_function.invoke(event)

    assert _problem(answer) == (422, "invalid_body")
    assert [error["pointer"] for error in json.loads(answer["body"])["errors"]] == ["/prompt"]


def test_nobody_passes_without_the_authorizers_word(api_function: Function) -> None:
    assert _problem(api_function.invoke(_infer())) == (401, "token_missing")


def test_a_cached_policy_does_not_outlive_its_token(
    api_function: Function, context: dict[str, str]
) -> None:
    past = str(int(context["expires_at"]) - 61)

    answer = api_function.invoke(_infer(context | {"expires_at": past}))

    assert _problem(answer) == (401, "token_expired")


def test_the_scope_counts_inside_too(api_function: Function, context: dict[str, str]) -> None:
    answer = api_function.invoke(_infer(context | {"scopes": "jobs:read"}))

    assert _problem(answer) == (403, "scope_insufficient")


def test_another_method_is_405_and_told_which_there_are(
    api_function: Function, context: dict[str, str]
) -> None:
    answer = api_function.invoke(proxy_event("PUT", "/infer", context=context))

    assert _problem(answer) == (405, "method_not_allowed")
    assert answer["headers"]["Allow"] == "POST"


def test_the_request_id_is_the_gateways(api_function: Function, context: dict[str, str]) -> None:
    for event in (_infer(context), _infer(), proxy_event("GET", "/health")):
        answer = api_function.invoke(event)

        assert answer["headers"]["X-Request-Id"] == event["requestContext"]["requestId"]


def test_a_store_that_is_away_is_503_with_retry_after(
    start_function: StartFunction, context: dict[str, str], closed_port: int
) -> None:
    function = start_function("app.app", TINYLLAMA_STORE_URL=f"redis://127.0.0.1:{closed_port}")

    answer = function.invoke(_infer(context))

    assert _problem(answer) == (503, "store_unavailable")
    assert int(answer["headers"]["Retry-After"]) > 0


# The tick

# What a rule of EventBridge sends: docs.aws.amazon.com/eventbridge, "Scheduled events".
SCHEDULED = {
    "version": "0",
    "id": "89d1a02d-5ec7-412e-82f5-13505f849b41",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "account": "123456789012",
    "time": "2026-01-01T00:00:00Z",
    "region": "eu-west-1",
    "resources": ["arn:aws:events:eu-west-1:123456789012:rule/tinyllama-dev-tick-event"],
    "detail": {},
}


def _metrics(function: Function) -> list[dict[str, Any]]:
    """Return the lines that CloudWatch would turn into metrics."""
    lines = [line for line in function.written().splitlines() if line.startswith('{"_aws"')]
    return [json.loads(line) for line in lines]


def test_each_tick_does_what_is_due_and_is_one_line_of_metrics(
    tick: Function, direct: "redis.Redis", store: Store
) -> None:
    draft = Draft(f"job_{secrets.token_hex(16)}", "acme", PROMPT, deadline_seconds=0.01)
    JobQueue(store, queue_settings()).submit(draft)
    time.sleep(0.02)
    before = len(_metrics(tick))

    answer = tick.invoke(SCHEDULED)

    (told,) = _metrics(tick)[before:]
    assert answer is None
    assert direct.hget(f"tl:{{p0}}:job:{draft.id}", "state") == "expired"
    assert (told["Environment"], told["Expired"], told["QueueDepth"]) == ("test", 1, 0)
    assert {metric["Name"] for metric in told["_aws"]["CloudWatchMetrics"][0]["Metrics"]} == (
        told.keys() - {"_aws", "Environment"}
    )


def test_a_tick_without_its_store_is_a_failed_function_that_an_alarm_can_see(
    start_function: StartFunction, closed_port: int
) -> None:
    function = start_function("app.tick", TINYLLAMA_STORE_URL=f"redis://127.0.0.1:{closed_port}")

    with pytest.raises(FunctionFailed, match="the store cannot be reached"):
        function.invoke(SCHEDULED)

    assert '"event": "tick.failed"' in function.written()
    assert _metrics(function) == []


# The start


@pytest.mark.parametrize(
    ("handler", "variable"),
    [
        ("app.app", "TINYLLAMA_ENV"),
        ("app.app", "TINYLLAMA_STORE_URL"),
        ("app.jwt_authorizer", "TINYLLAMA_ENV"),
        ("app.jwt_authorizer", "TINYLLAMA_ISSUER"),
        ("app.jwt_authorizer", "TINYLLAMA_AUDIENCE"),
        ("app.tick", "TINYLLAMA_ENV"),
        ("app.tick", "TINYLLAMA_STORE_URL"),
    ],
)
def test_a_missing_setting_stops_the_start_by_name(
    start_function: StartFunction, handler: str, variable: str
) -> None:
    with pytest.raises(FunctionFailed, match=f"{variable} is not set"):
        start_function(handler, **{variable: None})


@pytest.mark.parametrize("handler", ["app.app", "app.jwt_authorizer", "app.tick"])
def test_no_function_takes_itself_for_a_laptop(start_function: StartFunction, handler: str) -> None:
    with pytest.raises(FunctionFailed, match="TINYLLAMA_ENV must not be local inside Lambda"):
        start_function(handler, TINYLLAMA_ENV="local")


def test_each_function_loads_what_its_own_role_needs(
    gateway: Gateway, tick: Function, direct: "redis.Redis"
) -> None:
    del direct
    assert Api(gateway).post("/infer", PROMPT).status == 202
    tick.invoke(SCHEDULED)

    of_api, of_authorizer = gateway.api.imported(), gateway.authorizer.imported()
    of_tick = tick.imported()

    assert {"redis", "chalicelib.store"} <= of_api
    assert {"jwt", "chalicelib.tokens"} <= of_authorizer
    assert of_authorizer & {"redis", "chalicelib.store", "jsonschema", "boto3"} == set()
    # redis-py imports the empty package cryptography, to know whether it is there.
    assert of_api & {"jwt", "cryptography.hazmat", "chalicelib.tokens", "boto3"} == set()
    assert {"redis", "chalicelib.upkeep"} <= of_tick
    assert of_tick & {"jwt", "chalicelib.tokens", "chalicelib.service", "boto3"} == set()
    assert "chalicelib.upkeep" not in of_api | of_authorizer
    nobodys = {"tinyllama", "worker", "chalice.local", "pip"}
    assert (of_api | of_authorizer | of_tick) & nobodys == set()


def test_an_api_key_is_registered_used_and_revoked_on_aws(
    package: Package, start_function: StartFunction, direct: "redis.Redis"
) -> None:
    del direct
    keys = {"TINYLLAMA_KEY_JWKS": devkeys.development_key_jwks_path().read_text()}
    functions = (start_function(f"app.{name}", **keys) for name in ("jwt_authorizer", "app"))
    gateway = Gateway(package.swagger, *functions)
    key = devkeys.make_api_key(tenant="acme", scope="infer:write", environment="test")
    api = Api(gateway)

    def use() -> int:
        return api.post("/infer", PROMPT, authorization=f"Bearer {key}").status

    at_first, unread = use(), gateway.api.imported() & {"jwt", "chalicelib.api_keys"}
    made = api.post("/keys", {"key": key})
    served = use()
    revoked = api.delete(f"/keys/{made.json['id']}")

    assert (at_first, made.status, served, revoked.status, use()) == (403, 201, 202, 204, 403)
    # Who reads no key pays for no cryptography.
    assert unread == set()
    assert {"jwt", "chalicelib.api_keys"} <= gateway.api.imported()


def test_logs_hold_neither_tokens_nor_prompts(gateway: Gateway, direct: "redis.Redis") -> None:
    del direct
    api = Api(gateway, tenant="whisperer")
    token = tinyllama.make_token(sub="whisperer")

    api.post("/infer", {"prompt": "an unmistakable secret", "temperature": "hot"})
    gateway("POST", "/infer", _sent(token + "x"), b"")

    logs = gateway.api.written() + gateway.authorizer.written()
    assert "unmistakable" not in logs
    assert token[-40:] not in logs
