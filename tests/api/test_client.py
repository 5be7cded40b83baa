"""`tinyllama.Client` on a running router: what it promises, whatever the network does to it."""

import os
import secrets
import threading
from collections.abc import Callable, Iterator
from datetime import UTC
from itertools import islice
from pathlib import Path

import pytest
import redis

import tinyllama
from chalicelib import keyspace
from chalicelib.jobs import JobState
from chalicelib.leasing import Outcome
from tests.api import stage_proxy
from tests.api.stage_proxy import Passing, StageProxy
from tests.calls import HandWorker
from tests.leaks import LEDGER
from tests.worker.routers import Router
from tinyllama.client import (
    Client,
    Handle,
    NotARouter,
    Piece,
    ProblemError,
    Repeating,
    StillRunning,
    Unreachable,
    Unusable,
)

pytestmark = pytest.mark.slow  # a router as a process of its own

PROMPT = LEDGER.note("a prompt", f"{secrets.token_hex(8)}, say llamas")


class Nap:
    """Sleeps that are over at once, and how long they were to be."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.now = 0.0

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        self.now += seconds


@pytest.fixture
def nap() -> Nap:
    return Nap()


@pytest.fixture
def stage(router: Router, store_url: str) -> Iterator[StageProxy]:
    """The router on an empty store, behind what may lose its answers."""
    del store_url
    with stage_proxy.serving(router.url) as proxy:
        yield proxy


@pytest.fixture
def client(stage: StageProxy, nap: Nap) -> Iterator[Client]:
    token = tinyllama.make_token(sub="acme")
    repeating = Repeating(sleep=nap, clock=lambda: nap.now, chance=lambda: 1.0)
    with Client(stage.url, token, repeating=repeating) as made:
        yield made


@pytest.fixture
def worker(hand_worker: HandWorker) -> HandWorker:
    return hand_worker


def later(deed: Callable[[], object]) -> threading.Thread:
    """Do something in a moment, in a thread that is joined by whoever started it."""
    thread = threading.Timer(0.3, deed)
    thread.start()
    return thread


def jobs_in(direct: "redis.Redis") -> int:
    """Return how many jobs the tenant has in the store."""
    return int(direct.zcard(keyspace.jobs("acme")))


def test_a_prompt_is_answered(client: Client, worker: HandWorker) -> None:
    handle = client.submit(PROMPT, model="tiny", metadata={"trace": "t1"}, max_tokens=5)
    queued = handle.job
    answering = later(lambda: worker.answer("Because they can"))

    job = handle.wait()

    answering.join()
    assert (queued.state, queued.position, queued.text) == ("queued", 0, None)
    assert (job.state, job.text, job.ended) == ("succeeded", "Because they can", True)
    assert (job.model, job.metadata, job.attempt) == ("tiny", {"trace": "t1"}, 1)
    assert job.usage is not None
    assert job.usage["total_tokens"] == 4
    assert job.created_at is not None
    assert job.created_at.tzinfo == UTC
    assert handle.job is job
    assert "Because" not in repr(job)


def test_a_conversation_is_submitted_as_it_is(client: Client, worker: HandWorker) -> None:
    said = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": PROMPT}]

    client.submit(messages=said, temperature=0, stop=["END"])

    request = worker.claim().job.request
    assert (request["messages"], request["temperature"]) == (said, 0)
    assert request["stop"] == ["END"]


FOLLOWED: dict[str, Callable[[Client, Handle], object]] = {
    "wait": lambda _, handle: handle.wait(),
    "look": lambda _, handle: [handle.look(wait_seconds=1) for _ in range(3)],
    "stream": lambda _, handle: list(handle.stream()),
    "follow": lambda client, _: next(client.follow()),
    "lease": lambda client, _: [client.lease(wait_seconds=1) for _ in range(3)],
}


@pytest.mark.parametrize("how", FOLLOWED)
def test_a_router_that_has_no_place_to_wait_in_is_not_asked_without_a_pause(
    client: Client, stage: StageProxy, nap: Nap, worker: HandWorker, how: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for module in ("client", "handle"):
        monkeypatch.setattr(f"tinyllama.{module}.WAIT_SECONDS", 1)
    handle = client.submit(PROMPT)
    stage.passed.clear()

    def unwaited(passing: Passing) -> None:
        passing.headers.pop("Preference-Applied", None)
        if len(stage.passed) == 2:
            worker.answer()

    stage.spoil = unwaited
    FOLLOWED[how](client, handle)

    assert len(nap.seconds) == 2
    assert min(nap.seconds) >= 1


@pytest.mark.parametrize("key", ["a\nb", "é", "a\0b"])
def test_a_header_that_cannot_be_sent_is_told_at_once(
    client: Client, stage: StageProxy, key: str
) -> None:
    with pytest.raises(Unusable):
        client.submit(PROMPT, idempotency_key=key)

    assert stage.passed == []


@pytest.mark.parametrize("payload", [float("nan"), {1, 2}])
def test_what_is_no_json_is_told_at_once(
    client: Client, stage: StageProxy, payload: object
) -> None:
    with pytest.raises(Unusable, match="not JSON"):
        client.publish("a", payload, source="test")

    assert stage.passed == []


def test_an_answer_that_does_not_end_is_no_routers(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tinyllama.calling.ANSWER_BYTES", 100)

    with pytest.raises(NotARouter, match="does not end"):
        client.submit(PROMPT)


@pytest.mark.parametrize("given", [{}, {"prompt": "a", "messages": []}])
def test_a_submit_has_a_prompt_or_messages(client: Client, given: dict[str, object]) -> None:
    with pytest.raises(Unusable):
        client.submit(**given)  # type: ignore[arg-type]


def test_a_wait_that_is_over_tells_how_the_job_stands(client: Client, nap: Nap) -> None:
    handle = client.submit(PROMPT)

    def jump() -> None:
        nap.now += 100

    jumping = later(jump)
    with pytest.raises(StillRunning) as raised:
        handle.wait(timeout=1)

    jumping.join()
    assert raised.value.job.state == "queued"
    assert isinstance(raised.value, TimeoutError)


def spoil_first(
    stage: StageProxy, method: str, times: int, deed: Callable[[Passing], None]
) -> None:
    """Spoil the first answers to a method, after the router has done what it was asked for."""
    left = [times]

    def spoil(passing: Passing) -> None:
        if passing.method == method and left[0]:
            left[0] -= 1
            deed(passing)

    stage.spoil = spoil


def lose(passing: Passing) -> None:
    passing.status = 0


def halve(passing: Passing) -> None:
    passing.cut = 20


def answer(status: int, **headers: str) -> Callable[[Passing], None]:
    def spoil(passing: Passing) -> None:
        passing.status, passing.body = status, b'{"code": "rate_limited", "title": "No"}'
        passing.headers |= {name.replace("_", "-"): value for name, value in headers.items()}

    return spoil


@pytest.mark.parametrize(
    ("deed", "pauses"),
    [
        (lose, [0.5, 1]),
        (halve, [0.5, 1]),
        (answer(429, Retry_After="7"), [7, 7]),
        (answer(503), [1, 1]),
        (answer(502), [1, 1]),
        (answer(504), [1, 1]),
    ],
    ids=["lost", "half", "429", "503", "502", "504"],
)
def test_a_submit_whose_answer_does_not_arrive_is_repeated_and_makes_one_job(
    client: Client,
    stage: StageProxy,
    direct: "redis.Redis",
    nap: Nap,
    deed: Callable[[Passing], None],
    pauses: list[float],
) -> None:
    spoil_first(stage, "POST", 2, deed)

    handle = client.submit(PROMPT)

    assert stage.passed == ["/infer"] * 3
    assert jobs_in(direct) == 1
    assert handle.job.state == "queued"
    assert nap.seconds == pytest.approx(pauses, abs=0.5)


@pytest.mark.parametrize("deed", [lose, halve, answer(503)], ids=["lost", "half", "503"])
def test_a_publish_is_repeated_and_makes_one_event(
    client: Client, stage: StageProxy, deed: Callable[[Passing], None]
) -> None:
    spoil_first(stage, "POST", 2, deed)

    event = client.publish("order.created", {"order": 17}, source="shop")

    assert len(stage.passed) == 3
    assert [(each.id, each.payload) for each in client.inbox()] == [(event.id, {"order": 17})]


def test_a_lease_whose_answer_is_lost_is_asked_for_again_under_the_same_token(
    client: Client, stage: StageProxy
) -> None:
    first = client.publish("a", 1, source="test")
    spoil_first(stage, "POST", 1, lose)

    lease = client.lease(5, seconds=30)

    assert [each.id for each in lease.events] == [first.id]


def test_repeating_ends_with_the_attempts_and_tells_that_it_may_be_done(
    client: Client, stage: StageProxy, direct: "redis.Redis", nap: Nap
) -> None:
    stage.spoil = lose

    with pytest.raises(Unreachable) as raised:
        client.submit(PROMPT)

    assert raised.value.maybe_done
    assert len(stage.passed) == Repeating.attempts
    assert len(nap.seconds) == Repeating.attempts - 1
    assert jobs_in(direct) == 1


def test_a_router_that_answered_before_is_given_the_time_to_start_anew(
    client: Client, stage: StageProxy, nap: Nap
) -> None:
    job = client.submit(PROMPT)
    spoil_first(stage, "GET", Repeating.attempts + 2, lose)

    assert job.look().id == job.id
    assert len(nap.seconds) == Repeating.attempts + 2


def test_a_pause_beyond_all_patience_is_not_slept(
    client: Client, stage: StageProxy, nap: Nap
) -> None:
    stage.spoil = answer(429, Retry_After="3600")

    with pytest.raises(ProblemError) as raised:
        client.submit(PROMPT)

    assert (raised.value.status, raised.value.retry_after) == (429, 3600)
    assert nap.seconds == []


def test_a_refusal_tells_all_and_is_not_repeated(client: Client, stage: StageProxy) -> None:
    with pytest.raises(ProblemError) as raised:
        client.submit(PROMPT, max_tokens=0)

    error = raised.value
    assert (error.status, error.code, error.title) == (
        *(422, "invalid_body"),
        "The body does not satisfy its schema",
    )
    assert [slip.pointer for slip in error.errors] == ["/max_tokens"]
    assert error.request_id
    assert len(stage.passed) == 1


def test_where_nobody_listens_nothing_was_done(nap: Nap) -> None:
    with (
        Client("http://127.0.0.1:9", "token", repeating=Repeating(sleep=nap)) as client,
        pytest.raises(Unreachable) as raised,
    ):
        client.submit(PROMPT)

    assert not raised.value.maybe_done
    assert "http://127.0.0.1:9 (ConnectError)" in str(raised.value)


def redirect(passing: Passing) -> None:
    passing.status, passing.headers["Location"] = 302, "http://127.0.0.1:9/"


def garble(passing: Passing) -> None:
    passing.body = b"<html>"


def other(passing: Passing) -> None:
    passing.body = b'{"id": 1}'


@pytest.mark.parametrize("deed", [redirect, garble, other])
def test_what_is_no_router_is_told_from_one(
    client: Client, stage: StageProxy, deed: Callable[[Passing], None]
) -> None:
    stage.spoil = deed

    with pytest.raises(NotARouter):
        client.submit(PROMPT)

    assert len(stage.passed) == 1


def test_a_stream_tells_what_is_said_and_what_is_void(client: Client, worker: HandWorker) -> None:
    handle = client.submit(PROMPT)
    first = worker.claim()
    worker.leases.append(first, 0, ["Becau"])
    pieces = handle.stream()
    begun = next(pieces)
    worker.leases.finish(
        first, Outcome(error={"code": "engine_unavailable", "detail": ""}, retryable=True)
    )
    worker.hasten()
    answering = later(lambda: worker.answer("Because they can"))

    rest = list(pieces)

    answering.join()
    assert begun == Piece("Becau", 1, reset=False)
    assert rest[0].reset
    assert "".join(map(str, rest)) == "Because they can"
    assert {piece.attempt for piece in rest} == {2}
    assert (handle.job.state, handle.job.text) == ("succeeded", "Because they can")


@pytest.mark.parametrize(
    ("chunks", "told"),
    [
        ([], [("Because they can", False)]),
        (["Beca"], [("Beca", False), ("use they can", False)]),
        (["Why"], [("Why", False), ("Because they can", True)]),
    ],
)
def test_a_stream_tells_all_of_an_answer_that_was_not_said_piece_by_piece(
    client: Client, worker: HandWorker, chunks: list[str], told: list[tuple[str, bool]]
) -> None:
    handle = client.submit(PROMPT)
    lease = worker.claim()
    if chunks:
        worker.leases.append(lease, 0, chunks)
    whole = {"text": "Because they can", "finish_reason": "stop", "engine": "echo", "model": "m"}
    worker.leases.finish(lease, Outcome(result={**whole, "usage": None}))

    pieces = list(handle.stream())

    assert [(piece.text, piece.reset) for piece in pieces] == told


def test_a_retry_that_another_was_before_does_not_run_the_job_once_more(
    client: Client, worker: HandWorker
) -> None:
    handle = client.submit(PROMPT)
    worker.fail()
    handle.look()
    client.job(handle.id).retry()
    worker.fail()

    job = handle.retry()

    assert (job.state, job.attempt) == (JobState.FAILED, 2)


def test_a_job_is_cancelled_retried_and_erased(client: Client, worker: HandWorker) -> None:
    cancelled = client.submit(PROMPT)
    cancelled.cancel()
    failed = client.submit(PROMPT)
    worker.fail()
    failed.look()
    before = failed.job
    failed.retry()
    retried = failed.job
    cancelled.erase()

    assert cancelled.job.state == JobState.CANCELLED
    assert before.error is not None
    assert (before.error["code"], before.text) == ("engine_unavailable", None)
    assert retried.state == JobState.QUEUED
    with pytest.raises(ProblemError, match="job_gone"):
        client.job(cancelled.id)


def test_jobs_are_listed_over_all_pages_or_as_many_as_are_wanted(
    client: Client, stage: StageProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tinyllama.client._PAGE", 2)
    made = [client.submit(PROMPT, idempotency_key=f"k{i}").id for i in range(5)]
    client.job(made[0]).cancel()
    stage.passed.clear()

    every = [job.id for job in client.jobs()]
    pages = len(stage.passed)

    assert every == made[::-1]
    assert pages == 3
    assert [job.id for job in client.jobs(limit=1)] == made[4:]
    assert [job.id for job in client.jobs(state="cancelled")] == made[:1]


def test_the_same_idempotency_key_is_the_same_job(client: Client) -> None:
    first = client.submit(PROMPT, idempotency_key="k")
    again = client.submit(PROMPT, idempotency_key="k")

    assert first.id == again.id


def test_events_are_leased_given_back_and_acknowledged(client: Client) -> None:
    events = [client.publish("a", i, source="test") for i in range(4)]
    client.publish("b", None, source="test")

    lease = client.lease(3, seconds=60)
    left = [event.payload for event in client.inbox(event_type="a")]
    client.extend(lease, 120)
    client.release(events[0], lease=lease)
    client.acknowledge(events[1], lease=lease)
    client.acknowledge(all_of=lease)
    client.acknowledge(events[3].id, events[3])

    assert [event.payload for event in lease.events] == [0, 1, 2]
    assert left == [3]
    assert [(event.type, event.payload) for event in client.inbox()] == [("a", 0), ("b", None)]


def test_who_names_no_event_takes_none_out_and_gives_none_back(
    client: Client, stage: StageProxy, direct: "redis.Redis"
) -> None:
    client.publish("a", 1, source="test")
    lease = client.lease(seconds=60)
    stage.passed.clear()

    client.acknowledge(lease=lease)
    client.acknowledge(*[], lease=lease.token)
    client.release(lease=lease)

    assert stage.passed == []
    assert list(client.inbox()) == []
    assert len(lease.events) == len(list(direct.scan_iter("*evt_*"))) == 1


def test_all_of_a_lease_is_given_back_by_name_of_the_lease(client: Client) -> None:
    for number in range(3):
        client.publish("a", number, source="test")

    client.release(all_of=client.lease(seconds=60))

    assert [event.payload for event in client.inbox()] == [0, 1, 2]


def test_many_events_are_followed_a_page_at_a_time_each_once(
    client: Client, stage: StageProxy
) -> None:
    made = [client.publish("ab"[number % 2], number, source="test").id for number in range(120)]
    stage.passed.clear()

    whole = [event.id for event in islice(client.follow(), 120)]
    asked = len(stage.passed)
    of_type = [event.payload for event in islice(client.follow(event_type="b"), 60)]

    assert whole == made
    assert asked == 3
    assert of_type == list(range(1, 120, 2))


def test_a_follower_misses_none_that_comes_after_a_short_page(client: Client) -> None:
    client.publish("a", 0, source="test")
    events = client.follow()

    told = [next(events).payload]
    for number in (1, 2):
        client.publish("a", number, source="test")
        told.append(next(events).payload)

    assert told == [0, 1, 2]


def test_an_inbox_is_followed_as_events_come(client: Client) -> None:
    client.publish("a", 1, source="test")
    events = client.follow()

    first = next(events)
    coming = later(lambda: client.publish("a", 2, source="test"))
    second = next(events)

    coming.join()
    assert (first.payload, second.payload) == (1, 2)


def test_queue_and_health_are_told(client: Client, stage: StageProxy) -> None:
    client.submit(PROMPT)

    assert client.queue()["depth"]["ready"] == 1
    with Client(stage.url, "") as nobody:
        assert nobody.health()["status"] == "warn"


def test_a_refusal_to_list_models_is_told_in_full_though_it_has_openais_form(
    stage: StageProxy,
) -> None:
    token = tinyllama.make_token(sub="acme", scope="inbox:read")
    with Client(stage.url, token) as reader, pytest.raises(ProblemError) as raised:
        reader.models()

    refused = raised.value
    assert (refused.status, refused.code) == (403, "scope_insufficient")
    assert refused.detail
    assert refused.request_id


def test_another_tenants_job_is_not_there(client: Client, stage: StageProxy) -> None:
    theirs = client.submit(PROMPT)
    with Client(stage.url, tinyllama.make_token(sub="another")) as other_tenant:
        with pytest.raises(ProblemError) as raised:
            other_tenant.job(theirs.id)

        assert (raised.value.status, raised.value.code) == (404, "job_not_found")


def test_no_proxy_sees_what_goes_to_this_machine(
    stage: StageProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    with Client(stage.url, tinyllama.make_token(sub="acme")) as client:
        assert list(client.jobs()) == []


def test_a_token_may_be_given_anew_for_each_call(stage: StageProxy) -> None:
    given: list[str] = []

    def token() -> str:
        given.append(tinyllama.make_token(sub="acme"))
        return given[-1]

    with Client(stage.url, token) as client:
        list(client.jobs())
        list(client.jobs())

    assert len(given) == 2


@pytest.mark.parametrize("token", ["two words", "line\nend", "\u00fcmlaut", ""])
def test_a_token_that_is_none_is_told_and_not_repeated(stage: StageProxy, token: str) -> None:
    with Client(stage.url, token) as client, pytest.raises(Unusable) as raised:
        client.queue()

    assert stage.passed == []
    assert "token" in str(raised.value)
    assert not token or token not in str(raised.value)


def test_the_local_router_opens_without_a_word(
    router: Router, store_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    del store_url
    for name in ("URL", "TOKEN", "PROFILE"):
        monkeypatch.delenv(f"TINYLLAMA_{name}", raising=False)
    monkeypatch.setenv("TINYLLAMA_CONFIG_DIR", str(tmp_path))
    monkeypatch.setattr("tinyllama.listening.LAPTOP", router.url)

    with Client() as client:
        assert client.submit(PROMPT).job.state == "queued"
        assert client.url == router.url

    assert os.listdir(tmp_path) == []  # noqa: PTH208
