"""One tenant's calls with another's ids: answered as for ids that nobody has, and nothing changes.

Every route is walked. Where a scope of the operator's reaches over tenants, that is said here.
"""

import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import redis

import app
import tinyllama
from chalicelib.leasing import Outcome
from chalicelib.routing import Route
from chalicelib.store import Store
from tests.api.conftest import forget_parts
from tests.calls import Api, HandWorker, Transport
from tests.servers import Server
from tests.store.harness import pass_deadline
from tinyllama import devkeys

OWNER, OTHER = "acme", "globex"
PROMPT = {"prompt": "Say hello"}
CHAT = {"messages": [{"role": "user", "content": "Say hello"}]}
EVENT = {"event_type": "order.placed", "payload": 7, "source": "shop"}
CLOUDEVENT = {"specversion": "1.0", "id": "order-1", "source": "shop", "type": "order.placed"}
CALLER = " ".join(sorted(set(devkeys.SCOPES) - {"queue:admin", "worker:run"}))
_VOLATILE = {"x-request-id", "date"}
_IDS = re.compile(r"(job|evt|key|resp)_[0-9a-f]{32}")
_MOMENT = re.compile(r'"\d{4}-\d\d-\d\dT[0-9:.]+Z"')
_REQUEST_ID = re.compile(r'("request_id": ?)"[^"]*"')


@dataclass
class Belongings:
    """What the owner has: ids, tokens and keys that another tenant may have seen somewhere."""

    jobs: dict[str, str] = field(default_factory=dict)
    events: dict[str, str] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    lease: str = ""
    key: str = ""
    keys: list[str] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """All that is the owner's alone."""
        return [*self.jobs.values(), *self.events.values(), *self.keys, self.lease, OWNER]


@dataclass(frozen=True)
class Sent:
    """A request of the other tenant's."""

    method: str
    path: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    scope: str = CALLER


type Pair = tuple[Sent, Sent]


def fresh(kind: str) -> str:
    """Return an id that nobody has."""
    return f"{kind}_{secrets.token_hex(16)}"


def _jobs(api: Api, worker: HandWorker, raw: "redis.Redis", has: Belongings) -> None:
    def submit(state: str) -> str:
        answer = api.post("/infer", PROMPT, idempotency_key=f"the {state} one".replace(" ", "-"))
        has.jobs[state] = str(answer.json["id"])
        return has.jobs[state]

    submit("succeeded"), worker.answer()
    submit("failed"), worker.fail()
    assert api.post(f"/jobs/{submit('cancelled')}/cancel", None).status == 200
    api.delete(f"/jobs/{submit('erased')}")
    pass_deadline(raw, api.post("/infer", PROMPT | {"deadline_seconds": 3600}).json["id"])
    (has.jobs["expired"],) = [
        job["id"] for job in api.get("/jobs").json["jobs"] if job["deadline_at"]
    ]
    assert api.get(f"/jobs/{has.jobs['expired']}").json["state"] == "expired"
    # Sent by the other tenant as well, as a retry.
    asked = api.post("/v1/chat/completions", CHAT).headers["location"]
    has.jobs["chat"] = asked.partition("job=")[2].partition("&")[0]
    api.post(f"/v1/chat/completions?job={has.jobs['chat']}&hop=9", CHAT)
    worker.answer()
    asked = api.post("/v1/responses", {"input": "Say hello", "background": True}).json["id"]
    has.jobs["response"] = asked.replace("resp_", "job_")
    worker.answer()
    submit("delayed")
    again = {"code": "engine_failed", "detail": "busy"}
    outcome = Outcome(error=again, retryable=True, retry_after_seconds=3600)
    worker.leases.finish(worker.claim(), outcome)
    running, claimed = submit("running"), worker.claim()
    worker.leases.append(claimed, 0, ["Hello"])
    has.held = {"job_id": running, "token": claimed.token}
    submit("queued")


def _events(api: Api, has: Belongings) -> None:
    for state in ("acknowledged", "leased", "pending"):
        has.events[state] = api.post("/events", EVENT, idempotency_key=state).json["event_id"]
        if state == "acknowledged":
            for event in api.get("/inbox").json["events"]:
                api.delete(f"/inbox/{event['event_id']}")
        if state == "leased":
            has.lease = api.post("/inbox/lease", {"count": 1, "seconds": 3600}).json["lease"]
    headers = {"Content-Type": "application/cloudevents+json"}
    assert api.request("POST", "/events", CLOUDEVENT, headers).status == 201


