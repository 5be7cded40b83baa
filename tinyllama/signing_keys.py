"""The key that signs API keys: Ed25519 (RFC 8032), its forms on paper, and what it signs.

``chalicelib.api_keys`` reads what is signed here. The private key is an operator's alone.
"""

import hashlib
import json
import secrets
from collections.abc import Collection, Mapping

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from jwt.algorithms import OKPAlgorithm

from chalicelib import api_keys


def create() -> Ed25519PrivateKey:
    """Return a new private key."""
    return Ed25519PrivateKey.generate()


def pem(private: Ed25519PrivateKey | RSAPrivateKey) -> bytes:
    """Return *private* as PKCS #8 in PEM (RFC 5958, RFC 7468), not encrypted."""
    return private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def read_private(text: bytes) -> PrivateKeyTypes:
    """Return the private key that a PEM holds. Raises ValueError where there is none."""
    try:
        return serialization.load_pem_private_key(text, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("no private key that can be read") from None


def read_pem(text: bytes) -> Ed25519PrivateKey:
    """Return the Ed25519 key that ``pem`` wrote. Raises ValueError for whatever else."""
    private = read_private(text)
    if not isinstance(private, Ed25519PrivateKey):
        raise ValueError("no Ed25519 key")  # noqa: TRY004 - one error for all bad texts
    return private


def thumbprint(required: Mapping[str, str]) -> str:
    """Return a JWK's thumbprint, its kid here; of the *required* members alone (RFC 7638)."""
    text = json.dumps(required, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).digest()
    return jwt.utils.base64url_encode(digest).decode()


def public_jwk(private: Ed25519PrivateKey) -> dict[str, str]:
    """Return the public key as a JWK (RFC 8037), whose kid is its thumbprint."""
    found = OKPAlgorithm.to_jwk(private.public_key(), as_dict=True)
    required = {name: str(found[name]) for name in ("crv", "kty", "x")}
    return {**required, "kid": thumbprint(required), "alg": "EdDSA", "use": "sig"}


def new_key_id() -> str:
    """Return an id that no API key has."""
    return f"key_{secrets.token_hex(16)}"


def sign_api_key(  # noqa: PLR0913 - one for each claim
    private: Ed25519PrivateKey,
    *,
    environment: str,
    tenant: str,
    name: str,
    scopes: Collection[str],
    issued_at: int,
    expires_at: int,
    key_id: str,
) -> str:
    """Return an API key of *environment*, prefix and all; times in seconds since the epoch.

    The same arguments make the same key: an Ed25519 signature holds no chance. Nothing is checked
    here; ``chalicelib.api_keys`` tells whether it holds.
    """
    payload = {
        "iss": api_keys.ISSUER,
        "aud": api_keys.audience(environment),
        "jti": key_id,
        "tenant": tenant,
        "name": name,
        "scope": " ".join(sorted(scopes)),
        "iat": issued_at,
        "exp": expires_at,
    }
    kid = public_jwk(private)["kid"]
    return api_keys.PREFIX + jwt.encode(payload, private, algorithm="EdDSA", headers={"kid": kid})
