"""Which keys of a JWK set may verify, and for which algorithms."""

import json
import time
from typing import Any

import pytest

from chalicelib import fetching, keysets
from chalicelib.errors import TokenRejected
from tests.crafting import b64, jwk, key_set, number, private_key

SECOND = jwk("ES256", "two")
# A product of small primes that keeps a made-up modulus from being anything but itself.
WIDE = (1 << 2048) - 159


def made_up_rsa(modulus: int, exponent: int = 65537) -> dict[str, Any]:
    return {"kty": "RSA", "kid": "made-up", "n": number(modulus), "e": number(exponent)}


def roca_modulus(bits: int) -> int:
    """Return an odd modulus with the fingerprint of CVE-2017-15361: a power of 65537 mod M."""
    primorial = 1
    for prime in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73):
        primorial *= prime
    for prime in (79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163):
        primorial *= prime
    return pow(65537, 123457, primorial) + primorial * ((1 << (bits - 1)) // primorial + 1)


@pytest.mark.parametrize(
    ("algorithm", "allowed"),
    [
        ("RS256", {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
        ("ES256", {"ES256"}),
        ("ES384", {"ES384"}),
        ("ES512", {"ES512"}),
        ("EdDSA", {"EdDSA", "Ed25519"}),
    ],
)
def test_a_keys_type_says_which_algorithms_it_may_verify(algorithm: str, allowed: set[str]) -> None:
    key = key_set(jwk(algorithm, alg=None, key_ops=None)).find("one")

    assert key.algorithms == allowed


def test_a_keys_alg_narrows_its_type() -> None:
    key = key_set(jwk(alg="PS384")).find("one")

    assert key.algorithms == {"PS384"}


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param({"use": "enc"}, id="use is encryption"),
        pytest.param({"use": ["sig"]}, id="use is no string"),
        pytest.param({"key_ops": ["encrypt", "wrapKey"]}, id="key_ops lack verify"),
        pytest.param({"key_ops": []}, id="no key_ops"),
        pytest.param({"key_ops": "verify"}, id="key_ops is no list"),
        pytest.param({"alg": "ES256"}, id="alg of another type"),
        pytest.param({"alg": "RSA-OAEP"}, id="alg of encryption"),
        pytest.param({"alg": "HS256"}, id="alg symmetric"),
        pytest.param({"alg": 256}, id="alg is no string"),
        pytest.param({"alg": ""}, id="alg is empty"),
        pytest.param({"use": "sig", "key_ops": ["verify", "encrypt"]}, id="use and key_ops differ"),
        pytest.param({"key_ops": ["verify", "wrapKey"]}, id="unrelated key_ops"),
        pytest.param({"key_ops": ["verify", "verify"]}, id="an operation twice"),
        pytest.param({"key_ops": ["sign"]}, id="key_ops of a private key"),
        pytest.param({"key_ops": [["verify"]]}, id="an operation is no string"),
        pytest.param({"kid": ""}, id="kid is empty"),
        pytest.param({"kid": "k" * 257}, id="kid of 257 characters"),
        pytest.param({"kid": 1}, id="kid is no string"),
        pytest.param({"kty": "oct", "k": "c2VjcmV0"}, id="symmetric"),
        pytest.param({"kty": "RSA3"}, id="unknown type"),
        pytest.param({"kty": ["RSA"]}, id="type is no string"),
        pytest.param({"kty": "RSA3", "alg": "RS256"}, id="unknown type with an alg"),
        pytest.param({"n": None}, id="no modulus"),
        pytest.param({"n": 5}, id="modulus is a number"),
        pytest.param({"n": "!"}, id="modulus is not base64url"),
        pytest.param({"n": number(WIDE >> 1)}, id="2047 bits"),
        pytest.param({"n": number((1 << 8192) + 1)}, id="8193 bits"),
        pytest.param({"n": number(WIDE + 1)}, id="even modulus"),
        pytest.param({"e": number((1 << 31) + 1)}, id="exponent of 32 bits"),
        pytest.param({"e": ""}, id="no exponent"),
        pytest.param({"e": "AQ"}, id="exponent one"),
        pytest.param({"e": "Ag"}, id="even exponent"),
    ],
)
def test_one_bad_key_does_not_take_the_others_along(bad: dict[str, Any]) -> None:
    keys = key_set(jwk(**bad), SECOND)

    assert len(keys) == 1
    assert keys.find("two").kid == "two"


@pytest.mark.parametrize("operations", [["verify"], ["sign", "verify"], ["verify", "sign"]])
def test_key_ops_of_signatures_agree_with_use(operations: list[str]) -> None:
    assert len(key_set(jwk(use="sig", key_ops=operations))) == 1


def test_a_kid_of_256_characters_is_one() -> None:
    kid = "k" * 256

    assert key_set(jwk(kid=kid)).find(kid).kid == kid


@pytest.mark.parametrize("member", ["kid", "alg", "use", "key_ops"])
def test_a_member_that_is_null_is_not_absent(member: str) -> None:
    keys = keysets.parse({"keys": [jwk() | {member: None}]})

    assert len(keys) == 0


@pytest.mark.parametrize("member", [None, 7, "key", [], {}])
def test_what_is_no_jwk_is_left_out(member: object) -> None:
    keys = keysets.parse({"keys": [member, SECOND]})

    assert len(keys) == 1


@pytest.mark.parametrize("document", [{}, {"keys": None}, {"keys": {}}, {"keys": []}])
def test_a_document_without_a_list_of_keys_holds_none(document: dict[str, Any]) -> None:
    assert len(keysets.parse(document)) == 0


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"crv": "P-384"}, id="another curve"),
        pytest.param({"crv": "secp256k1"}, id="a curve nobody asked for"),
        pytest.param({"crv": "secp256k1", "alg": "ES256"}, id="the same, with an alg"),
        pytest.param({"crv": ["P-256"]}, id="curve is no string"),
        pytest.param({"kty": ["EC"]}, id="type is no string"),
        pytest.param({"y": b64(b"\x01" * 32)}, id="not on the curve"),
        pytest.param({"x": b64(b"\x01" * 31)}, id="short coordinate"),
        pytest.param({"kty": "RSA"}, id="another type"),
        pytest.param({"alg": "ES384"}, id="alg of another curve"),
    ],
)
def test_an_ec_key_must_be_a_point_of_its_curve(changes: dict[str, Any]) -> None:
    keys = key_set(jwk("ES256", **changes))

    assert len(keys) == 0


