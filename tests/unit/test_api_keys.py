"""What a soundly signed API key must say, and that it and the issuer's tokens never stand in."""

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.api_keys import ApiKey, ApiKeys
from chalicelib.errors import KeysUnavailable, RouterError, TokenRejected
from chalicelib.keysets import Key
from chalicelib.settings import TokenSettings
from chalicelib.tokens import Principal, Verifier
from tests.crafting import AUDIENCE, ISSUER, NOW, jwk, key_set, sign, token

KEY_ID = "key_" + "0123456789abcdef" * 2
HEADER = {"alg": "EdDSA", "kid": "signing", "typ": "JWT"}
SAYS = {
    "iss": "urn:tinyllama:api-keys",
    "aud": "urn:tinyllama:dev",
    "jti": KEY_ID,
    "tenant": "acme",
    "name": "Ada's laptop",
    "scope": "infer:write jobs:read",
    "iat": NOW - 60,
    "exp": NOW + 60,
}
ISSUERS = TokenSettings(
    ISSUER, [AUDIENCE], None, "sub", leeway_seconds=5, scope_prefix="tinyllama/"
)


def api_key(**changes: Any) -> str:
    """Return a soundly signed API key; a claim of None is left out."""
    says = {name: value for name, value in (SAYS | changes).items() if value is not None}
    return f"tlk_{sign(HEADER, says, 'EdDSA', 'signing')}"


def as_written(claim: str, value: str) -> str:
    """Return an API key whose *claim* is the JSON text *value*."""
    rest = json.dumps({name: item for name, item in SAYS.items() if name != claim})
    return f"tlk_{sign(HEADER, f'{rest[:-1]}, "{claim}": {value}}}'.encode(), 'EdDSA', 'signing')}"


def api_keys(now: float = NOW) -> ApiKeys:
    return ApiKeys("dev", key_set(jwk("EdDSA", "signing")), lambda: now)


def verifier() -> Verifier:
    """Return what believes both issuers, each by its own key."""
    return Verifier(ISSUERS, key_set(jwk()), lambda: NOW, api_keys())


def reason(text: str, now: float = NOW) -> str:
    with pytest.raises(TokenRejected) as caught:
        api_keys(now).read(text)
    return caught.value.code


def test_an_api_key_says_what_was_signed() -> None:
    text = api_key()

    key = api_keys().read(text)

    assert key == ApiKey(
        id=KEY_ID,
        tenant="acme",
        name="Ada's laptop",
        scopes=frozenset({"infer:write", "jobs:read"}),
        issued_at=NOW - 60,
        expires_at=NOW + 60,
        digest=hashlib.sha256(text.encode()).hexdigest(),
    )


def test_its_holder_is_the_key_itself() -> None:
    text = api_key()

    principal = verifier().verify(f"Bearer {text}")

    scopes, digest = frozenset({"infer:write", "jobs:read"}), api_keys().read(text).digest
    assert principal == Principal("acme", KEY_ID, scopes, NOW + 60, KEY_ID, digest)
    context = principal.context()
    assert (context["key_id"], context["key_digest"]) == (KEY_ID, digest)


def test_two_keys_with_one_id_are_told_apart() -> None:
    read = [api_keys().read(api_key(name=name)) for name in ("one", "two", "one")]

    assert read[0] == read[2]
    assert read[0].id == read[1].id
    assert read[0].digest != read[1].digest


REFUSED: dict[tuple[str, str], list[object]] = {
    ("iss", "issuer_untrusted"): [None, "", ISSUER, [SAYS["iss"]], "urn:tinyllama:api-keys/"],
    ("aud", "audience_invalid"): [None, "", "urn:tinyllama:prod", AUDIENCE, [SAYS["aud"]]],
    ("jti", "token_malformed"): [None, "", 7, KEY_ID[:-1], KEY_ID + "0", KEY_ID + "\n"],
    ("tenant", "token_malformed"): [None, "", "a b", "a\0", 7],
    ("name", "token_malformed"): [None, "", "a\0", "\x1b[2J", "\x9b2J", "a\x7f", "a" * 129],
    ("scope", "token_malformed"): [7, "a\0", ["a b"], {"a": 1}],
    ("iat", "token_malformed"): [None, -1, True, "1", []],
    ("exp", "token_malformed"): [None, True, "1", []],
    ("exp", "token_expired"): [NOW],
    ("nbf", "token_not_yet_valid"): [NOW + 61],
    ("iat", "token_not_yet_valid"): [NOW + 61],
}


@pytest.mark.parametrize(
    ("claim", "value", "code"),
    [(claim, value, code) for (claim, code), values in REFUSED.items() for value in values],
)
def test_an_api_key_that_says_something_else_is_refused(
    claim: str, value: object, code: str
) -> None:
    assert reason(api_key(**{claim: value})) == code


