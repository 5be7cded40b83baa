"""A model's server for our worker: each answer is a job of the comparison."""

import json
import select
import socket
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from bench.queues.work import Setup


class _Exchange(BaseHTTPRequestHandler):
    server: "Engine"

    def do_POST(self) -> None:
        """Do the job that the prompt names, for the worker that the path names."""
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        marker = request["messages"][-1]["content"]
        setup = replace(self.server.setup, worker=self.path.split("/")[1])
        time.sleep(setup.begin(marker))
        if _hung_up(self.connection):
            return  # its worker was killed: as with the others, the job did not end
        setup.end(marker)
        choice = {"index": 0, "delta": {"content": "done"}, "finish_reason": "stop"}
        chunk = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "bench"}
        event = json.dumps(chunk | {"choices": [choice]})
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(f"data: {event}\n\ndata: [DONE]\n\n".encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


class Engine(ThreadingHTTPServer):
    """An OpenAI-compatible server on loopback. A context manager."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, setup: Setup) -> None:
        super().__init__(("127.0.0.1", 0), _Exchange)
        self.setup = setup

    def url(self, worker: str) -> str:
        """Return the base URL for *worker*."""
        return f"http://127.0.0.1:{self.server_port}/{worker}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over a killed worker's hanging up."""


def _hung_up(connection: socket.socket) -> bool:
    readable, _, _ = select.select([connection], [], [], 0)
    return bool(readable) and not connection.recv(1, socket.MSG_PEEK)
