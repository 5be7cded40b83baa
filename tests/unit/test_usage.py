"""What the caller's own words or settings make impossible ends with 2, whatever the command."""

from pathlib import Path

import pytest

from tests.unit.parameter_store import Run

_KEY = ("keys", "create", "--tenant", "acme", "--name", "CI")
_READER = (*_KEY, "--scope", "jobs:read")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("token", "--scope", "nonsense"), "'nonsense' is no scope"),
        (("token", "--expires-in", "soon"), "45s, 30m, 12h or 90d, not 'soon'"),
        (("token", "--sub", "a b"), "'a b' is no tenant"),
        ((*_KEY, "--scope", "infer:writ"), "did you mean infer:write?"),
        ((*_READER, "--expires-in", "1y"), "--expires-in is a number and a unit"),
        ((*_READER, "--expires-in", "0s"), "--expires-in is 1s to 730d, not 0s"),
        ((*_READER, "--expires-in", "731d"), "longer than 730d"),
        ((*_READER, "--url", "127.0.0.1:8000"), "--url begins with http:// or https://"),
        ((*_READER, "--url", "https://api.example"), "name the stage"),
        ((*_READER, "--stage", "NOPE"), "'NOPE' is no stage"),
        ((*_READER, "--out", "/absent/dev.key"), "its folder is not there"),
        (("keys", "revoke", "tlk_x"), "a key is named by its id"),
        (("keys", "rotate", f"key_{'0' * 32}", "--grace", "9999d"), "is longer than"),
        (("keys", "list", "--tenant", "a b"), "'a b' is no tenant"),
        (("keys", "signing-key", "create", "nope"), "there is no stage nope"),
    ],
)
def test_a_slip_ends_with_2(run: Run, arguments: tuple[str, ...], told: str) -> None:
    ran = run(*arguments)

    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err


def test_a_key_is_written_over_no_file(run: Run, tmp_path: Path) -> None:
    kept = tmp_path / "dev.key"
    kept.write_text("kept")

    ran = run(*_READER, "--out", str(kept))

    assert (ran.code, ran.out, kept.read_text()) == (2, "", "kept")
    assert "no key is written over another" in ran.err


def test_a_stages_key_needs_credentials_of_aws(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "PROFILE"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "absent"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    ran = run(*_READER, "--stage", "dev")

    assert (ran.code, ran.out) == (2, "")
    assert "no AWS credentials were found" in ran.err
