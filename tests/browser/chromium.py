"""Where a Chromium is on this machine."""

import os
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_INSTALL = (
    "no Chromium is on PATH: install one (apt-get install chromium) or let Playwright bring its own"
    " (playwright install chromium)"
)


def find(playwright: Playwright) -> str:
    """Return the machine's own Chromium, else Playwright's; skips without one, but fails in CI."""
    found = next(filter(None, map(shutil.which, _NAMES)), playwright.chromium.executable_path)
    if not Path(found).exists():
        if os.environ.get("CI"):
            pytest.fail(_INSTALL)
        pytest.skip(_INSTALL)
    return found


def switches() -> list[str]:
    """Return what it is started with: root may not have its sandbox."""
    return ["--no-sandbox"] if os.geteuid() == 0 else []
