"""API keys over the API: registered, used, listed, rotated, revoked; each tenant's apart."""

import hashlib
from datetime import datetime
from typing import Any

import jwt
import pytest
import redis

import app
from chalicelib import claims, keyspace, limits, wiring
from chalicelib.calls import WORDS
from chalicelib.errors import NotConfigured
from chalicelib.key_desk import KeyDesk
from chalicelib.key_records import KeyRecords
from tests.calls import Answer, Api, HandWorker, Transport
from tinyllama.devkeys import SCOPES, make_api_key

ABSENT = f"key_{0:032x}"
PROMPT = {"prompt": "Say hello"}
EVENT = {"event_type": "order.created", "payload": {"order": 17}, "source": "shop"}
KEYS_ADMIN = "keys:admin"


def id_of(key: str) -> str:
    """Return the id that a signed key bears."""
    told = jwt.decode(key.removeprefix("tlk_"), options={"verify_signature": False})
    return str(told["jti"])


def signed(tenant: str = "acme", **more: Any) -> str:
    """Return a new key of the tenant's with every scope, not registered."""
    return make_api_key(tenant=tenant, name="the shop", **more)


def registered(api: Api, tenant: str = "acme", **more: Any) -> str:
    """Return a new key of the tenant's, registered."""
    key = signed(tenant, **more)
    assert api.post("/keys", {"key": key}).status == 201
    return key


def show(api: Api, key: str, method: str = "GET", path: str = "/jobs", body: Any = None) -> Answer:
    """Call with an API key instead of a token."""
    return api.request(method, path, body, {"Authorization": f"Bearer {key}"})


def states(api: Api) -> dict[str, str]:
    return {each["id"]: each["state"] for each in api.get("/keys").json["keys"]}


def milliseconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp() * 1000


def test_a_key_is_registered_and_told_but_never_repeated(api: Api) -> None:
    key = signed(scope="jobs:read infer:write", expires_in=600)

    answer = api.post("/keys", {"key": key})

    assert answer.status == 201
    told = answer.json
    assert (told["id"], told["tenant"], told["name"]) == (id_of(key), "acme", "the shop")
    assert (told["scopes"], told["state"]) == (["infer:write", "jobs:read"], "active")
    assert told["revoked_at"] is None
    life = milliseconds(told["expires_at"]) - milliseconds(told["created_at"])
    assert 590_000 < life <= 600_000
    assert api.get("/keys").json == {"keys": [told]}
    digest = hashlib.sha256(key.encode()).hexdigest()
    for text in (key[4:40], digest[:16]):
        assert text.encode() not in answer.body + api.get("/keys").body


def test_a_key_that_is_registered_again_answers_the_same_with_200(api: Api) -> None:
    key = signed()
    first = api.post("/keys", {"key": key})

    again = api.post("/keys", {"key": key})

    assert (first.status, again.status, again.json) == (201, 200, first.json)


def test_a_key_opens_nothing_before_it_is_registered(api: Api) -> None:
    answer = show(api, signed())

    assert (answer.status, answer.json["code"]) == (403, "key_revoked")


def test_a_signed_key_that_was_never_registered_opens_nothing_by_anothers_id(api: Api) -> None:
    small = registered(api, scope="jobs:read", expires_in=600)
    large = signed(key_id=id_of(small), expires_in=10**6)
    routes = (("GET", "/jobs", None), ("GET", "/dead-letters", None), ("POST", "/infer", PROMPT))

    answers = [show(api, large, *route) for route in routes]
    registering = show(api, large, "POST", "/keys", {"key": signed()})
    registered_itself = api.post("/keys", {"key": large})

    codes = [(each.status, each.json["code"]) for each in (*answers, registering)]
    assert codes == [(403, "key_revoked")] * 4
    assert (registered_itself.status, registered_itself.json["code"]) == (422, "invalid_body")
    assert (show(api, small).status, states(api)) == (200, {id_of(small): "active"})


