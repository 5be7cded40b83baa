"""What a soundly signed token must say to be believed, and what its holder may then do."""

import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.errors import KeysUnavailable, TokenRejected
from chalicelib.keysets import Key
from chalicelib.settings import TokenSettings
from chalicelib.tokens import Principal, Verifier, bearer_token
from tests.crafting import AUDIENCE, ISSUER, NOW, claims, key_set, sign, token

HEADER = {"alg": "RS256", "kid": "one"}
COGNITO = {"aud": None, "client_id": AUDIENCE, "token_use": "access"}


SETTINGS = TokenSettings(ISSUER, [AUDIENCE], None, "sub", leeway_seconds=5)


def verifier(now: float = NOW, **settings: Any) -> Verifier:
    return Verifier(replace(SETTINGS, **settings), key_set(), lambda: now)


def reason(signed: str, **settings: Any) -> str:
    with pytest.raises(TokenRejected) as caught:
        verifier(**settings).verify(f"Bearer {signed}")
    return caught.value.code


def test_a_good_token_says_who_calls_for_whom_and_until_when() -> None:
    principal = verifier().verify(f"Bearer {token()}")

    assert principal == Principal(
        tenant="alice",
        principal="alice",
        scopes=frozenset({"infer:write", "jobs:read"}),
        expires_at=NOW + 60,
    )


def test_the_authorizers_context_is_flat_strings() -> None:
    context = verifier().verify(f"Bearer {token()}").context()

    assert context == {
        "tenant": "alice",
        "principal": "alice",
        "scopes": "infer:write jobs:read",
        "expires_at": str(NOW + 60),
        "key_id": "",
        "key_digest": "",
    }


