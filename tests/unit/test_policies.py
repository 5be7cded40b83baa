"""A cached policy stays right: whatever path was asked for first, it names the scopes' routes."""

import re
from fnmatch import fnmatchcase
from typing import Any

import pytest
from chalice.app import AuthRequest, AuthResponse

import app
import tinyllama
from chalicelib import settings
from chalicelib.authorizer import Gate, Gateway
from chalicelib.errors import TOKEN_REASONS
from chalicelib.keysources import key_source
from chalicelib.tokens import Verifier

API = "arn:aws:execute-api:eu-west-1:123456789012:abcdef1234"
STAGE = f"{API}/v1"
# What a gateway has seen in the wild: it hands the path on as it came, decoded or not.
ODD_PATHS = [
    "POST/infer",
    "POST/infer/",
    "GET/",
    "GET",
    "",
    "GET/jobs/*",
    "*/*",
    "GET/*",
    "GET/jobs/..%2F..%2Fdead-letters",
    "GET/jobs/../../dead-letters",
    "GET/jobs/a%2Fstream",
    "GET/jobs/a:b:c/stream",
    "GET/jobs//stream",
    "GET/jobs/${job_id}",
    "GET/jobs/?",
    "GET/jobs/\u00fc",
    "GET/jobs/a\nb",
    "DELETE/" + "x" * 2000,
]


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    """The gate as it stands on AWS, with the development keys as the issuer's."""
    monkeypatch.setenv("TINYLLAMA_JWKS", str(tinyllama.development_jwks_path()))
    accepted = settings.token_settings()
    return Gate(Verifier(accepted, key_source(accepted)), app.route, Gateway())


def decided(gate: Gate, path: str, stage: str = STAGE, **claims: Any) -> dict[str, Any]:
    """Return what the gateway would cache."""
    token = tinyllama.make_token(**claims)
    request = AuthRequest("TOKEN", f"Bearer {token}", f"{stage}/{path}")
    decision = gate.decide(request)
    if isinstance(decision, AuthResponse):
        told: dict[str, Any] = decision.to_dict(request)
        return told
    return decision


def resources(decision: dict[str, Any]) -> tuple[str, list[str]]:
    (statement,) = decision["policyDocument"]["Statement"]
    return statement["Effect"], sorted(statement["Resource"])


@pytest.mark.parametrize("path", ODD_PATHS)
def test_an_allow_is_the_same_whatever_path_was_asked_for(gate: Gate, path: str) -> None:
    asked = decided(gate, path, scope="jobs:read inbox:ack")

    assert resources(asked) == resources(decided(gate, "POST/infer", scope="jobs:read inbox:ack"))


@pytest.mark.parametrize("path", ODD_PATHS)
def test_a_deny_is_the_same_whatever_path_was_asked_for(gate: Gate, path: str) -> None:
    assert resources(decided(gate, path, aud="another")) == ("Deny", [f"{API}/*"])


@pytest.mark.parametrize("stage", [f"{API}/dev", STAGE.replace("abcdef1234", "zyxw")])
def test_an_allow_is_for_the_api_and_stage_that_asked(gate: Gate, stage: str) -> None:
    effect, named = resources(decided(gate, "GET/inbox", stage, scope="inbox:read"))

    assert effect == "Allow"
    assert named
    assert all(each.startswith(f"{stage}/") for each in named)
    assert not any(fnmatchcase(f"{STAGE}/GET/inbox", each) for each in named)


def test_an_allow_names_every_route_that_the_scopes_open_and_its_methods_alone(gate: Gate) -> None:
    _, named = resources(decided(gate, "GET/inbox"))

    opened = {
        f"{STAGE}/{route.method}{re.sub('{[^}]+}', '*', route.path)}{slash}"
        for route in app.route.table
        if route.scope is not None
        for slash in ("", "/")
    }
    assert set(named) == opened


def test_a_route_that_is_asked_for_without_its_scope_is_not_named_for_that(gate: Gate) -> None:
    decision = decided(gate, "GET/dead-letters", scope="inbox:read")

    assert not any("dead-letters" in each for each in resources(decision)[1])
    assert decision["context"]["reason"] == "scope_insufficient"


def test_what_a_scope_of_another_api_is_called_does_not_matter(gate: Gate) -> None:
    wild = decided(gate, "GET/inbox", scope="inbox:read * queue:* other/queue:admin QUEUE:ADMIN")

    assert resources(wild) == resources(decided(gate, "GET/inbox", scope="inbox:read"))
    assert wild["context"]["scopes"] == "inbox:read"


def test_a_decision_is_believed_for_a_minute_at_most() -> None:
    # The one number that the gateway goes by, for an Allow and for a Deny; in the package, too
    # (tests/infra/test_package.py).
    assert app.jwt_authorizer.config.ttl_seconds == 60


@pytest.mark.parametrize(("claims", "reason"), [({"aud": "x"}, "audience_invalid")])
def test_a_deny_tells_nothing_but_its_reason(
    gate: Gate, claims: dict[str, str], reason: str
) -> None:
    decision = decided(gate, "GET/inbox", sub="acme", **claims)

    assert decision["context"] == {"reason": reason, "title": TOKEN_REASONS[reason][1]}
    assert decision["principalId"] == "denied"


def test_the_context_tells_until_when_it_holds(gate: Gate) -> None:
    # A policy outlives its token by up to a minute: the API looks at this anew.
    decision = decided(gate, "GET/inbox", expires_in=30)

    assert re.fullmatch(r"[0-9]{10}", decision["context"]["expires_at"])
