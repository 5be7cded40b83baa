"""``chalice local`` as clients meet it: on a port that it can be started on again."""

import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tinyllama
from chalicelib.settings import PROJECT, child_environment
from tests import leaks

_START_SECONDS = 60
_CALLER = "jobs:read"
# The same command in the same process, but for how long one wait is.
_SHORT = """
import sys
from chalicelib import limits
limits.WAIT_SECONDS = float(sys.argv.pop(1))
from chalice.cli import main
main()
"""


class Router:
    """A router on the store at *store_url*, with *variables* that others have not.

    With *wait_seconds*, each of its waits is so long, and not 25 seconds.
    """

    def __init__(
        self,
        store_url: str,
        variables: Mapping[str, str] | None = None,
        wait_seconds: float | None = None,
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = child_environment(
            {"TINYLLAMA_STORE_URL": store_url, **(variables or {})}
        )
        chalice = [str(Path(sys.executable).with_name("chalice"))]
        begins = (
            chalice if wait_seconds is None else [sys.executable, "-c", _SHORT, str(wait_seconds)]
        )
        self._command = [*begins, "local", "--no-autoreload", "--port", str(self.port)]
        self.launch()

    def launch(self) -> None:
        """Start it, again perhaps; it may not answer yet."""
        with leaks.output("clients-router") as output:
            self._process = subprocess.Popen(  # noqa: S603
                self._command, cwd=PROJECT, env=self._environment, stdout=output, stderr=output
            )

    def kill(self) -> None:
        """End it as a crash would: no call is answered."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()

    def await_health(self, *states: str) -> None:
        """Wait until /health says one of these."""
        deadline = time.monotonic() + _START_SECONDS
        while self._health() not in states:
            assert self._process.poll() is None, "chalice local ended"
            assert time.monotonic() < deadline, "chalice local is not as healthy as that"
            time.sleep(0.1)

    def ask(self, method: str, path: str, tenant: str, body: object = None) -> Any:
        """Make a call for *tenant* that must succeed, and return the answer."""
        token = tinyllama.make_token(sub=tenant, scope=_CALLER)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, json.dumps(body) if body else None, headers)
            answer = connection.getresponse()
            told = answer.read()
            assert answer.status < 300, told
            return json.loads(told)
        finally:
            connection.close()

    def jobs(self, tenant: str) -> list[Any]:
        """Return all jobs of *tenant*, newest first."""
        found: list[Any] = self.ask("GET", "/jobs", tenant)["jobs"]
        return found

    def _health(self) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/health")
            return str(json.loads(connection.getresponse().read())["status"])
        except OSError:
            return "away"
        finally:
            connection.close()