def _keys(api: Api, has: Belongings) -> None:
    for _ in range(2):
        has.key = tinyllama.devkeys.make_api_key(tenant=OWNER, name="theirs")
        has.keys.append(api.post("/keys", {"key": has.key}).json["id"])
    api.delete(f"/keys/{has.keys[0]}")


@pytest.fixture(scope="module")
def has(client_transport: Transport, valkey: Server, store: Store) -> Iterator[Belongings]:
    """What the owner has, on a store without limits and with long leases."""
    found = Belongings()
    with pytest.MonkeyPatch.context() as patch, valkey.client() as raw:
        raw.flushall()
        for name in ("RATE_PER_MINUTE", "REQUESTS_PER_MINUTE", "TENANT_BYTES_PER_DAY"):
            patch.setenv(f"TINYLLAMA_{name}", "0")
        patch.setenv("TINYLLAMA_LEASE_SECONDS", "3600")
        patch.setenv("TINYLLAMA_RELAY_SECONDS", "0.05")
        patch.setenv("TINYLLAMA_STORE_URL", valkey.url)
        forget_parts()
        api = Api(client_transport, OWNER)
        _jobs(api, HandWorker(store), raw, found)
        _events(api, found)
        _keys(api, found)
        yield found
    forget_parts()


def _each_job(method: str, tail: str = "", body: Any = None) -> Callable[[Belongings], list[Pair]]:
    def pairs(has: Belongings) -> list[Pair]:
        return [
            (Sent(method, f"/jobs/{job}{tail}", body), Sent(method, f"/jobs/{absent}{tail}", body))
            for job, absent in ((job, fresh("job")) for job in has.jobs.values())
        ]

    return pairs


def _each_event(method: str, folder: str) -> Callable[[Belongings], list[Pair]]:
    def pairs(has: Belongings) -> list[Pair]:
        return [
            (Sent(method, f"/{folder}/{event}"), Sent(method, f"/{folder}/{fresh('evt')}"))
            for event in has.events.values()
        ]

    return pairs


def _page(path: str) -> Callable[[Belongings], list[Pair]]:
    # Cursors are numbers of one sequence for all tenants: the owner's own lie among these.
    def pairs(has: Belongings) -> list[Pair]:
        del has
        far = 10**14
        return [(Sent("GET", f"{path}?cursor={n}"), Sent("GET", f"{path}?cursor={far + n}"))
                for n in range(1, 25)]  # fmt: skip

    return pairs


def _submits(has: Belongings) -> list[Pair]:
    def sent(key: str) -> Sent:
        return Sent("POST", "/infer", PROMPT, {"Idempotency-Key": key})

    return [(sent(f"the-{state}-one"), sent(fresh("k"))) for state in has.jobs]


def _publishes(has: Belongings) -> list[Pair]:
    keyed = Sent("POST", "/events", EVENT)
    cloud = Sent("POST", "/events", CLOUDEVENT, {"Content-Type": "application/cloudevents+json"})
    return [
        *(
            (replace(keyed, headers={"Idempotency-Key": state}),
             replace(keyed, headers={"Idempotency-Key": fresh("k")}))
            for state in has.events
        ),
        (cloud, replace(cloud, body=CLOUDEVENT | {"id": fresh("order")})),
    ]  # fmt: skip


def _leases_of_events(tail: str, **more: Any) -> Callable[[Belongings], list[Pair]]:
    def pairs(has: Belongings) -> list[Pair]:
        absent = secrets.token_urlsafe(24)
        bodies = [{"lease": has.lease} | more, {"lease": absent} | more]
        whole = [Sent("POST", f"/inbox/{tail}", body) for body in bodies]
        found = [(whole[0], whole[1])]
        if tail in {"release", "ack"}:
            found += [
                (Sent("POST", f"/inbox/{tail}", bodies[0] | {"event_ids": [event]}),
                 Sent("POST", f"/inbox/{tail}", bodies[1] | {"event_ids": [fresh("evt")]}))
                for event in has.events.values()
            ]  # fmt: skip
        return found

    return pairs


def _worker(move: str, **more: Any) -> Callable[[Belongings], list[Pair]]:
    def pairs(has: Belongings) -> list[Pair]:
        theirs = has.held | {"tenant": OTHER} | more
        nobodys = theirs | {"job_id": fresh("job")}
        return [
            (Sent("POST", f"/worker/{move}", theirs, scope="worker:run"),
             Sent("POST", f"/worker/{move}", nobodys, scope="worker:run"))
        ]  # fmt: skip

    return pairs


