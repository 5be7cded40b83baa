"""What openapi.json says is what the routes do, answer by answer."""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

import pytest
import redis

import app
import tinyllama
from chalicelib import errors, keyspace, limits, metrics_answers, schemas, settings, wiring
from chalicelib.authorizer import Gate, Laptop
from chalicelib.bounds import RequestSettings
from chalicelib.errors import KeysUnavailable, NotConfigured
from chalicelib.keysets import Key
from chalicelib.model_lists import ModelLists
from chalicelib.response_desk import ResponseDesk
from chalicelib.store import Store, connect
from chalicelib.tokens import Verifier
from tests.api import doors, openai_scenes
from tests.calls import Answer, Api, HandWorker, Transport
from tests.contract_check import codes_of, operations
from tinyllama import gateway_errors

type Recipe = Callable[["Scene"], Answer]
type Sendable = tuple[str, Any]

PROMPT = {"prompt": "Say hello"}
EVENT = {"event_type": "order.created", "payload": {"order": 17}, "source": "shop"}
ABSENT = "0" * 32
LEASE = "a-consumers-lease"
ROUTES = {(row.method, row.path): row for row in app.route.table}
# Answers of a router that has no room, or whose store, keys or settings are not as they should be.
FULL: Mapping[str, Mapping[str, int]] = {
    "inbox_full": {"inbox_bytes": 0},
    "queue_full": {"queue_length": 0},
    "rate_limited": {"rate_per_minute": 1},
    "store_full": {},
    "too_many_jobs": {"tenant_queue_bytes": 1},
}
IN_TROUBLE = {"internal", "keys_unavailable", "not_configured", "store_unavailable", *FULL}
OF_BODIES = ("invalid_json", "body_too_large", "unsupported_media_type", "invalid_body")
# Brought about in tests/unit/test_gateway_responses.py.
OF_THE_GATEWAY = {kind.code for kind in (*gateway_errors.ANYWHERE, gateway_errors.Unauthorized)}


def documented(*, in_trouble: bool) -> list[Any]:
    """Return every answer in the contract but the gateway's.

    That tokens and bodies are refused on every route alike takes long to show.
    """
    alike = dict.fromkeys(errors.TOKEN_REASONS, "/inbox") | dict.fromkeys(OF_BODIES, "/infer")
    return [
        pytest.param(
            method,
            path,
            int(status),
            code,
            id=f"{operation['operationId']}-{status}-{code}",
            marks=[pytest.mark.slow] if alike.get(str(code), path) != path else [],
        )
        for method, path, operation in operations()
        for status, response in operation["responses"].items()
        for code in answers_of(response)
        if code not in OF_THE_GATEWAY
        and (code in IN_TROUBLE or (status == "503" and code is None)) == in_trouble
    ]


def answers_of(response: Mapping[str, Any]) -> list[str | None]:
    """Return the codes of a response; None stands for one that is no problem."""
    media_types = response.get("content", {"none": {}}).keys()
    told = media_types - {"application/problem+json"}
    codes = codes_of(response)
    only_refusals = codes and told <= {"application/json"} and _refuses(response)
    return [*codes, *([None] if told and not only_refusals else [])]


def _refuses(response: Mapping[str, Any]) -> bool:
    """Whether JSON is said by a refusal in the OpenAI API's form."""
    schema = response["content"].get("application/json", {}).get("schema", {})
    return {"$ref": "#/components/schemas/openai_error"} in schema.get("allOf", [])


def code_of(answer: Answer) -> str:
    """Return the code of a refusal, in either form."""
    told = answer.json
    return str(told.get("error", told)["code"])


