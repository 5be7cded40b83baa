"""What a local system was started with, and how a later command's settings differ from it."""

import json
from pathlib import Path

import pytest

from tinyllama import terms
from tinyllama.state import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A local system that was started with the settings as they are at first."""
    home = Home(tmp_path)
    home.note(terms.NOTE, terms.present())
    return home


def test_the_same_settings_do_not_differ(home: Home) -> None:
    assert terms.differing(home) == []


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TINYLLAMA_ENGINE_URL", "http://127.0.0.1:1/v1"),
        ("TINYLLAMA_ENGINE_MODEL", "tiny"),
        ("TINYLLAMA_LEASE_SECONDS", "31"),
        ("TINYLLAMA_RESULT_SECONDS", "5"),
        ("TINYLLAMA_TICK_SECONDS", "5"),
        ("TINYLLAMA_STORE_REPLICAS", "1"),
    ],
)
def test_a_setting_that_came_too_late_is_named(
    home: Home, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)

    assert terms.differing(home) == [variable]


def test_what_only_the_api_heeds_never_comes_too_late(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYLLAMA_RATE_PER_MINUTE", "5")

    assert terms.differing(home) == []


def test_a_system_that_left_no_note_differs_in_nothing_that_is_known(tmp_path: Path) -> None:
    assert terms.differing(Home(tmp_path)) == []
    assert terms.engine(Home(tmp_path)) == ""


def test_the_note_names_the_engine_and_holds_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYLLAMA_ENGINE_URL", "http://me:hush@127.0.0.1:8080/v1?key=hush")
    monkeypatch.setenv("TINYLLAMA_ENGINE_API_KEY", "hush")
    home = Home(tmp_path)

    home.note(terms.NOTE, terms.present())

    assert terms.engine(home) == "http://127.0.0.1:8080/v1"
    assert "hush" not in json.dumps(home.read_note(terms.NOTE))
