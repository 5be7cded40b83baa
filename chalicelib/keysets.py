"""The keys that verify tokens: which of a JWK set may be used, and for which algorithms.

Keys are public and asymmetric; a private or symmetric one is never loaded as such. PyJWT does the
cryptography; this module decides which key may do what.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from jwt.algorithms import get_default_algorithms
from jwt.exceptions import PyJWTError

from chalicelib.errors import TokenRejected
from chalicelib.jobs import JsonObject

RSA_BITS_MIN = 2048
RSA_BITS_MAX = 8192
# RFC 7518 section 3.1 and RFC 8037; "Ed25519" is the name RFC 9864 gives to EdDSA on that curve.
_RSA_ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_CURVE_ALGORITHMS: Mapping[tuple[str, str], frozenset[str]] = {
    ("EC", "P-256"): frozenset({"ES256"}),
    ("EC", "P-384"): frozenset({"ES384"}),
    ("EC", "P-521"): frozenset({"ES512"}),
    ("OKP", "Ed25519"): frozenset({"EdDSA", "Ed25519"}),
}
ALGORITHMS = _RSA_ALGORITHMS.union(*_CURVE_ALGORITHMS.values())
_PUBLIC_MEMBERS = ("kty", "crv", "x", "y", "n", "e")
_VERIFIERS = {
    name: algorithm for name, algorithm in get_default_algorithms().items() if name in ALGORITHMS
}
_VERIFIERS["Ed25519"] = _VERIFIERS["EdDSA"]
# CVE-2017-15361: the keys of one chip maker's library are powers of 65537 modulo small primes.
# A sound modulus passes for one with a chance below 2^-27 (wycheproof, json_web_key, test 7).
_ROCA_PRIMES = (11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157)


@dataclass(frozen=True)
class Key:
    """One public key and the algorithms it may verify, as its type and its JWK say."""

    kid: str | None
    algorithms: frozenset[str]
    public: Any

    def verifies(self, algorithm: str, message: bytes, signature: bytes) -> bool:
        """Whether *signature* over *message* is this key's, made by an algorithm it allows."""
        if algorithm not in self.algorithms:
            return False
        return _VERIFIERS[algorithm].verify(message, self.public, signature)


class KeySource(Protocol):
    """Anything that knows keys by their id."""

    def find(self, kid: str | None) -> Key:
        """Return the key *kid*; where token or key names none, the only key there is.

        Raises TokenRejected ``key_unknown``, or KeysUnavailable when that cannot be told now.
        """
        ...


class KeySet:
    """An unchanging set of keys, each known by an id of its own."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self._keys = tuple(keys)
        self._by_kid = {key.kid: key for key in self._keys if key.kid is not None}

    def __len__(self) -> int:
        return len(self._keys)

    def get(self, kid: str | None) -> Key | None:
        """Return the key, or None. Where token or key names none, the only key is meant."""
        if kid in self._by_kid:
            return self._by_kid[kid]
        only = self._keys[0] if len(self._keys) == 1 else None
        return only if only is None or kid is None or only.kid is None else None

    def find(self, kid: str | None) -> Key:
        """Return the key as ``get`` does. Raises TokenRejected ``key_unknown``."""
        key = self.get(kid)
        if key is None:
            raise TokenRejected("key_unknown")
        return key


def _unique(pairs: list[tuple[str, Any]]) -> JsonObject:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member comes twice")
    return members


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def read_object(text: bytes) -> JsonObject:
    """Return the one JSON object in *text*, UTF-8 without byte order mark.

    Raises ValueError for anything else; a member that comes twice, NaN and Infinity included.
    """
    try:
        value = json.loads(
            text.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - one error for all bad documents
    return value


def _has_roca_fingerprint(modulus: int) -> bool:
    return all(
        modulus % prime in {pow(65537, power, prime) for power in range(prime)}
        for prime in _ROCA_PRIMES
    )


def _allowed_algorithms(jwk: JsonObject) -> frozenset[str]:
    """Return what the key may verify: nothing when its type, use, key_ops or alg forbid it."""
    kty, crv = jwk.get("kty"), jwk.get("crv")
    allowed: frozenset[str] = frozenset()
    if kty == "RSA":
        allowed = _RSA_ALGORITHMS
    elif isinstance(kty, str) and isinstance(crv, str):
        allowed = _CURVE_ALGORITHMS.get((kty, crv), allowed)
    operations = jwk.get("key_ops", ["verify"])
    if jwk.get("use", "sig") != "sig" or not isinstance(operations, list):
        return frozenset()
    if "verify" not in operations:
        return frozenset()
    return allowed & {jwk["alg"]} if isinstance(jwk.get("alg"), str) else allowed


def _parse_key(jwk: object) -> Key | None:
    """Return the key, or None when it is not one that may verify a signature."""
    if not isinstance(jwk, dict) or not isinstance(jwk.get("alg", ""), str):
        return None
    kid, algorithms = jwk.get("kid"), _allowed_algorithms(jwk)
    if not algorithms or not (kid is None or isinstance(kid, str)):
        return None
    members = {name: jwk[name] for name in _PUBLIC_MEMBERS if name in jwk}
    if not all(isinstance(value, str) for value in members.values()):
        return None
    try:
        public: Any = _VERIFIERS[min(algorithms)].from_jwk(members)
    except (PyJWTError, ValueError, TypeError, OverflowError, UnsupportedAlgorithm):
        return None
    if jwk["kty"] == "RSA":
        modulus = public.public_numbers().n
        if not RSA_BITS_MIN <= public.key_size <= RSA_BITS_MAX or _has_roca_fingerprint(modulus):
            return None
    return Key(kid, algorithms, public)


def parse(jwks: JsonObject) -> KeySet:
    """Return the usable keys of a JWK set (RFC 7517); unusable ones are left out, one by one.

    Usable is an RSA key of 2048 to 8192 bits, an EC key on P-256, P-384 or P-521, or an Ed25519
    key, unless ``use``, ``key_ops`` or ``alg`` keep it from verifying. Keys that share a kid are
    all left out: nobody could say which is meant. A document without a list of keys holds none.
    """
    listed = jwks.get("keys")
    members = listed if isinstance(listed, list) else []
    kids = [jwk.get("kid") for jwk in members if isinstance(jwk, dict)]
    keys = (_parse_key(jwk) for jwk in members)
    return KeySet(
        key for key in keys if key is not None and (key.kid is None or kids.count(key.kid) == 1)
    )
