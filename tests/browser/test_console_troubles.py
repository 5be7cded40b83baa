"""Lost connections, expired tokens, full queues: told as such, and what was begun goes on."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

import tinyllama
from tests.api.stage_proxy import Passing, StageProxy
from tests.browser.console import NETWORK, Console, Held
from tests.calls import Api, HandWorker
from tests.servers import Server
from tests.worker.routers import Router
from tinyllama import devkeys

pytestmark = pytest.mark.slow
PROMPT = "Why do llamas hum to one another?"
LOST = "Connection lost, trying again…"


def times(
    number: int, method: str, path: str, spoil: Callable[[Passing], None]
) -> Callable[[Passing], None]:
    """Return what spoils the first so many answers to paths that hold *path*."""
    left = [number]

    def first(passing: Passing) -> None:
        if passing.method == method and path in passing.path and left[0]:
            left[0] -= 1
            spoil(passing)

    return first


def lose(passing: Passing) -> None:
    passing.status = 0


def refuse_for_a_second(passing: Passing) -> None:
    refuse(passing, "1")


def refuse_for_an_hour(passing: Passing) -> None:
    refuse(passing, "3600")


def break_down(passing: Passing) -> None:
    passing.status = 500
    passing.headers["Content-Type"] = "application/json"
    passing.body = b'{"message": "Internal server error"}'


def answer_for_the_router(passing: Passing) -> None:
    passing.headers["Content-Type"] = "text/html"
    passing.body = b"<!doctype html><title>Pay for this network</title>"


def answer_oddly(passing: Passing) -> None:
    passing.body = b"{}"


def refuse(passing: Passing, retry_after: str) -> None:
    passing.status = 503
    passing.headers |= {"Retry-After": retry_after, "Content-Type": "application/problem+json"}
    passing.body = b'{"title": "The queue is full", "code": "queue_full", "status": 503}'


@pytest.mark.usefixtures("echo")
def test_a_prompt_whose_answer_was_lost_is_sent_again_and_runs_once(
    open_console: Callable[..., Console], stage: StageProxy, api: Api
) -> None:
    console = open_console(stage.url, refusals={NETWORK}).open().sign_in().keep_time()
    # A browser tries once more by itself.
    stage.spoil = times(3, "POST", "/infer", lose)

    console.send(PROMPT)
    expect(console.banner).to_have_text(LOST)
    console.pass_time(4)

    expect(console.answer).to_have_text(PROMPT)
    keys = [request.headers["idempotency-key"] for request in console.calls("POST", "/infer")]
    assert len(keys) > 1
    assert len(set(keys)) == 1
    assert stage.passed.count("/infer") == 4
    assert len(api.get("/jobs").json["jobs"]) == 1
    expect(console.banner).to_have_text("")


@pytest.mark.usefixtures("echo")
def test_a_full_queue_is_told_and_tried_again_when_it_says(
    open_console: Callable[..., Console], stage: StageProxy
) -> None:
    console = open_console(stage.url, refusals={"503"}).open().sign_in()
    stage.spoil = times(1, "POST", "/infer", refuse_for_a_second)
    began = time.monotonic()

    console.send(PROMPT)

    expect(console.banner).to_have_text("The queue is full. Trying again in 1 s…")
    expect(console.answer).to_have_text(PROMPT)
    assert time.monotonic() - began > 1


def test_who_is_to_come_back_much_later_is_told_when(
    open_console: Callable[..., Console], stage: StageProxy
) -> None:
    console = open_console(stage.url, refusals={"503"}).open().sign_in()
    stage.spoil = times(1, "POST", "/infer", refuse_for_an_hour)

    console.send(PROMPT)

    notice = console.page.get_by_role("tabpanel").get_by_role("alert")
    expect(notice).to_contain_text("Try again in 3600 s.")
    assert stage.passed.count("/infer") == 1


def test_a_token_that_expires_asks_for_another_keeps_the_draft_and_goes_on(
    console: Console, hand_worker: HandWorker
) -> None:
    console.refusals = {"401"}
    expires = time.time() + 3
    console.sign_in(tinyllama.make_token(sub="dev", expires_in=3))
    console.page.get_by_label("Max tokens").fill("12")
    time.sleep(max(0, expires + 1 - time.time()))

    console.send(PROMPT)

    again = console.page.get_by_role("dialog", name="Sign in again")
    expect(again).to_contain_text("expired")
    console.sign_in()
    expect(console.state).to_have_text("queued")
    expect(console.page.get_by_label("Prompt")).to_have_value(PROMPT)
    expect(console.page.get_by_label("Max tokens")).to_have_value("12")
    hand_worker.answer("Hello to you again")
    expect(console.answer).to_have_text("Hello to you again")


def test_an_api_key_that_is_revoked_asks_for_another(console: Console, api: Api) -> None:
    console.refusals = {"403"}
    key = devkeys.make_api_key(tenant="dev", name="Nightly")
    key_id = api.post("/keys", {"key": key}).json["id"]
    console.sign_in(key)
    api.delete(f"/keys/{key_id}")

    console.send(PROMPT)

    again = console.page.get_by_role("dialog", name="Sign in again")
    expect(again).to_contain_text("revoked")
    expect(console.page.locator("#prompt")).to_have_value(PROMPT)


def test_a_stream_goes_on_where_it_was_when_the_router_is_back(
    open_console: Callable[..., Console], valkey: Server, hand_worker: HandWorker
) -> None:
    router = Router(valkey.url, 30)
    port = urlsplit(router.url).port or 0
    console = open_console(router.url, refusals={NETWORK}).open().sign_in()
    console.send(PROMPT)
    expect(console.state).to_have_text("queued")
    claim = hand_worker.claim()
    hand_worker.leases.append(claim, 0, ["Before, "])
    expect(console.answer).to_have_text("Before, ")

    router.stop()
    expect(console.banner).to_have_text(LOST)
    expect(console.page.locator("#health")).to_have_text("Not reached")
    hand_worker.leases.append(claim, 1, ["meanwhile, "])
    router = Router(valkey.url, 30, port)
    try:
        expect(console.answer).to_have_text("Before, meanwhile, ")
        expect(console.banner).to_have_text("")
        expect(console.page.locator("#health")).not_to_have_text("Not reached")
        hand_worker.leases.append(claim, 2, ["after."])
        expect(console.answer).to_have_text("Before, meanwhile, after.")
        assert len(console.calls("POST", "/infer")) == 1
        console.page.close()
    finally:
        router.stop()


def test_a_sign_in_without_a_router_says_so(
    open_console: Callable[..., Console], stage: StageProxy
) -> None:
    console = open_console(stage.url, refusals={NETWORK}).open()
    stage.spoil = lose

    console.page.get_by_label("Token or API key").fill(tinyllama.make_token(sub="dev"))
    console.press("Sign in")

    alert = console.page.get_by_role("dialog").get_by_role("alert")
    expect(alert).to_contain_text("The router does not answer.")


@pytest.mark.usefixtures("echo")
@pytest.mark.parametrize("spoil", [break_down, answer_for_the_router])
def test_a_running_answer_goes_on_through_what_is_no_answer(
    open_console: Callable[..., Console], stage: StageProxy, spoil: Callable[[Passing], None]
) -> None:
    console = open_console(stage.url, refusals={"500"}).open().sign_in().keep_time()
    stage.spoil = times(1, "GET", "/stream", spoil)

    console.send(PROMPT)
    expect(console.banner).to_contain_text("trying again…")
    console.pass_time(2)

    expect(console.answer).to_have_text(PROMPT)
    expect(console.state).to_have_text("succeeded")
    expect(console.banner).to_have_text("")


def test_a_router_that_fails_again_and_again_is_told_so(
    open_console: Callable[..., Console], stage: StageProxy
) -> None:
    console = open_console(stage.url, refusals={"500"}).open().sign_in().keep_time()
    stage.spoil = times(99, "GET", "/queue", break_down)

    console.turn_to("Queue")
    expect(console.banner).to_have_text("The router failed, trying again…")
    console.pass_time(50, 5)

    notice = console.page.get_by_role("tabpanel").get_by_role("alert")
    expect(notice).to_contain_text("The router answered 500")
    assert stage.passed.count("/queue") >= 6


def test_an_answer_that_nobody_foresaw_ends_no_view(
    open_console: Callable[..., Console], stage: StageProxy
) -> None:
    console = open_console(stage.url).open().sign_in().keep_time()
    stage.spoil = times(1, "GET", "/queue", answer_oddly)

    console.turn_to("Queue")
    expect(console.banner).to_contain_text("An answer was not understood")
    console.pass_time(4)

    expect(console.page.locator("#queue-facts")).to_contain_text("Dead letters")
    expect(console.banner).to_have_text("")


def test_what_was_lost_is_tried_again_as_soon_as_the_network_is_back(console: Console) -> None:
    console.refusals = {NETWORK}
    console.sign_in().keep_time().page.clock.pause_at(time.time() + 60)
    console.page.context.set_offline(True)
    console.send(PROMPT)
    expect(console.banner).to_have_text(LOST)

    console.page.context.set_offline(False)

    # Health is asked for again after 15 seconds: its success would wake the others, too.
    expect(console.state).to_have_text("queued", timeout=8000)


def test_a_router_that_has_no_place_to_wait_in_is_not_asked_without_a_pause(
    console: Console,
) -> None:
    console.sign_in()
    console.find_no_place_to_wait()

    console.send(PROMPT)
    expect(console.state).to_have_text("queued")
    console.page.wait_for_timeout(2000)

    assert len([r for r in console.requests if "/stream?" in r.url]) <= 4


@pytest.mark.parametrize("now", [{"sub": "other"}, {"sub": "dev", "org": "b"}])
def test_nothing_of_one_tenant_is_left_or_sent_when_another_signs_in_instead(
    console: Console, api: Api, now: dict[str, Any]
) -> None:
    console.refusals = {"401"}
    api.post("/events", {"event_type": "secret", "payload": "a secret", "source": "shop"})
    console.sign_in(tinyllama.make_token(sub="dev", org="a")).turn_to("Inbox")
    expect(console.page.locator("#events-rows > li")).to_have_count(1)
    console.turn_to("Playground")
    expired = {"title": "The token has expired", "code": "token_expired", "status": 401}
    console.page.route("**/infer", lambda route: route.fulfill(status=401, json=expired))
    console.send(PROMPT)
    expect(console.page.get_by_role("dialog", name="Sign in again")).to_be_visible()
    console.page.unroute("**/infer")
    sent = len(console.calls("POST", "/infer"))

    with console.page.expect_navigation():
        console.sign_in(tinyllama.make_token(**now, scope="infer:write jobs:read"))

    expect(console.page.locator("#who-name")).to_have_text(now["sub"])
    expect(console.page.locator("#prompt")).to_have_value("")
    console.turn_to("Jobs")
    expect(console.page.locator("#jobs-empty")).to_contain_text("No such jobs yet")
    console.turn_to("Inbox")
    expect(console.page.locator("#events-rows > li")).to_have_count(0)
    assert len(console.calls("POST", "/infer")) == sent


EXPIRED = {"title": "The token has expired", "code": "token_expired", "status": 401}
NARROW = {"title": "A scope is missing", "code": "scope_insufficient", "status": 403}


@pytest.mark.parametrize("late", [EXPIRED, NARROW])
def test_a_refusal_of_the_token_before_is_none_of_the_new_one(
    console: Console, late: dict[str, Any]
) -> None:
    console.refusals = {"401", "403"}
    page = console.sign_in().page
    prompt, listing = Held(page, "**/infer"), Held(page, "**/jobs?limit=20*")
    console.send(PROMPT).turn_to("Jobs")
    prompt.wait()
    prompt.let_through()
    listing.wait()
    listing.let_through()
    listing.refuse(EXPIRED)
    expect(page.get_by_role("dialog", name="Sign in again")).to_be_visible()
    console.sign_in(tinyllama.make_token(sub="dev", expires_in=600))

    prompt.refuse(late)

    expect(page.locator("#jobs-rows tr")).to_have_count(1)
    expect(page.get_by_role("dialog", name="Sign in again")).to_be_hidden()
    expect(console.turn_to("Playground").state).to_have_text("queued")