def test_a_key_opens_every_kind_of_route(api: Api, hand_worker: HandWorker) -> None:
    key = registered(api)

    job = show(api, key, "POST", "/infer", PROMPT)
    job_id = job.json["id"]
    fetched = show(api, key, path=f"/jobs/{job_id}")
    hand_worker.fail()
    version = show(api, key, path=f"/jobs/{job_id}").json["version"]
    retried = show(api, key, "POST", f"/jobs/{job_id}/retry", {"version": version})
    event = show(api, key, "POST", "/events", EVENT)
    inbox = show(api, key, path="/inbox")
    leased = show(api, key, "POST", "/inbox/lease", {"lease": "a-consumers-lease"})
    gone = show(api, key, "DELETE", f"/inbox/{event.json['event_id']}")
    queue = show(api, key, path="/dead-letters")
    worker = {"token": "0" * 32, "worker": "w", "slots": 1}
    work = show(api, key, "POST", "/worker/lease", worker)
    keys = show(api, key, path="/keys")

    statuses = [each.status for each in (job, fetched, retried, event, inbox, leased, gone)]
    assert statuses == [202, 200, 202, 201, 200, 200, 204]
    assert [each.status for each in (queue, work, keys)] == [200, 200, 200]
    assert work.json["job"]["tenant"] == "acme"
    assert api.get(f"/jobs/{job_id}").status == 200


def test_a_key_opens_no_more_than_its_scopes(api: Api) -> None:
    key = registered(api, scope="jobs:read")

    read = show(api, key)
    written = show(api, key, "POST", "/infer", PROMPT)

    assert (read.status, written.status) == (200, 403)
    assert written.json["code"] == "scope_insufficient"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/infer", PROMPT),
        ("GET", "/jobs", None),
        ("GET", f"/jobs/job_{0:032x}", None),
        ("DELETE", f"/jobs/job_{0:032x}", None),
        ("GET", "/queue", None),
        ("POST", "/events", EVENT),
        ("GET", "/inbox", None),
        ("POST", "/inbox/lease", {"lease": "a-consumers-lease"}),
        ("GET", "/dead-letters", None),
        ("POST", "/worker/lease", {"token": "0" * 32, "worker": "w", "slots": 1}),
        ("GET", "/keys", None),
        ("DELETE", f"/keys/{ABSENT}", None),
    ],
)
def test_a_revoked_key_opens_nothing_from_the_next_call_on(
    api: Api, method: str, path: str, body: Any
) -> None:
    key = registered(api)
    before = show(api, key, method, path, body)

    revoked = api.delete(f"/keys/{id_of(key)}")

    after = show(api, key, method, path, body)
    assert (revoked.status, before.status != 403) == (204, True)
    assert (after.status, after.json["code"]) == (403, "key_revoked")
    assert states(api) == {id_of(key): "revoked"}


def test_a_revoked_key_registers_no_other(api: Api) -> None:
    key, other = registered(api), signed()
    api.delete(f"/keys/{id_of(key)}")

    answer = show(api, key, "POST", "/keys", {"key": other})

    assert (answer.status, answer.json["code"]) == (403, "key_revoked")
    assert states(api) == {id_of(key): "revoked"}


def test_a_key_may_revoke_itself(api: Api) -> None:
    key = registered(api)

    answer = show(api, key, "DELETE", f"/keys/{id_of(key)}")

    assert (answer.status, show(api, key).status) == (204, 403)


def test_a_revoked_key_cannot_be_registered_again(api: Api) -> None:
    key = registered(api)
    api.delete(f"/keys/{id_of(key)}")

    answer = api.post("/keys", {"key": key})

    assert (answer.status, answer.json["code"]) == (409, "api_key_ended")
    assert show(api, key).status == 403


def test_revoking_again_is_fine_and_the_first_time_counts(api: Api) -> None:
    key = registered(api)
    api.delete(f"/keys/{id_of(key)}")
    told = api.get("/keys").json

    answer = api.delete(f"/keys/{id_of(key)}?grace_seconds=60")

    assert (answer.status, api.get("/keys").json) == (204, told)


def test_a_rotated_key_serves_beside_its_successor_until_its_grace_is_over(
    api: Api, direct: "redis.Redis"
) -> None:
    old, new = registered(api), registered(api)

    answer = api.delete(f"/keys/{id_of(old)}?grace_seconds=3600")

    assert (answer.status, show(api, old).status, show(api, new).status) == (204, 200, 200)
    assert states(api) == {id_of(old): "active", id_of(new): "active"}
    direct.hset(keyspace.api_key("acme", id_of(old)), "ends_at", 1)
    assert (show(api, old).status, show(api, new).status) == (403, 200)


