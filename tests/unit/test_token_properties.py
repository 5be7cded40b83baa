"""What holds of every token, however odd: it is read in one way or refused, and nothing else."""

import contextlib
import hashlib
import json
import math
import time
from typing import Any

import jwt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jwt.types import Options

from chalicelib import claims, jws, limits
from chalicelib.api_keys import KEY_ID, NAME, ApiKeys
from chalicelib.errors import TOKEN_REASONS, TokenRejected
from chalicelib.keysets import KeySet
from chalicelib.settings import TokenSettings
from chalicelib.tokens import Principal, Verifier, bearer_token
from tests.crafting import AUDIENCE, ISSUER, NOW, b64, jwk, key_set, private_key, sign
from tests.crafting import claims as good_claims
from tests.unit.odd_json import NUMBERS, TEXT, VALUES, changed, renamed, spelled

HEADER = {"alg": "EdDSA", "kid": "one", "typ": "JWT"}
HEADER_NAMES = ("crit", "b64", "zip", "jwk", "jku", "x5u", "x5c", "cty", "enc")
CLAIM_NAMES = ("nbf", "scp", "token_use", "client_id", "jti", "tenant", "name")
API_KEY = {
    "iss": "urn:tinyllama:api-keys",
    "aud": "urn:tinyllama:dev",
    "jti": f"key_{'0f' * 16}",
    "tenant": "acme",
    "name": "Ada's laptop",
    "scope": "infer:write jobs:read",
    "iat": NOW,
    "exp": NOW + 60,
}
SETTINGS = TokenSettings(ISSUER, [AUDIENCE], None, "sub", leeway_seconds=5, scope_prefix="")
# The clock is ours, and nobody here reads an issuer's jti.
NO_CLOCK: Options = {
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "verify_jti": False,
}
WORDS = st.text("abzAZ09._:@|/+-", min_size=1, max_size=128)
SCOPES = st.lists(st.text("!#[]^~az:", min_size=1, max_size=12), max_size=5)
SIGNED = "ABCabc019-_."
NEAR = st.text("".join((SIGNED, "=+/ \n\0é\ud800")), max_size=60)


def keys() -> KeySet:
    return key_set(jwk("EdDSA"))


def api_keys() -> ApiKeys:
    return ApiKeys("dev", keys(), lambda: NOW)


def verifier() -> Verifier:
    return Verifier(SETTINGS, keys(), lambda: NOW, api_keys())


def signed(header: Any, payload: Any) -> str:
    """Return a JWS of these two, each a JSON value or its octets, soundly signed."""
    parts = [
        part if isinstance(part, bytes) else spelled(part).encode("utf-8", "surrogatepass")
        for part in (header, payload)
    ]
    return sign(parts[0], parts[1], "EdDSA")


def verified(token: str) -> Principal | str:
    """Return whom *token* is believed to be, or the reason of its refusal."""
    try:
        return verifier().verify(f"Bearer {token}")
    except TokenRejected as refusal:
        return refusal.code


SOUND = signed(HEADER, good_claims())
SOUND_KEY = f"tlk_{signed(HEADER, API_KEY)}"


@given(value=TEXT | st.text("bB earEAr=\t ", max_size=12) | NEAR)
def test_any_authorization_is_one_token_or_refused(value: str) -> None:
    for each in (value, f"Bearer {value}"):
        with contextlib.suppress(TokenRejected):
            assert " " not in bearer_token(each)
    if value and " " not in value:
        assert bearer_token(f"  bEaReR  {value} ") == value


@given(text=NEAR | TEXT)
@example(text="..")
@example(text="tlk_")
@example(text="tlk_tlk_..")
def test_any_text_is_refused_as_a_token_with_one_of_the_reasons(text: str) -> None:
    for token in (text, f"tlk_{text}", f"{SOUND}{text}."):
        assert verified(token) in TOKEN_REASONS


@given(text=changed(SOUND, SIGNED) | changed(SOUND_KEY, SIGNED))
def test_a_sound_token_that_was_changed_anywhere_is_refused(text: str) -> None:
    if text not in {SOUND, SOUND_KEY}:
        assert verified(text) in TOKEN_REASONS


@given(header=renamed(HEADER, *HEADER_NAMES), payload=renamed(good_claims(), *CLAIM_NAMES))
def test_what_is_believed_py_jwt_believes_too_and_reads_alike(
    header: dict[str, Any], payload: dict[str, Any]
) -> None:
    token = signed(header, payload)

    found = verified(token)

    if isinstance(found, Principal):
        read = jwt.decode(
            token,
            private_key("EdDSA", "one").public_key(),
            algorithms=["EdDSA"],
            options=NO_CLOCK,
            audience=AUDIENCE,
            issuer=ISSUER,
        )
        assert (found.tenant, found.expires_at) == (read["sub"], math.floor(read["exp"]))
    else:
        assert found in TOKEN_REASONS


