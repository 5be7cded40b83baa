"""A router that answers ``/worker`` as a test says, and misbehaves on demand."""

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from chalicelib.jobs import JsonObject

type Step = Callable[["Exchange"], None]

LEASED: JsonObject = {
    "job": {
        "id": f"job_{1:032x}",
        "tenant": "tenant",
        "attempt": 2,
        "max_attempts": 3,
        "request": {"prompt": "secret words"},
        "created_at": 1,
        "deadline_at": None,
    },
    "lease_seconds": 12,
}


class Exchange(BaseHTTPRequestHandler):
    """One request to the router."""

    server: "RouterServer"
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: two wait for each other

    def do_POST(self) -> None:
        """Take the next step."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.calls.append((self.path, headers, json.loads(body)))
        steps = self.server.steps
        step = steps.popleft() if steps else self.server.otherwise
        step(self)

    def reply(self, status: int, body: bytes, **headers: str) -> None:
        """Answer in one piece."""
        self.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


class RouterServer(ThreadingHTTPServer):
    """A router on loopback; each request takes the next of *steps*."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Exchange)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.calls: list[tuple[str, dict[str, str], JsonObject]] = []
        self.steps: deque[Step] = deque()
        self.otherwise: Step = answer(204)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is part of the test."""


@contextmanager
def serving() -> Iterator[RouterServer]:
    """Run a router that has no job until told otherwise."""
    with RouterServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def answer(status: int, body: object = None, **headers: str) -> Step:
    """Answer *status* and *body* as JSON, bytes as they are."""
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return lambda exchange: exchange.reply(status, raw, **headers)


def refuse(status: int, code: str, **headers: str) -> Step:
    """Answer a problem document that echoes a secret, as it never would."""
    return answer(status, {"code": code, "detail": "secret words"}, **headers)


def hang_up(exchange: Exchange) -> None:
    """Close the connection without a word."""
    exchange.close_connection = True


def never_end(exchange: Exchange) -> None:
    """Answer without an end."""
    exchange.send_response(200)
    exchange.send_header("Content-Type", "application/json")
    exchange.send_header("Connection", "close")
    exchange.end_headers()
    while True:
        exchange.wfile.write(b" " * 65536)


def after(seconds: float, step: Step) -> Step:
    """Take *step* late."""

    def late(exchange: Exchange) -> None:
        time.sleep(seconds)
        step(exchange)

    return late
