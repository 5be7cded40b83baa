"""The development key and the tokens it signs."""

import json
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import jwt
import pytest

import app  # noqa: F401 - brings the stand-ins
import tinyllama
from chalicelib import settings, wiring
from chalicelib.api_keys import ApiKey, ApiKeys
from chalicelib.errors import NotConfigured, TokenRejected
from chalicelib.keysources import FileKeys, key_source
from chalicelib.settings import TokenSettings
from chalicelib.tokens import Principal, Verifier
from tinyllama import devkeys
from tinyllama.state import state_folder

NOW = 1_800_000_000


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TINYLLAMA_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


def verify(token: str, now: float = NOW) -> Principal:
    """Verify *token* as the authorizer of a laptop does."""
    tokens = TokenSettings(
        settings.required("issuer"),
        settings.audiences(),
        str(tinyllama.development_jwks_path()),
        "sub",
        leeway_seconds=0,
    )
    return Verifier(tokens, key_source(tokens), lambda: now).verify(f"Bearer {token}")


def make_token(**changes: Any) -> str:
    return tinyllama.make_token(clock=lambda: NOW, **changes)


def read_api_key(text: str) -> ApiKey:
    """Read *text* as the authorizer of a laptop does."""
    keys = FileKeys(devkeys.development_key_jwks_path())
    return ApiKeys(settings.environment(), keys, lambda: NOW).read(text)


def reason(token: str) -> str:
    with pytest.raises(TokenRejected) as caught:
        verify(token)
    return caught.value.code


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def in_new_process(code: str, state: Path) -> "subprocess.Popen[str]":
    environment = settings.child_environment({"TINYLLAMA_STATE_DIR": str(state)})
    return subprocess.Popen(  # noqa: S603 - this interpreter, this file's own code
        [sys.executable, "-c", code],
        env=environment,
        cwd=settings.PROJECT,
        text=True,
        stdout=subprocess.PIPE,
    )


def test_a_token_made_without_arguments_may_do_everything_for_an_hour() -> None:
    principal = verify(make_token())

    assert (principal.tenant, principal.principal) == ("dev", "dev")
    assert principal.scopes == set(devkeys.SCOPES)
    assert principal.expires_at == NOW + 3600


def test_subject_scope_and_life_are_as_asked() -> None:
    principal = verify(make_token(sub="acme", scope="jobs:read", expires_in=5))

    assert principal.tenant == "acme"
    assert principal.scopes == {"jobs:read"}
    assert principal.expires_at == NOW + 5


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"expires_in": -1}, "token_expired"),
        ({"nbf": NOW + 60}, "token_not_yet_valid"),
        ({"aud": "another"}, "audience_invalid"),
        ({"iss": "https://other.example"}, "issuer_untrusted"),
        ({"iss": None}, "issuer_untrusted"),
        ({"kid": "nobody"}, "key_unknown"),
        ({"token_use": "id"}, "token_use_invalid"),
        ({"exp": None}, "token_malformed"),
        ({"exp": "soon"}, "token_malformed"),
    ],
)
def test_a_token_can_be_made_wrong_in_one_way(changes: dict[str, Any], code: str) -> None:
    assert reason(make_token(**changes)) == code


def test_further_claims_are_taken_as_they_are() -> None:
    token = make_token(tenant="acme", aud=["other", settings.required("audience")])

    assert verify(token).tenant == "dev"
    assert jwt.decode(token, options={"verify_signature": False})["tenant"] == "acme"


def test_issuer_and_audience_are_the_settings_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINYLLAMA_ISSUER", "https://elsewhere.example")
    monkeypatch.setenv("TINYLLAMA_AUDIENCE", "someone")

    claims = jwt.decode(make_token(), options={"verify_signature": False})

    assert (claims["iss"], claims["aud"]) == ("https://elsewhere.example", "someone")


def test_of_several_audiences_the_first_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINYLLAMA_AUDIENCE", "web, machine")

    token = make_token()

    assert jwt.decode(token, options={"verify_signature": False})["aud"] == "web"
    assert verify(token).tenant == "dev"


def test_key_and_set_are_readable_by_their_owner_alone(state: Path) -> None:
    path = tinyllama.development_jwks_path()

    assert path.is_relative_to(state)
    assert mode(path.parent) == 0o700
    assert {mode(file) for file in path.parent.iterdir()} == {0o600}
    assert len(list(path.parent.iterdir())) == 2


def test_a_folder_that_others_may_enter_is_closed(state: Path) -> None:
    (state / "keys").mkdir(parents=True, mode=0o755)

    path = tinyllama.development_jwks_path()

    assert mode(path.parent) == 0o700


def test_the_set_holds_no_private_member(state: Path) -> None:
    document = json.loads(tinyllama.development_jwks_path().read_text())

    assert state.exists()
    assert [set(key) for key in document["keys"]] == [{"kty", "n", "e", "kid", "alg", "use"}]


@pytest.mark.usefixtures("state")
def test_the_key_stays_and_the_set_is_not_written_again() -> None:
    before = tinyllama.development_jwks_path().stat()
    token = make_token()

    after = tinyllama.development_jwks_path().stat()

    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert verify(token).tenant == "dev"


@pytest.mark.usefixtures("state")
def test_a_deleted_key_is_made_anew_and_its_set_follows() -> None:
    path = tinyllama.development_jwks_path()
    old = make_token()
    (path.parent / "development-key.pem").unlink()

    assert verify(make_token()).tenant == "dev"
    assert reason(old) == "key_unknown"


@pytest.mark.usefixtures("state")
def test_a_spoilt_set_is_mended() -> None:
    path = tinyllama.development_jwks_path()
    path.write_text("{}")

    assert verify(make_token()).tenant == "dev"


