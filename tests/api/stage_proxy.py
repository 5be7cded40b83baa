"""A gateway's stage in front of a router: a prefix on every path, answers that can be spoilt."""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

PREFIX = "/dev"
_PASSED_ON = ("Authorization", "Content-Type", "Prefer", "Idempotency-Key", "If-None-Match")


@dataclass
class Passing:
    """An answer on its way; ``status`` 0 hangs up instead, ``cut`` bytes of it never arrive."""

    method: str
    path: str
    status: int
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    cut: int = 0


class _Exchange(BaseHTTPRequestHandler):
    server: "StageProxy"
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def _pass(self) -> None:
        length = self.headers["Content-Length"]
        body = self.rfile.read(int(length)) if length else None
        path = self.path.removeprefix(PREFIX) if self.path.startswith(f"{PREFIX}/") else "/none"
        sent = {name: self.headers[name] for name in _PASSED_ON if name in self.headers}
        router = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=40)
        router.request(self.command, path, body, sent)
        answer = router.getresponse()
        headers = {
            n: v for n, v in answer.getheaders() if n not in ("Connection", "Date", "Server")
        }
        passing = Passing(self.command, path, answer.status, headers, answer.read())
        router.close()
        self.server.passed.append(path)
        self.server.spoil(passing)
        if not passing.status:
            self.close_connection = True
            return
        self.send_response(passing.status)
        if passing.status not in {204, 304}:
            passing.headers["Content-Length"] = str(len(passing.body))
        for name, value in passing.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(passing.body[: len(passing.body) - passing.cut])
        self.close_connection = self.close_connection or bool(passing.cut)

    do_GET = do_POST = do_DELETE = _pass  # noqa: N815 - what the base class calls

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


class StageProxy(ThreadingHTTPServer):
    """Passes calls below the prefix to the router on a port, and answers through *spoil*."""

    daemon_threads = True

    def __init__(self, router_url: str) -> None:
        super().__init__(("127.0.0.1", 0), _Exchange)
        self.port = urlsplit(router_url).port or 0
        self.url = f"http://127.0.0.1:{self.server_port}{PREFIX}"
        self.passed: list[str] = []
        self.spoil: Callable[[Passing], object] = lambda _: None


@contextmanager
def serving(router_url: str) -> Iterator[StageProxy]:
    """Run a stage in front of the router."""
    with StageProxy(router_url) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()
