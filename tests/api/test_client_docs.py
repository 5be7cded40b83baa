"""The examples of docs/client.md and docs/command-line.md, run as they stand."""

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import tinyllama
from chalicelib.settings import PROJECT, child_environment
from chalicelib.store import Store
from tests.calls import HandWorker
from tests.worker.routers import Router

pytestmark = pytest.mark.slow  # a router as a process of its own

_BLOCK = re.compile(r"(<!-- not run[^\n]*\n)?```(\w+)\n(.*?)```", re.DOTALL)


def blocks(page: str, language: str) -> list[str]:
    """Return the examples of a page in a language but those that say they are not to be run."""
    text = (PROJECT / "docs" / page).read_text(encoding="utf-8")
    return [code for spared, kind, code in _BLOCK.findall(text) if kind == language and not spared]


PYTHON, SHELL = blocks("client.md", "python"), blocks("command-line.md", "sh")


@pytest.fixture
def environment(
    router: Router, store_url: str, store: Store, tmp_path: Path
) -> Iterator[dict[str, str]]:
    """The variables of a caller at a router whose worker answers each prompt."""
    del store_url
    over = threading.Event()

    def work() -> None:
        worker = HandWorker(store)
        while not over.wait(0.05):
            try:
                worker.answer()
            except AssertionError:  # there is no job yet
                continue

    thread = threading.Thread(target=work)
    thread.start()
    yield child_environment(
        {
            "TINYLLAMA_URL": router.url,
            "TINYLLAMA_TOKEN": tinyllama.make_token(sub="acme"),
            "TINYLLAMA_CONFIG_DIR": str(tmp_path),
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        }
    )
    over.set()
    thread.join()


def ran(command: list[str], environment: dict[str, str], folder: Path) -> str:
    """Return what a command printed, which has to end well."""
    done = subprocess.run(  # noqa: S603
        command, env=environment, cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_pages_have_examples() -> None:
    assert (len(PYTHON), len(SHELL)) == (4, 4)


@pytest.mark.parametrize("code", PYTHON, ids=range(len(PYTHON)))
def test_an_example_of_the_client_runs(
    environment: dict[str, str], tmp_path: Path, code: str
) -> None:
    out = ran([sys.executable, "-c", code], environment, tmp_path)

    assert out or "assert " in code
    assert ("invalid_body ['/max_tokens']" in out) == ("invalid_body" in code)


@pytest.mark.parametrize("code", SHELL, ids=range(len(SHELL)))
def test_an_example_of_the_command_line_runs(
    environment: dict[str, str], tmp_path: Path, code: str
) -> None:
    out = ran(["/bin/bash", "-euo", "pipefail", "-c", code], environment, tmp_path)

    assert out
    assert ("Hello to you" in out) == ("infer" in code)