@dataclass(frozen=True)
class Scene:
    """One route, and the hands to bring about each of its answers."""

    api: Api
    worker: HandWorker
    direct: "redis.Redis"
    method: str
    path: str

    def send(self, sendable: Sendable, headers: Mapping[str, str]) -> Answer:
        named = {name.replace("_", "-").title(): value for name, value in headers.items()}
        return self.api.request(self.method, *sendable, named)

    def call(self, **headers: str) -> Answer:
        """Call the route on what is there."""
        return self.send(self.ready(), headers)

    def call_plainly(self, body: Any = None, query: str = "", **headers: str) -> Answer:
        """Call the route in a way that is well said, on nothing that is there."""
        path = self.path
        kinds = ("job", "job_id"), ("evt", "event_id"), ("key", "key_id"), ("resp", "response_id")
        for kind, name in (*kinds, ("model", "model")):
            path = path.replace(f"{{{name}}}", f"{kind}_{ABSENT}")
        schema = ROUTES[self.method, self.path].body
        if body is None and schema == "register":
            body = {"key": tinyllama.devkeys.make_api_key(tenant="acme")}
        if body is None and schema:
            body = schemas.load(schema)["examples"][-1]
        return self.send((path + query, body), headers)

    def call_on_job(self, job_id: str, body: Any = None) -> Answer:
        return self.send((self.path.replace("{job_id}", job_id), body), {})

    def job(self) -> str:
        """Submit a job."""
        return str(self.api.post("/infer", PROMPT).json["id"])

    def ready(self) -> Sendable:
        """Return path and body of a call that will be answered with success."""
        if "{job_id}" in self.path:
            job_id = self.job()
            if self.path.endswith("/retry"):
                self.worker.fail()
            version = self.api.get(f"/jobs/{job_id}").json["version"]
            body = {"version": version} if self.path.endswith("/retry") else None
            return self.path.replace("{job_id}", job_id), body
        if "{event_id}" in self.path:
            event_id = self.api.post("/events", EVENT).json["event_id"]
            return self.path.replace("{event_id}", event_id), None
        for start, made in (("/v1/", openai_scenes.ready), ("/keys", Scene.with_key)):
            if self.path.startswith(start):
                return made(self)
        if self.path.startswith("/worker/"):
            return self.path, self.at_work()
        if self.method == "POST" and self.path.startswith("/inbox/"):
            return self.path, self.with_lease()
        bodies = {"/events": EVENT, "/infer": PROMPT, "/dead-letters/redrive": self.redriving()}
        return self.path, bodies.get(self.path) if self.method == "POST" else None

    def at_work(self) -> Any:
        """Return the body of a worker's move on a job that it holds, or may have."""
        body = schemas.load(str(ROUTES[self.method, self.path].body))["examples"][-1]
        token = secrets.token_hex(16)
        job_id = self.job()
        if self.path == "/worker/lease":
            return body | {"token": token}
        self.api.post("/worker/lease", {"token": token, "worker": "w", "slots": 1})
        return body | {"token": token, "job_id": job_id, "tenant": "acme"}

    def with_lease(self) -> Any:
        """Return the body of a consumer's move."""
        self.api.post("/events", EVENT)
        if self.path != "/inbox/lease":
            self.api.post("/inbox/lease", {"lease": LEASE})
        return {"lease": LEASE} | ({"seconds": 5} if self.path == "/inbox/extend" else {})

    def with_key(self) -> Sendable:
        """Return path and body of a call about an API key."""
        key = tinyllama.devkeys.make_api_key(tenant="acme")
        if self.method == "POST":
            return self.path, {"key": key}
        key_id = self.api.post("/keys", {"key": key}).json["id"]
        return self.path.replace("{key_id}", key_id), None

    def with_an_expired_key(self) -> Answer:
        body = {"key": tinyllama.devkeys.make_api_key(tenant="acme", expires_in=-1)}
        return self.send((self.path, body), {})

    def with_a_revoked_key(self) -> Answer:
        """Call the route with an API key that was never registered."""
        key = tinyllama.devkeys.make_api_key(tenant="acme")
        return self.send(self.ready(), {"Authorization": f"Bearer {key}"})

    def with_too_many_keys(self) -> Answer:
        many = {f"key_{number:032x}": 10**15 for number in range(limits.API_KEYS_PER_TENANT)}
        self.direct.zadd(keyspace.live_api_keys("acme"), many)
        return self.call()

    def redriving(self) -> Any:
        return {"jobs": [{"tenant": "acme", "id": f"job_{ABSENT}", "version": 1}]}

    def with_token(self, **claims: Any) -> Answer:
        """Call the route with a token that differs from a good one in *claims*."""
        return self.call_plainly(authorization=f"Bearer {tinyllama.make_token(**claims)}")

    def with_forged_token(self) -> Answer:
        head, payload, signature = tinyllama.make_token().split(".")
        changed = ("A" if signature[0] != "A" else "B") + signature[1:]
        return self.call_plainly(authorization=f"Bearer {head}.{payload}.{changed}")

    def on_a_removed_job(self) -> Answer:
        if self.path == "/infer":
            first = self.call(idempotency_key="k").json["id"]
            self.api.delete(f"/jobs/{first}")
            return self.call(idempotency_key="k")
        if self.path in openai_scenes.ASKED:
            self.api.delete(f"/jobs/{openai_scenes.job_of(self.call(idempotency_key='k'))}")
            return self.call(idempotency_key="k")
        job_id = self.job()
        self.api.delete(f"/jobs/{job_id}")
        return self.call_on_job(job_id, {"version": 1} if self.path.endswith("/retry") else None)

    def on_a_removed_event(self) -> Answer:
        first = self.call(idempotency_key="k").json["event_id"]
        self.direct.delete(keyspace.event(first))
        return self.call(idempotency_key="k")

    def on_a_response_that_runs(self) -> Answer:
        sendable = self.ready()
        self.worker.claim()
        return self.send(sendable, {})

    def on_a_job_that(self, happens: Callable[[], object], body: Any = None) -> Answer:
        job_id = self.job()
        happens()
        return self.call_on_job(job_id, body)

    def with_another_body(self) -> Answer:
        self.call(idempotency_key="k")
        other = {"/events": EVENT | {"source": "till"}, "/infer": PROMPT | {"seed": 1}}
        other |= {path: {**asked, "temperature": 1} for path, asked in openai_scenes.ASKED.items()}
        return self.send((self.path, other[self.path]), {"Idempotency-Key": "k"})

    def with_unusable_parameter(self) -> Answer:
        if self.method == "POST":
            return self.call(idempotency_key="")
        takes = ROUTES[self.method, self.path].takes
        bad = {"stream": "?stream=x", "after": "?after=x", "grace_seconds": "?grace_seconds=x"}
        return self.call_plainly(
            query=next((bad[name] for name in takes if name in bad), "?limit=0")
        )

    def with_a_lost_lease(self) -> Answer:
        if self.path != "/inbox/lease":
            return self.call_plainly()
        sendable = self.ready()
        self.send(sendable, {})
        self.direct.hset(keyspace.inbox_lease("acme", LEASE), "end", 1)
        return self.send(sendable, {})

    def in_production(self) -> Answer:
        """Call a route that is not offered there."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(metrics_answers, "PRODUCTION", {settings.environment()})
            return self.call()

    def again_when_ended(self) -> Answer:
        """Repeat a call whose job has ended, or whose event is there."""
        sendable = self.ready()
        self.send(sendable, {"Idempotency-Key": "k"})
        if self.path not in {"/events", "/keys"}:
            self.worker.answer()
        return self.send(sendable, {"Idempotency-Key": "k"})


BY_CODE: Mapping[str, Recipe] = {
    "token_missing": lambda scene: scene.call_plainly(authorization="Basic YTpi"),
    "token_malformed": lambda scene: scene.call_plainly(authorization="Bearer x"),
    "token_expired": lambda scene: scene.with_token(expires_in=-1),
    "token_not_yet_valid": lambda scene: scene.with_token(nbf=time.time() + 600),
    "signature_invalid": Scene.with_forged_token,
    "key_unknown": lambda scene: scene.with_token(kid="unknown"),
    "issuer_untrusted": lambda scene: scene.with_token(iss="https://other.example"),
    "audience_invalid": lambda scene: scene.with_token(aud="other"),
    "token_use_invalid": lambda scene: scene.with_token(token_use="id"),  # noqa: S106
    "scope_insufficient": lambda scene: scene.with_token(scope="other:read"),
    "invalid_json": lambda scene: scene.call_plainly(b"{"),
    "invalid_parameter": Scene.with_unusable_parameter,
    "job_not_found": lambda scene: scene.call_plainly(
        query=f"?job=job_{ABSENT}" if scene.path in openai_scenes.ASKED else ""
    ),
    "route_not_found": Scene.in_production,
    "event_not_found": Scene.call_plainly,
    "job_gone": Scene.on_a_removed_job,
    "event_gone": Scene.on_a_removed_event,
    "job_ended": lambda scene: scene.on_a_job_that(scene.worker.answer),
    "job_running": lambda scene: (
        scene.on_a_response_that_runs()
        if scene.path == openai_scenes.ONE
        else scene.on_a_job_that(scene.worker.claim)
    ),
    "not_retryable": lambda scene: scene.on_a_job_that(list, {"version": 1}),
    "version_conflict": lambda scene: scene.on_a_job_that(scene.worker.fail, {"version": 1}),
    "lease_lost": Scene.with_a_lost_lease,
    "key_revoked": Scene.with_a_revoked_key,
    "api_key_not_found": Scene.call_plainly,
    "api_key_ended": Scene.with_an_expired_key,
    "api_keys_full": Scene.with_too_many_keys,
    "body_too_large": lambda scene: scene.call_plainly(
        b"1".ljust(ROUTES[scene.method, scene.path].body_bytes + 1)
    ),
    "unsupported_media_type": lambda scene: scene.call_plainly(content_type="text/plain"),
    "invalid_body": lambda scene: scene.call_plainly({"surprise": 1}),
    "idempotency_key_reused": Scene.with_another_body,
    **openai_scenes.BY_CODE,
}
BY_STATUS: Mapping[tuple[str, int], Recipe] = {
    ("/infer", 200): Scene.again_when_ended,
    ("/events", 200): Scene.again_when_ended,
    ("/keys", 200): lambda scene: (
        scene.call() if scene.method == "GET" else scene.again_when_ended()
    ),
    ("/jobs/{job_id}/retry", 200): Scene.again_when_ended,
    ("/jobs/{job_id}/cancel", 202): lambda scene: scene.on_a_job_that(scene.worker.claim),
    ("/jobs/{job_id}", 304): lambda scene: scene.call(if_none_match='W/"1"'),
    ("/worker/lease", 204): Scene.call_plainly,
    **openai_scenes.BY_STATUS,
}


@pytest.fixture
def scene(
    api: Api, hand_worker: HandWorker, direct: "redis.Redis", method: str, path: str
) -> Scene:
    return Scene(api, hand_worker, direct, method, path)


@pytest.fixture
def held_briefly(status: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hold calls of the OpenAI API for a moment where nobody is to answer them meanwhile."""
    if status != HTTPStatus.OK:
        monkeypatch.setenv("TINYLLAMA_RELAY_SECONDS", "0.05")
    parts = wiring.relay, wiring.response_desk
    for part in parts:
        part.cache_clear()
    yield
    for part in parts:
        part.cache_clear()


