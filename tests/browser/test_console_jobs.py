"""The table of jobs: filtered, page by page, and what can be done about one."""

import pytest
from playwright.sync_api import Locator, expect

from chalicelib.leasing import Outcome
from tests.browser.console import Console, Held, body_of
from tests.calls import Api, HandWorker

pytestmark = pytest.mark.slow
PROMPT = {"prompt": "Say hello to everybody"}


@pytest.fixture
def table(console: Console) -> Console:
    """The console, signed in; a test turns to the table once there is something in it."""
    return console.sign_in()


def rows(console: Console) -> Locator:
    return console.page.locator("#jobs-rows tr")


def submit(api: Api, **more: object) -> str:
    return str(api.post("/infer", PROMPT | more).json["id"])


def test_jobs_are_listed_newest_first_and_filtered_by_state_and_model(
    table: Console, api: Api, hand_worker: HandWorker
) -> None:
    submit(api)
    hand_worker.answer()
    submit(api, model="meadow/tiny")
    submit(api)
    table.turn_to("Jobs")
    states = rows(table).locator(".state")
    expect(states).to_have_text(["queued", "queued", "succeeded"])

    table.page.get_by_label("State").select_option("queued")
    expect(states).to_have_text(["queued", "queued"])
    table.page.get_by_role("textbox", name="Model").fill("meadow/tiny")
    table.press("Show")

    expect(states).to_have_text(["queued"])
    expect(rows(table)).to_contain_text(["meadow/tiny"])


def test_many_jobs_come_in_pages(table: Console, api: Api) -> None:
    for _ in range(23):
        submit(api)
    table.turn_to("Jobs")
    expect(rows(table)).to_have_count(20)

    table.press("Older")
    expect(rows(table)).to_have_count(3)
    table.press("Newest")

    expect(rows(table)).to_have_count(20)


def test_a_job_is_cancelled_from_the_table(table: Console, api: Api) -> None:
    job_id = submit(api)
    table.turn_to("Jobs")

    table.press(f"Cancel {job_id}")

    expect(rows(table).locator(".state")).to_have_text(["cancelled"])
    assert api.get(f"/jobs/{job_id}").json["state"] == "cancelled"


def test_a_failed_job_is_run_again_at_the_version_that_was_seen(
    table: Console, api: Api, hand_worker: HandWorker
) -> None:
    job_id = submit(api)
    hand_worker.fail()
    version = api.get(f"/jobs/{job_id}").json["version"]
    table.turn_to("Jobs")

    table.press(f"Retry {job_id}")

    expect(rows(table).locator(".state")).to_have_text(["queued"])
    (request,) = table.calls("POST", f"/jobs/{job_id}/retry")
    assert body_of(request) == {"version": version}


def test_the_keyboard_stays_where_it_was_when_the_table_refreshes_itself(
    table: Console, api: Api
) -> None:
    job_id = submit(api)
    table.keep_time().turn_to("Jobs")
    opener = table.page.get_by_role("button", name=f"Open {job_id}")
    opener.focus()

    submit(api)
    table.pass_time(5)

    expect(rows(table)).to_have_count(2)
    expect(opener).to_be_focused()


def test_a_job_that_is_opened_tells_all_of_it_while_it_runs(
    table: Console, api: Api, hand_worker: HandWorker
) -> None:
    job_id = submit(api, metadata={"trace": "demo-1"})
    table.turn_to("Jobs")

    table.press(f"Open {job_id}")

    opened = table.page.get_by_role("dialog", name=job_id)
    expect(opened).to_contain_text("Waiting: next in line.")
    hand_worker.answer("Hello to all of you")
    expect(opened.get_by_role("log")).to_have_text("Hello to all of you")
    expect(opened).to_contain_text("demo-1")
    expect(opened).to_contain_text("1 of 3")
    table.page.keyboard.press("Escape")
    expect(table.page.get_by_role("button", name=f"Open {job_id}")).to_be_focused()


def test_a_job_is_erased_once_that_is_confirmed(
    table: Console, api: Api, hand_worker: HandWorker
) -> None:
    table.refusals = {"410"}
    job_id = submit(api)
    hand_worker.answer()
    table.turn_to("Jobs")
    table.press(f"Open {job_id}")

    table.press("Erase")
    assert not table.calls("DELETE", f"/jobs/{job_id}")
    table.press("Erase input and result for good")

    expect(rows(table)).to_have_count(0)
    assert api.get(f"/jobs/{job_id}").status == 410


def test_a_refusal_stays_on_the_page_while_the_table_refreshes_itself(
    table: Console, api: Api, hand_worker: HandWorker
) -> None:
    table.refusals = {"409"}
    job_id = submit(api)
    table.turn_to("Jobs")
    cancel = table.page.get_by_role("button", name=f"Cancel {job_id}")
    expect(cancel).to_be_visible()
    table.look_away()
    hand_worker.answer()

    cancel.click()

    notice = table.page.get_by_role("tabpanel").get_by_role("alert")
    expect(notice).to_contain_text("has ended")
    table.press("Refresh")
    expect(rows(table).locator(".state")).to_have_text(["succeeded"])
    expect(notice).to_contain_text("has ended")


