"""A real Chromium, a real router, and workers that do what a test says."""

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Playwright, expect, sync_playwright

from chalicelib.bounds import queue_settings
from chalicelib.leasing import JobLeases
from chalicelib.settings import PROJECT
from chalicelib.store import Store
from tests.api.stage_proxy import StageProxy, serving
from tests.browser import chromium
from tests.browser.console import Console
from tests.calls import Api, HandWorker, OverHttp
from tests.servers import Server
from tests.worker.doubles import work
from tests.worker.routers import Router
from worker.engines import EchoEngine, Engine
from worker.ways import near

type Workers = Callable[[Engine], AbstractContextManager[None]]

PATIENCE_MS = 15_000


@pytest.fixture(scope="session")
def router(valkey_url: str, own_state: Path) -> Iterator[Router]:
    """``chalice local`` on the suite's store."""
    del own_state
    started = Router(valkey_url, 30)
    yield started
    started.stop()


# Not for the session: its event loop runs while it is there, and others start one of their own.
@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """What drives a browser."""
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """A Chromium without a window."""
    found = chromium.find(playwright)
    launched = playwright.chromium.launch(executable_path=found, args=chromium.switches())
    yield launched
    launched.close()


@pytest.fixture
def emptied(valkey: Server) -> None:
    """Begin with an empty store."""
    with valkey.client() as client:
        client.flushall()


@pytest.fixture
def open_console(browser: Browser, emptied: None) -> Iterator[Callable[..., Console]]:
    """Open consoles, and fail a test in which one complained or called another origin."""
    del emptied
    expect.set_options(timeout=PATIENCE_MS)
    opened: list[Console] = []

    def start(url: str, refusals: Collection[str] = (), **how: Any) -> Console:
        context = browser.new_context(**how)
        context.set_default_timeout(PATIENCE_MS)
        opened.append(Console(context.new_page(), url, set(refusals)))
        return opened[-1]

    yield start
    for console in opened:
        console.page.context.close()
    assert [told for console in opened for told in console.look_back()] == []


@pytest.fixture
def console(open_console: Callable[..., Console], router: Router) -> Console:
    """The console of the suite's router, loaded."""
    return open_console(router.url).open()


@pytest.fixture
def api(router: Router, emptied: None) -> Api:
    """The router's API as the tenant dev, who is at the keyboard, may also call it."""
    del emptied
    return Api(OverHttp(router.url), tenant="dev")


@pytest.fixture
def stage(router: Router) -> Iterator[StageProxy]:
    """A gateway's stage in front of the router."""
    with serving(router.url) as proxy:
        yield proxy


@pytest.fixture
def hand_worker(store: Store) -> HandWorker:
    """A worker that moves when the test says so."""
    return HandWorker(store)


@pytest.fixture
def working(store: Store) -> Workers:
    """Run a real worker with an engine while a block runs."""

    @contextmanager
    def run(engine: Engine) -> Iterator[None]:
        way, done = near(JobLeases(store, queue_settings())), threading.Event()
        thread = threading.Thread(target=work, args=(way, engine, done.wait))
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    return run


@pytest.fixture
def echo(working: Workers) -> Iterator[None]:
    """A worker with the built-in engine."""
    with working(EchoEngine()):
        yield


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the README's pictures be made anew."""
    parser.addoption(
        "--screenshots", action="store_true", help="write the console's pictures into docs/images"
    )


@pytest.fixture
def pictures(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where pictures go: docs/images when they are asked for."""
    wanted = request.config.getoption("--screenshots", default=False)
    return PROJECT / "docs" / "images" if wanted else tmp_path
