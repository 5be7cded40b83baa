"""What the tests in a browser need of this machine: a Chromium, and axe from npm."""

import os
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Playwright

from chalicelib.settings import PROJECT

AXE = PROJECT / "node_modules" / "axe-core" / "axe.min.js"
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_NO_CHROMIUM = (
    "no Chromium is on PATH: install one (apt-get install chromium) or let Playwright bring its own"
    " (playwright install chromium)"
)
_NO_AXE = "axe-core is missing: npm ci"


def find(playwright: Playwright) -> str:
    """Return the machine's own Chromium, else Playwright's; skips without one, fails in CI."""
    found = next(filter(None, map(shutil.which, _NAMES)), playwright.chromium.executable_path)
    if not Path(found).exists():
        miss(_NO_CHROMIUM)
    return found


def axe(file: Path = AXE) -> str:
    """Return axe's source; skips without it, fails in CI."""
    if not file.exists():
        miss(_NO_AXE)
    return file.read_text(encoding="utf-8")


def miss(what: str) -> None:
    """Skip for what is missing; in CI, fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


def switches() -> list[str]:
    """Return what a Chromium is started with: root may not have its sandbox."""
    return ["--no-sandbox"] if os.geteuid() == 0 else []
