"""Whatever comes as a token is believed or refused: nothing else leaves verifier or gate."""

import contextlib
import json
from typing import Any

import pytest
from chalice.app import AuthRequest, AuthResponse
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

import app
from chalicelib.api_keys import ApiKeys
from chalicelib.authorizer import Gate, Gateway
from chalicelib.errors import KeysUnavailable, TokenRejected
from chalicelib.settings import TokenSettings
from chalicelib.tokens import Principal, Verifier
from tests.crafting import AUDIENCE, ISSUER, NOW, b64, claims, jwk, key_set, sign

SETTINGS = TokenSettings(ISSUER, [AUDIENCE], None, "sub", leeway_seconds=5)
API_KEYS = ApiKeys("dev", key_set(jwk("EdDSA", "signing")), lambda: NOW)
VERIFIER = Verifier(SETTINGS, key_set(jwk()), lambda: NOW, API_KEYS)
GATE = Gate(VERIFIER, app.route, Gateway())
ARN = "arn:aws:execute-api:eu-west-1:123456789012:abcdef1234/v1/POST/infer"
SAYS = claims() | {"iss": "urn:tinyllama:api-keys", "aud": "urn:tinyllama:dev", "tenant": "acme"}
SAYS |= {"jti": "key_" + "0" * 32, "name": "one"}

VALUE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["RS256", "EdDSA", "one", "access", ISSUER, AUDIENCE, NOW, 1e308, 10**400]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)
NAMES = [*SAYS, "nbf", "scp", "token_use", "client_id", "alg", "kid", "typ", "crit", "zip", "jwk"]
MEMBERS = ["kty", "crv", "x", "y", "n", "e", "alg", "use", "key_ops", "kid"]
KINDS = st.sampled_from(["RSA", "EC", "OKP", "P-256", "Ed25519", "sig", "verify"])
CHANGES = st.dictionaries(st.sampled_from(NAMES), VALUE, max_size=4)
PROFILE = profile(derandomize=True, database=None, deadline=None, max_examples=150)


def decided(authorization: str) -> None:
    """Ask the verifier, then the gate: both decide, and alike."""
    principal: Principal | None = None
    with contextlib.suppress(TokenRejected, KeysUnavailable):
        principal = VERIFIER.verify(authorization)
        assert all(type(value) is str for value in principal.context().values())
    try:
        decision = GATE.decide(AuthRequest("TOKEN", authorization, ARN))
    except Exception as refusal:  # noqa: BLE001 - of whatever kind, it is the gateway's 500
        # But for this text, which is its word for a 401.
        assert str(refusal) == "Unauthorized"  # noqa: PT017
        assert principal is None
    else:
        assert principal is not None or not isinstance(decision, AuthResponse)


@PROFILE
@given(text=st.text(max_size=40) | st.text(".tlk_Bearer =-A9", max_size=40), bearer=st.booleans())
def test_any_text_is_believed_or_refused(text: str, *, bearer: bool) -> None:
    decided(f"Bearer {text}" if bearer else text)


@PROFILE
@given(parts=st.lists(st.binary(max_size=60), min_size=2, max_size=4), prefix=st.booleans())
def test_any_octets_in_a_tokens_parts_are_believed_or_refused(
    parts: list[bytes], *, prefix: bool
) -> None:
    decided("Bearer " + "tlk_" * prefix + ".".join(b64(part) for part in parts))


@pytest.mark.slow
@PROFILE
@given(header=CHANGES, payload=CHANGES)
def test_any_claims_of_a_sound_signature_are_believed_or_refused(
    header: dict[str, Any], payload: dict[str, Any]
) -> None:
    sound = {"alg": "RS256", "kid": "one"} | header

    decided(f"Bearer {sign(sound, claims() | payload)}")


@pytest.mark.slow
@PROFILE
@given(header=CHANGES, payload=CHANGES)
def test_any_claims_of_a_signed_api_key_are_believed_or_refused(
    header: dict[str, Any], payload: dict[str, Any]
) -> None:
    sound = {"alg": "EdDSA", "kid": "signing"} | header

    decided(f"Bearer tlk_{sign(sound, SAYS | payload, 'EdDSA', 'signing')}")


@pytest.mark.slow
@profile(PROFILE, max_examples=60)
@given(members=st.lists(st.dictionaries(st.sampled_from(MEMBERS), VALUE | KINDS, max_size=4)))
def test_any_jwk_set_holds_the_good_key_and_verifies_or_refuses(
    members: list[dict[str, Any]],
) -> None:
    good = jwk("ES256", "good")
    keys = key_set(good, *(member for member in members if member.get("kid") != "good"))

    token = sign({"alg": "ES256", "kid": "good"}, claims(), "ES256", "good")

    assert Verifier(SETTINGS, keys, lambda: NOW).verify(f"Bearer {token}").tenant == "alice"


@pytest.mark.parametrize(
    "text", ["Bearer \ud800", "\ud800", "Bearer " + "." * 100_000, "\0" * 9999]
)
def test_what_no_header_can_hold_is_refused_too(text: str) -> None:
    with pytest.raises(TokenRejected) as caught:
        VERIFIER.verify(text)

    assert caught.value.status == 401
    assert json.dumps(caught.value.problem("r"))
