"""A slow answer of the OpenAI API: over redirects to its end, one job for each call, none lost."""

import os
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import openai
import pytest
import redis

import app
import tinyllama
from chalicelib import connections, keyspace, wiring
from chalicelib.attaching import Undelivered
from chalicelib.errors import StoreUnavailable
from chalicelib.jobs import Job
from chalicelib.leasing import Outcome
from chalicelib.relay import Relay
from chalicelib.service import FrontDoor
from chalicelib.store import Store, connect
from tests import leaks
from tests.api import doors
from tests.api.conftest import forget_parts
from tests.calls import Answer, Api, HandWorker, OverHttp, Transport
from tests.servers import Server
from tests.store.harness import now_ms
from tests.store.proxy import Proxy
from tests.worker.routers import Router

CHAT = "/v1/chat/completions"
WAIT_SECONDS = 0.01
RETRY = {"X-Stainless-Retry-Count": "1"}
KNOWN = {"X-Stainless-Lang": "python"}


def body(**more: Any) -> dict[str, Any]:
    """Return a chat that no other test has."""
    said = leaks.LEDGER.note("a prompt", f"Say {secrets.token_hex(8)}")
    return {"model": "tinyllama", "messages": [{"role": "user", "content": said}], **more}


@pytest.fixture(scope="module")
def hasty(client_transport: Transport) -> Iterator[None]:
    """Routers of this module hold a call for a moment only."""
    del client_transport  # which comes first, with a wait of its own
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYLLAMA_RELAY_SECONDS", str(WAIT_SECONDS))
        forget_parts()
        yield
    forget_parts()


@pytest.fixture(scope="module")
def hasty_router(valkey: Server, hasty: None, own_state: str) -> Iterator[Router]:
    """``chalice local`` that holds a call for a moment only."""
    del hasty, own_state
    started = Router(valkey.url, 30)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def hasty_transport(hasty_router: Router) -> Transport:
    """The way to it."""
    return OverHttp(hasty_router.url)


@pytest.fixture(params=["client", pytest.param("hasty", marks=pytest.mark.slow)])
def transport(request: pytest.FixtureRequest, valkey: Server, hasty: None) -> Transport:
    """Each way to reach the API, on an empty store."""
    del hasty
    found: Transport = request.getfixturevalue(f"{request.param}_transport")
    with valkey.client() as direct:
        direct.flushall()
    return found


@dataclass(frozen=True)
class Chain:
    """What a client does with redirects: it follows, with the same method, body and headers."""

    api: Api
    sent: dict[str, Any]
    headers: Mapping[str, str]

    def follow(self, answer: Answer, path: str = CHAT) -> tuple[Answer, str]:
        """Follow one redirect; returns its answer and where it led."""
        assert answer.status == 307, answer.body
        there = urljoin(path, answer.headers["location"])
        return self.api.request("POST", there, self.sent, self.headers), there

    def to_the_end(self, answer: Answer, path: str = CHAT) -> tuple[Answer, int]:
        """Follow all redirects; returns the last answer and how many there were."""
        hops = 0
        while answer.status == 307:
            answer, path = self.follow(answer, path)
            hops += 1
        return answer, hops


def ask(api: Api, sent: dict[str, Any], headers: Mapping[str, str] | None = None) -> Answer:
    return api.request("POST", CHAT, sent, headers)


def jobs(direct: "redis.Redis") -> int:
    """Count the jobs there are."""
    return len(direct.keys(keyspace.job("*")))


def refusal(answer: Answer) -> tuple[int, Any]:
    """Return the status and code of a refusal in the OpenAI API's form."""
    assert answer.headers["content-type"] == "application/json"
    assert answer.json["error"].keys() == {"message", "type", "param", "code"}
    return answer.status, answer.json["error"]["code"]


def test_a_slow_answer_comes_over_redirects(
    api: Api, direct: "redis.Redis", hand_worker: HandWorker
) -> None:
    sent = body()
    first = ask(api, sent)
    (job_id,) = [str(key).rpartition(":")[2] for key in direct.keys(keyspace.job("*"))]
    second, there = Chain(api, sent, {}).follow(first)
    hand_worker.answer("Well, hello")

    last, hops = Chain(api, sent, {}).to_the_end(second, there)

    assert first.headers["location"] == f"completions?job={job_id}&hop=1"
    assert second.headers["location"] == f"completions?job={job_id}&hop=2"
    assert (last.status, hops, jobs(direct)) == (200, 1, 1)
    assert last.json["choices"][0]["message"]["content"] == "Well, hello"


