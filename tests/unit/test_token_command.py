"""`tinyllama token`: what it prints opens what was asked for; a slip is one sentence."""

import jwt
import pytest

from tests.leaks import LEDGER
from tinyllama import cli, devkeys


def run(monkeypatch: pytest.MonkeyPatch, *options: str) -> int:
    """Return how ``tinyllama token`` ended."""
    monkeypatch.setattr("sys.argv", ["tinyllama", "token", *options])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


@pytest.mark.parametrize(
    ("options", "scope", "seconds"),
    [
        ((), " ".join(devkeys.SCOPES), 3600),
        (("--scope", "worker:run", "--expires-in", "90"), "worker:run", 90),
        (("--scope", "jobs:read,infer:write", "--expires-in", "1h"), "infer:write jobs:read", 3600),
        (("--scope", "jobs:read", "--expires-in", "1s"), "jobs:read", 1),
        (("--scope", "jobs:read", "--scope", "inbox:ack"), "inbox:ack jobs:read", 3600),
    ],
)
def test_a_token_says_what_was_asked_for(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    scope: str,
    seconds: int,
) -> None:
    code = run(monkeypatch, *options)

    token = LEDGER.note_token(capsys.readouterr().out.strip())
    told = jwt.decode(token, options={"verify_signature": False})
    assert (code, told["sub"], told["scope"]) == (0, "dev", scope)
    assert told["exp"] - told["iat"] == seconds


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--scope", "infer:wrote", "'infer:wrote' is no scope (did you mean infer:write?)"),
        ("--scope", "", "--scope names none"),
        ("--sub", "", "'' is no tenant"),
        ("--expires-in", "0", "--expires-in is 1 to 999999999 seconds, not 0"),
        ("--expires-in", "0m", "--expires-in is 1 to 999999999 seconds, not 0m"),
        ("--expires-in", "99999d", "--expires-in is 1 to 999999999 seconds, not 99999d"),
        ("--expires-in", "9" * 12, "--expires-in is 1 to 999999999 seconds"),
        ("--expires-in", "-5", "--expires-in is a number and a unit"),
    ],
)
def test_what_no_token_could_say_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    option: str,
    value: str,
    told: str,
) -> None:
    code = run(monkeypatch, option, value)

    printed = capsys.readouterr()
    assert (code, printed.out, printed.err.count("\n")) == (2, "", 1)
    assert told in printed.err