@given(payload=renamed(API_KEY, *CLAIM_NAMES))
def test_an_api_key_that_is_read_says_what_was_signed(payload: dict[str, Any]) -> None:
    with contextlib.suppress(TokenRejected):
        key = api_keys().read(f"tlk_{signed(HEADER, payload)}")
        assert (key.id, key.tenant, key.name) == tuple(
            payload[n] for n in ("jti", "tenant", "name")
        )
        assert KEY_ID.fullmatch(key.id)
        assert NAME.fullmatch(key.name)
        assert key.expires_at > NOW


@given(
    payload=st.binary(max_size=40)
    | st.text('{}[]":,\\udeiaxps019.-+eE', max_size=30).map(str.encode)
    | VALUES.map(lambda value: spelled(value).encode())
)
def test_any_signed_octets_are_claims_or_refused(payload: bytes) -> None:
    token = signed(HEADER, payload)

    with contextlib.suppress(TokenRejected):
        assert jws.verify_signature(token, keys()) == payload
        assert jws.verified_claims(token, keys()) == json.loads(payload)
    assert verified(token) in TOKEN_REASONS


@given(tenant=WORDS, scopes=SCOPES, seconds=st.integers(1, 10**9), names=SCOPES)
def test_a_sound_token_is_believed_whatever_else_it_says(
    tenant: str, scopes: list[str], seconds: int, names: list[str]
) -> None:
    told = {"sub": tenant, "scope": " ".join(scopes), "exp": NOW + seconds}
    token = signed(HEADER, good_claims(**told) | {f"x-{name}": name for name in names})

    found = verified(token)

    assert found == Principal(tenant, tenant, frozenset(scopes), NOW + seconds)


@given(tenant=WORDS, scopes=SCOPES, name=st.text("aé '\"\U0001f999", min_size=1, max_size=128))
def test_a_sound_api_key_is_believed(tenant: str, scopes: list[str], name: str) -> None:
    told = {"tenant": tenant, "name": name, "scope": " ".join(scopes)}

    text = f"tlk_{signed(HEADER, API_KEY | told)}"

    found = verified(text)

    key_id, digest = str(API_KEY["jti"]), hashlib.sha256(text.encode()).hexdigest()
    assert found == Principal(tenant, key_id, frozenset(scopes), NOW + 60, key_id, digest)


@given(segment=NEAR, octets=st.binary(max_size=40))
def test_octets_have_one_spelling(segment: str, octets: bytes) -> None:
    with contextlib.suppress(TokenRejected):
        assert b64(claims.decoded(segment)) == segment
    if octets:
        assert claims.decoded(b64(octets)) == octets


@given(octets=st.binary(max_size=30) | VALUES.map(lambda value: spelled(value).encode()))
def test_any_octets_are_one_object_or_refused(octets: bytes) -> None:
    with contextlib.suppress(TokenRejected):
        read = claims.read(octets, "payload")
        assert read == json.loads(octets)
        assert isinstance(read, dict)


@given(told=renamed(good_claims(), "nbf", "scp"), now=st.integers(0, 2 * NOW))
def test_odd_claims_are_read_or_refused(told: dict[str, Any], now: int) -> None:
    with contextlib.suppress(TokenRejected):
        assert now < math.nextafter(claims.lifetime(told, now, 5) + 1, math.inf)
    with contextlib.suppress(TokenRejected):
        assert all(scope and " " not in scope for scope in claims.scopes(told, ""))
    with contextlib.suppress(TokenRejected):
        assert claims.TENANT.fullmatch(claims.text(told, "sub", claims.TENANT))
    with contextlib.suppress(TokenRejected):
        moment = claims.time(told, "exp")
        assert moment is None or math.isfinite(moment)


@given(value=NUMBERS)
def test_any_number_is_a_moment_of_this_calendar_or_refused(value: float) -> None:
    with contextlib.suppress(TokenRejected):
        moment = claims.time({"exp": value}, "exp")
        assert moment == value
        assert abs(moment) < 10_000 * 366 * 86_400


@pytest.mark.parametrize(
    "unit", ["A", ".", "=", "[", '{"a":', '"a",', "9", "\\u00e9", '{"a":1,"a":1},', "a:b "]
)
@pytest.mark.parametrize("place", ["text", "header", "payload", "scope"])
def test_the_longest_of_tokens_are_refused_in_bounded_time(unit: str, place: str) -> None:
    many = (unit * jws.TOKEN_CHARS)[: jws.TOKEN_CHARS * 3 // 4 - 400]
    tokens = {
        "text": unit * limits.BODY_BYTES,
        "header": signed(many.encode(), good_claims()),
        "payload": signed(HEADER, many.encode()),
        "scope": signed(HEADER, good_claims(scope=many[:4000])),
    }
    start = time.thread_time()

    verified(tokens[place])

    # A millisecond on a quiet core; anything quadratic takes seconds.
    assert time.thread_time() - start < 0.5
