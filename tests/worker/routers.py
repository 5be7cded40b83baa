"""The router itself, `chalice local` as a process of its own, for workers that go through it."""

import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import tinyllama
from chalicelib.settings import PROJECT, child_environment
from tests import leaks

type Routers = Callable[[str, float], Router]
"""Gives a router on the store at an address, with leases so long."""


class Router:
    """A router on the store at *store_url* whose leases are so long; at *port*, or a free one."""

    def __init__(self, store_url: str, lease_seconds: float, port: int = 0) -> None:
        with socket.create_server(("127.0.0.1", port)) as free:
            self._port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self.token = tinyllama.make_token(sub="worker", scope="worker:run")
        chalice = Path(sys.executable).with_name("chalice")
        variables = {
            "TINYLLAMA_STORE_URL": store_url,
            "TINYLLAMA_LEASE_SECONDS": str(lease_seconds),
        }
        with leaks.output("router") as output:
            self._process = subprocess.Popen(  # noqa: S603
                [chalice, "local", "--no-autoreload", "--port", str(self._port)],
                cwd=PROJECT,
                env=child_environment(variables),
                stdout=output,
            )
        deadline = time.monotonic() + 30
        while not self._answers():
            assert self._process.poll() is None, "chalice local ended"
            assert time.monotonic() < deadline, "chalice local does not answer"
            time.sleep(0.05)

    def stop(self) -> None:
        """End the router."""
        self._process.terminate()
        self._process.wait()

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            connection.request("GET", "/openapi.json")
            return connection.getresponse().status == http.HTTPStatus.OK
        except OSError:
            return False
        finally:
            connection.close()
