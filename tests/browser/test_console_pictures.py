"""The README's pictures of the console: `--screenshots` writes them into docs/images."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import expect

from tests import leaks
from tests.browser.conftest import Workers
from tests.browser.console import Console
from tests.browser.engines import speaking
from tests.calls import Api
from tests.worker.harness import wait_for
from tests.worker.routers import Router

pytestmark = pytest.mark.slow
MOST_BYTES = 300_000
SYSTEM = "Answer in two short paragraphs, for a child of ten."
PROMPT = "Why do llamas hum to one another?"
ANSWER = leaks.LEDGER.note(
    "an answer",
    "Llamas hum the way people murmur to somebody they know. A mother hums to her cria from the"
    " first minutes of its life, so that each knows the voice of the other, and a herd hums softly"
    " while it moves: here I am, are you still there?\n\n"
    "The tune says more than the tone. A short, rising hum asks a question; a long, low one means"
    " a llama is tired or would rather be somewhere else; and when a gate opens on fresh grass,"
    " the whole meadow can sound like a choir tuning up.",
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_picture_of_the_playground_is_small_enough_for_a_readme(
    scheme: Literal["light", "dark"],
    open_console: Callable[..., Console],
    router: Router,
    working: Workers,
    api: Api,
    pictures: Path,
) -> None:
    view = {"width": 1180, "height": 720}
    console = open_console(router.url, viewport=view, device_scale_factor=1.5, color_scheme=scheme)
    with working(speaking(ANSWER, 0.02)):
        wait_for(lambda: api.get("/health").json["status"] == "pass" or None)
        console.open().sign_in()
        console.page.get_by_label("System").fill(leaks.LEDGER.note("a prompt", SYSTEM))
        console.page.get_by_label("Temperature").fill("0.7")

        console.send(PROMPT)

        expect(console.state).to_have_text("succeeded")
        shown = console.page.screenshot(path=pictures / f"console-{scheme}.png")
    assert len(shown) < MOST_BYTES
