"""Say who a bearer token's holder is; every refusal has one fixed reason.

Two issuers are believed: the identity provider of the settings, and the router itself, whose API
keys begin with ``tlk_``.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from chalicelib import claims
from chalicelib.api_keys import PREFIX, ApiKeys
from chalicelib.errors import TokenRejected
from chalicelib.jobs import JsonObject
from chalicelib.jws import verified_claims
from chalicelib.keysets import KeySource
from chalicelib.settings import TokenSettings


@dataclass(frozen=True)
class Principal:
    """Who calls, for which tenant, with which scopes, until when (seconds since the epoch).

    *key_id* and *key_digest* are the API key's, ``""`` for a token of the identity provider's.
    """

    tenant: str
    principal: str
    scopes: frozenset[str]
    expires_at: int
    key_id: str = ""
    key_digest: str = ""

    def context(self) -> dict[str, str]:
        """Return it as the flat strings that API Gateway hands from an authorizer to a view."""
        return {
            "tenant": self.tenant,
            "principal": self.principal,
            "scopes": " ".join(sorted(self.scopes)),
            "expires_at": str(self.expires_at),
            "key_id": self.key_id,
            "key_digest": self.key_digest,
        }


def bearer_token(authorization: str) -> str:
    """Return the token of an Authorization header's value (RFC 6750 section 2.1).

    Raises TokenRejected: token_missing unless the scheme is Bearer, token_malformed when more
    than a token follows.
    """
    scheme, _, token = authorization.strip(" ").partition(" ")
    token = token.strip(" ")
    if scheme.lower() != "bearer" or not token:
        raise TokenRejected("token_missing", 'Send "Authorization: Bearer <token>".')
    if " " in token:
        raise TokenRejected("token_malformed", "More than a token follows Bearer.")
    return token


class Verifier:
    """Says who a bearer token's holder is, or why nobody believes it. Safe to share."""

    def __init__(
        self,
        settings: TokenSettings,
        keys: KeySource,
        clock: Callable[[], float] = time.time,  # noqa: TID251 - the wall clock that exp is about
        api_keys: ApiKeys | None = None,
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._clock = clock
        self._api_keys = api_keys

    def verify(self, authorization: str) -> Principal:
        """Return the principal of an Authorization header's value.

        Raises TokenRejected with the reason, KeysUnavailable when keys cannot be had. What no
        fresh token could mend (issuer, use, audience) is told before what one could (time). That
        an API key is still registered is the store's to tell, not this one's.
        """
        token = bearer_token(authorization)
        if token.startswith(PREFIX):
            return self._holder(token)
        told = verified_claims(token, self._keys)
        if told.get("iss") != self._settings.issuer:
            raise TokenRejected("issuer_untrusted")
        self._check_use(told)
        return Principal(
            expires_at=claims.lifetime(told, self._clock(), self._settings.leeway_seconds),
            tenant=claims.text(told, self._settings.tenant_claim, claims.TENANT),
            principal=claims.text(told, "sub", claims.SUBJECT),
            scopes=claims.scopes(told, self._settings.scope_prefix) | self._of_groups(told),
        )

    def _of_groups(self, told: JsonObject) -> frozenset[str]:
        granted = self._settings.group_scopes
        # Unless groups count here, an issuer may say what it likes in a claim of that name.
        member_of = claims.groups(told, self._settings.groups_claim) if granted else []
        return frozenset[str]().union(*(granted.get(group, ()) for group in member_of))

    def _holder(self, token: str) -> Principal:
        if self._api_keys is None:
            raise TokenRejected("issuer_untrusted", "No API keys are set up here.")
        key = self._api_keys.read(token)
        return Principal(key.tenant, key.id, key.scopes, key.expires_at, key.id, key.digest)

    def _check_use(self, told: JsonObject) -> None:
        """Refuse a token for another use or audience.

        Amazon Cognito's access tokens name their client in ``client_id`` and have no ``aud``:
        docs.aws.amazon.com/cognito, "Using the access token".
        """
        use = told.get("token_use")
        if "token_use" in told and use != "access":
            raise TokenRejected("token_use_invalid", "The token's token_use is not access.")
        audience = told.get("aud")
        if "aud" not in told and use == "access":
            audience = told.get("client_id")
        named = audience if isinstance(audience, list) else [audience]
        texts = all(isinstance(each, str) for each in named)
        if not texts or not any(each in named for each in self._settings.audiences):
            raise TokenRejected("audience_invalid")
