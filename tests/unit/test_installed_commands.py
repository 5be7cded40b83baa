"""The installed commands: given from any folder, and with what an installation declares alone."""

import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from chalicelib.settings import PROJECT

DECLARED = [
    Requirement(each)
    for each in tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"][
        "dependencies"
    ]
]

# Whatever else lies in this environment is as if it were not installed.
ALONE = """
import importlib.abc, sys
hidden = set(sys.argv.pop(1).split(","))
class Hidden(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in hidden:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hidden())
"""
COMMAND = ALONE + "from tinyllama.cli import main; main()"


def _closure(wanted: list[Requirement]) -> set[str]:
    """Return the distributions that *wanted* brings, those that they need included."""
    found: set[str] = set()
    while wanted:
        requirement = wanted.pop()
        name = canonicalize_name(requirement.name)
        if name in found:
            continue
        found.add(name)
        for text in metadata.requires(name) or ():
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                wanted.append(needed)
    return found


def _hidden() -> str:
    """Return the modules here that an installation of the declared alone would not have."""
    there = _closure([*DECLARED]) | {"tinyllama-router"}
    return ",".join(
        module
        for module, owners in metadata.packages_distributions().items()
        if not there & {canonicalize_name(owner) for owner in owners}
    )


class NoRouter(BaseHTTPRequestHandler):
    """Answers as anything but a router does."""

    def do_GET(self) -> None:
        self.send_error(404)

    def do_POST(self) -> None:
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def address() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), NoRouter) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def _alone(
    folder: Path, code: str, *arguments: str, url: str = "http://127.0.0.1:1"
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-P", "-c", code, _hidden(), *arguments],
        cwd=folder,
        env={"HOME": str(folder), "TINYLLAMA_TOKEN": "none", "TINYLLAMA_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )


def test_packaging_finds_the_routes_from_any_folder(tmp_path: Path) -> None:
    # Safe-path mode: as for an installed script, the present folder is not searched.
    ask = "import app; from tinyllama import contract; print(app.__file__, bool(contract.source()))"

    told = subprocess.run(  # noqa: S603
        [sys.executable, "-P", "-c", ask], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert told.stdout.split() == [str(PROJECT / "app.py"), "True"], told.stderr


@pytest.mark.parametrize("wanted", DECLARED, ids=str)
def test_what_an_installation_may_take_is_what_a_clone_pins(wanted: Requirement) -> None:
    pins = (PROJECT / "requirements-dev.txt").read_text("utf-8").splitlines()

    (pinned,) = [pin for pin in pins if pin.startswith(f"{wanted.name}==")]

    assert wanted.specifier.contains(pinned.partition("==")[2])


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ("infer", "Why do llamas hum?"),
        ("inbox", "list"),
        ("events", "publish", "order.created", "--payload", "{}"),
        ("health",),
    ],
    ids=lambda command: command[0],
)
def test_an_installation_brings_all_that_calling_a_router_needs(
    tmp_path: Path, address: str, command: tuple[str, ...]
) -> None:
    told = _alone(tmp_path, COMMAND, *command, url=address)

    # All is loaded by the time that an answer is judged.
    assert "(404 " in told.stderr
    assert "Traceback" not in told.stderr


def test_an_installation_has_the_client(tmp_path: Path) -> None:
    told = _alone(tmp_path, ALONE + "import tinyllama; print(tinyllama.Client.__name__)")

    assert told.stdout == "Client\n", told.stderr


@pytest.mark.slow
@pytest.mark.parametrize("command", [("up",), ("keys", "list"), ("token",)], ids=lambda c: c[0])
def test_what_only_a_clone_can_do_is_told_in_a_sentence(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    told = _alone(tmp_path, COMMAND, *command)

    (line,) = told.stderr.splitlines()
    assert line.startswith("tinyllama: ")
    assert "clone" in line
    assert told.returncode == 2
