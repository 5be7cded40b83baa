"""`tinyllama secrets`: values come unseen, go to AWS as SecureStrings, and are never shown."""

import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from tests.unit.parameter_store import Ran, Run, held, listen, put
from tinyllama.deployment import stages

pytestmark = pytest.mark.slow  # moto, which takes a second to come up

SET = ("secrets", "set", "engine_api_key", "--stage", "dev")
ROTATE = ("secrets", "rotate", "engine_api_key", "--stage", "dev")
PATH = "/tinyllama/dev/engine_api_key"


def silent(ran: Ran, *values: str) -> bool:
    """Whether a command said none of *values*."""
    return not any(value in ran.out + ran.err for value in values)


def test_a_piped_value_is_stored_encrypted_without_its_last_lines_end(run: Run, ssm: Any) -> None:
    done = run(*SET, typed=b"hush hush\r\n")

    assert done.code == 0
    assert silent(done, "hush")
    stored = ssm.get_parameter(Name=PATH, WithDecryption=True)["Parameter"]
    assert (stored["Type"], stored["Value"]) == ("SecureString", "hush hush")


def test_a_file_holds_the_value_lines_and_all(run: Run, ssm: Any, tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_text("-----BEGIN\nabc\n-----END\n")

    done = run(*SET, "--from-file", str(file))

    assert done.code == 0
    assert held(ssm, "dev") == {"engine_api_key": "-----BEGIN\nabc\n-----END"}


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (b"", "no value came"),
        (b" \n", "no value came"),
        (b"x" * 4097, "longer than the 4096 bytes"),
        (b"x" * 40_000, "longer than the 4096 bytes"),
        ("é".encode() * 2049, "longer than the 4096 bytes"),
        (b"\xff\xfe", "no text in UTF-8"),
    ],
    ids=["nothing", "blank", "one too many", "many", "in bytes", "binary"],
)  # fmt: skip
@pytest.mark.parametrize("known", [False, True], ids=["set", "rotate"])
def test_an_unusable_value_writes_nothing(
    run: Run, ssm: Any, typed: bytes, told: str, *, known: bool
) -> None:
    if known:
        put(ssm, PATH, "first", "SecureString")

    refused = run(*(ROTATE if known else SET), typed=typed)

    assert refused.code == 1
    assert told in refused.err
    assert held(ssm, "dev") == ({"engine_api_key": "first"} if known else {})


def test_a_value_of_4096_bytes_and_a_lines_end_fits(run: Run, ssm: Any) -> None:
    assert run(*SET, typed=b"x" * 4096 + b"\r\n").code == 0
    assert held(ssm, "dev") == {"engine_api_key": "x" * 4096}


def test_set_leaves_a_secret_that_is_there(run: Run, ssm: Any) -> None:
    put(ssm, PATH, "first", "SecureString")

    refused = run(*SET, typed=b"second")

    assert refused.code == 1
    assert "tinyllama secrets rotate" in refused.err
    assert held(ssm, "dev") == {"engine_api_key": "first"}


def test_set_makes_no_secret_of_an_id(run: Run, ssm: Any) -> None:
    put(ssm, PATH, "an id")

    refused = run(*SET, typed=b"hush")

    assert refused.code == 1
    assert "which is no secret" in refused.err


def test_rotate_replaces_and_keeps_the_one_before_by_label(run: Run, ssm: Any) -> None:
    run(*SET, typed=b"first")
    run(*ROTATE, typed=b"second")

    rotated = run(*ROTATE, typed=b"third")

    assert rotated.code == 0
    assert "version 3" in rotated.out
    assert "restart" in rotated.out
    assert silent(rotated, "second", "third")
    before = ssm.get_parameter(Name=f"{PATH}:previous", WithDecryption=True)["Parameter"]
    assert (held(ssm, "dev")["engine_api_key"], before["Value"]) == ("third", "second")


@pytest.mark.parametrize("kind", [None, "String"])
def test_rotate_needs_a_secret(run: Run, ssm: Any, kind: str | None) -> None:
    if kind:
        put(ssm, PATH, "an id", kind)

    refused = run(*ROTATE, typed=b"hush")

    assert refused.code == 1
    assert "tinyllama secrets set" in refused.err


def test_the_list_tells_names_versions_and_dates_of_secrets_alone(run: Run, ssm: Any) -> None:
    put(ssm, "/tinyllama/dev/vpc_id", "vpc-1")
    put(ssm, PATH, "hush", "SecureString")
    put(ssm, PATH, "hush now", "SecureString")

    shown = run("secrets", "list", "--stage", "dev")

    assert shown.out.startswith("engine_api_key  version 2  20")
    assert shown.out.count("\n") == 1
    assert silent(shown, "hush")


def test_a_missing_file_is_named(run: Run, ssm: Any, tmp_path: Path) -> None:
    del ssm

    refused = run(*SET, "--from-file", str(tmp_path / "absent"))

    assert refused.code == 1
    assert "absent cannot be read" in refused.err


def test_aws_message_about_a_value_is_not_repeated(
    run: Run, ssm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    del ssm
    refusal = {"__type": "ValidationException", "message": "Value 'hush' at 'value' failed"}

    def refuse(request: Any, **_: Any) -> AWSResponse:
        raw = io.BytesIO(json.dumps(refusal).encode())
        raw.stream = lambda *_, **__: iter([raw.read()])  # type: ignore[attr-defined]
        return AWSResponse(request.url, 400, {}, raw)

    listen(monkeypatch, "before-send.ssm.PutParameter", refuse)

    refused = run(*SET, typed=b"hush")

    assert refused.code == 1
    assert "write the secret engine_api_key: ValidationException" in refused.err
    assert silent(refused, "hush")


@pytest.mark.parametrize(("second", "code"), [("hush", 0), ("other", 1)])
def test_at_a_terminal_it_is_typed_twice_and_not_seen(second: str, code: int) -> None:
    script = (
        "from moto import mock_aws; from tinyllama import cli; import sys\n"
        f"sys.argv = ['tinyllama', *{SET!r}]\n"
        "with mock_aws(): cli.main()"
    )
    ours, theirs = pty.openpty()
    environment = os.environ | {"AWS_DEFAULT_REGION": stages.load("dev").region, "TERM": "dumb"}
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", script],
        stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)

    seen = ""
    answers = ["hush\n", f"{second}\n", "\x04"]
    while chunk := _read(ours):
        seen += chunk
        if seen.endswith(": ") and answers:  # the space comes once nothing is echoed any more
            os.write(ours, answers.pop(0).encode())
    process.wait(timeout=30)
    os.close(ours)

    assert process.returncode == code
    assert seen.count("engine_api_key") >= 1
    assert "hush" not in seen
    assert "other" not in seen


def _read(descriptor: int) -> str:
    """Return what the terminal shows next; nothing once the program has ended."""
    try:
        return os.read(descriptor, 4096).decode()
    except OSError:  # Linux tells a closed terminal so
        return ""
