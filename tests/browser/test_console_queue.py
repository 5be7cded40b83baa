"""Queue and health, live: drawn while they are looked at, and only then."""

import pytest
from playwright.sync_api import expect

from tests.browser.console import Console
from tests.calls import Api, HandWorker

pytestmark = pytest.mark.slow


def test_the_queue_is_drawn_and_told_in_words(
    console: Console, api: Api, hand_worker: HandWorker
) -> None:
    for _ in range(3):
        api.post("/infer", {"prompt": "Say hello to everybody"})
    hand_worker.claim()

    console.sign_in().keep_time().turn_to("Queue")

    charts = console.page.locator("#charts")
    expect(charts.get_by_role("img", name="Waiting: now 2, peak 2")).to_be_visible()
    expect(charts.get_by_role("img", name="Running: now 1, peak 1")).to_be_visible()
    api.post("/infer", {"prompt": "Say hello to everybody"})
    console.pass_time(4)
    expect(charts.get_by_role("img", name="Waiting: now 3, peak 3")).to_be_visible()
    points = charts.locator(".line").first.get_attribute("points") or ""
    assert len(points.split()) == 2


def test_health_tells_each_dependency(console: Console) -> None:
    console.sign_in().turn_to("Queue")

    checks = console.page.locator("#checks")
    expect(checks).to_contain_text("Store reachable")
    expect(checks).to_contain_text("no worker is live")
    expect(console.page.locator("#health")).to_have_text("No worker")


def looked_at(console: Console) -> int:
    """Look at the queue until it was asked for anew; returns how often it was."""
    console.sign_in().keep_time().turn_to("Queue")
    expect(console.page.locator("#queue-facts")).to_contain_text("Dead letters")
    console.pass_time(4)
    console.page.wait_for_timeout(200)
    seen = len(console.calls("GET", "/queue"))
    assert seen > 1
    return seen


def test_nothing_is_asked_while_nobody_can_see_the_page(console: Console) -> None:
    seen = looked_at(console)

    console.look_away()
    console.pass_time(9, 3)

    assert len(console.calls("GET", "/queue")) == seen


def test_a_view_that_is_left_asks_no_more(console: Console) -> None:
    seen = looked_at(console)

    console.turn_to("Playground")
    console.pass_time(9, 3)

    assert len(console.calls("GET", "/queue")) == seen
