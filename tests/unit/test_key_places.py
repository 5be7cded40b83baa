"""Where `tinyllama keys` looks for the router, and what is said of an address that will not do."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tinyllama import key_places, listening
from tinyllama.deployment.failures import DeploymentFailed, Misused
from tinyllama.state import home


class Answers(BaseHTTPRequestHandler):
    """Answers a router's health, and that there are no keys."""

    shown: str | None = None

    def do_GET(self) -> None:
        type(self).shown = self.headers["Authorization"] or Answers.shown
        found: object = {"status": "pass"} if self.path == "/health" else {"keys": []}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(found).encode())

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def address() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def usual(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The usual address: one that nobody listens at, and a clone without a router."""
    monkeypatch.setenv("TINYLLAMA_STATE_DIR", str(tmp_path))
    for name in ("TINYLLAMA_TOKEN", "TINYLLAMA_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(key_places, "LAPTOP", "http://127.0.0.1:9")
    monkeypatch.setattr("tinyllama.key_calls.WAIT_SECONDS", 0.001)
    return "http://127.0.0.1:9"


def ask(url: str | None = None, stage: str | None = None) -> list[object]:
    """Return the keys that the router tells of which is reached."""
    with key_places.reached(stage, url, time.time) as place:
        return list(place.calls.keys(None))


@pytest.mark.usefixtures("usual")
def test_the_router_of_this_clone_is_found_wherever_it_listens(address: str) -> None:
    with listening.noted(address):
        assert ask() == []


def test_without_a_router_that_answers_the_usual_address_is_told_and_how_to_name_another(
    usual: str,
) -> None:
    home().folder.mkdir(parents=True)
    home().note(listening.NOTE, {"url": "http://127.0.0.1:1", "pid": 1})

    with pytest.raises(DeploymentFailed, match=f"at {usual} .* name its address with --url$"):
        ask()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("localhost:44443", "--url begins with http:// or https://"),
        ("ftp://127.0.0.1", "--url begins with http:// or https://"),
        ("http://127.0.0.1:99999", "a port of 1 to 65535"),
        ("http://127.0.0.1:0", "a port of 1 to 65535"),
        ("http://127.0.0.1:port", "a port of 1 to 65535"),
        ("https://api.example", "--stage"),
        ("http://api.example", "must be an https address, or http on loopback"),
    ],
)
def test_what_is_wrong_with_an_address_is_said(url: str, told: str) -> None:
    with pytest.raises(DeploymentFailed, match=told):
        ask(url)


@pytest.mark.usefixtures("usual")
def test_a_router_that_the_environment_names_is_reached_with_its_token(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYLLAMA_URL", address)
    monkeypatch.setenv("TINYLLAMA_TOKEN", "the-other-routers")

    assert ask() == []
    assert Answers.shown == "Bearer the-other-routers"


@pytest.mark.usefixtures("usual")
def test_a_token_of_the_environment_is_not_shown_to_a_router_that_nobody_named(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Answers.shown = None
    monkeypatch.setenv("TINYLLAMA_TOKEN", "a-stages")

    with (
        listening.noted(address),
        pytest.raises(Misused, match="name its address in TINYLLAMA_URL"),
    ):
        ask()

    assert Answers.shown is None


def test_what_is_wrong_with_the_environments_address_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TINYLLAMA_URL", "localhost:44443")

    with pytest.raises(Misused, match=r"^TINYLLAMA_URL begins with"):
        ask()


def test_a_password_in_an_address_is_not_repeated() -> None:
    with pytest.raises(DeploymentFailed) as raised:
        ask("me:hush@127.0.0.1:8000")

    assert "hush" not in str(raised.value)


def test_a_stage_that_there_is_not_is_told_with_those_there_are() -> None:
    with pytest.raises(DeploymentFailed, match=r"there is no stage nope: .*dev"):
        ask(stage="nope")