@pytest.mark.parametrize("kind", ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"])
def test_a_type_of_access_tokens_is_taken(kind: str) -> None:
    assert verifier().verify(f"Bearer {sign(HEADER | {'typ': kind}, claims())}").tenant == "alice"


@pytest.mark.parametrize("kind", ["logout+jwt", "dpop+jwt", "JOSE", "", None, 1, ["JWT"]])
def test_a_token_typed_for_another_use_is_refused(kind: object) -> None:
    assert reason(sign(HEADER | {"typ": kind}, claims())) == "token_use_invalid"


@pytest.mark.parametrize("text", ["Xa.b.cX", "a.b.c\t", "a.b.c\r\n", "\u00a0a.b.c"])
def test_nothing_but_spaces_is_taken_off_a_token(text: str) -> None:
    assert bearer_token(f"Bearer {text}") == text


def test_two_tokens_are_refused_before_either_is_read() -> None:
    with pytest.raises(TokenRejected, match="More than a token"):
        bearer_token("Bearer a.b.c d.e.f")


@pytest.mark.parametrize("header", ["bearer {}", "BEARER  {}", " Bearer {} "])
def test_the_schemes_case_and_spaces_around_do_not_matter(header: str) -> None:
    assert bearer_token(header.format("a.b.c")) == "a.b.c"


@pytest.mark.parametrize(
    "header", ["", " ", "Bearer", "Bearer ", "Basic YTpi", "a.b.c", "Bearera.b.c", "Bearer\ta.b.c"]
)
def test_without_a_bearer_token_it_is_missing(header: str) -> None:
    with pytest.raises(TokenRejected) as caught:
        verifier().verify(header)

    assert (caught.value.status, caught.value.code) == (401, "token_missing")


@pytest.mark.parametrize(
    "header",
    [
        *("\tBearer a.b.c", "Bearer\u00a0a.b.c", "\uff22earer a.b.c", "Bearer\0 a.b.c"),
        *(
            "Token a.b.c",
            "Basic Bearer a.b.c",
            "XBearer a.b.c",
            "B\u0435arer a.b.c",
            "\nBearer a.b.c",
            "bearer",
        ),
    ],
)
def test_only_bearer_in_ascii_and_a_space_is_the_scheme(header: str) -> None:
    with pytest.raises(TokenRejected, check=lambda error: error.code == "token_missing"):
        bearer_token(header)


@pytest.mark.parametrize(
    "rest", ["Bearer a.b.c", "a.b.c,Bearer d.e.f", "\ta.b.c", "a.b.\u00e9", "\0", "\ud800", "tlk"]
)
def test_what_follows_bearer_is_in_the_letters_of_a_token(rest: str) -> None:
    assert reason(rest) == "token_malformed"


@pytest.mark.parametrize("rest", ["a.b.c d", "a.b.c, Bearer d.e.f", "nothing", "a.b.c\t"])
def test_what_follows_bearer_must_be_one_token(rest: str) -> None:
    assert reason(rest) == "token_malformed"


@pytest.mark.parametrize(
    ("changes", "code", "status"),
    [
        ({"exp": NOW - 1}, "token_expired", 401),
        ({"nbf": NOW + 60}, "token_not_yet_valid", 401),
        ({"exp": None}, "token_malformed", 401),
        ({"iss": "https://other.example"}, "issuer_untrusted", 403),
        ({"aud": "another"}, "audience_invalid", 403),
        ({"token_use": "id"}, "token_use_invalid", 403),
    ],
)
def test_each_reason_has_its_status_and_names_itself(
    changes: dict[str, Any], code: str, status: int
) -> None:
    with pytest.raises(TokenRejected) as caught:
        verifier().verify(f"Bearer {token(**changes)}")

    problem = caught.value.problem("req_1")
    assert (problem["code"], problem["status"]) == (code, status)
    assert problem["type"] == f"urn:tinyllama:problem:{code}"


def test_a_bad_signature_is_told_before_any_claim() -> None:
    forged = sign(HEADER, claims(exp=1, iss="https://other.example"), name="stranger")

    assert reason(forged) == "signature_invalid"


def test_what_a_fresh_token_cannot_mend_is_told_first() -> None:
    assert reason(token(exp=1, aud="another")) == "audience_invalid"
    assert reason(token(exp=1, iss="https://other.example")) == "issuer_untrusted"


def test_unavailable_keys_are_no_verdict_on_the_token() -> None:
    class Away:
        def find(self, kid: str | None) -> Key:
            raise KeysUnavailable(str(kid is None))

    with pytest.raises(KeysUnavailable) as caught:
        Verifier(SETTINGS, Away(), lambda: NOW).verify(f"Bearer {token()}")
    assert (caught.value.status, caught.value.code) == (503, "keys_unavailable")


@pytest.mark.parametrize(
    ("exp", "now", "valid"),
    [
        (NOW, NOW - 1, True),
        (NOW, NOW, False),
        (NOW, NOW + 0.001, False),
        (NOW + 0.5, NOW, True),
        (NOW + 0.5, NOW + 0.5, False),
        (NOW + 1e3, NOW, True),
        (0, NOW, False),
        (-1, NOW, False),
    ],
)
def test_a_token_ends_at_its_exp_without_leeway(exp: float, now: float, *, valid: bool) -> None:
    signed = token(exp=exp, iat=None)

    if valid:
        assert verifier(now).verify(f"Bearer {signed}").expires_at == int(exp)
    else:
        assert reason(signed, now=now) == "token_expired"


@pytest.mark.parametrize("claim", ["exp", "nbf", "iat"])
@pytest.mark.parametrize(
    "value",
    ['"1900000000"', "true", "null", "[]", "{}", "1e999", "-1e999", "NaN", "1" + "0" * 400, "1e12"],
)
def test_a_time_is_one_finite_number_of_this_age(claim: str, value: str) -> None:
    rest = json.dumps({name: item for name, item in claims().items() if name != claim})
    payload = f'{rest[:-1]}, "{claim}": {value}}}'

    assert reason(sign(HEADER, payload.encode())) == "token_malformed"


def number_as_written(claim: str, value: str) -> str:
    """Return a token whose *claim* is the number written so."""
    rest = json.dumps({name: item for name, item in claims().items() if name != claim})
    return sign(HEADER, f'{rest[:-1]}, "{claim}": {value}}}'.encode())


@pytest.mark.parametrize(
    ("claim", "value"),
    [("iat", "-0"), ("iat", "-0.0"), ("iat", "-1"), ("nbf", "-253402300799"), ("iat", "1.8e9")],
)
def test_a_start_may_lie_as_far_back_as_there_are_years(claim: str, value: str) -> None:
    signed = number_as_written(claim, value)

    assert verifier().verify(f"Bearer {signed}").tenant == "alice"


@pytest.mark.parametrize("value", ["-0", "-0.0", "-253402300799", "1e-400"])
def test_an_end_long_ago_is_expired(value: str) -> None:
    assert reason(number_as_written("exp", value)) == "token_expired"


@pytest.mark.parametrize(
    "value", ["253402300800", "-253402300800", "9" * 4300, "9" * 5000, "1e400", "-1e400", "00"]
)
def test_a_number_that_is_no_year_of_ours_is_no_time(value: str) -> None:
    assert reason(number_as_written("exp", value)) == "token_malformed"


def test_the_last_second_of_the_year_9999_is_a_time() -> None:
    signed = number_as_written("exp", "253402300799")

    assert verifier().verify(f"Bearer {signed}").expires_at == 253_402_300_799


def test_a_token_need_not_say_since_when_it_is_good() -> None:
    assert verifier().verify(f"Bearer {token(iat=None)}").tenant == "alice"


@pytest.mark.parametrize("claim", ["nbf", "iat"])
def test_a_start_is_given_the_leeway_and_no_more(claim: str) -> None:
    within, beyond = token(**{claim: NOW + 5}), token(**{claim: NOW + 5.1})

    assert verifier().verify(f"Bearer {within}").tenant == "alice"
    assert reason(beyond) == "token_not_yet_valid"


@pytest.mark.parametrize("iss", [None, "", ISSUER + "/", ISSUER.upper(), [ISSUER], 1])
def test_the_issuer_is_compared_exactly(iss: object) -> None:
    assert reason(token(iss=iss)) == "issuer_untrusted"


@pytest.mark.parametrize("aud", [AUDIENCE, [AUDIENCE], ["another", AUDIENCE]])
def test_the_audience_is_a_string_or_in_a_list(aud: object) -> None:
    assert verifier().verify(f"Bearer {token(aud=aud)}").tenant == "alice"


@pytest.mark.parametrize(
    "aud",
    [
        *(None, "", [], ["another"], [[AUDIENCE]], {AUDIENCE: 1}, 1, AUDIENCE + "s", "router "),
        *([AUDIENCE, 1], [None, AUDIENCE], [AUDIENCE, [AUDIENCE]], "Router", ["a"] * 1000),
    ],
)
def test_any_other_audience_is_refused(aud: object) -> None:
    assert reason(token(aud=aud)) == "audience_invalid"


def test_an_audience_among_thousands_is_found() -> None:
    assert verifier().verify(f"Bearer {token(aud=['a'] * 1000 + [AUDIENCE])}").tenant == "alice"


@pytest.mark.parametrize("aud", ["web", "machine", ["another", "machine"]])
def test_one_of_several_audiences_is_enough(aud: object) -> None:
    several = verifier(audiences=["web", "machine"])

    assert several.verify(f"Bearer {token(aud=aud)}").tenant == "alice"
    assert several.verify(f"Bearer {token(**COGNITO | {'client_id': 'web'})}").tenant == "alice"
    assert reason(token(aud="web machine"), audiences=["web", "machine"]) == "audience_invalid"


def test_a_cognito_access_token_names_its_client() -> None:
    assert verifier().verify(f"Bearer {token(**COGNITO)}").tenant == "alice"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"client_id": "another"}, "audience_invalid"),
        ({"client_id": None}, "audience_invalid"),
        ({"token_use": None}, "audience_invalid"),
        ({"aud": "another"}, "audience_invalid"),
        ({"token_use": "id", "aud": AUDIENCE}, "token_use_invalid"),
        ({"token_use": "refresh"}, "token_use_invalid"),
        ({"token_use": ["access"]}, "token_use_invalid"),
    ],
)
def test_a_cognito_token_for_another_client_or_use_is_refused(
    changes: dict[str, Any], code: str
) -> None:
    assert reason(token(**(COGNITO | changes))) == code


