"""The playground: a prompt goes in, its answer comes out while it is made."""

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from chalicelib.leasing import Outcome
from tests import leaks
from tests.api.stage_proxy import Passing, StageProxy
from tests.browser.conftest import Workers
from tests.browser.console import Console, Held, body_of
from tests.calls import Api, HandWorker
from tests.worker.doubles import Gated
from tests.worker.harness import wait_for

pytestmark = pytest.mark.slow
PROMPT = "Why do llamas hum to one another?"
BUSY = {"code": "engine_failed", "detail": "the engine was busy"}


@pytest.fixture
def signed_in(console: Console) -> Console:
    return console.sign_in()


@pytest.mark.usefixtures("echo")
def test_a_prompt_is_answered_and_the_echo_says_that_it_is_no_model(signed_in: Console) -> None:
    signed_in.send(PROMPT)

    expect(signed_in.answer).to_have_text(PROMPT)
    expect(signed_in.state).to_have_text("succeeded")
    facts = signed_in.page.locator("#answer-facts")
    expect(facts).to_contain_text("echo (a stand-in, no model)")
    expect(facts).to_contain_text("Tokens written")
    expect(facts).to_contain_text("First token")


def test_words_are_shown_as_they_come(signed_in: Console, hand_worker: HandWorker) -> None:
    signed_in.send(PROMPT)
    expect(signed_in.state).to_have_text("queued")
    claim = hand_worker.claim()

    hand_worker.leases.append(claim, 0, ["One ", "two "])
    expect(signed_in.answer).to_have_text("One two ")
    expect(signed_in.state).to_have_text("running")
    hand_worker.leases.append(claim, 2, ["three"])
    expect(signed_in.answer).to_have_text("One two three")
    told = {"text": "One two three", "finish_reason": "stop", "engine": "e", "model": None}
    hand_worker.leases.finish(claim, Outcome(result={**told, "usage": None}))

    expect(signed_in.state).to_have_text("succeeded")


def test_who_waits_sees_place_and_time_to_go(
    signed_in: Console, api: Api, hand_worker: HandWorker
) -> None:
    for _ in range(4):
        api.post("/infer", {"prompt": "Say hello to everybody"})
    hand_worker.answer()

    signed_in.send(PROMPT)

    progress = signed_in.page.locator("#progress")
    expect(progress).to_contain_text("Waiting: 3 jobs before it")
    hand_worker.answer()
    expect(progress).to_contain_text("Waiting: 2 jobs before it")


def test_stop_cancels_the_job_that_runs(signed_in: Console, working: Workers) -> None:
    engine = Gated(first="One ")
    with working(engine):
        signed_in.send(PROMPT)
        expect(signed_in.answer).to_have_text("One ")

        signed_in.press("Stop")

        expect(signed_in.state).to_have_text("cancelled")
        assert engine.cancelled.wait(5)
    expect(signed_in.page.get_by_role("button", name="Stop")).to_be_hidden()
    expect(signed_in.page.get_by_role("button", name="Send")).to_be_focused()


def test_an_attempt_that_begins_anew_clears_what_was_said(
    signed_in: Console, hand_worker: HandWorker
) -> None:
    signed_in.send(PROMPT)
    expect(signed_in.state).to_have_text("queued")
    first = hand_worker.claim()
    hand_worker.leases.append(first, 0, ["Never mind "])
    expect(signed_in.answer).to_have_text("Never mind ")

    hand_worker.leases.finish(first, Outcome(error=BUSY, retryable=True))
    hand_worker.hasten()
    second = hand_worker.claim()
    hand_worker.leases.append(second, 0, ["Hello "])

    expect(signed_in.answer).to_have_text("Hello ")


def test_a_job_that_fails_says_why(signed_in: Console, hand_worker: HandWorker) -> None:
    signed_in.send(PROMPT)
    expect(signed_in.state).to_have_text("queued")

    hand_worker.fail()

    expect(signed_in.state).to_have_text("failed")
    expect(signed_in.page.locator("#progress")).to_contain_text("engine_unavailable")
    expect(signed_in.page.locator("#progress")).to_contain_text("TINYLLAMA_ENGINE_URL")


