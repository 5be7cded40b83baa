"""What becomes of a token at the gateway: an Allow for its scopes, a Deny with its reason."""

import json
import re
from typing import Any, cast

import pytest
from chalice.app import AuthRequest, AuthResponse

import app
import tinyllama
from chalicelib import settings
from chalicelib.authorizer import Gate, Gateway, permitted_routes
from chalicelib.errors import TOKEN_REASONS, KeysUnavailable, TokenRejected
from chalicelib.keysources import key_source
from chalicelib.scopes import SCOPES
from chalicelib.tokens import Verifier

ARN = "arn:aws:execute-api:eu-west-1:123456789012:abcdef1234/v1/POST/infer"


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    """The gate as it stands on AWS, with the development keys as the issuer's."""
    monkeypatch.setenv("TINYLLAMA_JWKS", str(tinyllama.development_jwks_path()))
    accepted = settings.token_settings()
    return Gate(Verifier(accepted, key_source(accepted)), app.route, Gateway())


def asked(**claims: Any) -> AuthRequest:
    return AuthRequest("TOKEN", f"Bearer {tinyllama.make_token(**claims)}", ARN)


def resources(decision: object) -> list[str]:
    policy = cast("AuthResponse", decision).to_dict(asked())
    (statement,) = policy["policyDocument"]["Statement"]
    assert statement["Effect"] == "Allow"
    return [arn.removeprefix(ARN.removesuffix("POST/infer")) for arn in statement["Resource"]]


def test_an_allow_names_every_route_of_the_scopes_and_no_other(gate: Gate) -> None:
    decision = gate.decide(asked(scope="jobs:read inbox:ack"))

    assert sorted(arn for arn in resources(decision) if not arn.endswith("/")) == [
        "DELETE/events/*",
        "DELETE/inbox/*",
        "GET/jobs",
        "GET/jobs/*",
        "GET/jobs/*/stream",
        "GET/queue",
        "POST/inbox/ack",
        "POST/inbox/extend",
        "POST/inbox/lease",
        "POST/inbox/release",
    ]


def test_an_allow_for_everything_is_no_longer_than_the_gateway_takes(gate: Gate) -> None:
    decision = cast("AuthResponse", gate.decide(asked(sub="t" * 128)))

    # Quotas for a REST API: "Lambda authorizer result size", 8 KB.
    assert len(json.dumps(decision.to_dict(asked()))) < 8000


def test_the_context_is_flat_strings(gate: Gate) -> None:
    decision = cast("AuthResponse", gate.decide(asked(sub="acme", scope="jobs:read other:thing")))

    context = decision.to_dict(asked())["context"]
    assert all(isinstance(value, str) for value in context.values())
    assert (context["tenant"], context["scopes"]) == ("acme", "jobs:read")
    assert context["reason"] == "scope_insufficient"


@pytest.mark.parametrize(
    ("claims", "reason"),
    [({"aud": "another"}, "audience_invalid"), ({"scope": "other:thing"}, "scope_insufficient")],
)
def test_what_no_fresh_token_mends_is_a_deny_of_the_whole_stage(
    gate: Gate, claims: dict[str, str], reason: str
) -> None:
    decision = cast("dict[str, Any]", gate.decide(asked(**claims)))

    (statement,) = decision["policyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Resource"] == [ARN.partition("/")[0] + "/*"]
    assert decision["context"] == {"reason": reason, "title": TOKEN_REASONS[reason][1]}


def test_what_a_fresh_token_mends_is_unauthorized(gate: Gate) -> None:
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        gate.decide(asked(expires_in=-1))


def test_keys_that_cannot_be_had_are_not_unauthorized() -> None:
    with pytest.raises(Exception, match=r"^keys_unavailable$"):
        Gateway().refuse(KeysUnavailable(), asked())


def test_every_route_but_the_public_ones_has_a_scope() -> None:
    public = {route.path for route in app.route.table if route.scope is None}

    assert public == {"/health", "/status", "/openapi.json", "/console"}


def test_every_scope_is_known_by_one_name() -> None:
    needed = {route.scope for route in app.route.table if route.scope is not None}
    offered = (settings.PROJECT / "terraform-extras" / "cognito.tf").read_text(encoding="utf-8")
    (listed,) = re.findall(r"^  scopes = {\n(.*?)^  }$", offered, re.DOTALL | re.MULTILINE)

    assert needed <= SCOPES
    assert set(re.findall(r'^ +"([a-z:]+)" += "', listed, re.MULTILINE)) == SCOPES


def test_no_scope_opens_nothing() -> None:
    assert permitted_routes(app.route.table, frozenset()) == []


def test_a_refusal_names_only_reasons_that_are_documented() -> None:
    with pytest.raises(KeyError):
        TokenRejected("because")
