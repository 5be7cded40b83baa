"""Verify a bearer token: its form, its signature, its claims; every refusal has one fixed reason.

Stricter than RFC 7515 and RFC 7519 must be, in the spirit of RFC 8725: what two readers could
take for two things is refused before any cryptography, and nothing in a token chooses its key's
algorithm or origin.
"""

import base64
import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from chalicelib.errors import TokenRejected
from chalicelib.jobs import JsonObject
from chalicelib.keysets import ALGORITHMS, Key, KeySource, read_object
from chalicelib.settings import TokenSettings

TOKEN_CHARS = 8 * 1024
_TYPES = frozenset({"jwt", "at+jwt"})
# What changes how a token is read (RFC 7515 section 4.1.11, RFC 7797, RFC 7516): none is spoken.
_REFUSED_HEADERS = ("crit", "b64", "zip")
_SEGMENT = re.compile(r"[A-Za-z0-9_-]+")
_TENANT = re.compile(r"[A-Za-z0-9._:@|/+-]{1,128}")
# OpenID Connect Core section 2: at most 255 ASCII characters.
_SUBJECT = re.compile(r"[\x21-\x7e]{1,255}")
# RFC 6749 section 3.3.
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,128}")
# The last second of the year 9999: what is later is no time but a mistake or an attack.
_LATEST = 253_402_300_799


@dataclass(frozen=True)
class Principal:
    """Who calls, for which tenant, with which scopes, until when (seconds since the epoch)."""

    tenant: str
    principal: str
    scopes: frozenset[str]
    expires_at: int
    key_id: str

    def context(self) -> dict[str, str]:
        """Return it as the flat strings that API Gateway hands from an authorizer to a view."""
        return {
            "tenant": self.tenant,
            "principal": self.principal,
            "scopes": " ".join(sorted(self.scopes)),
            "expires_at": str(self.expires_at),
            "key_id": self.key_id,
        }


def _decoded(segment: str) -> bytes:
    """Return what *segment* encodes; its one canonical spelling only (RFC 4648 section 3.5)."""
    if not _SEGMENT.fullmatch(segment) or len(segment) % 4 == 1:
        raise TokenRejected("token_malformed", "A part of the token is not base64url.")
    octets = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    if base64.urlsafe_b64encode(octets).rstrip(b"=") != segment.encode():
        raise TokenRejected("token_malformed", "A part of the token is not canonical base64url.")
    return octets


def _read(text: bytes, name: str) -> JsonObject:
    try:
        return read_object(text)
    except ValueError:
        detail = f"The token's {name} is not one JSON object in UTF-8 with unique members."
        raise TokenRejected("token_malformed", detail) from None


def _read_header(segment: str) -> tuple[str, str | None, object]:
    """Return algorithm, kid and type of the token's header. Raises TokenRejected."""
    header = _read(_decoded(segment), "header")
    for name in _REFUSED_HEADERS:
        if name in header:
            raise TokenRejected("token_malformed", f"The header {name} is not supported.")
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or not (kid is None or isinstance(kid, str)):
        raise TokenRejected("token_malformed", "The header's alg or kid is not a string.")
    return algorithm, kid, header.get("typ", "JWT")


class _Signed(NamedTuple):
    payload: bytes
    key: Key
    kind: object


def _verify(token: str, keys: KeySource) -> _Signed:
    if len(token) > TOKEN_CHARS:
        detail = f"The token is longer than {TOKEN_CHARS} characters."
        raise TokenRejected("token_malformed", detail)
    segments = token.split(".")
    if len(segments) != 3:  # noqa: PLR2004 - header, payload, signature: RFC 7515 section 3.1
        raise TokenRejected("token_malformed", "The token does not have three parts.")
    algorithm, kid, kind = _read_header(segments[0])
    payload = _decoded(segments[1]) if segments[1] else b""
    # Before the key is looked for: what cannot hold must not make anybody fetch keys.
    if algorithm not in ALGORITHMS:
        raise TokenRejected("signature_invalid", "The header's alg is not accepted.")
    if not segments[2]:
        raise TokenRejected("signature_invalid", "The token is not signed.")
    signature = _decoded(segments[2])
    key = keys.find(kid)
    message = f"{segments[0]}.{segments[1]}".encode()
    if not key.verifies(algorithm, message, signature):
        raise TokenRejected("signature_invalid")
    return _Signed(payload, key, kind)