@pytest.mark.usefixtures("held_briefly")
@pytest.mark.parametrize(("method", "path", "status", "code"), documented(in_trouble=False))
def test_every_answer_in_the_contract_is_given_as_it_says(
    scene: Scene, client_transport: Transport, status: int, code: str | None
) -> None:
    if code == "route_not_found":  # a test makes a production of its own process alone
        scene = replace(scene, api=Api(client_transport))
    recipe = BY_CODE[code] if code else BY_STATUS.get((scene.path, status), Scene.call)

    answer = recipe(scene)

    assert answer.status == status
    assert code is None or code_of(answer) == code


def broken(code: str | None) -> Store:
    """Return a store that is away, or raise what ends in *code*."""
    if code == "internal":
        raise ZeroDivisionError
    if code == "not_configured":
        raise NotConfigured("TINYLLAMA_STORE_URL is not set")
    return connect("unix:///nowhere/store.sock")


class AwayIssuer:
    """An issuer that does not answer."""

    def find(self, kid: str | None) -> Key:
        del kid
        raise KeysUnavailable(headers={"Retry-After": "2"})


@pytest.mark.slow
@pytest.mark.parametrize("transport", ["client"], indirect=True)
@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [each for each in documented(in_trouble=True) if each.values[3] not in FULL],
)
def test_every_trouble_in_the_contract_is_told_as_it_says(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, status: int, code: str | None
) -> None:
    if code == "keys_unavailable":
        verifier = Verifier(settings.token_settings(), AwayIssuer())
        monkeypatch.setattr(app, "gate", lambda: Gate(verifier, app.route, Laptop(app.route)))
    else:
        monkeypatch.setattr(app, "door", lambda: doors.door(broken(code)))
        monkeypatch.setattr(
            app, "relay", lambda: doors.relay(doors.door(broken(code)), broken(code))
        )
        monkeypatch.setattr(
            app, "response_desk", lambda: ResponseDesk(doors.door(broken(code)), 0.05)
        )
        monkeypatch.setattr(app, "model_lists", lambda: ModelLists(broken(code)))
        monkeypatch.setattr(app, "workshop", lambda: doors.workshop(broken(code)))
        monkeypatch.setattr(app, "key_desk", lambda: doors.key_desk(broken(code)))
        monkeypatch.setattr(app, "contract", lambda: broken(code))
        monkeypatch.setattr(app, "console", lambda: broken(code))

    answer = scene.call_plainly()

    assert answer.status == status
    assert code is None or code_of(answer) == code