def test_a_present_but_empty_audience_is_not_replaced_by_the_client() -> None:
    payload = json.dumps(claims(**COGNITO) | {"aud": None})

    assert reason(sign(HEADER, payload.encode())) == "audience_invalid"


def test_the_tenant_is_the_claim_that_the_settings_name() -> None:
    signed = token(**{"https://claims.example/tenant": "acme|eu-1"})

    principal = verifier(tenant_claim="https://claims.example/tenant").verify(f"Bearer {signed}")

    assert (principal.tenant, principal.principal) == ("acme|eu-1", "alice")


@pytest.mark.parametrize(
    "tenant",
    [
        *(None, "", "a" * 129, "a b", "a\n", "a{b}", "a*", "\u00e9", "\ud800", "a,b", 7, ["a"]),
        *(True, "a\0", "\0", " ", "a\u200b"),
    ],
)
def test_a_tenant_is_a_short_plain_name(tenant: object) -> None:
    signed = token(tenant=tenant)

    assert reason(signed, tenant_claim="tenant") == "token_malformed"


@pytest.mark.parametrize(
    "sub", [None, "", "a" * 256, "a b", "a\r\nb", "\u00e9", 7, "a\0b", "\x7f", "\ud800"]
)
def test_a_subject_is_up_to_255_printable_characters(sub: object) -> None:
    signed = token(sub=sub, tenant="acme")

    assert reason(signed, tenant_claim="tenant") == "token_malformed"


@pytest.mark.parametrize(
    ("changes", "scopes"),
    [
        ({"scope": "a  b a "}, {"a", "b"}),
        ({"scope": ""}, set()),
        ({"scope": None}, set()),
        ({"scope": None, "scp": ["a", "b"]}, {"a", "b"}),
        ({"scope": None, "scp": "a b"}, {"a", "b"}),
        ({"scope": "a", "scp": ["b"]}, {"a"}),
    ],
)
def test_scopes_are_a_spaced_string_or_a_list(changes: dict[str, Any], scopes: set[str]) -> None:
    assert verifier().verify(f"Bearer {token(**changes)}").scopes == scopes