@pytest.mark.parametrize("text", [b"", b"not a key"])
def test_a_spoilt_key_is_named_and_not_overwritten(state: Path, text: bytes) -> None:
    key = state / "keys" / "development-key.pem"
    key.parent.mkdir(parents=True)
    key.write_bytes(text)

    with pytest.raises(NotConfigured, match=r"development-key\.pem"):
        make_token()
    assert key.read_bytes() == text


@pytest.mark.parametrize("inside", ["", "state", "tests/../chalicelib"])
def test_the_key_never_lies_inside_the_project(
    monkeypatch: pytest.MonkeyPatch, inside: str
) -> None:
    monkeypatch.setenv("TINYLLAMA_STATE_DIR", str(settings.PROJECT / inside))

    with pytest.raises(NotConfigured, match="TINYLLAMA_STATE_DIR"):
        tinyllama.development_jwks_path()


def test_without_a_setting_the_users_state_folder_is_meant(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("TINYLLAMA_STATE_DIR")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)

    assert state_folder().is_relative_to(tmp_path)
    assert state_folder().name == "tinyllama-router"


@pytest.mark.parametrize(
    ("environment", "jwks", "trusted"),
    [("local", "", True), ("local", "keys.json", False), ("staging", "", False)],
)
def test_the_development_key_counts_locally_and_without_a_key_set_alone(
    monkeypatch: pytest.MonkeyPatch, environment: str, jwks: str, *, trusted: bool
) -> None:
    monkeypatch.setenv("TINYLLAMA_ENV", environment)
    monkeypatch.setenv("TINYLLAMA_JWKS", jwks)

    accepted = wiring._token_settings()  # noqa: SLF001 - a verifier would ask the issuer

    assert (accepted.jwks == str(tinyllama.development_jwks_path())) is trusted


def test_an_api_key_made_without_arguments_may_do_everything_for_an_hour() -> None:
    key = read_api_key(devkeys.make_api_key(clock=lambda: NOW))

    assert (key.tenant, key.name) == ("dev", "dev")
    assert key.scopes == set(devkeys.SCOPES)
    assert (key.issued_at, key.expires_at) == (NOW, NOW + 3600)


def test_two_api_keys_differ_unless_their_id_is_given() -> None:
    def make(key_id: str | None) -> str:
        return devkeys.make_api_key(key_id=key_id, clock=lambda: NOW)

    assert make(None) != make(None)
    assert make("key_" + "0" * 32) == make("key_" + "0" * 32)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"expires_in": -1}, "token_expired"),
        ({"environment": "another"}, "audience_invalid"),
        ({"key_id": "mine"}, "token_malformed"),
        ({"tenant": ""}, "token_malformed"),
    ],
)
def test_an_api_key_can_be_made_wrong_in_one_way(changes: dict[str, Any], code: str) -> None:
    text = devkeys.make_api_key(clock=lambda: NOW, **changes)

    with pytest.raises(TokenRejected) as caught:
        read_api_key(text)
    assert caught.value.code == code


def test_the_signing_key_is_readable_by_its_owner_alone_and_its_set_public(state: Path) -> None:
    path = devkeys.development_key_jwks_path()

    assert path.is_relative_to(state)
    assert {mode(file) for file in path.parent.iterdir()} == {0o600}
    (key,) = json.loads(path.read_text())["keys"]
    assert set(key) == {"kty", "crv", "x", "kid", "alg", "use"}


@pytest.mark.usefixtures("state")
def test_the_key_that_signs_tokens_is_not_taken_for_the_one_that_signs_api_keys() -> None:
    folder = tinyllama.development_jwks_path().parent
    wrong = (folder / "development-key.pem").read_bytes()
    (folder / "development-signing-key.pem").write_bytes(wrong)

    with pytest.raises(NotConfigured, match=r"development-signing-key\.pem holds no Ed25519 key"):
        devkeys.make_api_key()


@pytest.mark.slow
def test_processes_that_race_end_with_one_key(tmp_path: Path) -> None:
    code = (
        "import tinyllama.devkeys as tools;"
        "path = tools.development_jwks_path();"
        "signing = tools.development_key_jwks_path();"
        "print(tools.make_token());"
        "print(tools.make_api_key());"
        "print(path.read_text(), signing.read_text())"
    )
    processes = [in_new_process(code, tmp_path) for _ in range(6)]
    outputs = [process.communicate(timeout=60)[0] for process in processes]

    lines = [output.split("\n", 2) for output in outputs]
    signed = [text.removeprefix("tlk_") for token, api_key, _ in lines for text in (token, api_key)]
    kids = {jwt.get_unverified_header(text)["kid"] for text in signed}
    (sets,) = {text for _, _, text in lines}
    assert [process.returncode for process in processes] == [0] * 6
    assert len(kids) == 2
    assert all(kid in sets for kid in kids)
    assert len(list((tmp_path / "keys").iterdir())) == 4


@pytest.mark.slow
def test_importing_tinyllama_loads_nothing_heavy(tmp_path: Path) -> None:
    heavy = "{'jwt', 'cryptography', 'boto3', 'redis', 'platformdirs', 'chalicelib'}"
    code = f"import sys, tinyllama; print(sorted({heavy} & set(sys.modules)), dir(tinyllama))"

    output = in_new_process(code, tmp_path).communicate(timeout=60)[0]

    assert output.startswith("[] ")
    assert "make_token" in output


def test_tinyllama_has_no_other_attributes() -> None:
    with pytest.raises(AttributeError, match="no_such_tool"):
        tinyllama.no_such_tool  # noqa: B018