def _redrives(has: Belongings) -> list[Pair]:
    def sent(job: str) -> Sent:
        letter = {"tenant": OTHER, "id": job, "version": 3}
        return Sent("POST", "/dead-letters/redrive", {"jobs": [letter]}, scope="queue:admin")

    return [(sent(job), sent(fresh("job"))) for job in has.jobs.values()]


def _registers(has: Belongings) -> list[Pair]:
    unknown = tinyllama.devkeys.make_api_key(tenant=OWNER, name="theirs")
    return [(Sent("POST", "/keys", {"key": has.key}), Sent("POST", "/keys", {"key": unknown}))]


def _lists_keys(has: Belongings) -> list[Pair]:
    asked = (Sent("GET", f"/keys?tenant={OWNER}"), Sent("GET", "/keys?tenant=nobody"))
    return [asked, *_page("/keys")(has)]


def _revokes(has: Belongings) -> list[Pair]:
    own = [(Sent("DELETE", f"/keys/{key}"), Sent("DELETE", f"/keys/{fresh('key')}"))
           for key in has.keys]  # fmt: skip
    named = [(Sent("DELETE", f"/keys/{key}?tenant={OWNER}"),
              Sent("DELETE", f"/keys/{fresh('key')}?tenant=nobody"))
             for key in has.keys]  # fmt: skip
    return own + named


def _followed(path: str, body: Any) -> Callable[[Belongings], list[Pair]]:
    def sent(query: str, headers: Mapping[str, str] | None = None) -> Sent:
        return Sent("POST", path + query, body, headers or {})

    def pairs(has: Belongings) -> list[Pair]:
        followed = [
            (sent(f"?job={job}&hop=1"), sent(f"?job={fresh('job')}&hop=1"))
            for job in has.jobs.values()
        ]
        again = {"X-Stainless-Retry-Count": "1"}
        return [*followed, (sent("", again), sent(""))]

    return pairs


def _each_response(method: str, tail: str = "") -> Callable[[Belongings], list[Pair]]:
    def pairs(has: Belongings) -> list[Pair]:
        return [
            (Sent(method, f"/v1/responses/{_response(job)}{tail}"),
             Sent(method, f"/v1/responses/{_response(fresh('job'))}{tail}"))
            for job in has.jobs.values()
        ]  # fmt: skip

    return pairs


def _response(job_id: str) -> str:
    return job_id.replace("job_", "resp_")


RESULT = {"text": "x", "finish_reason": "stop", "engine": "echo", "model": None, "usage": None}
CASES: Mapping[str, Callable[[Belongings], list[Pair]]] = {
    "POST /infer": _submits,
    "GET /jobs": _page("/jobs"),
    "GET /jobs/{job_id}": _each_job("GET"),
    "GET /jobs/{job_id}/stream": _each_job("GET", "/stream?after=1-0"),
    "POST /jobs/{job_id}/cancel": _each_job("POST", "/cancel"),
    "POST /jobs/{job_id}/retry": _each_job("POST", "/retry", {"version": 3}),
    "DELETE /jobs/{job_id}": _each_job("DELETE"),
    "POST /dead-letters/redrive": _redrives,
    "POST /events": _publishes,
    "GET /inbox": _page("/inbox"),
    "GET /inbox/{event_id}": _each_event("GET", "inbox"),
    "GET /events/{event_id}": _each_event("GET", "events"),
    "DELETE /inbox/{event_id}": _each_event("DELETE", "inbox"),
    "DELETE /events/{event_id}": _each_event("DELETE", "events"),
    "POST /inbox/lease": _leases_of_events("lease"),
    "POST /inbox/extend": _leases_of_events("extend", seconds=60),
    "POST /inbox/release": _leases_of_events("release"),
    "POST /inbox/ack": _leases_of_events("ack"),
    "POST /keys": _registers,
    "GET /keys": _lists_keys,
    "DELETE /keys/{key_id}": _revokes,
    "POST /v1/chat/completions": _followed("/v1/chat/completions", CHAT),
    "POST /v1/responses": _followed("/v1/responses", {"input": "Say hello"}),
    "GET /v1/responses/{response_id}": _each_response("GET"),
    "POST /v1/responses/{response_id}/cancel": _each_response("POST", "/cancel"),
    "DELETE /v1/responses/{response_id}": _each_response("DELETE"),
    "POST /worker/append": _worker("append", offset=0, chunks=["x"]),
    "POST /worker/extend": _worker("extend"),
    "POST /worker/finish": _worker("finish", outcome={"result": RESULT}),
    "POST /worker/release": _worker("release"),
}
EXCUSED = {
    "GET /health": "public: counts of all tenants together",
    "GET /status": "public: counts of all tenants together",
    "GET /openapi.json": "public: the same for everybody",
    "GET /console": "public: the same for everybody",
    "GET /v1/models": "what workers offer, the same for all tenants",
    "GET /v1/models/{model}": "what workers offer, the same for all tenants",
    "GET /queue": "counts of all tenants together",
    "GET /metrics": "counts of all tenants together",
    "GET /dead-letters": "the operator's: those of all tenants",
    "POST /worker/lease": "a worker's: the job whose turn it is, of any tenant",
}


