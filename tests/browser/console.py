"""The console in a browser, as somebody at the keyboard has it."""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Locator, Page, Request, Route, expect

import tinyllama
from tests import leaks

NETWORK = "network"


@dataclass
class Console:
    """A page that shows the console at *url*, and what it complained about and asked for.

    *refusals* are the statuses that a test brings about, and NETWORK where it cuts connections: a
    browser tells each in its log.
    """

    page: Page
    url: str
    refusals: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Listen to the page."""
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._note)

    def open(self, path: str = "/console") -> "Console":
        """Load the page at *path*."""
        self.page.goto(self.url + path)
        return self

    def sign_in(self, token: str | None = None) -> "Console":
        """Sign in with *token*, or as the tenant dev with every scope."""
        self.page.get_by_label("Token or API key").fill(token or tinyllama.make_token(sub="dev"))
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page.get_by_role("dialog")).to_be_hidden()
        return self

    def turn_to(self, tab: str) -> "Console":
        """Open a view."""
        self.page.get_by_role("tab", name=tab).click()
        return self

    def send(self, prompt: str) -> "Console":
        """Send a prompt from the playground."""
        self.page.get_by_label("Prompt").fill(leaks.LEDGER.note("a prompt", prompt))
        self.press("Send")
        return self

    def keep_time(self) -> "Console":
        """Let the page's clock be moved by `pass_time` from now on."""
        self.page.clock.install()
        return self

    def pass_time(self, seconds: int, step: int = 1) -> None:
        """Let time pass for the page, in steps, with time between them for what it asks for."""
        for _ in range(seconds // step):
            self.page.clock.run_for(step * 1000)
            self.page.wait_for_timeout(50)

    def find_no_place_to_wait(self) -> None:
        """Let the router answer streams at once, as where too many wait already."""

        def ask_without(route: Route) -> None:
            headers = route.request.headers
            route.continue_(headers={n: v for n, v in headers.items() if n != "prefer"})

        self.page.route("**/stream?*", ask_without)

    def look_away(self) -> None:
        """Let the page take itself for hidden, as behind another tab, and finish what it began."""
        hidden = "Object.defineProperty(document, 'visibilityState', {get: () => 'hidden'})"
        self.page.evaluate(hidden)
        self.page.wait_for_load_state("networkidle")

    def press(self, name: str) -> None:
        """Press a button by its whole name."""
        self.page.get_by_role("button", name=name, exact=True).click()

    @property
    def answer(self) -> Locator:
        """The text that the model said."""
        return self.page.get_by_role("log", name="Text of the answer")

    @property
    def state(self) -> Locator:
        """Where the prompt's job stands."""
        return self.page.locator("#answer-state")

    @property
    def banner(self) -> Locator:
        """What stands between page and router."""
        return self.page.locator("#banner")

    def calls(self, method: str, path: str) -> list[Request]:
        """Return the requests made so far for a path below the router's address."""
        wanted = self.url + path
        return [r for r in self.requests if r.method == method and r.url.split("?")[0] == wanted]

    def look_back(self) -> list[str]:
        """Return what was wrong: complaints, and requests that left for another origin."""
        origin = urlsplit(self.url)[:2]
        elsewhere = [
            request.url
            for request in self.requests
            if urlsplit(request.url)[:2] != origin and not request.url.startswith("data:")
        ]
        return self.complaints + elsewhere

    def _note(self, request: Request) -> None:
        self.requests.append(request)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type not in {"error", "warning"}:
            return
        said = f"{message.text} {message.location['url']}"
        expected = re.search(r"status of (\d+)|net::ERR_\w+", said)
        if not expected or (expected[1] or NETWORK) not in self.refusals:
            self.complaints.append(said)


class Held:
    """Requests to addresses of a pattern, held back until they are let go."""

    def __init__(self, page: Page, pattern: str) -> None:
        """Hold from now on."""
        self._page, self._passes, self._held = page, False, list[Route]()
        page.route(pattern, self._hold)

    def let_through(self) -> None:
        """Hold no further ones."""
        self._passes = True

    def wait(self) -> None:
        """Wait for one to be held."""
        while not self._held:
            self._page.wait_for_timeout(20)

    def go(self) -> None:
        """Let the held ones go, and the page take in what is answered."""
        for route in self._held:
            route.continue_()
        self._page.wait_for_timeout(300)

    def refuse(self, problem: dict[str, Any], **headers: str) -> None:
        """Answer the held ones with a problem document, and let the page take it in."""
        for route in self._held:
            route.fulfill(status=problem["status"], headers=headers, json=problem)
        self._page.wait_for_timeout(300)

    def _hold(self, route: Route) -> None:
        if self._passes:
            route.continue_()
        else:
            self._held.append(route)


def body_of(request: Request) -> Any:
    """Return the JSON that a request sent."""
    return request.post_data_json