@pytest.mark.parametrize("transport", ["client"], indirect=True)
@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [each for each in documented(in_trouble=True) if each.values[3] in FULL],
)
def test_every_want_of_room_in_the_contract_is_told_as_it_says(
    scene: Scene, store: Store, monkeypatch: pytest.MonkeyPatch, status: int, code: str
) -> None:
    sendable = scene.ready()
    full = doors.door(store, **FULL[code])
    monkeypatch.setattr(app, "door", lambda: full)
    monkeypatch.setattr(app, "relay", lambda: doors.relay(full, store))
    if code == "store_full":
        scene.direct.hset(keyspace.COUNTERS, "full_until", 10**15)
    if code == "rate_limited":
        monkeypatch.setattr(app.route, "_requests", lambda: RequestSettings(per_minute=1))
        scene.direct.delete(keyspace.requests("acme"))
        scene.send(sendable, {})

    answer = scene.send(sendable, {})

    assert (answer.status, code_of(answer)) == (status, code)
    assert ("retry-after" in answer.headers) == (code != "inbox_full")
    counted = ROUTES[scene.method, scene.path].counted
    assert ("ratelimit" in answer.headers) == (code == "rate_limited" or counted)


def test_a_key_whose_event_was_acknowledged_answers_as_the_contract_says(api: Api) -> None:
    event_id = api.post("/events", EVENT, idempotency_key="k").json["event_id"]
    api.delete(f"/inbox/{event_id}")

    again = api.post("/events", EVENT, idempotency_key="k")

    assert (again.status, again.json["delivered"]) == (200, True)
