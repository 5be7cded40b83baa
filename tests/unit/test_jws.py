"""The form and the signature of a token: RFC 7515, and what RFC 8725 warns of."""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any

import pytest

from chalicelib import claims as claims_reading
from chalicelib import jws, keysets
from chalicelib.errors import TokenRejected
from chalicelib.keysets import Key
from tests.crafting import b64, claims, jwk, key_set, private_key, sign

RSA_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
ALL_ALGORITHMS = [*RSA_ALGORITHMS, "ES256", "ES384", "ES512", "EdDSA"]
HEADER = {"alg": "RS256", "kid": "one"}
# RFC 7515 appendix A.3 and RFC 8037 appendix A.4: key, token, payload.
RFC_EXAMPLES = [
    (
        {
            "kty": "EC",
            "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        },
        (
            "eyJhbGciOiJFUzI1NiJ9."
            "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
            "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSA"
            "pmWQxfKTUJqPP3-Kg6NU1Q"
        ),
        b'{"iss":"joe",\r\n "exp":1300819380,\r\n "http://example.com/is_root":true}',
    ),
    (
        {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
        (
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5B"
            "hVsPt9g7sVvpAr_MuM0KAg"
        ),
        b"Example of Ed25519 signing",
    ),
]


class NoKeys:
    """A source that fails the test when it is asked."""

    def find(self, kid: str | None) -> Key:
        raise AssertionError(f"asked for the key {kid}")


def reason(token: str, *jwks: dict[str, Any]) -> str:
    """Return why *token* is refused by the key set of *jwks*."""
    with pytest.raises(TokenRejected) as caught:
        jws.verify_signature(token, key_set(*jwks))
    return caught.value.code


def hmac_token(header: dict[str, Any], secret: bytes) -> str:
    message = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims()).encode())}"
    digest = hmac.new(secret, message.encode(), hashlib.sha256).digest()
    return f"{message}.{b64(digest)}"


@pytest.mark.parametrize("algorithm", ALL_ALGORITHMS)
def test_a_sound_signature_gives_the_payload_as_signed(algorithm: str) -> None:
    payload = b'{ "sub":\r\n"alice" }'
    token = sign({"alg": algorithm, "kid": "one"}, payload, algorithm)

    assert jws.verify_signature(token, key_set(jwk(algorithm, key_ops=None))) == payload


@pytest.mark.parametrize(("key", "token", "payload"), RFC_EXAMPLES, ids=["RFC 7515", "RFC 8037"])
def test_the_examples_of_the_standards_verify(
    key: dict[str, Any], token: str, payload: bytes
) -> None:
    assert jws.verify_signature(token, keysets.parse({"keys": [key]})) == payload


@pytest.mark.parametrize("algorithm", ALL_ALGORITHMS)
@pytest.mark.parametrize("part", [1, 2], ids=["payload", "signature"])
def test_a_changed_payload_or_signature_is_refused(algorithm: str, part: int) -> None:
    parts = sign({"alg": algorithm, "kid": "one"}, claims(), algorithm).split(".")
    octets = bytearray(base64.urlsafe_b64decode(parts[part] + "=="))
    octets[5] ^= 1
    parts[part] = b64(bytes(octets))

    assert reason(".".join(parts), jwk(algorithm, key_ops=None)) == "signature_invalid"


def test_a_changed_header_is_refused() -> None:
    _, payload, signature = sign(HEADER, claims()).split(".")
    header = b64(json.dumps(HEADER | {"more": 1}).encode())

    assert reason(f"{header}.{payload}.{signature}") == "signature_invalid"


def test_another_keys_signature_is_refused() -> None:
    token = sign(HEADER, claims(), name="stranger")

    assert reason(token) == "signature_invalid"


def test_a_key_that_is_not_published_is_unknown() -> None:
    token = sign({"alg": "RS256", "kid": "two"}, claims(), name="two")

    assert reason(token) == "key_unknown"


def test_a_token_without_kid_is_taken_when_there_is_one_key_only() -> None:
    token = sign({"alg": "RS256"}, b"payload")

    assert jws.verify_signature(token, key_set()) == b"payload"
    assert reason(token, jwk(), jwk("ES256", "two")) == "key_unknown"


def test_a_key_verifies_the_algorithms_of_its_own_type_only() -> None:
    token = sign({"alg": "ES256", "kid": "one"}, claims(), "ES256")

    assert reason(token, jwk("RS256")) == "signature_invalid"


def test_a_key_verifies_nothing_but_its_alg() -> None:
    token = sign({"alg": "RS256", "kid": "one"}, claims())

    assert reason(token, jwk(alg="RS512")) == "signature_invalid"


