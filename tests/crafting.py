"""Keys, JWK sets and tokens made by hand, so that each can be wrong in exactly one way."""

import base64
import contextlib
import functools
import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from io import BufferedIOBase
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

from chalicelib import keysets
from chalicelib.keysets import KeySet
from tests import leaks

ISSUER = "https://issuer.example"
AUDIENCE = "router"
NOW = 1_800_000_000

_ALGORITHMS = get_default_algorithms()
_CURVES: dict[str, Callable[[], ec.EllipticCurve]] = {
    "ES256": ec.SECP256R1,
    "ES384": ec.SECP384R1,
    "ES512": ec.SECP521R1,
}


def b64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def number(value: int) -> str:
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


@functools.cache
def private_key(algorithm: str = "RS256", name: str = "one") -> Any:
    """Return a private key; the same one for the same arguments."""
    del name
    if algorithm in _CURVES:
        return ec.generate_private_key(_CURVES[algorithm]())
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def jwk(algorithm: str = "RS256", name: str = "one", **members: Any) -> dict[str, Any]:
    """Return the public JWK of ``private_key`` with kid *name*; members of None are left out."""
    family = "RS256" if algorithm.startswith(("RS", "PS")) else algorithm
    public = private_key(family, name).public_key()
    whole = {**_ALGORITHMS[family].to_jwk(public, as_dict=True), "kid": name, **members}
    return {member: value for member, value in whole.items() if value is not None}


def key_set(*jwks: dict[str, Any]) -> KeySet:
    return keysets.parse({"keys": list(jwks) or [jwk()]})


def sign(
    header: dict[str, Any] | bytes,
    payload: dict[str, Any] | bytes,
    algorithm: str = "RS256",
    name: str = "one",
) -> str:
    """Return a compact JWS of exactly this header and payload, soundly signed."""
    parts = [
        b64(part if isinstance(part, bytes) else json.dumps(part).encode())
        for part in (header, payload)
    ]
    family = "RS256" if algorithm.startswith(("RS", "PS")) else algorithm
    message = ".".join(parts).encode()
    signature = _ALGORITHMS[algorithm].sign(message, private_key(family, name))
    return leaks.LEDGER.note_token(".".join([*parts, b64(signature)]))


def claims(**changes: Any) -> dict[str, Any]:
    """Return the claims of a good token with *changes*; None leaves a claim out."""
    good = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "alice",
        "scope": "infer:write jobs:read",
        "iat": NOW,
        "exp": NOW + 60,
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def token(**changes: Any) -> str:
    """Return a soundly signed token of ``claims(**changes)``."""
    return sign({"alg": "RS256", "kid": "one", "typ": "JWT"}, claims(**changes))


type Answer = Callable[[str, BufferedIOBase], None]


@contextlib.contextmanager
def serving(answer: Answer) -> Iterator[str]:
    """Serve on the loopback: *answer* gets a request's path and where to write; its address."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            path = self.rfile.readline(4096).decode().split(" ")[1]
            while self.rfile.readline(4096).strip():
                pass
            # Who asked may hang up first: that is often what is tested.
            with contextlib.suppress(OSError):
                answer(path, self.wfile)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def answer_with(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    """Return a whole HTTP answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def jwks_bytes(*jwks: dict[str, Any]) -> bytes:
    return json.dumps({"keys": list(jwks) or [jwk()]}).encode()
