"""What openapi.json says is what the routes do, answer by answer."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import redis

import app
import tinyllama
from chalicelib import limits, settings
from chalicelib.authorizer import Gate, Laptop
from chalicelib.errors import KeysUnavailable, NotConfigured
from chalicelib.inbox import Inbox
from chalicelib.keysets import Key
from chalicelib.queueing import JobQueue
from chalicelib.service import FrontDoor
from chalicelib.settings import QueueSettings
from chalicelib.store import Store, connect
from chalicelib.tokens import Verifier
from tests.calls import Answer, Api, HandWorker
from tests.contract_check import codes_of, operations

type Recipe = Callable[["Scene"], Answer]

PROMPT = {"prompt": "Say hello"}
EVENT = {"event_type": "order.created", "payload": {"order": 17}, "source": "shop"}
BODIES = {"/events": EVENT, "/infer": PROMPT}
ABSENT = "0" * 32
# Answers of a router whose store, keys or settings are not as they should be.
IN_TROUBLE = ("internal", "keys_unavailable", "not_configured", "queue_full", "store_unavailable")
NOT_YET = {"key_revoked": "API keys come with routes of their own"}


def documented(*, in_trouble: bool) -> list[Any]:
    """Return every answer in the contract but those of ``NOT_YET``."""
    return [
        pytest.param(method, path, int(status), code, id=f"{name}-{status}-{code}")
        for method, path, operation in operations()
        for status, response in operation["responses"].items()
        for code in answers_of(status, response)
        for name in [operation["operationId"]]
        if code not in NOT_YET and (code in IN_TROUBLE or status == "503") == in_trouble
    ]


def answers_of(status: str, response: Mapping[str, Any]) -> list[str | None]:
    """Return the codes of a response; None stands for one that is no problem."""
    media_types = response.get("content", {"none": {}}).keys()
    # Beside a refused token's problem stands what a host says in its own words.
    told = media_types - {"application/problem+json"} and status not in ("401", "403")
    return [*codes_of(response), *([None] if told else [])]


@dataclass(frozen=True)
class Scene:
    """One route, and the hands to bring about each of its answers."""

    api: Api
    worker: HandWorker
    direct: "redis.Redis"
    method: str
    path: str

    def call(self, body: Any = None, query: str = "", **headers: str) -> Answer:
        """Call the route, on a job or event that is there."""
        path = self.path
        if "{" in path:
            made = self.api.post("/infer", PROMPT) if "job_id" in path else None
            made = made or self.api.post("/events", EVENT)
            path = path.partition("{")[0] + str(made.json.get("id") or made.json["event_id"])
        return self.send(path + query, body, headers)

    def send(self, path: str, body: Any, headers: Mapping[str, str]) -> Answer:
        if body is None and self.method == "POST":
            body = BODIES[self.path]
        named = {name.replace("_", "-").title(): value for name, value in headers.items()}
        return self.api.request(self.method, path, body, named)

    def with_token(self, **claims: Any) -> Answer:
        """Call the route with a token that differs from a good one in *claims*."""
        return self.call(authorization=f"Bearer {tinyllama.make_token(**claims)}")

    def with_forged_token(self) -> Answer:
        head, payload, signature = tinyllama.make_token().split(".")
        changed = ("A" if signature[0] != "A" else "B") + signature[1:]
        return self.call(authorization=f"Bearer {head}.{payload}.{changed}")

    def with_used_key(self, kind: str) -> Answer:
        """Call with a key whose record has been removed."""
        first = self.call(idempotency_key="k").json
        self.direct.delete(f"tl:{{p0}}:{kind}:{first.get('id') or first['event_id']}")
        return self.call(idempotency_key="k")

    def with_another_body(self) -> Answer:
        self.call(idempotency_key="k")
        other = {"/events": EVENT | {"source": "till"}, "/infer": PROMPT | {"seed": 1}}
        return self.call(other[self.path], idempotency_key="k")

    def with_unusable_parameter(self) -> Answer:
        if self.method == "GET":
            return self.call(query="?limit=0")
        return self.call(idempotency_key="")

    def for_an_absent_one(self) -> Answer:
        """Call the route without making anything first."""
        absent = {"{job_id}": f"job_{ABSENT}", "{event_id}": f"evt_{ABSENT}"}
        stem, brace, name = self.path.partition("{")
        return self.send(stem + absent.get(brace + name, ""), None, {})

    def again_when_ended(self) -> Answer:
        """Repeat a POST: 200 tells of a job that has ended, or of an event that is there."""
        if self.method == "GET":
            return self.call()
        self.call(idempotency_key="k")
        if self.path == "/infer":
            self.worker.answer()
        return self.call(idempotency_key="k")


BY_CODE: Mapping[str, Recipe] = {
    "token_missing": lambda scene: scene.call(authorization="Basic YTpi"),
    "token_malformed": lambda scene: scene.call(authorization="Bearer x"),
    "token_expired": lambda scene: scene.with_token(expires_in=-1),
    "token_not_yet_valid": lambda scene: scene.with_token(nbf=time.time() + 600),
    "signature_invalid": Scene.with_forged_token,
    "key_unknown": lambda scene: scene.with_token(kid="unknown"),
    "issuer_untrusted": lambda scene: scene.with_token(iss="https://other.example"),
    "audience_invalid": lambda scene: scene.with_token(aud="other"),
    "token_use_invalid": lambda scene: scene.with_token(token_use="id"),  # noqa: S106
    "scope_insufficient": lambda scene: scene.with_token(scope="other:read"),
    "invalid_json": lambda scene: scene.call(b"{"),
    "invalid_parameter": Scene.with_unusable_parameter,
    "job_not_found": Scene.for_an_absent_one,
    "event_not_found": Scene.for_an_absent_one,
    "job_gone": lambda scene: scene.with_used_key("job"),
    "event_gone": lambda scene: scene.with_used_key("event"),
    "body_too_large": lambda scene: scene.call(b"1".ljust(limits.BODY_BYTES + 1)),
    "unsupported_media_type": lambda scene: scene.call(content_type="text/plain"),
    "invalid_body": lambda scene: scene.call({}),
    "idempotency_key_reused": Scene.with_another_body,
}
BY_STATUS: Mapping[int, Recipe] = {
    200: Scene.again_when_ended,
    201: Scene.call,
    202: Scene.call,
    204: Scene.call,
    304: lambda scene: scene.call(if_none_match='W/"1"'),
}


@pytest.fixture
def scene(
    api: Api, hand_worker: HandWorker, direct: "redis.Redis", method: str, path: str
) -> Scene:
    return Scene(api, hand_worker, direct, method, path)


@pytest.mark.parametrize(("method", "path", "status", "code"), documented(in_trouble=False))
def test_every_answer_in_the_contract_is_given_as_it_says(
    scene: Scene, status: int, code: str | None
) -> None:
    answer = BY_CODE[code](scene) if code else BY_STATUS[status](scene)

    assert answer.status == status
    assert code is None or answer.json["code"] == code


def broken_door(code: str | None) -> FrontDoor:
    """Return use cases that end in *code*, or raise what does."""
    if code == "internal":
        raise ZeroDivisionError
    if code == "not_configured":
        raise NotConfigured("TINYLLAMA_STORE_URL is not set")
    store = connect("unix:///nowhere/store.sock")
    return FrontDoor(JobQueue(store, settings.queue_settings()), Inbox(store), time.monotonic)


def full_door(store: Store) -> FrontDoor:
    """Return use cases whose queue takes nothing."""
    none = QueueSettings(lease_seconds=30, max_attempts=3, queue_length=0)
    return FrontDoor(JobQueue(store, none), Inbox(store), time.monotonic)


class AwayIssuer:
    """An issuer that does not answer."""

    def find(self, kid: str | None) -> Key:
        del kid
        raise KeysUnavailable(headers={"Retry-After": "2"})


@pytest.mark.slow
@pytest.mark.parametrize("transport", ["client"], indirect=True)
@pytest.mark.parametrize(("method", "path", "status", "code"), documented(in_trouble=True))
def test_every_trouble_in_the_contract_is_told_as_it_says(
    scene: Scene, store: Store, monkeypatch: pytest.MonkeyPatch, status: int, code: str | None
) -> None:
    if code == "keys_unavailable":
        verifier = Verifier(settings.token_settings(), AwayIssuer())
        monkeypatch.setattr(app, "gate", lambda: Gate(verifier, app.route, Laptop(app.route)))
    elif code == "queue_full":
        monkeypatch.setattr(app, "door", lambda: full_door(store))
    else:
        monkeypatch.setattr(app, "door", lambda: broken_door(code))
        monkeypatch.setattr(app, "contract", lambda: broken_door(code))

    answer = scene.for_an_absent_one()

    assert answer.status == status
    assert code is None or answer.json["code"] == code


def test_a_key_whose_event_was_acknowledged_answers_as_the_contract_says(api: Api) -> None:
    event_id = api.post("/events", EVENT, idempotency_key="k").json["event_id"]
    api.delete(f"/inbox/{event_id}")

    again = api.post("/events", EVENT, idempotency_key="k")

    assert (again.status, again.json["delivered"]) == (200, True)