def test_ed25519_is_the_only_okp_curve() -> None:
    keys = key_set(jwk("EdDSA", crv="X25519"), jwk("EdDSA", crv="Ed448"))

    assert len(keys) == 0


@pytest.mark.parametrize("bits", [2048, 8192])
def test_rsa_keys_of_the_outermost_sizes_are_taken(bits: int) -> None:
    keys = keysets.parse({"keys": [made_up_rsa((1 << bits) - 159)]})

    assert len(keys) == 1


@pytest.mark.parametrize("more", [0, 2, 4, 6, 8])
def test_any_odd_modulus_of_its_size_is_taken(more: int) -> None:
    keys = keysets.parse({"keys": [made_up_rsa(WIDE + more)]})

    assert len(keys) == 1


@pytest.mark.parametrize("exponent", [3, 5, 65537, (1 << 31) - 1])
def test_odd_exponents_from_3_to_31_bits_are_taken(exponent: int) -> None:
    keys = keysets.parse({"keys": [made_up_rsa(WIDE, exponent)]})

    assert len(keys) == 1


def test_a_signature_is_looked_at_in_bounded_time_whatever_the_key() -> None:
    keys = [made_up_rsa((1 << 8192) - 159, (1 << 31) - 1), made_up_rsa((1 << 3072) - 159, 3)]

    for key in (keysets.parse({"keys": [each]}).find(None) for each in keys):
        begun = time.thread_time()
        for _ in range(20):
            assert not key.verifies("RS256", b"message", b"\1" * (key.public.key_size // 8))

        # 1 ms each on a quiet core; an exponent as long as a modulus of 3,072 bits takes 8.
        assert time.thread_time() - begun < 20 * 0.005


def test_a_set_holds_256_keys_and_one_of_more_holds_none() -> None:
    fitting = [jwk("EdDSA") | {"kid": str(number)} for number in range(256)]

    assert len(keysets.parse({"keys": fitting})) == 256
    assert len(keysets.parse({"keys": [*fitting, SECOND]})) == 0


def test_a_set_as_long_as_a_fetch_may_be_is_looked_at_in_bounded_time() -> None:
    members = [jwk("EdDSA") | {"kid": str(number)} for number in range(9_000)]
    text = json.dumps({"keys": members}).encode()
    begun = time.thread_time()

    keys = keysets.parse(keysets.read_object(text))

    # 60 ms on a quiet core; to load them all took more than a second.
    assert time.thread_time() - begun < 0.6
    assert 800_000 < len(text) < fetching.BODY_BYTES
    assert len(keys) == 0


def test_rsa_keys_of_the_broken_generator_are_refused() -> None:
    modulus = roca_modulus(2048)

    assert modulus.bit_length() == 2048
    assert len(keysets.parse({"keys": [made_up_rsa(modulus)]})) == 0


def test_keys_that_share_a_kid_are_all_left_out() -> None:
    twin = jwk("ES256", "other") | {"kid": "one"}

    keys = key_set(jwk(), twin, SECOND)

    assert len(keys) == 1
    with pytest.raises(TokenRejected, check=lambda error: error.code == "key_unknown"):
        keys.find("one")


def test_a_key_without_kid_is_no_twin_of_one_that_is_called_so() -> None:
    keys = key_set(jwk(kid=None), SECOND | {"kid": "None"})

    assert keys.find("None").kid == "None"


def test_a_kid_shared_with_an_unusable_key_is_ambiguous_too() -> None:
    assert len(key_set(jwk(), {"kty": "oct", "kid": "one", "k": "c2VjcmV0"})) == 0


def test_without_a_kid_the_only_key_is_meant_and_none_of_several() -> None:
    alone, two = key_set(SECOND), key_set(jwk(), SECOND)

    assert alone.find(None).kid == "two"
    with pytest.raises(TokenRejected, check=lambda error: error.code == "key_unknown"):
        two.find(None)


def test_an_only_key_without_kid_is_meant_by_any_and_one_of_several_by_none() -> None:
    alone, two = key_set(jwk(kid=None)), key_set(jwk(kid=None), SECOND)

    assert alone.find(None) is alone.find("one")
    for kid in (None, "one"):
        with pytest.raises(TokenRejected):
            two.find(kid)


def test_an_only_key_with_another_kid_is_not_meant() -> None:
    with pytest.raises(TokenRejected, check=lambda error: error.code == "key_unknown"):
        key_set(SECOND).find("one")


def test_of_a_private_key_only_the_public_half_is_loaded() -> None:
    numbers = private_key("ES256", "two").private_numbers()
    leaked = SECOND | {"d": b64(numbers.private_value.to_bytes(32, "big"))}

    key = key_set(leaked).find("two")

    assert not hasattr(key.public, "sign")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b'{"a": 1, "a": 2}', id="a member twice"),
        pytest.param(b'{"a": {"b": 1, "\\u0062": 2}}', id="twice by another spelling"),
        pytest.param(b'\xef\xbb\xbf{"a": 1}', id="byte order mark"),
        pytest.param('{"a": 1}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b'{"a": "\xff"}', id="not UTF-8"),
        pytest.param(b'{"a": NaN}', id="NaN"),
        pytest.param(b'{"a": -Infinity}', id="Infinity"),
        pytest.param(b"[" * 100_000, id="too deep"),
        pytest.param(b'{"a": %s}' % (b"9" * 5000), id="a number of 5,000 digits"),
        pytest.param(b'{"a": 1e400}', id="beyond a double"),
        pytest.param(b'{"a": "\\ud800"}', id="lone surrogate"),
        pytest.param(b'{"a": ' + b"[" * 40 + b"]" * 40 + b"}", id="40 levels"),
        pytest.param(b'{"a": 1} {}', id="two documents"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"<html>", id="HTML"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_what_two_readers_could_read_differently_is_not_read(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        keysets.read_object(text)
