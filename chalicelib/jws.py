"""A compact JWS (RFC 7515): its form and its signature, before anything in it is believed.

Stricter than RFC 7515 must be, in the spirit of RFC 8725: what two readers could take for two
things is refused before any cryptography, and nothing in a token chooses its key's algorithm or
origin.
"""

from chalicelib import claims
from chalicelib.errors import TokenRejected
from chalicelib.jobs import JsonObject
from chalicelib.keysets import ALGORITHMS, KID_CHARS_MAX, KeySource, is_kid

TOKEN_CHARS = 8 * 1024
_TYPES = frozenset({"jwt", "at+jwt"})
# What changes how a token is read (RFC 7515 section 4.1.11, RFC 7797, RFC 7516): none is spoken.
_REFUSED_HEADERS = ("crit", "b64", "zip")


def _read_header(segment: str) -> tuple[str, str | None, object]:
    """Return algorithm, kid and type of the token's header. Raises TokenRejected."""
    header = claims.read(claims.decoded(segment), "header")
    for name in _REFUSED_HEADERS:
        if name in header:
            raise TokenRejected("token_malformed", f"The header {name} is not supported.")
    algorithm = header.get("alg")
    if not isinstance(algorithm, str):
        raise TokenRejected("token_malformed", "The header's alg is not a string.")
    if "kid" in header and not is_kid(header["kid"]):
        detail = f"The header's kid is not a string of 1 to {KID_CHARS_MAX} characters."
        raise TokenRejected("token_malformed", detail)
    return algorithm, header.get("kid"), header.get("typ", "JWT")


def _verify(token: str, keys: KeySource) -> tuple[bytes, object]:
    if len(token) > TOKEN_CHARS:
        detail = f"The token is longer than {TOKEN_CHARS} characters."
        raise TokenRejected("token_malformed", detail)
    segments = token.split(".")
    if len(segments) != 3:  # noqa: PLR2004 - header, payload, signature: RFC 7515 section 3.1
        raise TokenRejected("token_malformed", "The token does not have three parts.")
    algorithm, kid, kind = _read_header(segments[0])
    payload = claims.decoded(segments[1]) if segments[1] else b""
    # Before the key is looked for: what cannot hold must not make anybody fetch keys.
    if algorithm not in ALGORITHMS:
        raise TokenRejected("signature_invalid", "The header's alg is not accepted.")
    if not segments[2]:
        raise TokenRejected("signature_invalid", "The token is not signed.")
    signature = claims.decoded(segments[2])
    key = keys.find(kid)
    message = f"{segments[0]}.{segments[1]}".encode()
    if not key.verifies(algorithm, message, signature):
        raise TokenRejected("signature_invalid")
    return payload, kind


def verify_signature(token: str, keys: KeySource) -> bytes:
    """Return the payload of a compact JWS, exactly as signed by one of *keys*.

    Raises TokenRejected: token_malformed, key_unknown or signature_invalid; and whatever *keys*
    raises.
    """
    payload, _ = _verify(token, keys)
    return payload


def verified_claims(token: str, keys: KeySource) -> JsonObject:
    """Return the claims of a JWT that one of *keys* signed; nothing of them is checked yet.

    Raises TokenRejected: as ``verify_signature``, and token_use_invalid for a JWS that is typed
    for something else (RFC 8725 section 3.11).
    """
    payload, kind = _verify(token, keys)
    if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in _TYPES:
        raise TokenRejected("token_use_invalid", "The header's typ is neither JWT nor at+jwt.")
    return claims.read(payload, "payload")
