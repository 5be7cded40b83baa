"""Signing in, out, and with too little; wherever the page lies, by keyboard and on a phone."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

import tinyllama
from tests.api.stage_proxy import StageProxy
from tests.browser.console import Console
from tests.calls import Api
from tests.worker.routers import Router
from tinyllama import devkeys

pytestmark = pytest.mark.slow
ALL = set(devkeys.SCOPES)


def kept(page: Page) -> tuple[dict[str, str], dict[str, str], str]:
    """Return what the page keeps in the tab, in the browser, and as cookies."""
    session, local = (
        json.loads(page.evaluate(f"JSON.stringify({place})"))
        for place in ("sessionStorage", "localStorage")
    )
    return session, local, page.evaluate("document.cookie")


def test_who_signs_in_is_told_tenant_and_scopes(console: Console) -> None:
    console.sign_in(tinyllama.make_token(sub="acme", scope="infer:write jobs:read"))

    console.page.locator("#who-name", has_text="acme").click()
    expect(console.page.locator("#who-facts")).to_contain_text("infer:write, jobs:read")


def test_a_token_is_kept_in_the_tab_alone(console: Console) -> None:
    token = tinyllama.make_token(sub="dev")

    console.sign_in(token)

    assert kept(console.page) == ({"tinyllama.token:/": token}, {}, "")
    assert token not in console.page.content()


def test_who_signed_in_is_still_signed_in_after_a_reload(console: Console) -> None:
    console.sign_in()

    console.page.reload()

    expect(console.page.locator("#who-name")).to_have_text("dev")
    expect(console.page.get_by_role("dialog")).to_be_hidden()


def test_signing_out_forgets_token_and_prompt(console: Console) -> None:
    console.sign_in()
    console.page.get_by_label("Prompt").fill("a draft")

    console.page.locator("#who-name").click()
    console.press("Sign out")

    expect(console.page.get_by_role("dialog", name="Sign in")).to_be_visible()
    expect(console.page.locator("#prompt")).to_have_value("")
    assert kept(console.page) == ({}, {}, "")


def test_an_api_key_signs_in_and_is_told_by_its_name(console: Console, api: Api) -> None:
    key = devkeys.make_api_key(tenant="acme", name="Nightly")
    operator = Api(api.transport, tenant="acme")
    assert operator.post("/keys", {"key": key}).status == 201

    console.sign_in(f"  Bearer {key}\n")

    console.page.locator("#who-name", has_text="acme").click()
    expect(console.page.locator("#who-facts")).to_contain_text("Nightly")


@pytest.mark.parametrize(
    ("token", "status", "told"),
    [
        (lambda: tinyllama.make_token(expires_in=-1), "401", "expired"),
        (lambda: tinyllama.make_token(aud="another"), "403", "another audience"),
        (lambda: "no-token-at-all", "401", "three parts"),
    ],
)
def test_a_refused_token_is_told_in_the_routers_words(
    console: Console, token: Callable[[], str], status: str, told: str
) -> None:
    console.refusals = {status}

    console.page.get_by_label("Token or API key").fill(token())
    console.press("Sign in")

    alert = console.page.get_by_role("dialog").get_by_role("alert")
    expect(alert).to_contain_text(told)
    assert kept(console.page) == ({}, {}, "")


@pytest.mark.parametrize(
    ("pasted", "told"),
    [("“a.token”", "has “ in it"), ("a.token of mine", "has a space in it"), ("ключ", "has к in")],
)
def test_what_can_be_no_token_is_told_before_it_is_sent(
    console: Console, pasted: str, told: str
) -> None:
    console.page.get_by_label("Token or API key").fill(pasted)
    console.press("Sign in")

    alert = console.page.get_by_role("dialog").get_by_role("alert")
    expect(alert).to_contain_text(told)
    assert not console.calls("GET", "/jobs")


def test_escape_leads_past_no_sign_in(console: Console) -> None:
    console.page.get_by_label("Token or API key").fill("half")

    for _ in range(4):
        console.page.keyboard.press("Escape")

    expect(console.page.get_by_role("dialog", name="Sign in")).to_be_visible()
    expect(console.page.get_by_label("Token or API key")).to_have_value("half")
    expect(console.page.get_by_label("Token or API key")).to_be_focused()


VIEWS = {
    "Playground": "infer:write",
    "Jobs": "jobs:read",
    "Inbox": "inbox:read",
    "Queue": "jobs:read",
}


# Groups may add to what a token tells, so that only a refusal shows what it lacks.
@pytest.mark.parametrize("groups", [None, ["people"]], ids=["told", "refused"])
def test_a_view_whose_scope_the_token_lacks_says_so(console: Console, groups: Any) -> None:
    console.refusals = {"403"}
    few = " ".join(sorted(ALL - set(VIEWS.values())))

    console.sign_in(tinyllama.make_token(sub="dev", scope=few, **{"cognito:groups": groups}))
    if groups:
        console.send("Say hello to everybody")

    for tab, scope in VIEWS.items():
        console.turn_to(tab)
        said = console.page.get_by_role("tabpanel").get_by_role("alert")
        expect(said.filter(has_text=f"lacks the scope {scope}")).to_be_visible()


@pytest.mark.parametrize("path", ["/console", "/console/"])
def test_it_works_behind_a_stage_with_and_without_a_slash(
    open_console: Callable[..., Console], stage: StageProxy, path: str
) -> None:
    console = open_console(stage.url).open(path).sign_in()

    console.turn_to("Queue")

    expect(console.page.locator("#queue-facts")).to_contain_text("Dead letters")
    assert set(kept(console.page)[0]) == {"tinyllama.token:/dev/"}
    assert all(request.url.startswith(stage.url) for request in console.requests[1:] if
               not request.url.startswith("data:"))  # fmt: skip


def test_a_trailing_slash_changes_nothing(
    open_console: Callable[..., Console], router: Router
) -> None:
    console = open_console(router.url).open("/console/").sign_in()

    console.turn_to("Queue")

    expect(console.page.locator("#queue-facts")).to_contain_text("Dead letters")


@pytest.mark.usefixtures("echo")
def test_the_keyboard_alone_signs_in_sends_a_prompt_and_reads_on(console: Console) -> None:
    keys = console.page.keyboard

    keys.insert_text(tinyllama.make_token(sub="dev"))
    keys.press("Enter")
    expect(console.page.get_by_role("dialog")).to_be_hidden()
    expect(console.page.locator("#main")).to_be_focused()
    for _ in range(3):
        keys.press("Tab")
        if console.page.evaluate("document.activeElement.id") == "prompt":
            break
    keys.type("Hum along with me")
    keys.press("Control+Enter")

    expect(console.answer).to_have_text("Hum along with me")
    console.page.locator("#tab-playground").focus()
    keys.press("ArrowRight")
    expect(console.page.get_by_role("tab", name="Jobs")).to_be_focused()
    keys.press("End")
    expect(console.page.get_by_role("tab", name="Queue")).to_have_attribute("aria-selected", "true")
    keys.press("Home")
    expect(console.page.get_by_role("tabpanel", name="Playground")).to_be_visible()


def test_the_first_stop_of_the_keyboard_leads_past_the_bar(console: Console) -> None:
    console.sign_in()
    console.page.reload()

    console.page.keyboard.press("Tab")
    console.page.keyboard.press("Enter")

    expect(console.page.locator("#main")).to_be_focused()


def test_a_scheme_that_was_chosen_is_kept(console: Console) -> None:
    console.sign_in()

    console.page.get_by_role("button", name="Change to the dark scheme").click()
    console.page.reload()

    expect(console.page.locator("html")).to_have_attribute("data-scheme", "dark")
