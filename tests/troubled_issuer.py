"""An issuer on the loopback whose trouble can be chosen while it is asked."""

import json
import socketserver
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BufferedIOBase
from typing import Any

from tests.crafting import answer_with, claims, jwk, jwks_bytes, sign

AUDIENCE = "tinyllama-router"
_DISCOVERY = "/.well-known/openid-configuration"
_HUGE_BYTES = 50 * 1024 * 1024
_PATIENCE_SECONDS = 10  # longer than anybody should wait for it
_BAD_KEYS: tuple[dict[str, Any], ...] = (
    {"kty": "RSA", "kid": "short", "n": "AQAB", "e": "AQAB"},
    {"kty": "RSA", "kid": "no-number", "n": [1, 2], "e": None},
    {"kty": "EC", "kid": "off-the-curve", "crv": "P-256", "x": "AQ", "y": "Ag"},
    {"kty": "oct", "kid": "secret", "k": "c2VjcmV0"},
)


class TroubledIssuer:
    """Serves discovery and keys in its mood: ``well``, ``refuses`` or another of ``MOODS``."""

    def __init__(self, *kids: str) -> None:
        self.kids: tuple[str, ...] = kids or ("one",)
        self.mood = "well"
        self.asked: list[str] = []
        self._gone = threading.Event()
        self._listener: _Listener | None = None
        self._port = 0
        self.be("well")

    @property
    def address(self) -> str:
        """Its issuer's identifier, under which its discovery document lies."""
        return f"http://127.0.0.1:{self._port}"

    def be(self, mood: str) -> None:
        """Change its mood; connections that are open keep the old one."""
        self.mood = mood
        if mood == "refuses":
            self.close()
        elif self._listener is None:
            self._listener = _Listener(self, self._port)
            self._port = self._listener.server_address[1]

    def close(self) -> None:
        """Listen no more."""
        self._gone.set()
        if self._listener is not None:
            self._listener.end()
        self._listener, self._gone = None, threading.Event()

    def token(self, kid: str = "one", **changes: Any) -> str:
        """Return a good token of its own, signed by the key *kid*."""
        now = int(time.time())
        told = {"iss": self.address, "aud": AUDIENCE, "iat": now, "exp": now + 600, **changes}
        return sign({"alg": "ES256", "kid": kid}, claims(**told), "ES256", kid)

    def answer(self, path: str, out: BufferedIOBase) -> None:
        """Answer as the mood is."""
        self.asked.append(path)
        MOODS[self.mood](self, path, out)

    def keys(self) -> list[dict[str, Any]]:
        """Return the JWKs of its kids."""
        return [jwk("ES256", kid) for kid in self.kids]

    def document(self, path: str, keys: bytes) -> bytes:
        """Return the answer to *path*: discovery, or *keys*."""
        if path == _DISCOVERY:
            told = {"issuer": self.address, "jwks_uri": f"{self.address}/keys"}
            return answer_with(json.dumps(told).encode())
        return answer_with(keys, **({} if path == "/keys" else {"status": "404 Not Found"}))

    def linger(self, seconds: float) -> bool:
        """Wait; whether somebody could still be there."""
        return not self._gone.wait(seconds)


class _Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, issuer: TroubledIssuer, port: int) -> None:
        self.issuer = issuer
        super().__init__(("127.0.0.1", port), _Exchange)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def end(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Exchange(socketserver.StreamRequestHandler):
    server: _Listener

    def handle(self) -> None:
        # Who asked may hang up first: that is what is tested.
        with suppress(OSError):
            path = self.rfile.readline(4096).decode().split(" ")[1]
            while self.rfile.readline(4096).strip():
                pass
            self.server.issuer.answer(path, self.wfile)


def _well(issuer: TroubledIssuer, path: str, out: BufferedIOBase) -> None:
    out.write(issuer.document(path, jwks_bytes(*issuer.keys())))


def _hangs(issuer: TroubledIssuer, path: str, out: BufferedIOBase) -> None:
    del path, out
    issuer.linger(_PATIENCE_SECONDS)


def _drips(issuer: TroubledIssuer, path: str, out: BufferedIOBase) -> None:
    ends = time.monotonic() + _PATIENCE_SECONDS
    for octet in issuer.document(path, jwks_bytes(*issuer.keys())):
        out.write(bytes([octet]))
        if time.monotonic() > ends or not issuer.linger(0.05):
            break


def _html(issuer: TroubledIssuer, path: str, out: BufferedIOBase) -> None:
    del issuer, path
    page = b"<!doctype html><title>Sign in</title>"
    out.write(answer_with(page, Content_Type="text/html"))


def _huge(issuer: TroubledIssuer, path: str, out: BufferedIOBase) -> None:
    del issuer, path
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {_HUGE_BYTES}\r\nConnection: close\r\n\r\n"
    out.write(head.encode() + b'{"keys": [], "padding": "')
    out.writelines(b"x" * 65536 for _ in range(_HUGE_BYTES // 65536))


def _redirects(issuer: TroubledIssuer, path: str, out: BufferedIOBase) -> None:
    if path.startswith("/elsewhere"):
        _well(issuer, path.removeprefix("/elsewhere"), out)
    else:
        place = f"{issuer.address}/elsewhere{path}"
        out.write(answer_with(b"", "302 Found", Location=place))


def _fails(issuer: TroubledIssuer, path: str, out: BufferedIOBase) -> None:
    del issuer, path
    out.write(answer_with(b"oops", "500 Internal Server Error"))


def _bad_key(issuer: TroubledIssuer, path: str, out: BufferedIOBase) -> None:
    out.write(issuer.document(path, jwks_bytes(*_BAD_KEYS, *issuer.keys())))


def _no_usable_key(issuer: TroubledIssuer, path: str, out: BufferedIOBase) -> None:
    out.write(issuer.document(path, jwks_bytes(*_BAD_KEYS)))


MOODS: Mapping[str, Callable[[TroubledIssuer, str, BufferedIOBase], None]] = {
    "well": _well,
    "hangs": _hangs,
    "drips": _drips,
    "html": _html,
    "huge": _huge,
    "redirects": _redirects,
    "fails": _fails,
    "bad key": _bad_key,
    "no usable key": _no_usable_key,
}
TROUBLES = ("refuses", *(mood for mood in MOODS if mood not in ("well", "bad key")))


@contextmanager
def troubled(*kids: str) -> Iterator[TroubledIssuer]:
    """Run an issuer that is well at first."""
    issuer = TroubledIssuer(*kids)
    try:
        yield issuer
    finally:
        issuer.close()
