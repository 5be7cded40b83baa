"""Exit codes are API; the page and the help tell them all; completion and help stay quick."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from chalicelib import __version__
from chalicelib.settings import PROJECT, child_environment
from tests.unit.parameter_store import Run
from tinyllama import exits, profiles, reaching, screen
from tinyllama.client_errors import ClientError, NotARouter, ProblemError, Unreachable, Unusable


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ClientError("x"), 1),
        (Unusable("x"), 2),
        (Unreachable("x"), 7),
        (NotARouter("x"), 7),
        (ProblemError(418, {}, None), 5),
        (ProblemError(599, {}, None), 1),
    ],
)
def test_a_kind_of_failure_has_its_exit_code(error: ClientError, code: int) -> None:
    assert exits.code_of(error) == code


@pytest.mark.parametrize("told", [{}, {"errors": [1, {"pointer": 2}]}, {"code": 7, "detail": []}])
def test_an_odd_problem_document_is_told_all_the_same(
    told: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    exits.tell(ProblemError(404, told, None))

    assert capsys.readouterr().err.startswith("tinyllama: Not Found (404 unknown)\n")


def test_no_problem_document_steers_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    steering = "\x1b[2J\u202e"
    told = {"title": steering, "detail": steering, "code": steering, "request_id": steering}

    exits.tell(ProblemError(404, {**told, "errors": [{"pointer": steering}]}, None))

    assert all(line.isprintable() for line in capsys.readouterr().err.splitlines())


def test_every_exit_code_is_in_the_page_and_in_the_help() -> None:
    page = (PROJECT / "docs" / "command-line.md").read_text(encoding="utf-8")

    for code in exits.Exit:
        assert f"| {code.value} |" in page
        assert f" {code.value} " in exits.EXPLAINED


def test_what_steers_a_terminal_is_written_out() -> None:
    assert screen.plain("a\tb\nc\r\x1b[2J\x7f\x9b\u202eé🦙") == (
        "a\tb\nc\\u000d\\u001b[2J\\u007f\\u009b\\u202eé🦙"
    )
    assert screen.cell("a\nb\tc") == "a\\nb\\tc"


@pytest.mark.parametrize(
    "token", ["", "a.b.c", "tlk_x", "a.e30.c", "a.eyJleHAiOiAibiJ9.c", "a.W10.b"]
)
def test_a_token_that_tells_no_expiry_is_not_said_to_have_expired(token: str) -> None:
    assert reaching.expired_at(token, 0) is None


def completed(*words: str) -> list[str]:
    """Return what bash is offered in place of the last of *words*."""
    asked = {
        "_TINYLLAMA_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(words),
        "COMP_CWORD": str(len(words) - 1),
    }
    told = subprocess.run(
        [sys.executable, "-m", "tinyllama"],
        cwd=PROJECT,
        env=child_environment(asked),
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.stderr == ""
    return told.stdout.split()


def test_a_shell_can_be_taught_the_commands() -> None:
    assert completed("tinyllama", "in") == ["infer", "inbox"]


def test_a_shell_is_told_the_profiles_that_there_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TINYLLAMA_CONFIG_DIR", str(tmp_path))
    for name in ("work", "home", "worse"):
        profiles.save(profiles.Profile(name, "https://api.example", "x"))

    assert completed("tinyllama", "queue", "--profile", "wor") == ["work", "worse"]


def test_what_callers_need_comes_first_in_the_help(run: Run) -> None:
    told = run("--help").out

    heads = [re.sub("[^A-Za-z ]", "", line).strip() for line in told.splitlines() if "╭" in line]
    assert heads == ["Options", "For callers", "Keys and tokens", "This machine", "Deployment"]


def test_the_version_is_told(run: Run) -> None:
    ran = run("--version")

    assert (ran.code, ran.out) == (0, f"tinyllama {__version__}\n")


def test_a_choice_that_there_is_not_is_told_without_another_librarys_words(run: Run) -> None:
    ran = run("infer", "x", "--priority", "odd")

    assert ran.code == 2
    assert "Value error" not in ran.err
    assert "'odd' is not one of 'high'" in ran.err


def test_the_help_loads_neither_http_nor_cryptography_nor_tables() -> None:
    code = (
        "import sys; from tinyllama import cli;"
        "print(sorted({'httpx2', 'jwt', 'rich.table', 'asyncio'} & set(sys.modules)))"
    )

    ran = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )

    assert ran.stdout == "[]\n"
