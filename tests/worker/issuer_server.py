"""An issuer's token endpoint that gives tokens to machine clients, and misbehaves on demand."""

import base64
import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote_plus

CLIENT, SECRET = "worker-client", "s3cret & +%é"

type Reply = tuple[int, dict[str, str], bytes]


class Issuer(ThreadingHTTPServer):
    """Gives ``token-1``, ``token-2`` … that hold *seconds* long, unless *replies* say otherwise."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Exchange)
        self.url = f"http://127.0.0.1:{self.server_port}/oauth2/token"
        self.secret = SECRET
        self.seconds: object = 3600
        self.forms: list[dict[str, list[str]]] = []
        self.replies: deque[Reply] = deque()
        self.gate = threading.Event()
        self.gate.set()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is part of the test."""


class _Exchange(BaseHTTPRequestHandler):
    server: Issuer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.forms.append(parse_qs(body))
        self.server.gate.wait(20)
        status, headers, content = self._answer()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def _answer(self) -> Reply:
        if self.server.replies:
            return self.server.replies.popleft()
        if _pair(self.headers["Authorization"]) != (CLIENT, self.server.secret):
            return refusal(401, "invalid_client")
        number = len(self.server.forms)
        granted = {"access_token": f"token-{number}", "expires_in": self.server.seconds}
        return 200, {}, json.dumps({"token_type": "Bearer", **granted}).encode()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


def refusal(status: int, code: str) -> Reply:
    """Return an error as of RFC 6749, 5.2."""
    told = {"error": code, "error_description": "secret words"}
    return status, {"Content-Type": "application/json"}, json.dumps(told).encode()


@contextmanager
def serving() -> Iterator[Issuer]:
    """Run an issuer on loopback."""
    with Issuer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.gate.set()
        server.shutdown()
        thread.join()


def _pair(authorization: str) -> tuple[str, str]:
    decoded = base64.b64decode(authorization.removeprefix("Basic ")).decode()
    name, _, secret = decoded.partition(":")
    return unquote_plus(name), unquote_plus(secret)
