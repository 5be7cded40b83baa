"""An engine that misbehaves as the prompt tells it to, over the OpenAI HTTP API."""

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_DEED = re.compile(r"(\w+)\*(\d*)")
_STUCK_SECONDS = 60.0
_PIECE_BYTES = 64 * 1024
_FLOOD_BYTES = 50 * 1024 * 1024
_SLOW_SECONDS = 0.15


class _Exchange(BaseHTTPRequestHandler):
    server: "EvilEngine"

    def do_GET(self) -> None:
        """List the one model."""
        self._reply(200, {"object": "list", "data": [{"id": "chaos", "object": "model"}]})

    def do_POST(self) -> None:
        """Do what the prompt's second word says, or answer the prompt word by word."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        words = str(body["messages"][-1]["content"]).split()
        deed = self.server.next_deed(words)
        getattr(self, f"_{deed}")(words)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""

    def _answer(self, words: list[str], pause_seconds: float = 0) -> None:
        self._begin()
        for number, word in enumerate(words):
            self.server.pause(number)
            self._piece((" " if number else "") + word)
            time.sleep(pause_seconds)
        self.server.pause(len(words))
        self._piece(None, "stop")
        self.wfile.write(b"data: [DONE]\n\n")

    def _brief(self, words: list[str]) -> None:
        self._answer(words[:1])

    def _slow(self, words: list[str]) -> None:
        self._answer(words, _SLOW_SECONDS)

    def _hang(self, _: list[str]) -> None:
        self.server.over.wait(_STUCK_SECONDS)

    def _stall(self, words: list[str]) -> None:
        self._begin()
        self._piece(words[0])
        self.server.over.wait(_STUCK_SECONDS)

    def _die(self, words: list[str]) -> None:
        self._begin()
        for word in words[:2]:
            self._piece(f"{word} ")
        self.wfile.flush()

    def _busy(self, _: list[str]) -> None:
        self._reply(429, {"error": {"message": "busy"}}, {"Retry-After": "1"})

    def _error(self, _: list[str]) -> None:
        self._reply(500, {"error": {"message": "broken"}})

    def _garbage(self, _: list[str]) -> None:
        self._begin()
        self.wfile.write(b"data: \xff\xfe{{{ not json\n\ndata: 7\n\n")

    def _flood(self, _: list[str]) -> None:
        self._begin()
        piece = "x" * _PIECE_BYTES
        for _piece in range(_FLOOD_BYTES // _PIECE_BYTES):
            self._piece(piece)

    def _line(self, _: list[str]) -> None:
        self._begin()
        self.wfile.write(b'data: {"choices": [{"delta": {"content": "')
        for _piece in range(_FLOOD_BYTES // _PIECE_BYTES):
            self.wfile.write(b"x" * _PIECE_BYTES)
        self.wfile.write(b'"}}]}\n\n')

    def _begin(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()

    def _piece(self, content: str | None, finish: str | None = None) -> None:
        choice = {"index": 0, "delta": {"content": content}, "finish_reason": finish}
        chunk = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "chaos"}
        self.wfile.write(b"data: " + json.dumps(chunk | {"choices": [choice]}).encode() + b"\n\n")

    def _reply(self, status: int, body: object, headers: dict[str, str] | None = None) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        told = {"Content-Type": "application/json", "Content-Length": str(len(content))}
        for name, value in (told | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


class EvilEngine(ThreadingHTTPServer):
    """Answers a prompt with its own words. ``<deed>*<times>`` as second word misbehaves first.

    Deeds: slow, brief (the first word alone), hang, stall and die (in mid-stream), busy (429),
    error (500), garbage, flood (50 MB in pieces), line (50 MB in one). Without *times* it stays so.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Exchange)
        self.url = f"http://127.0.0.1:{self.server_port}/v1"
        self.over = threading.Event()
        self.calls: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._stop_at: int | None = None
        self.reached = threading.Event()
        self.go = threading.Event()

    def next_deed(self, words: list[str]) -> str:
        """Return what to do with this prompt now, and count the call under its first word."""
        with self._lock:
            self.calls[words[0]] += 1
            calls = self.calls[words[0]]
        found = _DEED.fullmatch(words[1]) if len(words) > 1 else None
        if found is None or (found[2] and calls > int(found[2])):
            return "answer"
        return found[1]

    def stop_at(self, pieces: int | None) -> None:
        """Hold the next answer once *pieces* of it are out, until ``go``; None holds nothing."""
        self.reached.clear()
        self.go.clear()
        self._stop_at = pieces

    def pause(self, pieces: int) -> None:
        """Stop here if an answer is to be held after *pieces*."""
        if self._stop_at == pieces:
            self._stop_at = None
            self.reached.set()
            self.go.wait(_STUCK_SECONDS)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that hung up is part of it."""


@contextmanager
def serving() -> Iterator[EvilEngine]:
    """Serve an evil engine; whoever hangs in it is let go at the end."""
    with EvilEngine() as engine:
        serve: Callable[[], None] = lambda: engine.serve_forever(0.05)  # noqa: E731
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield engine
        engine.over.set()
        engine.go.set()
        engine.shutdown()
        thread.join()
