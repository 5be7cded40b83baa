"""The tutorial and the recipes do what they show, on a router as `make run` starts it."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib import settings
from chalicelib.settings import PROJECT
from tests import walking

PAGES = [PROJECT / "docs" / name for name in ("tutorial.md", "recipes.md", "openai.md")]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A reader's own: a state folder and profiles that nobody else has, no setting."""
    folder = tmp_path_factory.mktemp("reader")
    own = {
        "HOME": str(folder),
        "TINYLLAMA_STATE_DIR": str(folder / "state"),
        "TINYLLAMA_CONFIG_DIR": str(folder / "profiles"),
        "TINYLLAMA_STORE_URL": "",
        "COLUMNS": "100",
    }
    return settings.child_environment(own)


@pytest.fixture(scope="module")
def place(environment: dict[str, str]) -> Iterator[str]:
    """Host and port of a router with a worker of its own."""
    command = [sys.executable, "-m", "tinyllama", "up", "--port", "0"]
    with subprocess.Popen(  # noqa: S603 - our own interpreter
        command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True
    ) as router:
        assert router.stdout is not None
        told = ""
        for line in router.stdout:
            told += line
            if line.startswith("Ready"):
                break
        yield told.partition("Router at http://")[2].partition("\n")[0]
        router.send_signal(signal.SIGINT)
        router.communicate(timeout=30)


@pytest.fixture
def walk(tmp_path: Path, environment: dict[str, str], place: str) -> Iterator[walking.Walk]:
    """A shell in a folder like a clone's: only ``.venv`` is in it."""
    (tmp_path / ".venv").symlink_to(sys.prefix)
    walk = walking.Walk(tmp_path, environment, place)
    yield walk
    walk.close()


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_the_page_shows_is_what_happens(page: Path, walk: walking.Walk) -> None:
    assert list(walk.through(page)) == []


def test_what_does_not_happen_as_shown_is_told(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```sh\necho 127.0.0.1:8000\n```\n\n```text\n127.0.0.1:8000\n```\n\n"
        "```text\nelsewhere\n```\n\n"
        "```sh\n#!/bin/sh\n# fails.sh\necho one\nexit 3\n```\n\n"
        "```sh\nsh fails.sh\necho two\n```\n\n"
        "```sh\ntouch never\n```\n",
        encoding="utf-8",
    )
    walk = walking.Walk(tmp_path, settings.child_environment({}), "127.0.0.1:1")

    told = list(walk.through(page))
    walk.close()

    assert told == [
        "page.md:9: not as shown:\n127.0.0.1:1\n",
        "page.md:20: exit code 3:\none\ntwo\n",
    ]
    assert not (tmp_path / "never").exists()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_is_not_run_says_why(page: Path) -> None:
    reasons = [block.spared for block in walking.blocks(page) if block.spared is not None]

    assert all(len(reason.split()) > 1 for reason in reasons)
    assert len(reasons) < len(walking.blocks(page)) / 2


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("one\n", "one  \n", True),
        ("one\n", "two\n", False),
        ('{"id":"job_…"}\n', '{"id":"job_0f8f"}\n', True),
        ('{"id":"job_…"}\n', '{"id":"evt_0f8f"}\n', False),
        ("first\n…\nlast\n", "first\na\nb\nlast\n", True),
        ("first\n…\nlast\n", "first\nlast\n", True),
        ("first\n…\nlast\n", "first\na\n", False),
        ("one\n", "one\ntwo\n", False),
        ("a.c\n", "abc\n", False),
    ],
)
def test_dots_stand_for_what_differs_and_for_nothing_else(
    shown: str,
    printed: str,
    same: bool,  # noqa: FBT001 - a case's answer
) -> None:
    assert walking.agrees(shown, printed) is same
