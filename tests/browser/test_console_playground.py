"""The playground: a prompt goes in, its answer comes out while it is made."""

import pytest
from playwright.sync_api import expect

from chalicelib.leasing import Outcome
from tests import leaks
from tests.browser.conftest import Workers
from tests.browser.console import Console, body_of
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


def test_settings_go_with_the_prompt(signed_in: Console) -> None:
    page = signed_in.page
    page.get_by_label("System").fill(leaks.LEDGER.note("a prompt", "Be very brief with me"))
    page.get_by_label("Model").first.fill("meadow/tiny")
    page.get_by_label("Most tokens").fill("12")
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
