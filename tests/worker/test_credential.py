"""The worker's token: where it comes from, and when it is read again."""

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from chalicelib import settings
from chalicelib.errors import NotConfigured
from chalicelib.settings import WorkerCredential
from tests.worker.harness import log_lines
from worker.credential import AHEAD_SECONDS, TOKEN_CHARS, Credential


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def jwt(claims: object, name: str = "sig") -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{payload}.{name}"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the token lies."""
    return tmp_path / "token"


def test_a_token_far_from_its_end_is_not_read_again(file: Path) -> None:
    clock = Clock()
    file.write_text(jwt({"exp": int(clock.now) + 3600}, "old"))
    credential = Credential(WorkerCredential(None, file), clock)
    file.write_text(jwt({"exp": int(clock.now) + 3600}, "new"))

    clock.now += 3600 - AHEAD_SECONDS - 1

    assert credential.token().endswith("old")


@pytest.mark.parametrize("prefix", ["", "tlk_"])
def test_a_token_near_its_end_is_read_again_but_not_with_each_call(file: Path, prefix: str) -> None:
    clock = Clock()
    end = int(clock.now) + 3600
    file.write_text(prefix + jwt({"exp": end}, "first"))
    credential = Credential(WorkerCredential(None, file), clock)

    clock.now = end - AHEAD_SECONDS + 1
    file.write_text(prefix + jwt({"exp": end}, "second"))
    seen = [credential.token()]
    file.write_text(prefix + jwt({"exp": end + 3600}, "third"))
    clock.now += 0.5
    seen.append(credential.token())
    clock.now += 0.6
    seen.append(credential.token())

    assert [token.rpartition(".")[2] for token in seen] == ["second", "second", "third"]


@pytest.mark.parametrize(
    "token",
    ["opaque", "a.b.c", "a.e30.c", jwt([]), jwt({"exp": "soon"}), jwt({"exp": 1e400}), jwt(None)],
)
def test_a_token_whose_end_cannot_be_read_is_read_again_only_when_it_is_refused(
    file: Path, token: str
) -> None:
    clock = Clock()
    file.write_text(token)
    credential = Credential(WorkerCredential(None, file), clock)
    file.write_text("other")

    clock.now += 10**9

    assert credential.token() == token
    assert credential.reread() == "other"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda file: file.unlink(),
        lambda file: file.write_text(""),
        lambda file: file.write_text("two words"),
        lambda file: file.write_text("line\nfeed"),
        lambda file: file.write_bytes(b"\xff\xfe"),
        lambda file: file.write_text("x" * (TOKEN_CHARS + 1)),
    ],
    ids=["gone", "empty", "words", "lines", "bytes", "long"],
)
def test_a_file_that_is_spoilt_leaves_the_token_and_is_told_once(
    file: Path, capsys: pytest.CaptureFixture[str], spoil: object
) -> None:
    file.write_text("good")
    credential = Credential(WorkerCredential(None, file), Clock())
    spoil(file)  # type: ignore[operator]

    assert [credential.reread(), credential.reread()] == ["good", "good"]

    assert [line["event"] for line in log_lines(capsys.readouterr().out)] == [
        "credential.unreadable"
    ]


def test_a_token_of_the_environments_is_what_it_is() -> None:
    credential = Credential(WorkerCredential("given", None), Clock())

    assert credential.token() == credential.reread() == "given"


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda _: None, "names no file"),
        (lambda file: file.mkdir(), "names a file that cannot be read"),
        (lambda file: file.write_bytes(b"\xff\xfe"), "names a file that holds no token"),
        (lambda file: file.write_text(" \n"), "names a file that is empty"),
        (lambda file: file.write_text("two words"), "names a file that holds no token"),
    ],
    ids=["gone", "folder", "bytes", "empty", "words"],
)
def test_no_usable_token_stops_the_start_naming_the_variable_and_why(
    file: Path, spoil: Callable[[Path], object], told: str
) -> None:
    spoil(file)

    with pytest.raises(NotConfigured, match=rf"^TINYLLAMA_WORKER_TOKEN_FILE {told}") as raised:
        Credential(WorkerCredential(None, file), Clock())

    assert str(raised.value).endswith(f": {file}")


def test_a_token_of_the_environments_that_is_none_is_told_as_such() -> None:
    with pytest.raises(NotConfigured, match=r"^TINYLLAMA_WORKER_TOKEN holds no token$"):
        Credential(WorkerCredential("two words", None), Clock())


@pytest.mark.parametrize("both", [False, True])
def test_exactly_one_place_is_named(monkeypatch: pytest.MonkeyPatch, *, both: bool) -> None:
    for name in ("TINYLLAMA_WORKER_TOKEN", "TINYLLAMA_WORKER_TOKEN_FILE"):
        monkeypatch.setenv(name, "secret" if both else "")

    with pytest.raises(NotConfigured) as caught:
        settings.worker_credential()

    assert "TINYLLAMA_WORKER_TOKEN_FILE" in caught.value.detail
    assert caught.value.detail.startswith("both " if both else "neither ")
    assert "secret" not in caught.value.detail
    assert "secret" not in repr(WorkerCredential("secret", None))