@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE", "", "HS256", "ES256K", "rs256"])
@pytest.mark.parametrize("signed", [True, False])
def test_no_alg_but_the_listed_ones_is_taken_or_makes_anybody_fetch_keys(
    algorithm: str, *, signed: bool
) -> None:
    token = hmac_token({"alg": algorithm, "kid": "one"}, b"")
    token = token if signed else token[: token.rindex(".") + 1]

    with pytest.raises(TokenRejected, check=lambda error: error.code == "signature_invalid"):
        jws.verify_signature(token, NoKeys())


def test_an_unsigned_token_is_refused_whatever_its_alg() -> None:
    token = sign(HEADER, claims())

    assert reason(token[: token.rindex(".") + 1]) == "signature_invalid"


@pytest.mark.parametrize("form", ["n", "jwk"])
def test_a_public_key_is_no_hmac_secret(form: str) -> None:
    public = jwk()
    secret = public["n"].encode() if form == "n" else json.dumps(public).encode()

    assert reason(hmac_token({"alg": "HS256", "kid": "one"}, secret)) == "signature_invalid"


@pytest.mark.parametrize("member", ["jwk", "jku", "x5u", "x5c", "x5t"])
def test_a_token_does_not_bring_its_own_key(member: str) -> None:
    brought: object = jwk(name="stranger") | {"kid": "one"}
    if member != "jwk":
        brought = "https://stranger.example/keys"

    forged = sign(HEADER | {member: brought}, claims(), name="stranger")
    sound = sign(HEADER | {member: brought}, b"payload")

    assert reason(forged) == "signature_invalid"
    assert jws.verify_signature(sound, key_set()) == b"payload"


@pytest.mark.parametrize(
    "change",
    [
        {"crit": ["exp"]},
        {"crit": []},
        {"b64": False, "crit": ["b64"]},
        {"b64": True},
        {"zip": "DEF"},
    ],
)
def test_header_members_that_change_the_reading_are_refused(change: dict[str, Any]) -> None:
    assert reason(sign(HEADER | change, claims())) == "token_malformed"


def test_an_empty_payload_is_a_payload() -> None:
    assert jws.verify_signature(sign(HEADER, b""), key_set()) == b""


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(b'{"alg":"RS256","alg":"none","kid":"one"}', id="a member twice"),
        pytest.param(b'{"alg":"RS256","kid":"one","a":{"b":1,"b":2}}', id="twice further down"),
        pytest.param(b'\xef\xbb\xbf{"alg":"RS256","kid":"one"}', id="byte order mark"),
        pytest.param('{"alg":"RS256","kid":"one"}'.encode("utf-16-le"), id="UTF-16"),
        pytest.param(b'{"alg":"RS256","kid":"\xff"}', id="not UTF-8"),
        pytest.param(b'{"alg":"RS256","kid":"one"', id="cut short"),
        pytest.param(b'["RS256"]', id="a list"),
        pytest.param(b'{"alg":"RS256","kid":"one","a":' + b"[" * 3000, id="deep"),
        pytest.param(b'{"kid":"one"}', id="no alg"),
        pytest.param(b'{"alg":["RS256"],"kid":"one"}', id="alg is a list"),
        pytest.param(b'{"alg":"RS256","kid":1}', id="kid is a number"),
        pytest.param(b'{"alg":"RS256","kid":null}', id="kid is null"),
        pytest.param(b'{"alg":"RS256","kid":""}', id="kid is empty"),
        pytest.param(b'{"alg":"RS256","kid":"%s"}' % (b"k" * 257), id="kid of 257 characters"),
        pytest.param(b'{"alg":"RS256","kid":"\\ud800"}', id="lone surrogate in kid"),
        pytest.param(b'{"alg":"RS256","kid":"one","a":1e400}', id="a number beyond a double"),
        pytest.param(b'{"alg":null,"kid":"one"}', id="alg is null"),
        pytest.param(b"not json", id="not JSON"),
    ],
)
def test_a_header_that_cannot_be_read_in_one_way_is_refused(header: bytes) -> None:
    assert reason(sign(header, claims())) == "token_malformed"


