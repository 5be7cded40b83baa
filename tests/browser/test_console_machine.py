"""A machine that lacks what the browser's tests need says so; in CI that is a failure."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from playwright.sync_api import Playwright

from tests.browser import chromium


def playwright_with(own: Path) -> Playwright:
    """Return a Playwright whose own Chromium would lie there."""
    return cast("Playwright", SimpleNamespace(chromium=SimpleNamespace(executable_path=str(own))))


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail), ("", pytest.skip)])
def test_what_is_missing_is_named_with_its_cure(
    ci: str,
    outcome: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(outcome.Exception, match="apt-get install chromium"):
        chromium.find(playwright_with(tmp_path / "none"))
    with pytest.raises(outcome.Exception, match="npm ci"):
        chromium.axe(tmp_path / "none")


def test_playwrights_own_serves_where_the_machine_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    own = tmp_path / "own"
    own.touch()

    assert chromium.find(playwright_with(own)) == str(own)