def name_of(route: Route) -> str:
    return f"{route.method} {route.path}"


class _Walk:
    """Sends as the other tenant, and leaves nothing of its own behind."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def seen(self, sent: Sent) -> tuple[int, dict[str, str], str]:
        """Return status, headers and body, but for what names the one request and its ids."""
        api = Api(self._transport, OTHER, sent.scope)
        answer = api.request(sent.method, sent.path, sent.body, sent.headers)
        headers = {n: v for n, v in answer.headers.items() if n not in _VOLATILE}
        self._tidy(sent)
        told = answer.body.decode()
        token = (sent.body or {}).get("lease")
        told = told.replace(token, "the lease") if token else told
        return answer.status, {n: _plain(v) for n, v in headers.items()}, _plain(told)

    def _tidy(self, sent: Sent) -> None:
        if sent.path not in {"/infer", "/events", "/v1/chat/completions", "/v1/responses"}:
            return
        own = Api(self._transport, OTHER)
        for job in own.get("/jobs").json["jobs"]:
            own.delete(f"/jobs/{job['id']}")
        for event in own.get("/inbox").json["events"]:
            own.delete(f"/inbox/{event['event_id']}")


def _plain(text: str) -> str:
    return _REQUEST_ID.sub(r"\1R", _MOMENT.sub("T", _IDS.sub(r"\1_ID", text)))


def _of_the_owner(raw: "redis.Redis", has: Belongings) -> dict[str, Any]:
    """Return every byte in the store that is the owner's: keys of its own, and places in shared."""
    found: dict[str, Any] = {}
    for key in raw.scan_iter(count=1000):
        if any(name in key for name in has.names):
            found[key] = raw.dump(key), raw.pexpiretime(key)
        elif raw.type(key) == "zset":
            places = [str(place) for place in raw.zrange(key, 0, -1)]
            theirs = [place for place in places if any(name in place for name in has.names)]
            found[key] = [(place, raw.zscore(key, place)) for place in theirs]
    return {key: value for key, value in found.items() if value}


WALKED = [route for route in app.route.table if name_of(route) not in EXCUSED]


@pytest.mark.parametrize("route", WALKED, ids=name_of)
def test_another_tenants_ids_are_answered_as_absent_ones_and_nothing_of_its_changes(
    client_transport: Transport, valkey: Server, has: Belongings, route: Route
) -> None:
    assert name_of(route) in CASES, "say here what another tenant may see of this route"
    walk = _Walk(client_transport)
    with valkey.client() as raw:
        before = _of_the_owner(raw, has)

        pairs = [
            (walk.seen(theirs), walk.seen(nobodys))
            for theirs, nobodys in CASES[name_of(route)](has)
        ]

        after = _of_the_owner(raw, has)
    assert pairs
    for theirs, nobodys in pairs:
        assert theirs == nobodys
    assert after == before


def test_the_walk_would_see_a_difference(client_transport: Transport, has: Belongings) -> None:
    owner, other = Api(client_transport, OWNER), Api(client_transport, OTHER)

    # The same calls by the owner are answered otherwise, each kind of id.
    for path in (*(f"/jobs/{job}" for job in has.jobs.values()),
                 *(f"/events/{event}" for event in has.events.values())):  # fmt: skip
        assert owner.get(path).status in {200, 410}
        assert other.get(path).status == 404


def test_every_route_that_is_excused_or_walked_is_there() -> None:
    there = {name_of(route) for route in app.route.table}

    assert there == CASES.keys() | EXCUSED.keys()
    assert not CASES.keys() & EXCUSED.keys()


@pytest.mark.parametrize("path", ["/jobs", "/inbox", "/keys"])
def test_a_list_holds_nothing_of_another_tenants(
    client_transport: Transport, has: Belongings, path: str
) -> None:
    answer = Api(client_transport, OTHER, CALLER).get(path)

    assert list(answer.json.values()) == [[]]
    assert not any(name in answer.body.decode() for name in has.names)
