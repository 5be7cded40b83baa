"""The development key: made on first use in the user's state folder, and tokens signed with it.

RSA, signing RS256: what Amazon Cognito does, so that a laptop runs the same path as AWS, and what
every tool that reads tokens or JWK sets understands. The key never lies inside the project, where
it could be committed and where the file poller of ``chalice local`` would see it being read.
"""

import contextlib
import functools
import hashlib
import json
import os
import secrets
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from chalicelib import settings
from chalicelib.errors import NotConfigured
from tinyllama.state import state_folder

# Every scope there is, sorted: a development token may do everything.
SCOPES = (
    "events:write",
    "inbox:ack",
    "inbox:read",
    "infer:write",
    "jobs:read",
    "jobs:write",
    "keys:admin",
    "metrics:read",
    "queue:admin",
    "worker:run",
)
_KEY_BITS = 2048
_KEY_FILE = "development-key.pem"
_JWKS_FILE = "development-jwks.json"


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


def _create_key(path: Path) -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    text = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    draft = _write_whole(path, text)
    try:
        # A link is made once: of several processes one wins, and all read the winner's key.
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()


@functools.lru_cache(maxsize=8)
def _load_key(path: Path, changed_ns: int) -> tuple[rsa.RSAPrivateKey, dict[str, Any]]:  # noqa: ARG001 - part of the cache's key
    """Return the private key and its public JWK, whose kid is its thumbprint (RFC 7638)."""
    try:
        private = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except ValueError:
        raise NotConfigured(f"{path} holds no private key: delete it, another is made") from None
    if not isinstance(private, rsa.RSAPrivateKey):
        raise NotConfigured(f"{path} holds no RSA key: delete it, another is made")
    public = RSAAlgorithm.to_jwk(private.public_key(), as_dict=True)
    required = {name: public[name] for name in ("e", "kty", "n")}
    digest = hashlib.sha256(json.dumps(required, separators=(",", ":")).encode()).digest()
    kid = jwt.utils.base64url_encode(digest).decode()
    return private, {**required, "kid": kid, "alg": "RS256", "use": "sig"}


def _development_key() -> tuple[rsa.RSAPrivateKey, dict[str, Any]]:
    path = _keys_folder() / _KEY_FILE
    if not path.exists():
        _create_key(path)
    return _load_key(path, path.stat().st_mtime_ns)


def development_jwks_path() -> Path:
    """Return the path of the development key's JWK set; makes key and set when there are none."""
    _, jwk = _development_key()
    path = _keys_folder() / _JWKS_FILE
    text = (json.dumps({"keys": [jwk]}, indent=2) + "\n").encode()
    # An equal file is left alone, so that who watches it sees no change.
    if not path.exists() or path.read_bytes() != text:
        _write_whole(path, text).replace(path)
    return path


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
    private, jwk = _development_key()
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