def verify_signature(token: str, keys: KeySource) -> bytes:
    """Return the payload of a compact JWS, exactly as signed by one of *keys*.

    Raises TokenRejected: token_malformed, key_unknown or signature_invalid; and whatever *keys*
    raises.
    """
    return _verify(token, keys).payload


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


def _check_kind(kind: object) -> None:
    """Refuse a JWS that is typed for something else (RFC 8725 section 3.11)."""
    if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in _TYPES:
        raise TokenRejected("token_use_invalid", "The header's typ is neither JWT nor at+jwt.")


def _time(claims: JsonObject, name: str) -> float | None:
    """Return a NumericDate; None when absent. Raises TokenRejected token_malformed."""
    value = claims.get(name)
    if name not in claims:
        return None
    # A bool is an int to Python, but no time to anybody else.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TokenRejected("token_malformed", f"The claim {name} is not a number.")
    if not -_LATEST <= value <= _LATEST:
        raise TokenRejected("token_malformed", f"The claim {name} is not a time.")
    return value


def _text(claims: JsonObject, name: str, form: re.Pattern[str]) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not form.fullmatch(value):
        raise TokenRejected("token_malformed", f"The claim {name} is missing or unusable.")
    return value


def _scopes(claims: JsonObject, prefix: str) -> frozenset[str]:
    """Return the scopes of ``scope`` (RFC 8693) or, without it, of ``scp``.

    An issuer that serves several APIs begins each one's scopes with its name, as Amazon Cognito
    does: those that begin with *prefix* are ours, and are returned without it.
    """
    value: Any = claims.get("scope", claims.get("scp", ""))
    scopes = value.split(" ") if isinstance(value, str) else value
    if not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in scopes):
        raise TokenRejected("token_malformed", "The scopes are neither a string nor a list.")
    found = frozenset(scope for scope in scopes if scope)
    if not all(_SCOPE.fullmatch(scope) for scope in found):
        raise TokenRejected("token_malformed", "A scope holds characters it must not.")
    ours = (scope.removeprefix(prefix) for scope in found if scope.startswith(prefix))
    return frozenset(filter(None, ours))


class Verifier:
    """Says who a bearer token's holder is, or why nobody believes it. Safe to share."""

    def __init__(
        self,
        settings: TokenSettings,
        keys: KeySource,
        clock: Callable[[], float] = time.time,  # noqa: TID251 - the wall clock that exp is about
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._clock = clock

    def verify(self, authorization: str) -> Principal:
        """Return the principal of an Authorization header's value.

        Raises TokenRejected with the reason, KeysUnavailable when keys cannot be had. What no
        fresh token could mend (issuer, use, audience) is told before what one could (time).
        """
        signed = _verify(bearer_token(authorization), self._keys)
        _check_kind(signed.kind)
        claims = _read(signed.payload, "payload")
        if claims.get("iss") != self._settings.issuer:
            raise TokenRejected("issuer_untrusted")
        self._check_use(claims)
        expires_at = self._check_times(claims)
        return Principal(
            tenant=_text(claims, self._settings.tenant_claim, _TENANT),
            principal=_text(claims, "sub", _SUBJECT),
            scopes=_scopes(claims, self._settings.scope_prefix),
            expires_at=expires_at,
            key_id=signed.key.kid or "",
        )

    def _check_use(self, claims: JsonObject) -> None:
        """Refuse a token for another use or audience.

        Amazon Cognito's access tokens name their client in ``client_id`` and have no ``aud``:
        docs.aws.amazon.com/cognito, "Using the access token".
        """
        use = claims.get("token_use")
        if "token_use" in claims and use != "access":
            raise TokenRejected("token_use_invalid", "The token's token_use is not access.")
        audience = claims.get("aud")
        if "aud" not in claims and use == "access":
            audience = claims.get("client_id")
        named = audience if isinstance(audience, list) else [audience]
        if not any(each in named for each in self._settings.audiences):
            raise TokenRejected("audience_invalid")

    def _check_times(self, claims: JsonObject) -> int:
        """Return ``exp`` in whole seconds, after holding all times against the clock."""
        expires_at = _time(claims, "exp")
        if expires_at is None:
            raise TokenRejected("token_malformed", "The claim exp is missing.")
        now = self._clock()
        if now >= expires_at:
            raise TokenRejected("token_expired")
        for name in ("nbf", "iat"):
            starts_at = _time(claims, name)
            if starts_at is not None and starts_at > now + self._settings.leeway_seconds:
                raise TokenRejected("token_not_yet_valid", f"The claim {name} lies ahead.")
        return math.floor(expires_at)
