"""Whose tokens the smoke test shows: the environment's, a file's, or those of machine clients."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from chalicelib import settings
from tinyllama.deployment import client_tokens
from tinyllama.deployment.failures import DeploymentFailed

# Which client of the stage has a scope that callers lack.
_ROLES = {
    "keys:admin": "operator",
    "metrics:read": "operator",
    "queue:admin": "operator",
    "worker:run": "worker",
}


@dataclass(frozen=True)
class Tokens:
    """A caller's token, and those of the operator and of a worker where they are to be had."""

    caller: str = field(repr=False)
    others: Mapping[str, str] = field(default_factory=dict, repr=False)

    def of(self, scope: str) -> str:
        """Return the token for a route with this scope."""
        return self.others.get(_ROLES.get(scope, ""), self.caller)

    def lacks(self, scope: str) -> bool:
        """Whether the token for this scope is a JWT without it; what cannot be read has it."""
        found = _scopes(self.of(scope))
        return found is not None and not any(word.endswith(scope) for word in found)


def find(url: str, ids: Mapping[str, str], file: Path | None, client_id: str | None) -> Tokens:
    """Return the tokens for the router at *url*.

    The caller's is in *file*, else in TINYLLAMA_TOKEN, else what the machine client *client_id*
    (without it the stage's app client, of *ids*) is given, else on this machine a development
    token. Raises DeploymentFailed where there is none, and NotConfigured.
    """
    others = {
        role: client_tokens.granted(role, ids[f"{role}_client_id"], ids)
        for role in ("operator", "worker")
        if f"{role}_client_id" in ids and client_tokens.has_secret(role)
    }
    return Tokens(_callers(url, ids, file, client_id), others)


def _callers(url: str, ids: Mapping[str, str], file: Path | None, client_id: str | None) -> str:
    if file is not None:
        return client_tokens.read(file)
    given = settings.variable("token")
    if given is not None and client_id is None:
        return given
    client = client_id or ids.get("app_client_id")
    if client is not None and (client_id or client_tokens.has_secret("app")):
        return client_tokens.granted("app", client, ids)
    if url.startswith("http:"):  # loopback: nothing else gets so far
        from tinyllama import devkeys  # noqa: PLC0415 - the cryptography

        return devkeys.make_token(sub="smoke")
    raise DeploymentFailed(
        "there is no token to call with: set TINYLLAMA_TOKEN, name --token-file, or give a machine"
        " client's secret in TINYLLAMA_APP_CLIENT_SECRET_FILE"
    )


def _scopes(token: str) -> list[str] | None:
    """Return the scopes that a JWT claims, None for what is none."""
    try:
        segment = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
        scope = claims.get("scope", "")
    except (AttributeError, IndexError, ValueError, RecursionError):
        return None
    return scope.split() if isinstance(scope, str) else None