def test_settings_go_with_the_prompt(signed_in: Console) -> None:
    page = signed_in.page
    page.get_by_label("System").fill(leaks.LEDGER.note("a prompt", "Be very brief with me"))
    page.get_by_label("Model").first.fill("meadow/tiny")
    page.get_by_label("Max tokens").fill("12")
    page.get_by_label("Temperature").fill("0.4")
    page.get_by_label("Priority").select_option("high")

    signed_in.send(PROMPT)

    expect(signed_in.state).to_have_text("queued")
    (request,) = signed_in.calls("POST", "/infer")
    assert body_of(request) == {
        "messages": [
            {"role": "system", "content": "Be very brief with me"},
            {"role": "user", "content": PROMPT},
        ],
        "model": "meadow/tiny",
        "max_tokens": 12,
        "temperature": 0.4,
        "priority": "high",
    }


@pytest.mark.usefixtures("echo")
def test_the_models_of_live_workers_are_offered(signed_in: Console, api: Api) -> None:
    wait_for(lambda: api.get("/v1/models").json["data"] or None)

    signed_in.page.get_by_label("Model").first.focus()

    offered = signed_in.page.locator("#models option")
    expect(offered).to_have_count(1)
    expect(offered).to_have_attribute("value", "echo")


def test_what_is_wrong_with_a_prompt_is_told_field_by_field(signed_in: Console) -> None:
    signed_in.refusals = {"422"}
    signed_in.page.get_by_label("Model").first.fill("no such name!")

    signed_in.send(PROMPT)

    notice = signed_in.page.get_by_role("tabpanel").get_by_role("alert")
    expect(notice).to_contain_text("The body does not satisfy its schema.")
    expect(notice).to_contain_text("/model: ")
    expect(signed_in.page.get_by_label("Prompt")).to_have_value(PROMPT)


@pytest.mark.usefixtures("echo")
def test_a_second_prompt_takes_the_place_of_the_first(signed_in: Console) -> None:
    signed_in.send("The first of two prompts")
    expect(signed_in.answer).to_have_text("The first of two prompts")

    signed_in.send("The second of two prompts")

    expect(signed_in.answer).to_have_text("The second of two prompts")
    keys = [request.headers["idempotency-key"] for request in signed_in.calls("POST", "/infer")]
    assert len(set(keys)) == 2


def test_a_prompt_that_is_sent_twice_at_once_is_one(signed_in: Console, api: Api) -> None:
    signed_in.page.get_by_label("Prompt").fill(leaks.LEDGER.note("a prompt", PROMPT))
    held = Held(signed_in.page, "**/infer")

    signed_in.page.keyboard.press("Control+Enter")
    signed_in.page.keyboard.press("Control+Enter")
    held.wait()
    held.go()

    expect(signed_in.state).to_have_text("queued")
    assert len(signed_in.calls("POST", "/infer")) == 1
    assert len(api.get("/jobs").json["jobs"]) == 1


def test_an_answer_ends_with_its_whole_text(signed_in: Console, hand_worker: HandWorker) -> None:
    signed_in.send(PROMPT)
    expect(signed_in.state).to_have_text("queued")
    claim = hand_worker.claim()

    hand_worker.leases.append(claim, 0, ["One "])
    told = {"finish_reason": "stop", "engine": "e", "model": None, "usage": None}
    hand_worker.leases.finish(claim, Outcome(result={"text": "One two three", **told}))

    expect(signed_in.answer).to_have_text("One two three")


def test_a_long_answer_scrolls_in_its_place_and_stays_at_its_end(
    signed_in: Console, hand_worker: HandWorker
) -> None:
    signed_in.send(PROMPT)
    expect(signed_in.state).to_have_text("queued")

    hand_worker.answer("A line of many lines.\n" * 3000)

    expect(signed_in.state).to_have_text("succeeded")
    page = signed_in.page
    assert page.evaluate("document.documentElement.scrollHeight") < 2000
    left = signed_in.answer.evaluate("log => log.scrollHeight - log.clientHeight - log.scrollTop")
    assert left < 30
    expect(signed_in.answer).to_have_attribute("tabindex", "0")