@pytest.mark.parametrize("claim", ["jti", "tenant", "name", "scope"])
@pytest.mark.parametrize("value", ['"\\ud800"', "7", "null", '"a\\n"', '"a\\u0000"'])
def test_its_texts_hold_no_half_characters_and_no_controls(claim: str, value: str) -> None:
    assert reason(as_written(claim, value)) == "token_malformed"


@pytest.mark.parametrize("value", ["1e400", "-1e400", "NaN", "9" * 5000, "null", "253402300800"])
@pytest.mark.parametrize("claim", ["iat", "exp", "nbf"])
def test_its_times_are_numbers_of_this_age(claim: str, value: str) -> None:
    assert reason(as_written(claim, value)) == "token_malformed"


def test_its_times_are_told_in_whole_seconds() -> None:
    key = api_keys().read(api_key(iat=NOW - 0.5, exp=NOW + 59.5))

    assert (key.issued_at, key.expires_at) == (NOW - 1, NOW + 59)
    assert {type(key.issued_at), type(key.expires_at)} == {int}


def test_a_key_of_the_first_second_there_is_was_made_then() -> None:
    assert api_keys().read(api_key(iat=0)).issued_at == 0


def test_a_clock_of_the_operators_may_be_a_minute_ahead() -> None:
    assert api_keys().read(api_key(iat=NOW + 60)).issued_at == NOW + 60


def test_a_name_is_up_to_128_characters_of_any_script() -> None:
    name = "\u00e9\u65e5 " * 42 + "ab"

    assert api_keys().read(api_key(name=name)).name == name


@pytest.mark.parametrize("text", ["", "tlk", "tlk_", "TLK_a.b.c", "a.b.c", " tlk_a.b.c"])
def test_an_api_key_begins_with_its_prefix(text: str) -> None:
    assert reason(text) == "token_malformed"


def test_without_its_prefix_it_is_no_api_key() -> None:
    assert reason(api_key().removeprefix("tlk_")) == "token_malformed"
    assert reason("tlk_" + api_key()) == "token_malformed"


def told(authorization: str) -> str:
    with pytest.raises(TokenRejected) as caught:
        verifier().verify(authorization)
    return caught.value.code


def test_the_keys_of_one_issuer_are_no_keys_of_the_other() -> None:
    of_the_issuer = sign({"alg": "RS256", "kid": "one"}, SAYS)

    assert told(f"Bearer tlk_{of_the_issuer}") == "key_unknown"
    assert told(f"Bearer {api_key().removeprefix('tlk_')}") == "key_unknown"


def test_an_issuers_token_is_no_api_key_although_the_signing_key_is_its_too() -> None:
    shared = key_set(jwk())
    both = Verifier(ISSUERS, shared, lambda: NOW, ApiKeys("dev", shared, lambda: NOW))

    with pytest.raises(TokenRejected, check=lambda error: error.code == "issuer_untrusted"):
        both.verify(f"Bearer tlk_{token()}")
    with pytest.raises(TokenRejected, check=lambda error: error.code == "issuer_untrusted"):
        both.verify(f"Bearer {sign({'alg': 'RS256', 'kid': 'one'}, SAYS)}")


def test_groups_bring_an_api_key_nothing() -> None:
    grouped = replace(ISSUERS, group_scopes={"ops": frozenset({"queue:admin"})})
    both = Verifier(grouped, key_set(jwk()), lambda: NOW, api_keys())

    principal = both.verify(f"Bearer {api_key(**{'cognito:groups': ['ops']})}")

    assert principal.scopes == {"infer:write", "jobs:read"}


def test_where_no_api_keys_are_set_up_none_is_looked_at() -> None:
    with pytest.raises(TokenRejected) as caught:
        Verifier(ISSUERS, key_set(), lambda: NOW).verify("Bearer tlk_whatever")

    assert caught.value.code == "issuer_untrusted"
    assert "No API keys are set up" in caught.value.detail


def test_unavailable_keys_are_no_verdict_on_an_api_key() -> None:
    class Away:
        def find(self, kid: str | None) -> Key:
            raise KeysUnavailable(str(kid is None))

    with pytest.raises(KeysUnavailable):
        ApiKeys("dev", Away(), lambda: NOW).read(api_key())


def test_no_refusal_repeats_any_of_the_key() -> None:
    for text in (api_key(name="very-secret\n"), api_key(aud="very-secret"), "tlk_very-secret"):
        with pytest.raises(RouterError) as caught:
            api_keys().read(text)

        assert "very-secret" not in json.dumps(caught.value.problem("r")) + str(caught.value)