@pytest.mark.parametrize("grace", ["-1", "x", "", str(limits.KEY_GRACE_SECONDS + 1)])
def test_a_grace_is_bounded(api: Api, grace: str) -> None:
    answer = api.delete(f"/keys/{ABSENT}?grace_seconds={grace}")

    assert (answer.status, answer.json["code"]) == (400, "invalid_parameter")
    assert "grace_seconds" in answer.json["detail"]


def test_a_list_goes_on_page_by_page_within_its_tenant(api: Api) -> None:
    made = [registered(api, expires_in=600) for _ in range(3)]
    seen: list[str] = []
    path: str | None = "/keys?limit=2&tenant=acme"

    while path and len(seen) < 9:
        page = api.get(path)
        seen += [each["id"] for each in page.json["keys"]]
        link = page.headers.get("link")
        path = "/keys" + link.partition("<")[2].partition(">")[0] if link else None

    assert sorted(seen) == sorted(id_of(key) for key in made)
    assert len(seen) == 3


def test_an_expired_key_cannot_be_registered(api: Api) -> None:
    answer = api.post("/keys", {"key": signed(expires_in=-1)})

    assert (answer.status, answer.json["code"]) == (409, "api_key_ended")


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (lambda: "tlk_no.such.key", "token_malformed"),
        (lambda: signed().removeprefix("tlk_"), "token_malformed"),
        (lambda: signed(environment="staging"), "audience_invalid"),
        (lambda: signed()[:-8] + "AAAAAAAA", ""),
        (lambda: signed("x y"), "token_malformed"),
    ],
    ids=["no JWS", "no prefix", "another environment", "a changed signature", "no tenant"],
)
def test_a_key_that_does_not_hold_is_refused_with_the_reason_and_not_repeated(
    api: Api, key: Any, reason: str
) -> None:
    text = key()

    answer = api.post("/keys", {"key": text})

    assert (answer.status, answer.json["code"]) == (422, "invalid_body")
    (error,) = answer.json["errors"]
    assert error["pointer"] == "/key"
    assert reason in error["detail"]
    assert text[4:40].encode() not in answer.body
    assert states(api) == {}


def test_a_key_of_another_environment_opens_nothing(api: Api) -> None:
    answer = show(api, signed(environment="staging"))

    assert (answer.status, answer.json["code"]) == (403, "audience_invalid")


def test_a_key_past_its_expiry_opens_nothing(api: Api) -> None:
    answer = show(api, signed(expires_in=-1))

    assert (answer.status, answer.json["code"]) == (401, "token_expired")


# Tenants


@pytest.fixture
def admin(transport: Transport) -> Api:
    """Who may touch keys of the tenant umbrella alone."""
    return Api(transport, "umbrella", KEYS_ADMIN)


def told(answer: Answer) -> dict[str, Any]:
    """Return a problem without what differs between any two."""
    return {**answer.json, "request_id": ""}


def test_another_tenants_key_answers_as_an_absent_one_byte_for_byte(api: Api, admin: Api) -> None:
    key = registered(api)

    theirs, absent = (admin.delete(f"/keys/{each}") for each in (id_of(key), ABSENT))

    assert (theirs.status, told(theirs)) == (404, told(absent))
    assert len(theirs.body) == len(absent.body)
    assert theirs.headers.keys() == absent.headers.keys()
    assert show(api, key).status == 200


def test_a_list_holds_no_other_tenants_keys(api: Api, admin: Api) -> None:
    registered(api)

    answer = admin.get("/keys")

    assert answer.json == {"keys": []}


@pytest.mark.parametrize("present", [True, False])
def test_keys_of_another_tenant_need_the_operators_scope_too(
    api: Api, admin: Api, *, present: bool
) -> None:
    key = registered(api)
    key_id = id_of(key) if present else ABSENT

    answers = [
        admin.get("/keys?tenant=acme"),
        admin.delete(f"/keys/{key_id}?tenant=acme"),
        admin.post("/keys", {"key": key if present else signed()}),
    ]

    assert [each.status for each in answers] == [403, 403, 403]
    assert {each.json["code"] for each in answers} == {"scope_insufficient"}
    assert all("queue:admin" in each.json["detail"] for each in answers)
    assert states(api) == {id_of(key): "active"}