def test_who_waits_hears_that_no_worker_is_live(signed_in: Console) -> None:
    expect(signed_in.page.locator("#health")).to_have_text("No worker")

    signed_in.send(PROMPT)

    expect(signed_in.page.locator("#progress")).to_contain_text("No worker is live")


def say_half_a_minute(passing: Passing) -> None:
    """Let the router estimate the same time again and again, and have a worker."""
    document = json.loads(passing.body) if passing.body.startswith(b"{") else {}
    if "eta_seconds" in document:
        document |= {"eta_seconds": 30.0, "position": 0}
    elif passing.path == "/health":
        document |= {"status": "pass"}
    else:
        return
    passing.body = json.dumps(document).encode()


def test_the_time_to_go_runs_down_unannounced_and_goes_when_it_has_passed(
    open_console: Callable[..., Console], stage: StageProxy
) -> None:
    stage.spoil = say_half_a_minute
    console = open_console(stage.url).open().sign_in()
    expect(console.page.locator("#health")).to_have_text("All well")
    to_go, progress = console.page.locator("#to-go"), console.page.locator("#progress")
    console.find_no_place_to_wait()
    console.keep_time().send(PROMPT)
    expect(to_go).to_have_text("About 30 s to go.")
    console.page.evaluate(
        "window.written = 0; new MutationObserver((told) => (written += told.length)).observe("
        "document.querySelector('#progress'), {childList: true, characterData: true})"
    )

    console.pass_time(15, 3)
    expect(to_go).to_have_text(re.compile(r"About 1[345] s to go\."))
    console.pass_time(18, 3)

    expect(to_go).to_have_text("")
    expect(progress).to_have_text("Waiting: next in line.")
    assert console.page.evaluate("written") == 0
    assert len([r for r in console.requests if "/stream?" in r.url]) > 5


@pytest.mark.usefixtures("echo")
def test_a_browser_that_refuses_to_copy_is_told(signed_in: Console) -> None:
    signed_in.send(PROMPT)
    signed_in.page.evaluate(
        "() => { navigator.clipboard.writeText = () => Promise.reject(new DOMException('no')) }"
    )

    signed_in.press("Copy")

    expect(signed_in.page.locator("#progress")).to_contain_text("The browser refuses to copy")


def test_a_stop_that_is_answered_late_is_not_the_next_prompts(
    signed_in: Console, hand_worker: HandWorker
) -> None:
    late = Held(signed_in.page, "**/cancel")
    signed_in.send("The first of two prompts")
    expect(signed_in.state).to_have_text("queued")
    claim = hand_worker.claim()
    signed_in.press("Stop")
    late.wait()
    late.let_through()
    told = {"text": "Hello", "finish_reason": "stop", "engine": "e", "model": None, "usage": None}
    hand_worker.leases.finish(claim, Outcome(result=told))
    expect(signed_in.state).to_have_text("succeeded")
    signed_in.send("The second of two prompts")
    expect(signed_in.state).to_have_text("queued")

    late.go()
    expect(signed_in.page.locator("#prompt-notice")).to_have_text("")
    signed_in.press("Stop")

    expect(signed_in.state).to_have_text("cancelled")


def test_stop_reaches_the_router_though_the_answer_is_read_no_further(
    signed_in: Console, api: Api
) -> None:
    signed_in.refusals = {"503"}
    stream, cancel = Held(signed_in.page, "**/stream?*"), Held(signed_in.page, "**/cancel")
    signed_in.send(PROMPT)
    stream.wait()
    signed_in.press("Stop")
    cancel.wait()

    refusal = {"title": "The queue is full", "code": "queue_full", "status": 503}
    stream.refuse(refusal, **{"Retry-After": "3600"})
    notice = signed_in.page.locator("#prompt-notice")
    expect(notice).to_contain_text("Try again in 3600 s.")
    cancel.go()

    expect(signed_in.state).to_have_text("cancelled")
    assert [job["state"] for job in api.get("/jobs").json["jobs"]] == ["cancelled"]
