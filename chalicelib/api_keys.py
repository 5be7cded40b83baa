"""The router's own API keys: JWTs that an operator signed, behind the prefix ``tlk_``.

Tenant, scopes and expiry come from the signed key. Whether it is still registered is told by its
record in the store, looked at with each request (``key_records``, ``guarding``).
"""

import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from chalicelib import claims
from chalicelib.errors import TokenRejected
from chalicelib.jws import verified_claims
from chalicelib.keysets import KeySource

PREFIX = "tlk_"
ISSUER = "urn:tinyllama:api-keys"
KEY_ID = re.compile(r"key_[0-9a-f]{32}")
# No control character: a name is printed on an operator's terminal.
NAME = re.compile(r"[^\x00-\x1f\x7f-\x9f]{1,128}")
# A clock of the operator's that is ahead of the authorizer's by so much is forgiven.
_LEEWAY_SECONDS = 60


@dataclass(frozen=True)
class ApiKey:
    """What an API key says; times in seconds since the epoch.

    *digest* is the SHA-256 of its text in hexadecimal: no two keys are taken for one.
    """

    id: str
    tenant: str
    name: str
    scopes: frozenset[str]
    issued_at: int
    expires_at: int
    digest: str


def audience(environment: str) -> str:
    """Return whom the API keys of *environment* are for: those of another one open nothing."""
    return f"urn:tinyllama:{environment}"


class ApiKeys:
    """Reads API keys of one environment. Safe to share."""

    def __init__(
        self,
        environment: str,
        keys: KeySource,
        clock: Callable[[], float] = time.time,  # noqa: TID251 - the wall clock that exp is about
    ) -> None:
        self._audience = audience(environment)
        self._keys = keys
        self._clock = clock

    def read(self, text: str) -> ApiKey:
        """Return what the key *text* says, prefix and all. Raises TokenRejected with the reason."""
        if not text.startswith(PREFIX):
            raise TokenRejected("token_malformed", f"An API key begins with {PREFIX}.")
        told = verified_claims(text.removeprefix(PREFIX), self._keys)
        if told.get("iss") != ISSUER:
            raise TokenRejected("issuer_untrusted", "What follows tlk_ is no API key.")
        if told.get("aud") != self._audience:
            raise TokenRejected("audience_invalid", "The API key was made for another environment.")
        issued_at = claims.time(told, "iat")
        if issued_at is None or issued_at < 0:
            raise TokenRejected("token_malformed", "The claim iat is missing or unusable.")
        return ApiKey(
            expires_at=claims.lifetime(told, self._clock(), _LEEWAY_SECONDS),
            id=claims.text(told, "jti", KEY_ID),
            tenant=claims.text(told, "tenant", claims.TENANT),
            name=claims.text(told, "name", NAME),
            scopes=claims.scopes(told, ""),
            issued_at=int(issued_at),
            digest=hashlib.sha256(text.encode()).hexdigest(),
        )