def test_ones_own_tenant_may_be_named(admin: Api) -> None:
    key = signed("umbrella")

    made = admin.post("/keys", {"key": key})
    listed = admin.get("/keys?tenant=umbrella")
    revoked = admin.delete(f"/keys/{id_of(key)}?tenant=umbrella")

    assert (made.status, listed.json["keys"], revoked.status) == (201, [made.json], 204)


def test_an_operator_reaches_over_tenants(api: Api, transport: Transport) -> None:
    operator = Api(transport, "ops", "keys:admin queue:admin")
    key = registered(operator)

    listed = operator.get("/keys?tenant=acme").json["keys"]
    revoked = operator.delete(f"/keys/{id_of(key)}?tenant=acme")

    assert [each["id"] for each in listed] == [id_of(key)]
    assert (revoked.status, show(api, key).status) == (204, 403)
    assert operator.get("/keys").json == {"keys": []}


def test_a_registered_key_acts_for_its_own_tenant_alone(api: Api, transport: Transport) -> None:
    key = registered(Api(transport, "ops"), "umbrella")
    job_id = api.post("/infer", PROMPT).json["id"]

    theirs = show(api, key, path=f"/jobs/{job_id}")
    own = show(api, key, "POST", "/infer", PROMPT)

    assert (theirs.status, own.status) == (404, 202)
    assert Api(transport, "umbrella").get(f"/jobs/{own.json['id']}").status == 200


@pytest.mark.parametrize("tenant", ["", "a%20b", "a%00", "x" * 129])
def test_a_tenant_is_named_as_a_token_may_name_it(api: Api, tenant: str) -> None:
    answer = api.get(f"/keys?tenant={tenant}")

    assert (answer.status, answer.json["code"]) == (400, "invalid_parameter")


def test_what_a_tenant_may_be_called_is_written_down_twice_alike() -> None:
    assert WORDS["tenant"][0] == claims.TENANT.pattern


# Without keys


@pytest.fixture
def elsewhere(transport: Transport, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Settings that are those of another environment than a laptop's."""
    del transport
    monkeypatch.setenv("TINYLLAMA_ENV", "staging")
    return monkeypatch


@pytest.mark.parametrize("transport", ["client"], indirect=True)
def test_without_public_keys_no_api_key_is_taken(elsewhere: pytest.MonkeyPatch) -> None:
    elsewhere.delenv("TINYLLAMA_KEY_JWKS", raising=False)

    assert wiring.api_keys.__wrapped__() is None


@pytest.mark.parametrize("transport", ["client"], indirect=True)
def test_without_public_keys_none_is_registered(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "key_desk", lambda: KeyDesk(KeyRecords(wiring.store()), None))

    answer = api.post("/keys", {"key": signed()})

    assert (answer.status, answer.json["code"]) == (422, "invalid_body")
    assert answer.json["errors"][0]["detail"] == "no API keys are set up here"


@pytest.mark.parametrize("key_id", ["key_1", f"job_{0:032x}", ABSENT.upper(), f"{ABSENT}0"])
def test_what_can_be_no_keys_id_answers_as_an_absent_key_and_the_store_is_not_asked(
    api: Api, direct: "redis.Redis", key_id: str
) -> None:
    absent = api.delete(f"/keys/{ABSENT}")
    direct.hset(keyspace.api_key("acme", key_id), "ends_at", 10**14)

    answer = api.delete(f"/keys/{key_id}")

    assert (answer.status, told(answer)) == (404, told(absent))


@pytest.mark.parametrize("transport", ["client"], indirect=True)
def test_a_key_set_that_is_none_is_told_by_its_variable(elsewhere: pytest.MonkeyPatch) -> None:
    elsewhere.setenv("TINYLLAMA_KEY_JWKS", "{}")

    with pytest.raises(NotConfigured, match="TINYLLAMA_KEY_JWKS"):
        wiring.api_keys.__wrapped__()


def test_a_laptops_keys_are_its_development_keys() -> None:
    found = wiring.api_keys.__wrapped__()

    assert found is not None
    assert found.read(signed()).tenant == "acme"
    assert found.read(signed()).scopes == set(SCOPES)
