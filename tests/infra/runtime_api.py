"""Lambda played on the loopback, around the real runtime client ``awslambdaric``.

The Runtime API as AWS documents it (docs.aws.amazon.com/lambda, "Using the Lambda runtime API"):
a function asks for its next event, answers it or reports an error, or reports that it cannot start.
"""

import contextlib
import importlib.metadata
import json
import queue
import re
import shutil
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol, cast

REGION = "eu-west-1"
_FUNCTION_ARN = f"arn:aws:lambda:{REGION}:123456789012:function:tinyllama-dev"
_RUNTIME = "/2018-06-01/runtime/"
_NEXT = _RUNTIME + "invocation/next"
_ANSWER_SECONDS = 30


class FunctionFailed(Exception):
    """The function reported an error instead of an answer; its text is the ``errorMessage``."""


class _Calls(BaseHTTPRequestHandler):
    """What a function says to the Runtime API, one connection of it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes: 40 ms between them

    def do_GET(self) -> None:
        api = cast("_RuntimeApi", self.server)
        api.said.put((self.path, b""))
        invocation = api.events.get()
        if invocation is None:
            self.close_connection = True
            return
        request_id, event = invocation
        deadline = int((time.time() + _ANSWER_SECONDS) * 1000)
        self._send(
            200,
            event,
            {
                "Lambda-Runtime-Aws-Request-Id": request_id,
                "Lambda-Runtime-Deadline-Ms": str(deadline),
                "Lambda-Runtime-Invoked-Function-Arn": _FUNCTION_ARN,
                "Lambda-Runtime-Trace-Id": "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0",
            },
        )

    def do_POST(self) -> None:
        body = self._body()
        self._send(202, b'{"status":"OK"}', {})
        cast("_RuntimeApi", self.server).said.put((self.path, body))

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        told = {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
        for name, value in told.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class _RuntimeApi(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Calls)
        self.events: queue.SimpleQueue[tuple[str, bytes] | None] = queue.SimpleQueue()
        self.said: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()

    def handle_error(self, *_: object) -> None:
        # Whoever ends a function cuts its connection: nothing to tell.
        pass


class Function:
    """One Lambda function's process, from its start to its end. Raises FunctionFailed.

    *runtime* is the folder that holds ``awslambdaric``; nothing else is importable but what
    *task_root* brings and the standard library. What is imported is told in ``log``, for which
    *options* of the interpreter ask; that costs time.
    """

    def __init__(
        self,
        task_root: Path,
        runtime: Path,
        handler: str,
        variables: Mapping[str, str],
        log: Path,
        options: Sequence[str] = ("-X", "importtime"),
    ) -> None:
        self.log = log
        self._server = _RuntimeApi()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        address = f"127.0.0.1:{self._server.server_address[1]}"
        with log.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-S", *options, "-m", "awslambdaric", handler],
                cwd=task_root,
                env={**_environment(task_root, runtime, handler, address), **variables},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            self._hear(_NEXT)
        except BaseException:
            self.stop()
            raise

    def invoke(self, event: Mapping[str, Any]) -> Any:
        """Hand the function an event and return what it answers."""
        request_id = str(uuid.uuid4())
        self._server.events.put((request_id, json.dumps(event).encode()))
        answer = self._hear(f"{_RUNTIME}invocation/{request_id}/response")
        self._hear(_NEXT)
        return json.loads(answer)

    def imported(self) -> set[str]:
        """Return the names of all modules that the function has loaded so far."""
        lines = re.findall(r"^import time:.*\|\s*([\w.]+)$", self.log.read_text(), re.MULTILINE)
        return set(lines)

    def written(self) -> str:
        """Return what the function has written to its log."""
        lines = self.log.read_text().splitlines()
        return "\n".join(line for line in lines if not line.startswith("import time:"))

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        self._server.events.put(None)
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _hear(self, expected: str) -> bytes:
        """Return the body of the function's next call, which must be to *expected*."""
        deadline = time.monotonic() + _ANSWER_SECONDS
        while True:
            ended = self._process.poll() is not None
            with contextlib.suppress(queue.Empty):
                path, body = self._server.said.get(timeout=0.2)
                break
            if ended or time.monotonic() > deadline:
                raise FunctionFailed(f"the function is silent: {self.written()[-2000:]}")
        if path == expected:
            return body
        if path.endswith("/error"):
            if path.startswith(_RUNTIME + "invocation/"):
                self._hear(_NEXT)
            raise FunctionFailed(json.loads(body)["errorMessage"])
        raise AssertionError(f"the function called {path}, not {expected}")


class StartFunction(Protocol):
    """Start a function: its handler, and settings to change; None takes one away."""

    def __call__(self, handler: str, **changes: str | None) -> Function: ...


def lay_client(folder: Path) -> Path:
    """Copy Lambda's runtime client into *folder*, which is returned, and nothing beside it."""
    for name in ("awslambdaric", "simplejson", "snapshot-restore-py"):
        for file in importlib.metadata.files(name) or ():
            target = folder / file
            if target.resolve().is_relative_to(folder.resolve()):
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(str(file.locate()), target)
    return folder


def _environment(task_root: Path, runtime: Path, handler: str, address: str) -> dict[str, str]:
    """Return the variables that Lambda sets, but those of X-Ray.

    docs.aws.amazon.com/lambda, "Using Lambda environment variables".
    """
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "LD_LIBRARY_PATH": f"{task_root}:{task_root}/lib",
        "PYTHONPATH": str(runtime),
        # For who is root and may write where Lambda lets nobody.
        "PYTHONDONTWRITEBYTECODE": "1",
        "LAMBDA_TASK_ROOT": str(task_root),
        "LAMBDA_RUNTIME_DIR": str(runtime),
        "_HANDLER": handler,
        "AWS_LAMBDA_RUNTIME_API": address,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_FUNCTION_NAME": "tinyllama-dev",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/tinyllama-dev",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/01/[$LATEST]0123456789abcdef0123456789abcdef",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info[0]}.{sys.version_info[1]}",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_SESSION_TOKEN": "none",
    }
