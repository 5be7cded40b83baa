"""The console for whoever uses it: axe finds nothing wrong in it, and a phone shows all of it."""

from collections.abc import Callable
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, expect

from tests.browser import chromium
from tests.browser.console import Console
from tests.calls import Api, HandWorker
from tests.worker.routers import Router

pytestmark = pytest.mark.slow
TABS = ("Playground", "Jobs", "Inbox", "Queue")
PHONE = {"width": 375, "height": 667}


@pytest.fixture
def something_of_each(api: Api, hand_worker: HandWorker) -> str:
    """Jobs in several states and an event; returns the id of the job that succeeded."""
    event = {"event_type": "order.placed", "payload": {"order": 1}, "source": "shop"}
    api.post("/events", event)
    job_id = str(api.post("/infer", {"prompt": "Say hello to everybody"}).json["id"])
    hand_worker.answer("Hello to all of you")
    api.post("/infer", {"prompt": "Say hello to everybody"})
    hand_worker.fail()
    api.post("/infer", {"prompt": "Say hello to everybody"})
    return job_id


def violations(page: Page) -> list[str]:
    """Return what axe finds, each rule with the elements that break it."""
    # Evaluated by the DevTools protocol, which no policy of the page's stops.
    page.evaluate(chromium.axe())
    found: list[dict[str, Any]] = page.evaluate("axe.run().then((told) => told.violations)")
    return [f"{rule['id']}: {[node['html'] for node in rule['nodes']]}" for rule in found]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation(
    scheme: Literal["light", "dark"],
    open_console: Callable[..., Console],
    router: Router,
    something_of_each: str,
) -> None:
    console = open_console(router.url, color_scheme=scheme).open()
    page = console.page
    found = {"Sign in": violations(page)}
    console.sign_in()

    for tab in TABS:
        console.turn_to(tab)
        page.wait_for_load_state("networkidle")
        if tab == "Inbox":
            console.press("Lease")
            expect(page.locator("#leased > li")).not_to_have_count(0)
        found[tab] = violations(page)
    console.turn_to("Jobs").press(f"Open {something_of_each}")
    expect(page.locator("#job-words")).not_to_be_empty()
    found["a job"] = violations(page)
    page.keyboard.press("Escape")
    page.locator("#who-name").click()
    found["who"] = violations(page)

    assert {where: told for where, told in found.items() if told} == {}


@pytest.mark.usefixtures("something_of_each")
def test_a_phone_shows_every_view_without_scrolling_sideways(
    open_console: Callable[..., Console], router: Router
) -> None:
    console = open_console(router.url, viewport=PHONE, has_touch=True).open()
    page, widths = console.page, {}
    widths["Sign in"] = page.evaluate("document.documentElement.scrollWidth")
    console.sign_in()

    for tab in TABS:
        console.turn_to(tab)
        page.wait_for_load_state("networkidle")
        if tab == "Inbox":
            console.press("Lease")
            expect(page.locator("#leased > li")).not_to_have_count(0)
        widths[tab] = page.evaluate("document.documentElement.scrollWidth")

    assert set(widths.values()) == {PHONE["width"]}
