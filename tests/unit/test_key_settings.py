"""Where the public keys come from that API keys are read with."""

import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib import settings
from chalicelib.errors import KeysUnavailable, NotConfigured, TokenRejected
from chalicelib.keysources import api_key_source
from chalicelib.settings import KeySettings
from tests.crafting import jwk
from tinyllama import signing_keys

ONE, TWO = signing_keys.create(), signing_keys.create()
PUBLIC, SECOND = signing_keys.public_jwk(ONE), signing_keys.public_jwk(TWO)


def text(*keys: Any) -> str:
    return json.dumps({"keys": keys})


def source(jwks: str | None) -> Any:
    return api_key_source(KeySettings("staging", jwks))


def test_without_the_setting_there_are_no_api_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINYLLAMA_ENV", "staging")
    monkeypatch.delenv("TINYLLAMA_KEY_JWKS", raising=False)

    found = settings.key_settings()

    assert found == KeySettings("staging", None)
    assert api_key_source(found) is None


def test_the_setting_is_read_with_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINYLLAMA_ENV", "staging")
    monkeypatch.setenv("TINYLLAMA_KEY_JWKS", text(PUBLIC))

    assert settings.key_settings() == KeySettings("staging", text(PUBLIC))


def test_a_text_holds_the_keys_of_before_and_after_a_rotation() -> None:
    found = source(text(PUBLIC, SECOND))

    assert [found.find(each["kid"]).kid for each in (PUBLIC, SECOND)] == [
        PUBLIC["kid"],
        SECOND["kid"],
    ]
    with pytest.raises(TokenRejected):
        found.find("another")


@pytest.mark.parametrize(
    "told",
    [
        "{",
        "{}",
        '{"keys": []}',
        '{"keys": {}}',
        '{"keys": [], "keys": []}',
        text("a key"),
        text(PUBLIC, PUBLIC),
        text(PUBLIC, {**SECOND, "x": "AAAA"}),
        text(PUBLIC, {**SECOND, "use": "enc"}),
        text({"kty": "oct", "k": "c2VjcmV0"}),
        text(PUBLIC) + "{}",
    ],
)
def test_a_text_that_is_no_set_of_usable_keys_stops_the_start_and_is_not_repeated(
    told: str,
) -> None:
    with pytest.raises(NotConfigured, match=r"^TINYLLAMA_KEY_JWKS ") as refusal:
        source(told)

    assert "AAAA" not in refusal.value.detail


@pytest.mark.parametrize("private", [{**PUBLIC, "d": "c2VjcmV0"}, {**jwk(), "p": "c2VjcmV0"}])
def test_a_private_key_is_not_taken_for_a_public_one(private: dict[str, str]) -> None:
    with pytest.raises(NotConfigured, match="holds a private key") as refusal:
        source(text(private))

    assert "c2VjcmV0" not in refusal.value.detail


def test_a_path_names_a_file_that_may_change(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_text(text(PUBLIC))
    found = source(str(file))
    before = found.find(PUBLIC["kid"])

    file.write_text(text(PUBLIC, SECOND))

    assert before.kid == PUBLIC["kid"]
    assert found.find(SECOND["kid"]).kid == SECOND["kid"]


def test_a_file_that_is_not_there_is_told_by_its_variable(tmp_path: Path) -> None:
    found = source(str(tmp_path / "none.json"))

    with pytest.raises(KeysUnavailable) as refusal:
        found.find(PUBLIC["kid"])
    assert "TINYLLAMA_KEY_JWKS" in refusal.value.detail
    assert str(tmp_path) not in refusal.value.detail


def test_a_path_counts_from_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "PROJECT", tmp_path)
    (tmp_path / "keys.json").write_text(text(PUBLIC))

    assert source("keys.json").find(PUBLIC["kid"]).kid == PUBLIC["kid"]