@pytest.mark.parametrize("transport", ["client"], indirect=True)
def test_an_answer_within_the_wait_comes_at_once(
    api: Api, hand_worker: HandWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYLLAMA_RELAY_SECONDS", "20")
    forget_parts()
    worker = threading.Timer(0.05, hand_worker.answer)
    worker.start()

    answer = ask(api, body())

    worker.join()
    forget_parts()
    assert answer.status == 200


def test_a_redirect_holds_behind_a_trailing_slash(api: Api) -> None:
    answer = api.request("POST", f"{CHAT}/", body())

    where = urlsplit(urljoin(f"/stage{CHAT}/", answer.headers["location"]))
    assert where.path == f"/stage{CHAT}"


def test_the_body_behind_a_redirect_is_passed_over(api: Api, hand_worker: HandWorker) -> None:
    first = ask(api, body())
    hand_worker.answer()
    path = urljoin(CHAT, first.headers["location"])

    answer = api.request("POST", path, b"{ no JSON", {"Content-Type": "application/json"})

    assert answer.status == 200


@pytest.mark.parametrize(
    "job", [f"job_{'0' * 32}", "job_0", "", "../jobs", "job_" + "g" * 32, "%00"]
)
def test_a_made_up_job_is_answered_as_an_absent_one(api: Api, job: str) -> None:
    answer = api.request("POST", f"{CHAT}?job={job}&hop=1", body())

    assert refusal(answer) == (404, "job_not_found")


def test_nobody_elses_job_is_told(api: Api, transport: Transport, hand_worker: HandWorker) -> None:
    theirs = urljoin(CHAT, ask(api, body()).headers["location"])
    hand_worker.answer()
    absent = f"{CHAT}?job=job_{'0' * 32}&hop=1"

    other = Api(transport, "globex")
    told = [other.request("POST", path, body()) for path in (theirs, absent)]

    assert [refusal(answer) for answer in told] == [(404, "job_not_found")] * 2
    assert told[0].body == told[1].body
    assert api.request("POST", theirs, body()).status == 200


@pytest.mark.parametrize("ended", [False, True])
def test_a_job_of_another_door_is_told_as_absent(
    api: Api, hand_worker: HandWorker, *, ended: bool
) -> None:
    plain = api.post("/infer", {"prompt": "Say hello"}).json["id"]
    theirs = ask(api, body()).headers["location"].partition("?")[2]
    for _ in range(2 if ended else 0):
        hand_worker.answer()

    by_infer = api.request("POST", f"{CHAT}?job={plain}&hop=1", body())
    by_another = api.request("POST", f"/v1/responses?{theirs}", {"input": "Say hello"})

    assert refusal(by_infer) == refusal(by_another) == (404, "job_not_found")


def test_an_erased_job_is_told_as_absent(api: Api, hand_worker: HandWorker) -> None:
    path = urljoin(CHAT, ask(api, body()).headers["location"])
    hand_worker.answer()
    api.delete(f"/jobs/{path.partition('job=')[2].partition('&')[0]}")

    assert refusal(api.request("POST", path, body())) == (404, "job_not_found")


@pytest.mark.parametrize("hop", ["-1", "19", "1e1", "x", "", "9" * 30, "1.0"])
def test_an_odd_hop_is_refused(api: Api, hop: str) -> None:
    path = urljoin(CHAT, ask(api, body()).headers["location"])

    answer = api.request("POST", path.replace("hop=1", f"hop={hop}"), body())

    assert refusal(answer) == (400, "invalid_parameter")


@pytest.mark.parametrize(
    ("headers", "most"),
    [
        ({}, 9),
        ({"X-Stainless-Lang": "java"}, 9),
        ({"X-Stainless-Lang": "python"}, 18),
        ({"X-Stainless-Lang": "js"}, 18),
        ({"User-Agent": "ai/7.0.1 ai-sdk/openai"}, 18),
        ({"User-Agent": "tails/2"}, 9),
    ],
)
def test_redirects_end_where_the_client_stops_following(
    api: Api, headers: dict[str, str], most: int
) -> None:
    sent = body()
    path = urljoin(CHAT, ask(api, sent, headers).headers["location"]).replace("hop=1", "hop={}")

    before_last = api.request("POST", path.format(most - 1), sent, headers)
    last = api.request("POST", path.format(most), sent, headers)

    assert before_last.status == 307
    assert refusal(last) == (503, "still_running")
    assert last.headers["x-should-retry"] == "true"
    assert last.headers["retry-after-ms"] == "50"


def capped(api: Api, sent: dict[str, Any]) -> str:
    """Ask and follow to where no redirect leads on; returns the job's id."""
    path = urljoin(CHAT, ask(api, sent).headers["location"])
    assert api.request("POST", path.replace("hop=1", "hop=9"), sent).status == 503
    return path.partition("job=")[2].partition("&")[0]


def job_of(answer: Answer) -> str:
    """Return the job that a redirect leads to."""
    return str(answer.headers["location"]).partition("job=")[2].partition("&")[0]


def test_a_retry_goes_on_with_its_job(
    api: Api, direct: "redis.Redis", hand_worker: HandWorker
) -> None:
    sent = body()
    job_id = capped(api, sent)

    again = ask(api, sent, RETRY)
    hand_worker.answer("Found again")
    last, _ = Chain(api, sent, RETRY).to_the_end(again)

    assert (job_of(again), jobs(direct)) == (job_id, 1)
    assert last.json["choices"][0]["message"]["content"] == "Found again"


def test_a_retry_is_given_an_answer_that_came_meanwhile(
    api: Api, direct: "redis.Redis", hand_worker: HandWorker
) -> None:
    sent = body()
    capped(api, sent)
    hand_worker.answer()
    direct.delete(*direct.keys(keyspace.job_bell("job_*")))  # as a minute later

    again = ask(api, sent, RETRY)

    assert (again.status, jobs(direct)) == (200, 1)


def test_an_answer_that_was_lost_on_its_way_is_told_to_one_more_retry(
    api: Api, direct: "redis.Redis", hand_worker: HandWorker
) -> None:
    sent = body()
    capped(api, sent)
    hand_worker.answer()

    once, twice, thrice = (ask(api, sent, RETRY) for _ in range(3))

    assert (once.status, twice.status, thrice.status) == (200, 200, 307)
    assert (twice.json["id"], jobs(direct)) == (once.json["id"], 2)


def test_who_asks_anew_after_an_answer_has_a_job_of_its_own(
    api: Api, direct: "redis.Redis", hand_worker: HandWorker
) -> None:
    sent = body()
    capped(api, sent)
    hand_worker.answer()
    ask(api, sent, RETRY)

    anew = ask(api, sent)

    assert (anew.status, jobs(direct)) == (307, 2)


def test_two_retries_share_no_job(api: Api, direct: "redis.Redis") -> None:
    sent = body()
    job_id = capped(api, sent)

    first, second = ask(api, sent, RETRY), ask(api, sent, RETRY)

    assert job_of(first) == job_id
    assert (job_of(second) != job_id, jobs(direct)) == (True, 2)


@pytest.mark.parametrize(
    ("changed", "headers"),
    [
        ({}, {}),
        ({}, {"X-Stainless-Retry-Count": "0"}),
        ({}, {"X-Stainless-Retry-Count": "x"}),
        ({"temperature": 0.5}, RETRY),
    ],
)
def test_another_call_makes_a_job_of_its_own(
    api: Api, direct: "redis.Redis", changed: dict[str, Any], headers: dict[str, str]
) -> None:
    sent = body()
    job_id = capped(api, sent)

    other = ask(api, sent | changed, headers)

    assert (job_of(other) != job_id, jobs(direct)) == (True, 2)


def test_another_tenants_retry_makes_a_job_of_its_own(
    api: Api, transport: Transport, direct: "redis.Redis"
) -> None:
    sent = body()
    capped(api, sent)

    ask(Api(transport, "globex"), sent, RETRY)

    assert jobs(direct) == 2


def test_a_redirect_that_nobody_followed_is_found_again_once_its_caller_must_be_gone(
    api: Api, direct: "redis.Redis"
) -> None:
    sent = body()
    job_id = job_of(ask(api, sent))
    at_once = ask(api, sent, RETRY)
    (key,) = direct.keys(keyspace.undelivered("acme", "*"))
    since, until, waiter, told = str(direct.hget(key, job_id)).split()
    direct.hset(key, job_id, f"{since} {since} {waiter} {told}")

    later = ask(api, sent, RETRY)

    assert int(until) > int(since)
    assert job_of(at_once) != job_id
    assert job_of(later) == job_id


def test_a_job_whose_caller_died_before_it_was_stored_is_stored_by_the_retry(
    api: Api, direct: "redis.Redis", hand_worker: HandWorker
) -> None:
    sent = body()
    job_id = capped(api, sent)
    hand_worker.answer()
    direct.delete(keyspace.job(job_id))

    again = ask(api, sent, RETRY)

    assert (job_of(again), jobs(direct)) == (job_id, 1)


def test_an_erased_job_is_not_found_again(api: Api, direct: "redis.Redis") -> None:
    sent = body()
    job_id = capped(api, sent)
    api.delete(f"/jobs/{job_id}")

    again = ask(api, sent, RETRY)

    assert (again.status, job_of(again) != job_id, jobs(direct)) == (307, True, 1)


@pytest.mark.parametrize("transport", ["client"], indirect=True)
def test_a_call_that_was_put_off_is_no_other_when_it_is_sent_again(
    api: Api, direct: "redis.Redis", hand_worker: HandWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYLLAMA_RATE_PER_MINUTE", "1")
    forget_parts()
    sent = body()
    first = job_of(ask(api, sent))
    hand_worker.answer()
    told = api.request("POST", f"{CHAT}?job={first}&hop=1", sent)
    refused = ask(api, sent)
    (key,) = direct.keys(keyspace.undelivered("acme", "*"))
    direct.delete(keyspace.rate("acme"))

    again = ask(api, sent, RETRY)

    forget_parts()
    assert (told.status, refusal(refused)) == (200, (429, "rate_limited"))
    assert int(refused.headers["retry-after"]) >= 1
    assert (again.status, job_of(again) != first, jobs(direct)) == (307, True, 2)
    assert int(direct.pttl(key)) > 3_590_000


@pytest.mark.parametrize("transport", ["client"], indirect=True)
def test_a_call_that_was_put_off_is_remembered_for_two_minutes(
    api: Api, direct: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYLLAMA_RATE_PER_MINUTE", "1")
    forget_parts()
    ask(api, body())
    before = set(direct.keys(keyspace.undelivered("acme", "*")))

    answer = ask(api, body())

    forget_parts()
    (new,) = set(direct.keys(keyspace.undelivered("acme", "*"))) - before
    assert refusal(answer) == (429, "rate_limited")
    assert 0 < int(direct.pttl(new)) <= 120_000


@pytest.mark.parametrize("transport", ["client"], indirect=True)
def test_who_is_refused_behind_a_redirect_is_to_come_back_when_its_job_can_be_found(
    api: Api, direct: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYLLAMA_REQUESTS_PER_MINUTE", "60")
    forget_parts()
    sent = body()
    first = ask(api, sent)
    while api.get("/v1/models").status == 200:
        pass

    refused, _ = Chain(api, sent, {}).follow(first)

    (entry,) = direct.hvals(direct.keys(keyspace.undelivered("acme", "*"))[0])
    lapses = int(str(entry).split()[1]) / 1000
    seconds, micros = direct.time()
    pause = int(refused.headers["retry-after"])
    forget_parts()
    assert refusal(refused) == (429, "rate_limited")
    assert 1 < lapses - seconds - micros / 1_000_000 < pause < 10


@pytest.mark.parametrize("transport", ["client"], indirect=True)
def test_a_call_that_will_never_do_leaves_nothing_to_find(
    api: Api, direct: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYLLAMA_ENGINE_OPTIONS", "none")
    forget_parts()

    answer = ask(api, body() | {"top_k": 3})

    forget_parts()
    assert answer.status == 400
    assert direct.keys(keyspace.undelivered("acme", "*")) == []


def test_an_idempotency_key_finds_its_job_at_the_first_try(api: Api, direct: "redis.Redis") -> None:
    sent = body()
    key = {"Idempotency-Key": "order-17"}

    first, again = ask(api, sent, key), ask(api, sent, key)
    other = ask(api, sent | {"seed": 5}, key)

    assert (job_of(again), jobs(direct)) == (job_of(first), 1)
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert refusal(other) == (400, "idempotency_key_reused")


@pytest.mark.parametrize("transport", ["client"], indirect=True)
@pytest.mark.parametrize(
    ("headers", "most_seconds"),
    [({"X-Stainless-Read-Timeout": "3.0"}, 3), ({"X-Stainless-Timeout": "3"}, 3)],
)
def test_a_call_is_answered_before_its_client_hangs_up(
    api: Api, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], most_seconds: int
) -> None:
    monkeypatch.setenv("TINYLLAMA_RELAY_SECONDS", "20")
    forget_parts()
    began = time.monotonic()

    answer = ask(api, body(), headers)

    took = time.monotonic() - began
    forget_parts()
    assert answer.status in {307, 503}
    assert 0.9 < took < most_seconds - 0.5


@pytest.fixture
def silent(
    api: Api, monkeypatch: pytest.MonkeyPatch, valkey: Server, tmp_path: Path
) -> Iterator[Proxy]:
    """A store that can go silent, before a router that holds calls for 20 s and gives up in 0.3."""
    del api
    monkeypatch.setattr(connections, "ANSWER_SECONDS", 0.3)
    with Proxy(tmp_path, valkey.socket) as proxy:
        store = connect(proxy.url)
        relay = Relay(doors.door(store), Undelivered(store), 20)
        monkeypatch.setattr(app, "relay", lambda: relay)
        yield proxy
        wiring.tally.cache_clear()  # which leaves a store alone for a while that was away
        store.close()


@pytest.mark.slow
@pytest.mark.parametrize("transport", ["client"], indirect=True)
def test_a_store_that_goes_silent_is_asked_for_nothing_more(
    api: Api, direct: "redis.Redis", silent: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = body()
    held = threading.Event()
    monkeypatch.setattr(FrontDoor, "_await_change", _silenced(silent, held))

    answer = ask(api, sent)

    assert held.is_set()
    assert silent.round_trips == 0
    assert refusal(answer) == (503, "store_unavailable")
    assert answer.headers["x-should-retry"] == "true"
    (key,) = direct.keys(keyspace.undelivered("acme", "*"))
    (entry,) = direct.hvals(key)
    lapses_seconds = (int(str(entry).split()[1]) - now_ms(direct)) / 1000
    assert lapses_seconds < int(answer.headers["retry-after"]) < lapses_seconds + 3


def _silenced(proxy: Proxy, held: threading.Event) -> Any:
    """Return a wait during which the store goes silent; what is asked of it later is counted."""

    def await_change(_door: FrontDoor, _job: Job, _left: float) -> Job:
        held.set()
        proxy.hang = True
        proxy.forget()
        raise StoreUnavailable

    return await_change


def test_a_failed_job_is_told_for_good(api: Api, hand_worker: HandWorker) -> None:
    sent = body()
    first = ask(api, sent)
    hand_worker.fail()

    answer, _ = Chain(api, sent, {}).to_the_end(first)

    assert refusal(answer) == (422, "job_failed")
    assert answer.headers["x-should-retry"] == "false"
    assert "engine_unavailable" in answer.json["error"]["message"]


def test_a_cancelled_job_is_told_for_good(api: Api) -> None:
    sent = body()
    first = ask(api, sent)
    api.post(f"/jobs/{job_of(first)}/cancel", None)

    answer, _ = Chain(api, sent, {}).to_the_end(first)

    assert refusal(answer) == (422, "job_failed")
    assert "cancelled" in answer.json["error"]["message"]


@pytest.mark.parametrize("transport", ["client"], indirect=True)
def test_an_answer_that_is_on_its_way_is_no_refusal(api: Api, direct: "redis.Redis") -> None:
    capped(api, body())
    refused = ask(api, {"messages": "x"})

    counted = [name for name in direct.hkeys(keyspace.METRICS) if "refused" in str(name)]

    assert refused.status == 400
    assert counted == ["refused:invalid_body"]


@pytest.mark.parametrize("transport", ["client"], indirect=True)
def test_who_finds_no_place_to_wait_is_to_come_back_later(
    api: Api, store: Store, direct: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = body()
    crowded = doors.door(store, waiters=0)
    monkeypatch.setattr(wiring, "door", lambda: crowded)
    monkeypatch.setenv("TINYLLAMA_RELAY_SECONDS", "20")
    wiring.relay.cache_clear()

    answer = ask(api, sent)

    again = ask(api, sent, RETRY)
    wiring.relay.cache_clear()
    assert refusal(answer) == refusal(again) == (503, "still_running")
    assert answer.headers["x-should-retry"] == "true"
    seconds = int(answer.headers["retry-after"])
    assert 2 <= seconds < 60
    assert answer.headers["retry-after-ms"] == str(seconds * 1000)
    assert jobs(direct) == 1


@pytest.mark.parametrize("transport", ["client"], indirect=True)
def test_every_call_counts_as_a_request_and_the_job_as_one_besides(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYLLAMA_REQUESTS_PER_MINUTE", "3")
    monkeypatch.setenv("TINYLLAMA_RATE_PER_MINUTE", "4")
    forget_parts()
    sent = body()
    first = ask(api, sent)
    path = urljoin(CHAT, first.headers["location"])

    told = [api.request("POST", path, sent) for _ in range(3)]

    forget_parts()
    assert {'"default";r=3', '"requests";r=2'} <= set(_rates(first))
    assert {'"default";q=4', '"requests";q=3'} <= set(_rates(first, "ratelimit-policy"))
    assert [answer.status for answer in told] == [307, 307, 429]
    assert _rates(told[0]) == ['"requests";r=1']


def _rates(answer: Answer, name: str = "ratelimit") -> list[str]:
    """Return what is told of each policy first."""
    return [";".join(each.split(";")[:2]) for each in answer.headers[name].split(", ")]


@pytest.mark.parametrize("transport", ["client"], indirect=True)
@pytest.mark.parametrize(
    ("path", "sent", "headers", "status"),
    [
        (CHAT, {"messages": [{"role": "user", "content": "Say hello"}]}, RETRY, 307),
        ("/v1/responses", {"input": "x", "background": True}, RETRY, 200),
        ("/v1/responses", {"input": "x", "previous_response_id": f"resp_{'0' * 32}"}, {}, 400),
    ],
)
def test_no_call_is_free_of_charge(
    api: Api,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    sent: dict[str, Any],
    headers: dict[str, str],
    status: int,
) -> None:
    monkeypatch.setenv("TINYLLAMA_REQUESTS_PER_MINUTE", "2")
    forget_parts()

    told = [api.request("POST", path, sent, headers) for _ in range(3)]

    forget_parts()
    assert [answer.status for answer in told] == [status, status, 429]
    assert refusal(told[2]) == (429, "rate_limited")


@pytest.mark.slow
@pytest.mark.parametrize("transport", ["client"], indirect=True)
def test_one_and_the_same_call_of_many_at_once_is_answered_to_each_by_a_job_of_its_own(
    api: Api, direct: "redis.Redis", hand_worker: HandWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Calls at once: Chalice's client puts another environment in place for each, and back.
    monkeypatch.setattr(os, "environ", os.environ)
    callers, sent = 8, body()
    found: list[str] = []

    def call() -> None:
        headers: dict[str, str] = {}
        for tries in range(40):
            answer, _ = Chain(api, sent, headers).to_the_end(ask(api, sent, headers))
            if answer.status == 200:
                found.append(str(answer.json["id"]))
                return
            headers = {"X-Stainless-Retry-Count": str(tries + 1)}

    threads = [threading.Thread(target=call) for _ in range(callers)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        claim = hand_worker.leases.claim(secrets.token_hex(16))
        if claim is None:
            threads[0].join(0.05)
            continue
        usage = {"prompt_tokens": 1, "completion_tokens": 3, "total_tokens": 4}
        told = {"finish_reason": "stop", "engine": "echo", "model": "echo", "usage": usage}
        hand_worker.leases.finish(claim, Outcome(result={"text": "Hello", **told}))

    assert len(found) == len(set(found)) == callers
    assert jobs(direct) == callers
    entries: list[Any] = []
    for key in direct.keys(keyspace.undelivered("acme", "*")):
        entries += direct.hvals(key)
    assert {str(entry).split()[3] for entry in entries} == {"1"}


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [1, 3], ids=["within its redirects", "beyond them"])
def test_an_unmodified_client_waits_for_one_job(
    hasty_router: Router, direct: "redis.Redis", hand_worker: HandWorker, seconds: int
) -> None:
    direct.flushall()
    client = openai.OpenAI(base_url=f"{hasty_router.url}/v1", api_key=tinyllama.make_token())
    worker = threading.Timer(seconds, hand_worker.answer, ["Here at last"])
    worker.start()

    answer = client.chat.completions.create(**body())

    worker.join()
    assert answer.choices[0].message.content == "Here at last"
    assert jobs(direct) == 1
    client.close()
