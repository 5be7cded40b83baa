"""Reading what a token says: each part in the one way that all readers share, or not at all.

Raises TokenRejected ``token_malformed`` for whatever two readers could take for two things.
"""

import base64
import math
import re
from typing import Any

from chalicelib.errors import TokenRejected
from chalicelib.jobs import JsonObject
from chalicelib.keysets import read_object

_SEGMENT = re.compile(r"[A-Za-z0-9_-]+")
TENANT = re.compile(r"[A-Za-z0-9._:@|/+-]{1,128}")
# OpenID Connect Core section 2: at most 255 ASCII characters.
SUBJECT = re.compile(r"[\x21-\x7e]{1,255}")
# RFC 6749 section 3.3.
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,128}")
# The last second of the year 9999: what is later is no time but a mistake or an attack.
_LATEST = 253_402_300_799


def decoded(segment: str) -> bytes:
    """Return what *segment* encodes; its one canonical spelling only (RFC 4648 section 3.5)."""
    if not _SEGMENT.fullmatch(segment) or len(segment) % 4 == 1:
        raise TokenRejected("token_malformed", "A part of the token is not base64url.")
    octets = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    if base64.urlsafe_b64encode(octets).rstrip(b"=") != segment.encode():
        raise TokenRejected("token_malformed", "A part of the token is not canonical base64url.")
    return octets


def read(octets: bytes, name: str) -> JsonObject:
    """Return the JSON object that the token's part *name* is."""
    try:
        return read_object(octets)
    except ValueError:
        detail = f"The token's {name} is not one JSON object in UTF-8 with unique members."
        raise TokenRejected("token_malformed", detail) from None


def time(claims: JsonObject, name: str) -> float | None:
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


def text(claims: JsonObject, name: str, form: re.Pattern[str]) -> str:
    """Return a claim that must be there and look like *form*."""
    value = claims.get(name)
    if not isinstance(value, str) or not form.fullmatch(value):
        raise TokenRejected("token_malformed", f"The claim {name} is missing or unusable.")
    return value


def scopes(claims: JsonObject, prefix: str) -> frozenset[str]:
    """Return the scopes of ``scope`` (RFC 8693) or, without it, of ``scp``.

    An issuer that serves several APIs begins each one's scopes with its name, as Amazon Cognito
    does: those that begin with *prefix* are ours, and are returned without it.
    """
    value: Any = claims.get("scope", claims.get("scp", ""))
    found = value.split(" ") if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(scope, str) for scope in found):
        raise TokenRejected("token_malformed", "The scopes are neither a string nor a list.")
    named = frozenset(scope for scope in found if scope)
    if not all(_SCOPE.fullmatch(scope) for scope in named):
        raise TokenRejected("token_malformed", "A scope holds characters it must not.")
    ours = (scope.removeprefix(prefix) for scope in named if scope.startswith(prefix))
    return frozenset(filter(None, ours))


def groups(claims: JsonObject, name: str) -> list[str]:
    """Return the groups that the claim *name* lists; none without it."""
    found: Any = claims.get(name, [])
    if not isinstance(found, list) or not all(isinstance(group, str) for group in found):
        raise TokenRejected("token_malformed", "The groups are not a list of strings.")
    return found


def lifetime(claims: JsonObject, now: float, leeway_seconds: float) -> int:
    """Return ``exp`` in whole seconds, after holding all times against *now*.

    Raises TokenRejected: token_expired, token_not_yet_valid for what begins later than in
    *leeway_seconds*, token_malformed without ``exp``.
    """
    expires_at = time(claims, "exp")
    if expires_at is None:
        raise TokenRejected("token_malformed", "The claim exp is missing.")
    if now >= expires_at:
        raise TokenRejected("token_expired")
    for name in ("nbf", "iat"):
        starts_at = time(claims, name)
        if starts_at is not None and starts_at > now + leeway_seconds:
            raise TokenRejected("token_not_yet_valid", f"The claim {name} lies ahead.")
    return math.floor(expires_at)
