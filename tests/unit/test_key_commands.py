"""`tinyllama keys signing-key`: no step loses a key, none is printed, a repeated deed goes on."""

import json
import subprocess
import sys
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib import keysets
from chalicelib.api_keys import ApiKeys
from chalicelib.errors import TokenRejected
from tests.unit.parameter_store import Ran, Run, listen, put
from tinyllama import key_places, key_terms, signing_keys, signing_parameters, signing_rotation
from tinyllama.deployment import stages, turn
from tinyllama.deployment.failures import DeploymentFailed

pytestmark = pytest.mark.slow  # moto, which takes a second to come up

PATH = "/tinyllama-operator/dev/api_key_signing_key"
WRITTEN = """\
{
  "stage": "dev",
  "region": "us-east-1",
  "throttling": {"rate": 100, "burst": 200}
}
"""
NOW = datetime.now(UTC)


@pytest.fixture
def file(ssm: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a stage of the test's own."""
    del ssm
    monkeypatch.setattr(stages, "FOLDER", tmp_path)
    monkeypatch.setattr(stages, "PROJECT", tmp_path)
    path = tmp_path / "dev.tfvars.json"
    path.write_text(WRITTEN)
    return path


def kids(file: Path) -> list[str]:
    """Return which public keys the stage's file names."""
    setting = json.loads(file.read_text()).get("api_key_jwks", {"keys": []})
    return [key["kid"] for key in setting["keys"]]


def current() -> str:
    """Return which key signs, as Parameter Store has it."""
    return signing_parameters.require("dev").jwk["kid"]


def sign(life: str = "90d") -> str:
    """Return an API key signed with the stage's current key."""
    wanted = key_terms.wanted("acme", "CI", "infer:write", life)
    return signing_keys.sign_api_key(
        signing_parameters.require("dev").private,
        environment="dev",
        tenant=wanted.tenant,
        name=wanted.name,
        scopes=wanted.scopes,
        issued_at=int(NOW.timestamp()),
        expires_at=int(NOW.timestamp()) + wanted.life_seconds,
        key_id=wanted.id,
    )


def deployed(file: Path) -> ApiKeys:
    """Return what reads API keys as the stage does once its file is deployed."""
    jwks = json.loads(file.read_text())["api_key_jwks"]
    return ApiKeys("dev", keysets.parse(jwks), NOW.timestamp)


def holds_no_key(ran: Ran) -> bool:
    return "PRIVATE" not in ran.out + ran.err and "MC4CAQ" not in ran.out + ran.err


def test_the_first_signing_key_is_a_secret_and_its_public_key_is_in_the_stages_file(
    run: Run, ssm: Any, file: Path
) -> None:
    done = run("keys", "signing-key", "create", "dev")

    stored = ssm.get_parameter(Name=PATH, WithDecryption=True)["Parameter"]
    assert (done.code, stored["Type"]) == (0, "SecureString")
    assert holds_no_key(done)
    assert "make deploy STAGE=dev" in done.out
    assert kids(file) == [current()]
    assert deployed(file).read(sign()).tenant == "acme"


def test_of_the_stages_file_that_one_setting_changes(run: Run, file: Path) -> None:
    run("keys", "signing-key", "create", "dev")

    lines = file.read_text().splitlines()
    assert lines[:3] == WRITTEN.splitlines()[:3]
    assert '  "throttling": {"rate": 100, "burst": 200},' in lines
    (key,) = json.loads(file.read_text())["api_key_jwks"]["keys"]
    assert set(key) == {"kty", "crv", "x", "kid", "alg", "use"}


def test_a_signing_key_that_is_there_is_not_made_again(run: Run, file: Path) -> None:
    run("keys", "signing-key", "create", "dev")
    before = current()

    refused = run("keys", "signing-key", "create", "dev")

    assert (refused.code, refused.out) == (1, "")
    assert "tinyllama keys signing-key rotate dev" in refused.err
    assert [current()] == kids(file) == [before]


def test_a_creation_that_was_cut_short_goes_on_with_the_same_key(run: Run, file: Path) -> None:
    run("keys", "signing-key", "create", "dev")
    before = current()
    file.write_text(WRITTEN)

    again = run("keys", "signing-key", "create", "dev")

    assert again.code == 0
    assert [current()] == kids(file) == [before]


def test_a_rotation_leaves_keys_of_both_at_work_and_the_old_key_by_its_label(
    run: Run, ssm: Any, file: Path
) -> None:
    run("keys", "signing-key", "create", "dev")
    old, old_key = current(), sign()

    rotated = run("keys", "signing-key", "rotate", "dev")

    before = ssm.get_parameter(Name=f"{PATH}:previous", WithDecryption=True)["Parameter"]["Value"]
    assert rotated.code == 0
    assert holds_no_key(rotated)
    assert current() != old
    assert kids(file) == [old, current()]
    assert signing_keys.public_jwk(signing_keys.read_pem(before.encode()))["kid"] == old
    assert deployed(file).read(old_key).tenant == deployed(file).read(sign()).tenant == "acme"


@pytest.mark.parametrize("place", ["label", "file"])
def test_a_rotation_that_was_cut_short_goes_on_and_makes_no_third_key(
    run: Run, ssm: Any, file: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    run("keys", "signing-key", "create", "dev")
    old = current()

    def cut(*_: Any, **__: Any) -> None:
        raise DeploymentFailed("the power is gone")

    with monkeypatch.context() as patch:
        if place == "label":
            listen(patch, "provide-client-params.ssm.LabelParameterVersion", cut)
        else:
            patch.setattr(stages, "change", cut)
        cut_short = run("keys", "signing-key", "rotate", "dev")
    new = current()

    again = run("keys", "signing-key", "rotate", "dev")

    assert (cut_short.code, again.code) == (1, 0)
    assert current() == new != old
    assert kids(file) == [old, new]
    assert ssm.get_parameter(Name=f"{PATH}:previous")["Parameter"]["Version"] == 1


def test_there_is_no_third_signing_key(run: Run, file: Path) -> None:
    run("keys", "signing-key", "create", "dev")
    run("keys", "signing-key", "rotate", "dev")
    before = current(), kids(file)

    refused = run("keys", "signing-key", "rotate", "dev")

    assert refused.code == 1
    assert "tinyllama keys signing-key retire dev" in refused.err
    assert (current(), kids(file)) == before


@pytest.mark.parametrize("deed", ["rotate", "retire"])
def test_without_a_signing_key_there_is_none_to_replace(run: Run, file: Path, deed: str) -> None:
    refused = run("keys", "signing-key", deed, "dev")

    assert refused.code == 1
    assert "tinyllama keys signing-key create dev makes one" in refused.err
    assert file.read_text() == WRITTEN


def test_what_the_old_key_signed_stops_working_once_it_is_retired(run: Run, file: Path) -> None:
    run("keys", "signing-key", "create", "dev")
    old, old_key = current(), sign()
    run("keys", "signing-key", "rotate", "dev")

    retired = run("keys", "signing-key", "retire", "dev", "--yes")

    with pytest.raises(TokenRejected) as raised:
        deployed(file).read(old_key)
    assert raised.value.code == "key_unknown"
    assert retired.code == 0
    assert f"Dropped: {old}\n" in retired.out
    assert kids(file) == [current()]
    assert deployed(file).read(sign()).tenant == "acme"


def test_a_key_whose_api_keys_may_live_is_not_retired_unasked(run: Run, file: Path) -> None:
    run("keys", "signing-key", "create", "dev")
    run("keys", "signing-key", "rotate", "dev")

    refused = run("keys", "signing-key", "retire", "dev")

    assert refused.code == 1
    assert "stop working with the next deployment" in refused.err
    assert "keys signing-key retire dev --yes" in refused.err
    assert len(kids(file)) == 2


@pytest.mark.parametrize(("days", "asked"), [(729, True), (731, False)])
def test_no_question_is_asked_once_no_api_key_of_the_old_one_can_live(
    run: Run, file: Path, days: int, *, asked: bool
) -> None:
    run("keys", "signing-key", "create", "dev")
    run("keys", "signing-key", "rotate", "dev")
    later = datetime.now(UTC) + timedelta(days=days)

    with pytest.raises(DeploymentFailed) if asked else nullcontext():
        signing_rotation.retire(stages.load("dev"), later, yes=False)

    assert len(kids(file)) == (2 if asked else 1)


def test_retiring_again_changes_nothing(run: Run, file: Path) -> None:
    run("keys", "signing-key", "create", "dev")
    before = file.read_text()

    again = run("keys", "signing-key", "retire", "dev")

    assert again.code == 0
    assert "nothing is to be done" in again.out
    assert file.read_text() == before


def test_what_lies_there_and_is_no_key_is_told_and_not_shown(
    run: Run, ssm: Any, file: Path
) -> None:
    put(ssm, PATH, "hush", "SecureString")

    refused = run("keys", "signing-key", "rotate", "dev")

    assert refused.code == 1
    assert f"{PATH} holds no signing key" in refused.err
    assert "hush" not in refused.err
    assert file.read_text() == WRITTEN


def test_a_setting_that_is_no_key_set_is_told(run: Run, file: Path) -> None:
    file.write_text('{"stage": "dev", "region": "us-east-1", "api_key_jwks": ["x"]}')

    refused = run("keys", "signing-key", "create", "dev")

    assert refused.code == 1
    assert 'dev.tfvars.json: "api_key_jwks" is a JWK set' in refused.err


@pytest.mark.parametrize("deed", ["create", "rotate", "retire"])
def test_a_private_key_in_the_stages_file_is_told_and_neither_shown_nor_written_again(
    run: Run, file: Path, deed: str
) -> None:
    run("keys", "signing-key", "create", "dev")
    before = current()
    file.write_text(file.read_text().replace('"kty"', '"d": "c2VjcmV0", "kty"'))
    spoilt = file.read_text()

    refused = run("keys", "signing-key", deed, "dev")

    assert refused.code == 1
    assert "signing-key rotate dev and then retire" in refused.err
    assert "c2VjcmV0" not in refused.out + refused.err
    assert '"d": "c2VjcmV0"' in spoilt
    assert (file.read_text(), current()) == (spoilt, before)


def test_nobody_changes_a_file_under_a_deployment(run: Run, file: Path) -> None:
    with turn.alone(stages.load("dev")):
        refused = run("keys", "signing-key", "create", "dev")

    assert refused.code == 1
    assert "another command is at work" in refused.err
    assert file.read_text() == WRITTEN


@pytest.mark.usefixtures("file")
def test_a_stage_without_an_address_or_a_token_is_told_so(
    run: Run, ssm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TOKEN", "OPERATOR_CLIENT_SECRET", "OPERATOR_CLIENT_SECRET_FILE"):
        monkeypatch.delenv(f"TINYLLAMA_{name}", raising=False)

    bare = run("keys", "list", "--stage", "dev")
    put(ssm, "/tinyllama/dev/api_url", "https://api.example")
    closed = run("keys", "list", "--stage", "dev")

    assert (bare.code, closed.code) == (1, 2)
    assert "deploy it first" in bare.err
    assert "TINYLLAMA_OPERATOR_CLIENT_SECRET_FILE" in closed.err


def test_a_key_of_a_stage_is_signed_with_the_stages_own_key_and_for_it_alone(
    run: Run, ssm: Any, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("keys", "signing-key", "create", "dev")
    put(ssm, "/tinyllama/dev/api_url", "https://api.example")
    monkeypatch.setenv("TINYLLAMA_TOKEN", "an.operators.token")
    wanted = key_terms.wanted("acme", "CI", "infer:write", "30m")

    with key_places.reached("dev", None, NOW.timestamp) as place:
        key = deployed(file).read(place.sign(wanted))

    assert (key.id, key.tenant, key.name) == (wanted.id, "acme", "CI")
    assert key.expires_at == int(NOW.timestamp()) + 1800


def test_the_commands_help_loads_no_cryptography() -> None:
    code = (
        "import sys; from tinyllama import cli;"
        "print(sorted({'jwt', 'cryptography', 'boto3'} & set(sys.modules)))"
    )

    ran = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )

    assert ran.stdout == "[]\n"
