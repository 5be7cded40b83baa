"""The inbox: read, acknowledged, leased."""

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Route, expect

from tests import leaks
from tests.browser.console import Console, Held
from tests.calls import Api
from tests.worker.routers import Router

pytestmark = pytest.mark.slow


@pytest.fixture
def inbox(console: Console, api: Api) -> Console:
    """The inbox with three events, the first of them oldest."""
    for number, kind in enumerate(("order.placed", "order.paid", "order.placed")):
        event = {"event_type": kind, "payload": f"order number {number}", "source": "shop"}
        api.post("/events", event)
    return console.sign_in().turn_to("Inbox")


def pending(console: Console) -> Locator:
    return console.page.locator("#events-rows > li")


def leased(console: Console) -> Locator:
    return console.page.locator("#leased > li")


def payloads(api: Api) -> list[str]:
    return [event["payload"] for event in api.get("/inbox").json["events"]]


def test_an_event_is_acknowledged_and_gone(inbox: Console, api: Api) -> None:
    expect(pending(inbox)).to_have_count(3)

    pending(inbox).first.get_by_role("button", name="Acknowledge").click()

    expect(pending(inbox)).to_have_count(2)
    assert payloads(api) == ["order number 1", "order number 2"]


def test_events_are_filtered_by_type_once_it_is_asked_for(inbox: Console) -> None:
    inbox.page.get_by_label("Type").fill("order.paid")
    inbox.press("Refresh")
    expect(pending(inbox)).to_have_count(3)

    inbox.press("Show")

    expect(pending(inbox)).to_have_count(1)
    expect(pending(inbox)).to_contain_text("order number 1")


def test_leased_events_are_released_renewed_and_acknowledged(inbox: Console, api: Api) -> None:
    inbox.page.get_by_role("spinbutton", name="Events").fill("2")
    inbox.page.get_by_role("spinbutton", name="Seconds").fill("30")
    inbox.press("Lease")
    expect(leased(inbox)).to_have_count(2)
    expect(pending(inbox)).to_have_count(1)

    leased(inbox).first.get_by_role("button", name="Release").click()
    expect(leased(inbox)).to_have_count(1)
    expect(pending(inbox)).to_have_count(2)
    status = inbox.page.locator("#lease-status")
    before = status.text_content()
    inbox.page.get_by_role("spinbutton", name="Seconds").fill("7200")
    inbox.press("Extend")
    expect(status).not_to_have_text(str(before))
    inbox.press("Acknowledge all")

    expect(leased(inbox)).to_have_count(0)
    assert payloads(api) == ["order number 0", "order number 2"]


def test_one_of_several_leased_events_is_acknowledged(inbox: Console, api: Api) -> None:
    inbox.press("Lease")
    expect(leased(inbox)).to_have_count(3)

    leased(inbox).nth(1).get_by_role("button", name="Acknowledge").click()
    expect(leased(inbox)).to_have_count(2)
    inbox.press("Release all")

    expect(pending(inbox)).to_have_count(2)
    assert payloads(api) == ["order number 0", "order number 2"]


def test_a_lease_that_lapses_is_told_and_its_events_are_pending_again(inbox: Console) -> None:
    inbox.page.get_by_role("spinbutton", name="Seconds").fill("1")

    inbox.press("Lease")

    expect(inbox.page.locator("#lease-status")).to_contain_text("The lease has lapsed")
    expect(leased(inbox)).to_have_count(0)
    expect(pending(inbox)).to_have_count(3)


def test_one_event_is_found_by_its_id_acknowledged_or_not(inbox: Console, api: Api) -> None:
    event_id = api.get("/inbox").json["events"][0]["event_id"]
    api.delete(f"/inbox/{event_id}")

    inbox.page.get_by_label("Its id").fill(event_id)
    inbox.press("Find")

    found = inbox.page.locator("#found > li")
    expect(found).to_contain_text("order number 0")
    expect(found).to_contain_text("acknowledged")


def test_an_event_that_is_not_there_is_told_so(inbox: Console) -> None:
    inbox.refusals = {"404"}

    inbox.page.get_by_label("Its id").fill("evt_" + "0" * 32)
    inbox.press("Find")

    expect(inbox.page.locator("#find-notice")).to_contain_text("There is no such event")


def test_a_payload_of_markup_is_shown_as_text(inbox: Console, api: Api) -> None:
    markup = leaks.LEDGER.note("a payload", "<img src=x onerror=alert(1)><b>bold</b>")

    api.post("/events", {"event_type": "odd", "payload": markup, "source": "<i>shop</i>"})

    inbox.press("Refresh")
    expect(pending(inbox)).to_have_count(4)
    expect(pending(inbox).last).to_contain_text(markup)
    assert pending(inbox).last.locator("img, b, i").count() == 0


def test_a_double_click_takes_one_lease(inbox: Console) -> None:
    inbox.page.get_by_role("spinbutton", name="Events").fill("1")

    inbox.page.get_by_role("button", name="Lease").dblclick()

    expect(leased(inbox)).to_have_count(1)
    expect(pending(inbox)).to_have_count(2)
    assert len(inbox.calls("POST", "/inbox/lease")) == 1