@pytest.mark.parametrize(
    ("scope", "scopes"),
    [
        ("tinyllama/infer:write tinyllama/jobs:read", {"infer:write", "jobs:read"}),
        ("tinyllama/infer:write queue:admin openid", {"infer:write"}),
        ("other/infer:write tinyllama:jobs:read Tinyllama/jobs:read", set()),
        ("tinyllama/tinyllama/infer:write", {"tinyllama/infer:write"}),
        ("tinyllama/", set()),
        ("", set()),
    ],
)
def test_only_scopes_with_the_prefix_count_and_without_it(scope: str, scopes: set[str]) -> None:
    prefixed = verifier(scope_prefix="tinyllama/")

    assert prefixed.verify(f"Bearer {token(scope=scope)}").scopes == scopes


GROUPS = {"ops": frozenset({"queue:admin"}), "staff": frozenset({"jobs:read", "jobs:write"})}


@pytest.mark.parametrize(
    ("changes", "scopes"),
    [
        ({"cognito:groups": ["ops"]}, {"infer:write", "jobs:read", "queue:admin"}),
        ({"cognito:groups": ["ops", "staff"], "scope": ""}, GROUPS["ops"] | GROUPS["staff"]),
        ({"cognito:groups": ["OPS", "ops ", "", "op"]}, {"infer:write", "jobs:read"}),
        ({"cognito:groups": []}, {"infer:write", "jobs:read"}),
        ({"groups": ["ops"]}, {"infer:write", "jobs:read"}),
        ({}, {"infer:write", "jobs:read"}),
    ],
)
def test_groups_bring_scopes_beside_the_tokens_own(
    changes: dict[str, Any], scopes: set[str]
) -> None:
    grouped = verifier(group_scopes=GROUPS)

    assert grouped.verify(f"Bearer {token(**changes)}").scopes == scopes


def test_groups_are_in_the_claim_that_the_settings_name() -> None:
    grouped = verifier(group_scopes=GROUPS, groups_claim="roles", scope_prefix="other/")

    assert grouped.verify(f"Bearer {token(roles=['ops'])}").scopes == {"queue:admin"}


@pytest.mark.parametrize("groups", ["ops", {"ops": 1}, 7, ["ops", 1], [["ops"]], True])
def test_groups_that_count_are_a_list_of_strings(groups: object) -> None:
    signed = token(**{"cognito:groups": groups})

    assert reason(signed, group_scopes=GROUPS) == "token_malformed"
    assert verifier().verify(f"Bearer {signed}").scopes == {"infer:write", "jobs:read"}


@pytest.mark.parametrize("scope", [7, {"a": 1}, ["a", 1], ["a b"], "a\nb", 'a"b', "\u00e9"])
def test_unusable_scopes_are_refused(scope: object) -> None:
    assert reason(token(scope=scope)) == "token_malformed"


def with_more(value: str) -> bytes:
    """Return the claims of a good token and one more, whose value is written so."""
    return f'{json.dumps(claims())[:-1]}, "more": {value}}}'.encode()


def test_a_claim_nobody_asks_for_does_no_harm() -> None:
    signed = sign(HEADER, with_more('{"a": [1, -0, 1.5, null, "\\u0000"]}'))

    assert verifier().verify(f"Bearer {signed}").tenant == "alice"


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b'{"sub":"alice","sub":"bob"}', id="a claim twice"),
        pytest.param(b"\xef\xbb\xbf" + json.dumps(claims()).encode(), id="byte order mark"),
        pytest.param(json.dumps(claims()).encode("utf-16"), id="UTF-16"),
        pytest.param(json.dumps([claims()]).encode(), id="a list"),
        pytest.param(b"foo", id="not JSON"),
        pytest.param(with_more('{"a": 1, "a": 1}'), id="a member twice further down"),
        pytest.param(with_more('"\\ud800"'), id="lone surrogate"),
        pytest.param(with_more("1e400"), id="beyond a double"),
        pytest.param(with_more("NaN"), id="NaN"),
        pytest.param(with_more("[" * 40 + "]" * 40), id="40 levels"),
        pytest.param(with_more("[" * 5000), id="5,000 levels"),
        pytest.param(with_more("9" * 5000), id="a number of 5,000 digits"),
    ],
)
def test_claims_that_cannot_be_read_in_one_way_are_refused(payload: bytes) -> None:
    assert reason(sign(HEADER, payload)) == "token_malformed"
