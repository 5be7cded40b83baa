"""The keys that verify tokens: which of a JWK set may be used, and for which algorithms.

Keys are public and asymmetric; a private or symmetric one is never loaded as such. PyJWT does the
cryptography; this module decides which key may do what.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from jwt.algorithms import get_default_algorithms
from jwt.exceptions import PyJWTError

from chalicelib import validation
from chalicelib.errors import InvalidJson, TokenRejected
from chalicelib.jobs import JsonObject

# Issuers publish two to ten; 12,000 small ones fit into a fetch and took two seconds to load.
KEYS_MAX = 256
KID_CHARS_MAX = 256
RSA_BITS_MIN = 2048
RSA_BITS_MAX = 8192
# What Go and BoringSSL take. OpenSSL takes up to 3,072 bits, and then 8 ms for each signature.
RSA_EXPONENT_MAX = (1 << 31) - 1
# RFC 7518 section 3.1 and RFC 8037; "Ed25519" is the name RFC 9864 gives to EdDSA on that curve.
_RSA_ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_CURVE_ALGORITHMS: Mapping[tuple[str, str], frozenset[str]] = {
    ("EC", "P-256"): frozenset({"ES256"}),
    ("EC", "P-384"): frozenset({"ES384"}),
    ("EC", "P-521"): frozenset({"ES512"}),
    ("OKP", "Ed25519"): frozenset({"EdDSA", "Ed25519"}),
}
ALGORITHMS = _RSA_ALGORITHMS.union(*_CURVE_ALGORITHMS.values())
_OPERATIONS = (["verify"], ["sign", "verify"], ["verify", "sign"])
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


def read_object(text: bytes) -> JsonObject:
    """Return the one JSON object in *text*, UTF-8 without byte order mark.

    Raises ValueError for anything else, and for what ``validation.parse`` refuses: a member that
    comes twice, a lone surrogate, a number beyond a double, too many levels.
    """
    try:
        value = validation.parse(text)
    except InvalidJson as error:
        raise ValueError(error.detail) from None
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - one error for all bad documents
    return value


def is_kid(value: object) -> bool:
    """Whether *value* can be a key's id: a text of 1 to ``KID_CHARS_MAX`` characters."""
    return isinstance(value, str) and 1 <= len(value) <= KID_CHARS_MAX


def _has_roca_fingerprint(modulus: int) -> bool:
    return all(
        modulus % prime in {pow(65537, power, prime) for power in range(prime)}
        for prime in _ROCA_PRIMES
    )


def _sound_rsa(numbers: RSAPublicNumbers) -> bool:
    """Whether size, exponent and modulus are sane; ``cryptography`` takes odd e from 3 on alone."""
    return (
        RSA_BITS_MIN <= numbers.n.bit_length() <= RSA_BITS_MAX
        and numbers.n % 2 == 1
        and numbers.e <= RSA_EXPONENT_MAX
        and not _has_roca_fingerprint(numbers.n)
    )


def _for_signatures(jwk: JsonObject) -> bool:
    """Whether use and key_ops are for signatures alone and do not contradict each other.

    RFC 7517 sections 4.2 and 4.3: no operation comes twice, and unrelated ones do not share a key.
    """
    operations = jwk.get("key_ops", ["verify"])
    return jwk.get("use", "sig") == "sig" and operations in _OPERATIONS


def _allowed_algorithms(jwk: JsonObject) -> frozenset[str]:
    """Return what the key may verify: nothing when its type, use, key_ops or alg forbid it."""
    if not _for_signatures(jwk):
        return frozenset()
    kty, crv = jwk.get("kty"), jwk.get("crv")
    allowed: frozenset[str] = frozenset()
    if kty == "RSA":
        allowed = _RSA_ALGORITHMS
    elif isinstance(kty, str) and isinstance(crv, str):
        allowed = _CURVE_ALGORITHMS.get((kty, crv), allowed)
    return allowed & {jwk["alg"]} if "alg" in jwk else allowed


def _parse_key(jwk: object) -> Key | None:
    """Return the key, or None when it is not one that may verify a signature."""
    if not isinstance(jwk, dict) or not isinstance(jwk.get("alg", ""), str):
        return None
    algorithms = _allowed_algorithms(jwk)
    if not algorithms or ("kid" in jwk and not is_kid(jwk["kid"])):
        return None
    members = {name: jwk[name] for name in _PUBLIC_MEMBERS if name in jwk}
    if not all(isinstance(value, str) for value in members.values()):
        return None
    try:
        public: Any = _VERIFIERS[min(algorithms)].from_jwk(members)
    except (PyJWTError, ValueError, TypeError, OverflowError, UnsupportedAlgorithm):
        return None
    if jwk["kty"] == "RSA" and not _sound_rsa(public.public_numbers()):
        return None
    return Key(jwk.get("kid"), algorithms, public)


def parse(jwks: JsonObject) -> KeySet:
    """Return the usable keys of a JWK set (RFC 7517); unusable ones are left out, one by one.

    Usable is an RSA key of 2048 to 8192 bits, an EC key on P-256, P-384 or P-521, or an Ed25519
    key, unless ``use``, ``key_ops`` or ``alg`` keep it from verifying. Keys that share a kid are
    all left out: nobody could say which is meant. A document without a list of keys, or with more
    than ``KEYS_MAX``, holds none.
    """
    listed = jwks.get("keys")
    members = listed if isinstance(listed, list) and len(listed) <= KEYS_MAX else []
    named = (jwk.get("kid") for jwk in members if isinstance(jwk, dict))
    kids = Counter(kid for kid in named if isinstance(kid, str))
    keys = (_parse_key(jwk) for jwk in members)
    return KeySet(
        key for key in keys if key is not None and (key.kid is None or kids[key.kid] == 1)
    )