def broken(token: str) -> Sequence[Any]:
    head, payload, signature = token.split(".")
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    # A payload of 4n+2 characters leaves four unused bits: another spelling of the same octets.
    loose = payload[:-1] + last[last.index(payload[-1]) + 1]
    return [
        pytest.param("", id="nothing"),
        pytest.param(head, id="one part"),
        pytest.param(f"{head}.{payload}", id="two parts"),
        pytest.param(f"{token}.", id="an empty fourth part"),
        pytest.param(f"{token}.{signature}", id="four parts"),
        pytest.param(f".{payload}.{signature}", id="no header"),
        pytest.param(f"{token}=", id="padding"),
        pytest.param(f"{token}==", id="more padding"),
        pytest.param(f"{head}=.{payload}.{signature}", id="padding in the header"),
        pytest.param(f"{head}.{payload}?.{signature}", id="junk in the payload"),
        pytest.param(f"{head}. {payload}.{signature}", id="space"),
        pytest.param(f"{token}\n", id="newline"),
        pytest.param(f"{head}.{payload}.+{signature[1:]}", id="plain base64"),
        pytest.param(f"{head}.{loose}.{signature}", id="unused bits set"),
        pytest.param(f"{head}.{payload}.{signature}AAA", id="a length base64 cannot have"),
        pytest.param(f"{head}.{payload}.{signature[:-1]}\N{FULLWIDTH DIGIT ONE}", id="full width"),
        pytest.param(f"{head}.{payload}.\ud800", id="lone surrogate"),
        pytest.param('{"payload":"","signatures":[]}', id="JSON serialization"),
    ]


@pytest.mark.parametrize("octets", [b"\0", b"\xd7", b"\x05\xd0", b"\0\0\x17", b"\xff\xfe\xfd"])
def test_every_last_letter_of_base64url_is_read(octets: bytes) -> None:
    assert claims_reading.decoded(b64(octets)) == octets


@pytest.mark.parametrize("token", broken(sign(HEADER, b"12345")))
def test_what_is_not_three_canonical_base64url_parts_is_refused(token: str) -> None:
    with pytest.raises(TokenRejected, check=lambda error: error.code == "token_malformed"):
        jws.verify_signature(token, NoKeys())


def test_a_kid_of_256_characters_may_be_looked_for() -> None:
    token = sign({"alg": "RS256", "kid": "k" * 256}, claims())

    assert reason(token) == "key_unknown"


@pytest.mark.parametrize("kid", ["one\0", " one", "ONE", "../one", "one' OR '1'='1"])
def test_a_kid_is_compared_exactly_and_used_for_nothing_else(kid: str) -> None:
    assert reason(sign({"alg": "RS256", "kid": kid}, claims())) == "key_unknown"


def test_a_token_is_measured_before_it_is_read() -> None:
    just, over = (sign(HEADER, b"x" * length) for length in (5856, 5857))

    assert (len(just), len(over)) == (8192, 8194)
    assert jws.verify_signature(just, key_set()) == b"x" * 5856
    with pytest.raises(TokenRejected, match="longer than 8192"):
        jws.verify_signature(over, NoKeys())


@pytest.mark.parametrize("length", [0, 1, 63, 65, 72, 256])
def test_an_ecdsa_signature_has_one_length(length: int) -> None:
    head, payload, _ = sign({"alg": "ES256", "kid": "one"}, claims(), "ES256").split(".")
    token = f"{head}.{payload}.{b64(b'\x01' * length)}"

    assert reason(token, jwk("ES256")) == "signature_invalid"


@pytest.mark.parametrize("r", [0, 1, -1])
@pytest.mark.parametrize("s", [0, 1, -1])
def test_an_ecdsa_signature_of_special_numbers_is_refused(r: int, s: int) -> None:
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    head, payload, _ = sign({"alg": "ES256", "kid": "one"}, claims(), "ES256").split(".")
    signature = b"".join((value % order).to_bytes(32, "big") for value in (r, s))

    assert reason(f"{head}.{payload}.{b64(signature)}", jwk("ES256")) == "signature_invalid"


def test_der_is_no_form_of_an_ecdsa_signature() -> None:
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 - for this test alone
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    head, payload, _ = sign({"alg": "ES256", "kid": "one"}, claims(), "ES256").split(".")
    der = private_key("ES256").sign(f"{head}.{payload}".encode(), ec.ECDSA(hashes.SHA256()))

    assert reason(f"{head}.{payload}.{b64(der)}", jwk("ES256")) == "signature_invalid"


def test_no_refusal_repeats_any_of_the_token() -> None:
    secret = "very-secret-subject"  # noqa: S105 - stands for one
    token = sign(HEADER | {"crit": [secret], "typ": secret}, claims(sub=secret))

    with pytest.raises(TokenRejected) as caught:
        jws.verify_signature(token, key_set())

    told = json.dumps(caught.value.problem("r")) + str(caught.value)
    assert secret not in told
    assert all(part not in told for part in token.split("."))