def test_an_answer_about_a_job_that_was_closed_leaves_the_open_one_alone(
    table: Console, api: Api
) -> None:
    table.refusals = {"410"}
    closed, opened = submit(api), submit(api)
    table.turn_to("Jobs").press(f"Open {closed}")
    held = Held(table.page, f"**/jobs/{closed}/cancel")
    table.press("Cancel")
    held.wait()

    table.press("Close")
    table.press(f"Open {opened}")
    progress = table.page.locator("#job-progress")
    expect(progress).to_contain_text("Waiting: ")
    held.go()
    assert "cancelled" not in progress.inner_text()
    table.press("Erase")
    table.press("Erase input and result for good")

    expect(table.page.get_by_role("dialog")).to_be_hidden()
    assert api.get(f"/jobs/{opened}").status == 410
    assert api.get(f"/jobs/{closed}").status == 200


def test_a_double_click_erases_nothing(table: Console, api: Api) -> None:
    job_id = submit(api)
    table.turn_to("Jobs").press(f"Open {job_id}")

    table.page.get_by_role("button", name="Erase").dblclick()

    expect(table.page.get_by_role("button", name="Erase input and result")).to_be_visible()
    table.press("Close")
    assert not table.calls("DELETE", f"/jobs/{job_id}")


def test_a_job_that_is_closed_is_read_no_further(table: Console, api: Api) -> None:
    job_id = submit(api)
    table.turn_to("Jobs").press(f"Open {job_id}")
    expect(table.page.locator("#job-progress")).to_contain_text("next in line")
    reading = f"/jobs/{job_id}/stream"

    with table.page.expect_event("requestfailed", lambda request: reading in request.url):
        table.press("Close")


def test_an_opened_job_ends_with_its_whole_text(
    table: Console, api: Api, hand_worker: HandWorker
) -> None:
    job_id = submit(api)
    claim = hand_worker.claim()
    hand_worker.leases.append(claim, 0, ["One "])
    told = {"finish_reason": "stop", "engine": "e", "model": None, "usage": None}
    hand_worker.leases.finish(claim, Outcome(result={"text": "One two three", **told}))

    table.turn_to("Jobs").press(f"Open {job_id}")

    expect(table.page.get_by_role("dialog").get_by_role("log")).to_have_text("One two three")


def test_a_dialog_gives_the_keyboard_back_to_its_row_though_the_table_was_drawn_anew(
    table: Console, api: Api
) -> None:
    job_id = submit(api)
    table.keep_time().turn_to("Jobs").press(f"Open {job_id}")
    submit(api)
    table.pass_time(5)
    expect(rows(table)).to_have_count(2)

    table.press("Close")

    expect(table.page.get_by_role("button", name=f"Open {job_id}")).to_be_focused()


def test_the_keyboard_stays_in_the_row_whose_button_has_gone(table: Console, api: Api) -> None:
    oldest = submit(api)
    submit(api)
    table.turn_to("Jobs")
    expect(rows(table)).to_have_count(2)
    submit(api)

    table.page.get_by_role("button", name=f"Cancel {oldest}").press("Enter")

    expect(rows(table).last.locator(".state")).to_have_text("cancelled")
    expect(table.page.get_by_role("button", name=f"Open {oldest}")).to_be_focused()


def test_a_page_that_comes_after_the_filter_was_changed_is_not_shown(
    table: Console, api: Api, hand_worker: HandWorker
) -> None:
    submit(api)
    hand_worker.answer()
    submit(api)
    late = Held(table.page, "**/jobs?limit=20*")
    table.turn_to("Jobs")
    late.wait()
    late.let_through()
    table.page.get_by_label("State").select_option("queued")
    states = rows(table).locator(".state")
    expect(states).to_have_text(["queued"])

    late.go()

    assert states.all_text_contents() == ["queued"]


def test_newest_does_nothing_on_the_newest_page(table: Console, api: Api) -> None:
    submit(api)
    table.turn_to("Jobs")
    newest = table.page.get_by_role("button", name="Newest")
    expect(newest).to_have_attribute("aria-disabled", "true")
    table.page.get_by_role("textbox", name="Model").fill("meadow/tiny")

    newest.press("Enter")
    with table.page.expect_response("**/jobs?*"):
        table.press("Refresh")

    expect(rows(table)).to_have_count(1)
    assert not [request for request in table.requests if "meadow" in request.url]


def test_older_waits_for_the_page_that_was_asked_for(table: Console, api: Api) -> None:
    for _ in range(21):
        submit(api)
    submit(api, model="meadow/tiny")
    table.turn_to("Jobs")
    expect(rows(table)).to_have_count(20)
    held = Held(table.page, "**/jobs?*meadow*")
    table.page.get_by_role("textbox", name="Model").fill("meadow/tiny")
    table.press("Show")
    held.wait()

    table.page.get_by_role("button", name="Older").press("Enter")
    held.go()

    expect(rows(table)).to_have_count(1)
    expect(rows(table)).to_contain_text(["meadow/tiny"])
