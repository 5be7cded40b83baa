"""A model's server that speaks the OpenAI protocol and misbehaves on demand."""

import json
import threading
from collections import deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from chalicelib.jobs import JsonObject

GATE_SECONDS = 20.0

type Step = Callable[["Exchange"], None]


class Exchange(BaseHTTPRequestHandler):
    """One request to the engine's server."""

    server: "EngineServer"
    body: JsonObject

    def do_GET(self) -> None:
        """List the models."""
        self.server.listings += 1
        self.server.list_models(self)

    def do_POST(self) -> None:
        """Take the next step."""
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        self.body = json.loads(raw)
        self.server.requests.append(self.body)
        self.server.raw_requests.append(raw)
        self.server.traceparents.append(self.headers["traceparent"])
        self.server.authorizations.add(self.headers["Authorization"])
        steps = self.server.steps
        step = steps.popleft() if steps else self.server.otherwise
        step(self)

    def reply(self, status: int, body: bytes, media_type: str, **headers: str) -> None:
        """Answer in one piece."""
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def begin(self) -> None:
        """Begin a stream that ends with the connection."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()

    def event(self, data: object) -> None:
        """Send one event of the stream."""
        self.wfile.write(b"data: " + json.dumps(data).encode() + b"\n\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


class EngineServer(ThreadingHTTPServer):
    """An OpenAI-compatible server on loopback; each request takes the next of *steps*."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Exchange)
        self.url = f"http://127.0.0.1:{self.server_port}/v1"
        self.models = ["first-model", "second-model"]
        self.listings = 0
        self.requests: list[JsonObject] = []
        self.raw_requests: list[bytes] = []
        self.traceparents: list[str | None] = []
        self.authorizations: set[str] = set()
        self.steps: deque[Step] = deque()
        self.otherwise: Step = stream("Hello", " world")
        self.list_models: Step = list_models

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is part of the test."""


def list_models(exchange: Exchange) -> None:
    """List the models that the server has."""
    models = [{"id": name, "object": "model"} for name in exchange.server.models]
    body = json.dumps({"object": "list", "data": models}).encode()
    exchange.reply(200, body, "application/json")


def said(finish: str | None = None, logprobs: object = None, **members: object) -> JsonObject:
    """Return one chunk whose delta has other members than ``content``."""
    chunk = delta(None, finish)
    chunk["choices"][0] |= {"delta": members, "logprobs": logprobs}
    return chunk


def delta(content: object, finish: str | None = None) -> JsonObject:
    """Return one chunk of a chat completion."""
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": finish}
    return {
        "id": "c",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": "served-model",
        "choices": [choice],
    }


def usage(prompt: object, completion: object, total: object) -> JsonObject:
    """Return the stream's last chunk, which has no choice."""
    counts = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total}
    return delta(None) | {"choices": [], "usage": counts}


def stream(*pieces: str, finish: str | None = "stop", gate: threading.Event | None = None) -> Step:
    """Answer *pieces* as a stream, the last of them only once *gate* opens."""

    def step(exchange: Exchange) -> None:
        exchange.begin()
        for piece in pieces[:-1]:
            exchange.event(delta(piece))
        if gate is not None:
            gate.wait(GATE_SECONDS)
        exchange.event(delta(pieces[-1]))
        if finish is not None:
            exchange.event(delta(None, finish))
            if exchange.body.get("stream_options"):
                exchange.event(usage(3, len(pieces), 3 + len(pieces)))
            exchange.wfile.write(b"data: [DONE]\n\n")

    return step


def events(*data: object) -> Step:
    """Answer *data* as a stream, then end it."""

    def step(exchange: Exchange) -> None:
        exchange.begin()
        for event in data:
            exchange.event(event)

    return step


def refuse(status: int, **headers: str) -> Step:
    """Answer *status* with a body that echoes the prompt, as engines do."""

    def step(exchange: Exchange) -> None:
        message = f"bad: {exchange.body['messages']}"
        body = json.dumps({"error": {"message": message}}).encode()
        exchange.reply(status, body, "application/json", **headers)

    return step


def raw(body: bytes, media_type: str = "text/event-stream") -> Step:
    """Answer 200 and *body* as it is."""
    return lambda exchange: exchange.reply(200, body, media_type)
