"""The machine clients of the stage's user pool, and tokens that the pool would never sign."""

import base64
import time
from functools import cached_property
from hashlib import sha256
from typing import Any

import httpx2
import jwt
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from tests.emulator.aws import Emulator
from tests.emulator.project import STAGE


class Clients:
    """Who may ask the emulated pool for a token, as programs do on AWS."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._cognito = emulator.client("cognito-idp")
        pools = self._cognito.list_user_pools(MaxResults=10)["UserPools"]
        (self.pool,) = [pool["Id"] for pool in pools if pool["Name"] == f"tinyllama-{STAGE}"]

    @property
    def token_url(self) -> str:
        """Where a program is given a token."""
        return f"{self._emulator.url}/oauth2/token"

    @cached_property
    def ids(self) -> dict[str, str]:
        """The id of each client, by its name without the stage's."""
        listed = self._cognito.list_user_pool_clients(UserPoolId=self.pool, MaxResults=60)
        return {
            client["ClientName"].removeprefix(f"tinyllama-{STAGE}-"): client["ClientId"]
            for client in listed["UserPoolClients"]
        }

    def secret(self, name: str) -> str:
        """Return a client's secret, which only Cognito tells."""
        described = self._cognito.describe_user_pool_client(
            UserPoolId=self.pool, ClientId=self.ids[name]
        )
        return str(described["UserPoolClient"]["ClientSecret"])

    def token(self, name: str, scope: str | None = None) -> str:
        """Return an access token by client credentials, for all of the client's scopes or one."""
        form = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {})
        identity = (self.ids[name], self.secret(name))
        reply = httpx2.post(self.token_url, data=form, auth=identity, timeout=10)
        assert reply.is_success, reply.text
        return str(reply.json()["access_token"])

    def crafted(self, name: str, use: str = "access", **changes: Any) -> str:
        """Return a client's token with other claims, signed with the pool's own key.

        The key is in the emulator's state: nobody else could make one that is only expired.
        """
        claims = jwt.decode(self.token(name), options={"verify_signature": False})
        pem = self._emulator.folder / "state" / "cognito-pool-keys" / f"{self.pool}-{use}.pem"
        key = load_pem_private_key(pem.read_bytes(), password=None)
        public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        kid = base64.b64encode(sha256(public).digest()).decode()
        return jwt.encode({**claims, **changes}, key, algorithm="RS256", headers={"kid": kid})  # type: ignore[arg-type]

    def collection_variables(self) -> dict[str, str]:
        """Return what the Postman collection wants to be given."""
        now = int(time.time())
        return {
            "token": self.token("postman"),
            "expired_token": self.crafted("postman", exp=now - 60),
            "early_token": self.crafted("postman", nbf=now + 600),
            "scopeless_token": self.crafted("postman", scope="other:read"),
            "foreign_audience_token": self.crafted("postman", client_id="another"),
            "foreign_issuer_token": self.crafted("postman", iss="https://other.example"),
            "id_token": self.crafted("postman", token_use="id"),  # noqa: S106
        }
