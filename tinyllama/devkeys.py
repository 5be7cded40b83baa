"""The development keys: made on first use in the user's state folder, and what they sign.

Tokens are signed with RSA, RS256: what Amazon Cognito does, so that a laptop runs the same path as
AWS, and what every tool that reads tokens or JWK sets understands. API keys are signed with
Ed25519, as on AWS. The keys never lie inside the project, where they could be committed and where
the file poller of ``chalice local`` would see them being read.
"""

import contextlib
import functools
import json
import os
import secrets
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm

from chalicelib import scopes, settings
from chalicelib.errors import NotConfigured
from tinyllama import signing_keys
from tinyllama.state import state_folder

# Every scope there is, sorted: a development token may do everything.
SCOPES = tuple(sorted(scopes.SCOPES))
_KEY_BITS = 2048


def _create_rsa() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=_KEY_BITS)


def _read_rsa(text: bytes) -> RSAPrivateKey:
    private = signing_keys.read_private(text)
    if not isinstance(private, RSAPrivateKey):
        raise ValueError("no RSA key")  # noqa: TRY004 - one error for all bad texts
    return private


def _rsa_jwk(private: RSAPrivateKey) -> dict[str, str]:
    public = RSAAlgorithm.to_jwk(private.public_key(), as_dict=True)
    required = {name: str(public[name]) for name in ("e", "kty", "n")}
    return {**required, "kid": signing_keys.thumbprint(required), "alg": "RS256", "use": "sig"}


@dataclass(frozen=True)
class _Kind[K: (RSAPrivateKey, Ed25519PrivateKey)]:
    """A development key: its files, how one is made, read from PEM and shown to the public."""

    name: str
    key_file: str
    jwks_file: str
    create: Callable[[], K]
    read: Callable[[bytes], K]
    public_jwk: Callable[[K], dict[str, str]]


_TOKENS = _Kind(
    "RSA", "development-key.pem", "development-jwks.json", _create_rsa, _read_rsa, _rsa_jwk
)
_API_KEYS = _Kind(
    "Ed25519",
    "development-signing-key.pem",
    "development-key-jwks.json",
    signing_keys.create,
    signing_keys.read_pem,
    signing_keys.public_jwk,
)


def _keys_folder() -> Path:
    folder = state_folder() / "keys"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The mask of the process may have narrowed the mode, an earlier owner widened it.
        if stat.S_IMODE(folder.stat().st_mode) != stat.S_IRWXU:
            folder.chmod(stat.S_IRWXU)
    except OSError as error:
        raise NotConfigured(
            "the folder of the development keys cannot be made; set TINYLLAMA_STATE_DIR to one"
            f" you can write ({error.strerror})"
        ) from None
    return folder


def _write_whole(path: Path, text: bytes) -> Path:
    """Return a file beside *path* that holds all of *text*, readable by its owner alone."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - pathlib opens no descriptors
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return draft


def _create_key(path: Path, text: bytes) -> None:
    draft = _write_whole(path, text)
    try:
        # A link is made once: of several processes one wins, and all read the winner's key.
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()


@functools.lru_cache(maxsize=8)
def _load_key[K: (RSAPrivateKey, Ed25519PrivateKey)](
    kind: _Kind[K],
    path: Path,
    changed_ns: int,  # noqa: ARG001 - part of the cache's key
) -> tuple[K, dict[str, str]]:
    """Return the private key and its public JWK, whose kid is its thumbprint (RFC 7638)."""
    try:
        private = kind.read(path.read_bytes())
    except ValueError:
        told = f"{path} holds no {kind.name} key: delete it, another is made"
        raise NotConfigured(told) from None
    return private, kind.public_jwk(private)


def _development_key[K: (RSAPrivateKey, Ed25519PrivateKey)](
    kind: _Kind[K],
) -> tuple[K, dict[str, str]]:
    path = _keys_folder() / kind.key_file
    if not path.exists():
        _create_key(path, signing_keys.pem(kind.create()))
    return _load_key(kind, path, path.stat().st_mtime_ns)


def _jwks_path[K: (RSAPrivateKey, Ed25519PrivateKey)](kind: _Kind[K]) -> Path:
    _, jwk = _development_key(kind)
    path = _keys_folder() / kind.jwks_file
    text = (json.dumps({"keys": [jwk]}, indent=2) + "\n").encode()
    # An equal file is left alone, so that who watches it sees no change.
    if not path.exists() or path.read_bytes() != text:
        _write_whole(path, text).replace(path)
    return path


def development_jwks_path() -> Path:
    """Return the path of the development key's JWK set; makes key and set when there are none."""
    return _jwks_path(_TOKENS)


def development_key_jwks_path() -> Path:
    """Return the path of the JWK set that API keys are read with; made when there is none."""
    return _jwks_path(_API_KEYS)


def make_token(
    *,
    aud: str | list[str] | None = None,
    sub: str = "dev",
    scope: str = " ".join(SCOPES),
    expires_in: float = 3600,
    kid: str | None = None,
    clock: Callable[[], float] = time.time,  # noqa: TID251 - the wall clock that exp is about
    **claims: object,
) -> str:
    """Return a token signed with the development key, for ``Authorization: Bearer``.

    *aud* is the settings' first audience unless given, *scope* all there are, space separated;
    *expires_in* counts seconds from now and may be negative. Further *claims*, ``iss`` among them,
    are taken as they are and replace what would be there; None leaves a claim out. *kid* names
    another key in the header than the one that signs. Raises NotConfigured.
    """
    private, jwk = _development_key(_TOKENS)
    now = int(clock())
    payload: dict[str, object] = {
        "iss": settings.required("issuer") if "iss" not in claims else None,
        "aud": settings.audiences()[0] if aud is None else aud,
        "sub": sub,
        "scope": scope,
        "iat": now,
        "exp": now + expires_in,
        **claims,
    }
    payload = {name: value for name, value in payload.items() if value is not None}
    return jwt.encode(payload, private, algorithm="RS256", headers={"kid": kid or jwk["kid"]})


def make_api_key(  # noqa: PLR0913 - one for each claim
    *,
    tenant: str = "dev",
    name: str = "dev",
    scope: str = " ".join(SCOPES),
    expires_in: float = 3600,
    key_id: str | None = None,
    environment: str | None = None,
    clock: Callable[[], float] = time.time,  # noqa: TID251 - the wall clock that exp is about
) -> str:
    """Return an API key signed with the development key; it works once it is registered.

    *scope* is space separated; *expires_in* counts seconds from now and may be negative.
    *environment* is the settings' unless given, *key_id* a new one. Raises NotConfigured.
    """
    private, _ = _development_key(_API_KEYS)
    now = int(clock())
    return signing_keys.sign_api_key(
        private,
        environment=settings.environment() if environment is None else environment,
        tenant=tenant,
        name=name,
        scopes=scope.split(),
        issued_at=now,
        expires_at=now + int(expires_in),
        key_id=signing_keys.new_key_id() if key_id is None else key_id,
    )
