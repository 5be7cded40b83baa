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

    console.sign_in().turn_to("Queue")

    charts = console.page.locator("#charts")
    expect(charts.get_by_role("img", name="Waiting: now 2, most 2")).to_be_visible()
    expect(charts.get_by_role("img", name="Running: now 1, most 1")).to_be_visible()
    api.post("/infer", {"prompt": "Say hello to everybody"})
    expect(charts.get_by_role("img", name="Waiting: now 3, most 3")).to_be_visible()
    points = charts.locator(".line").first.get_attribute("points") or ""
    assert len(points.split()) == 2


def test_health_tells_each_dependency(console: Console) -> None:
    console.sign_in().turn_to("Queue")

    checks = console.page.locator("#checks")
    expect(checks).to_contain_text("Store reachable")
    expect(checks).to_contain_text("no worker is live")
    expect(console.page.locator("#health")).to_have_text("No worker")


def test_nothing_is_asked_while_nobody_can_see_the_page(console: Console) -> None:
    console.sign_in().turn_to("Queue")
    expect(console.page.locator("#queue-facts")).to_contain_text("Dead letters")
    console.look_away()
    before = len(console.calls("GET", "/queue"))

    console.page.wait_for_timeout(4000)

    assert len(console.calls("GET", "/queue")) == before


def test_a_view_that_is_left_asks_no_more(console: Console) -> None:
    console.sign_in().turn_to("Queue")
    expect(console.page.locator("#queue-facts")).to_contain_text("Dead letters")
    console.turn_to("Playground")
    before = len(console.calls("GET", "/queue"))

    console.page.wait_for_timeout(4000)

    assert len(console.calls("GET", "/queue")) == before