@pytest.mark.parametrize("minutes", [-5, 5])
def test_a_lease_lasts_as_long_as_the_router_says_whatever_the_browsers_clock_shows(
    open_console: Callable[..., Console], router: Router, api: Api, minutes: int
) -> None:
    api.post("/events", {"event_type": "order.placed", "payload": 1, "source": "shop"})
    console = open_console(router.url)
    console.page.clock.install(time=time.time() + 60 * minutes)
    console.open().sign_in().turn_to("Inbox").press("Lease")
    expect(leased(console)).to_have_count(1)

    console.pass_time(50, 10)
    expect(leased(console)).to_have_count(1)
    console.pass_time(15, 5)

    expect(console.page.locator("#lease-status")).to_contain_text("The lease has lapsed")


def test_an_inbox_in_which_nothing_happens_is_read_less_and_less_often(inbox: Console) -> None:
    inbox.turn_to("Jobs").keep_time().turn_to("Inbox")
    before = len(inbox.calls("GET", "/inbox"))

    inbox.pass_time(60, 2)

    assert 3 <= len(inbox.calls("GET", "/inbox")) - before <= 5


def find(console: Console, event_id: str) -> None:
    console.page.get_by_label("Its id").fill(event_id)
    console.press("Find")


def ids(api: Api) -> list[str]:
    return [event["event_id"] for event in api.get("/inbox").json["events"]]


def test_what_comes_late_of_a_lease_that_is_over_leaves_the_new_one_alone(inbox: Console) -> None:
    inbox.page.get_by_role("spinbutton", name="Events").fill("1")
    inbox.press("Lease")
    late = Held(inbox.page, "**/inbox/extend")
    inbox.press("Extend")
    late.wait()
    late.let_through()
    inbox.press("Acknowledge all")
    expect(leased(inbox)).to_have_count(0)

    inbox.press("Lease")
    expect(leased(inbox)).to_contain_text("order number 1")
    late.refuse({"title": "The lease was lost", "code": "lease_lost", "status": 409})

    expect(leased(inbox)).to_contain_text("order number 1")
    expect(inbox.page.locator("#inbox-notice")).to_have_text("")
    with inbox.page.expect_response("**/inbox/extend") as renewed:
        inbox.press("Extend")
    assert renewed.value.ok


def test_a_lease_has_not_lapsed_while_its_renewal_is_under_way(inbox: Console, api: Api) -> None:
    inbox.keep_time().open().turn_to("Inbox")
    inbox.page.get_by_role("spinbutton", name="Seconds").fill("30")
    inbox.press("Lease")
    expect(leased(inbox)).to_have_count(3)
    held = Held(inbox.page, "**/inbox/extend")
    inbox.page.get_by_role("spinbutton", name="Seconds").fill("600")
    inbox.press("Extend")
    held.wait()

    inbox.pass_time(35, 5)
    expect(leased(inbox)).to_have_count(3)
    held.go()
    inbox.pass_time(35, 5)

    expect(inbox.page.locator("#lease-status")).to_contain_text("3 events leased until")
    assert ids(api) == []


def test_the_event_that_was_asked_for_last_is_shown(inbox: Console, api: Api) -> None:
    first, second, _ = ids(api)
    late = Held(inbox.page, f"**/inbox/{first}")
    find(inbox, first)
    late.wait()
    found = inbox.page.locator("#found > li")
    find(inbox, second)
    expect(found).to_contain_text("order number 1")

    late.go()

    assert "order number 1" in found.inner_text()


def test_a_found_event_is_looked_at_again_once_it_is_acknowledged(inbox: Console, api: Api) -> None:
    first, second, _ = ids(api)
    find(inbox, first)
    found = inbox.page.locator("#found > li")
    inbox.page.get_by_label("Its id").fill(second)

    found.get_by_role("button", name="Acknowledge").click()

    expect(found).to_contain_text(f"{first} · acknowledged")


def test_an_acknowledgement_that_comes_late_leaves_the_event_found_since(
    inbox: Console, api: Api
) -> None:
    first, second, _ = ids(api)
    find(inbox, first)
    found = inbox.page.locator("#found > li")
    held = Held(inbox.page, f"**/inbox/{first}")
    found.get_by_role("button", name="Acknowledge").click()
    held.wait()
    held.let_through()
    find(inbox, second)
    expect(found).to_contain_text("order number 1")

    held.go()

    expect(pending(inbox)).to_have_count(2)
    expect(found).to_contain_text("order number 1")


def test_an_inbox_that_was_read_before_a_deed_is_not_shown_after_it(inbox: Console) -> None:
    expect(pending(inbox)).to_have_count(3)
    inbox.look_away()
    late = stale(inbox)
    inbox.press("Refresh")
    while not late:
        inbox.page.wait_for_timeout(20)
    pending(inbox).first.get_by_role("button", name="Acknowledge").click()
    expect(pending(inbox)).to_have_count(2)

    late[0]()
    inbox.page.wait_for_timeout(300)

    expect(pending(inbox)).to_have_count(2)


def stale(console: Console) -> list[Callable[[], None]]:
    """Fetch the next reading of the inbox at once, and return what lets its answer arrive."""
    late: list[Callable[[], None]] = []

    def hold(route: Route) -> None:
        answer = route.fetch()
        late.append(lambda: route.fulfill(response=answer))

    console.page.route("**/inbox?*", hold, times=1)
    return late
