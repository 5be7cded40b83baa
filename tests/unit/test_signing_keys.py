"""The key that signs API keys: its forms, and that what it signs is read as it was meant."""

import hashlib

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chalicelib import keysets
from chalicelib.api_keys import ApiKey, ApiKeys
from chalicelib.errors import TokenRejected
from tests import crafting
from tinyllama import signing_keys

NOW = 1_800_000_000
KEY_ID = "key_" + "ab" * 16
# RFC 8037, appendix A.1 to A.3: a private key, its public one, its thumbprint.
RFC_PRIVATE = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
RFC_PUBLIC = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
RFC_THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def signed(private: Ed25519PrivateKey, environment: str = "staging") -> str:
    return signing_keys.sign_api_key(
        private,
        environment=environment,
        tenant="acme",
        name="Build server",
        scopes=["jobs:read", "infer:write"],
        issued_at=NOW,
        expires_at=NOW + 60,
        key_id=KEY_ID,
    )


def reader(*privates: Ed25519PrivateKey) -> ApiKeys:
    jwks = [signing_keys.public_jwk(private) for private in privates]
    return ApiKeys("staging", keysets.parse({"keys": jwks}), lambda: NOW)


def test_the_public_key_and_its_kid_are_those_of_rfc_8037() -> None:
    private = Ed25519PrivateKey.from_private_bytes(jwt.utils.base64url_decode(RFC_PRIVATE))

    jwk = signing_keys.public_jwk(private)

    assert (jwk["kty"], jwk["crv"], jwk["x"]) == ("OKP", "Ed25519", RFC_PUBLIC)
    assert jwk["kid"] == RFC_THUMBPRINT
    assert "d" not in jwk


def test_a_private_key_comes_back_from_its_pem() -> None:
    private = signing_keys.create()

    back = signing_keys.read_pem(signing_keys.pem(private))

    assert back.private_bytes_raw() == private.private_bytes_raw()


@pytest.mark.parametrize(
    "text", [b"", b"not a key", signing_keys.pem(crafting.private_key("RS256"))]
)
def test_what_is_no_ed25519_key_is_not_read_as_one(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"^no "):
        signing_keys.read_pem(text)


def test_a_signed_key_says_what_it_was_signed_for() -> None:
    private = signing_keys.create()
    text = signed(private)

    key = reader(private).read(text)

    assert key == ApiKey(
        id=KEY_ID,
        tenant="acme",
        name="Build server",
        scopes=frozenset({"infer:write", "jobs:read"}),
        issued_at=NOW,
        expires_at=NOW + 60,
        digest=hashlib.sha256(text.encode()).hexdigest(),
    )


def test_the_same_key_is_signed_alike_again() -> None:
    private = signing_keys.create()

    assert signed(private) == signed(private)


def test_while_the_signing_key_is_replaced_keys_of_both_are_read() -> None:
    old, new = signing_keys.create(), signing_keys.create()
    both = reader(old, new)

    assert [both.read(signed(each)).id for each in (old, new)] == [KEY_ID, KEY_ID]


def test_a_key_of_another_signing_key_is_not_believed() -> None:
    with pytest.raises(TokenRejected) as caught:
        reader(signing_keys.create()).read(signed(signing_keys.create()))

    assert caught.value.code == "key_unknown"


def test_a_key_opens_nothing_in_another_environment() -> None:
    private = signing_keys.create()

    with pytest.raises(TokenRejected) as caught:
        reader(private).read(signed(private, environment="production"))

    assert caught.value.code == "audience_invalid"


def test_key_ids_are_new_each_time_and_look_as_they_must() -> None:
    first, second = signing_keys.new_key_id(), signing_keys.new_key_id()

    assert first != second
    assert len(first) == len("key_") + 32
