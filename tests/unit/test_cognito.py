"""Tokens that Amazon Cognito makes, by the emulator moto: access tokens are taken, others not."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from moto import mock_aws

from chalicelib.errors import TokenRejected
from chalicelib.keysources import key_source
from chalicelib.settings import TokenSettings
from chalicelib.tokens import Verifier
from tests.crafting import answer_with, serving

PASSWORD = "Passw0rd!!"  # noqa: S105 - of the emulator's user


@dataclass(frozen=True)
class Pool:
    """A user pool with one client and one user, who signed in."""

    settings: TokenSettings
    subject: str
    access_token: str
    id_token: str
    operators_token: str

    def verify(self, token: str, settings: TokenSettings | None = None) -> Any:
        """Return who calls with the *token*."""
        accepted = settings or self.settings
        return Verifier(accepted, key_source(accepted)).verify(f"Bearer {token}")


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Pool]:
    """Make the pool, its keys in a file: Cognito serves them where ``iss`` says."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws():
        cognito = boto3.client("cognito-idp")
        pool_id = cognito.create_user_pool(PoolName="tinyllama-test")["UserPool"]["Id"]
        flow = "ADMIN_USER_PASSWORD_AUTH"
        client = cognito.create_user_pool_client(
            UserPoolId=pool_id, ClientName="people", ExplicitAuthFlows=[f"ALLOW_{flow}"]
        )["UserPoolClient"]["ClientId"]
        user = {"UserPoolId": pool_id, "Username": "alice"}
        made = cognito.admin_create_user(**user)["User"]
        cognito.admin_set_user_password(**user, Password=PASSWORD, Permanent=True)
        sign_in = {
            "UserPoolId": pool_id,
            "ClientId": client,
            "AuthFlow": flow,
            "AuthParameters": {"USERNAME": "alice", "PASSWORD": PASSWORD},
        }
        signed_in = cognito.admin_initiate_auth(**sign_in)["AuthenticationResult"]
        cognito.create_group(UserPoolId=pool_id, GroupName="operators")
        cognito.admin_add_user_to_group(**user, GroupName="operators")
        again = cognito.admin_initiate_auth(**sign_in)["AuthenticationResult"]
        issuer = f"https://cognito-idp.eu-central-1.amazonaws.com/{pool_id}"
        keys = tmp_path / "jwks.json"
        told = requests.get(f"{issuer}/.well-known/jwks.json", timeout=3).json()
        keys.write_text(json.dumps(told), encoding="utf-8")
        settings = TokenSettings(issuer, ["another", client], str(keys), "sub", 5, "tinyllama/")
        (subject,) = [each["Value"] for each in made["Attributes"] if each["Name"] == "sub"]
        yield Pool(
            settings,
            subject,
            signed_in["AccessToken"],
            signed_in["IdToken"],
            again["AccessToken"],
        )
    boto3.DEFAULT_SESSION = None


def test_access_token_is_believed_by_its_client(pool: Pool) -> None:
    principal = pool.verify(pool.access_token)

    assert principal.principal == principal.tenant == pool.subject


def test_scope_of_cognitos_own_is_none_here(pool: Pool) -> None:
    every = replace(pool.settings, scope_prefix="")

    assert pool.verify(pool.access_token, every).scopes == {"aws.cognito.signin.user.admin"}
    assert pool.verify(pool.access_token).scopes == set()


def test_group_brings_its_members_its_scopes(pool: Pool) -> None:
    grouped = replace(pool.settings, group_scopes={"operators": frozenset({"queue:admin"})})

    assert pool.verify(pool.operators_token, grouped).scopes == {"queue:admin"}
    assert pool.verify(pool.access_token, grouped).scopes == set()
    assert pool.verify(pool.operators_token).scopes == set()


def test_id_token_is_refused(pool: Pool) -> None:
    with pytest.raises(TokenRejected) as refused:
        pool.verify(pool.id_token)

    assert refused.value.code == "token_use_invalid"


def test_access_token_of_another_client_is_refused(pool: Pool) -> None:
    others = replace(pool.settings, audiences=["another"])

    with pytest.raises(TokenRejected) as refused:
        pool.verify(pool.access_token, others)

    assert refused.value.code == "audience_invalid"


@pytest.mark.slow
def test_the_pools_keys_are_had_from_an_address(pool: Pool) -> None:
    published = answer_with(Path(str(pool.settings.jwks)).read_bytes())
    with serving(lambda _, out: (out.write(published), None)[1]) as address:
        remote = replace(pool.settings, jwks=f"{address}/.well-known/jwks.json")

        assert pool.verify(pool.access_token, remote).principal == pool.subject
        with pytest.raises(TokenRejected, check=lambda error: error.code == "token_use_invalid"):
            pool.verify(pool.id_token, remote)
