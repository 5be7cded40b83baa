"""A router for the fuzzing: `chalice local` on a store of the run's own, over HTTP."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from chalicelib.settings import PROJECT
from tests.servers import Server

_START_SECONDS = 30.0


class Router:
    """`chalice local` on *store* with *settings*, on a port of its own, until ``stop``.

    All that it says goes to the file *log*.
    """

    def __init__(self, store: Server, settings: Mapping[str, str], log: Path) -> None:
        self.log = log
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        command = [
            str(Path(sys.executable).with_name("chalice")),
            *("local", "--no-autoreload", "--port", str(self._port)),
        ]
        with log.open("ab") as said:
            self._process = subprocess.Popen(  # noqa: S603
                command,
                cwd=PROJECT,
                env={**os.environ, "TINYLLAMA_STORE_URL": store.url, **settings},
                stdout=said,
                stderr=said,
            )
        self._await_answer()

    def ask(self, method: str, path: str, token: str, body: object = None) -> int:
        """Make a call and return the answer's status."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, json.dumps(body), headers)
            return connection.getresponse().status
        finally:
            connection.close()

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()

    def _await_answer(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"chalice local does not answer: {self.log.read_text()[-2000:]}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
        try:
            connection.request("GET", "/health")
            connection.getresponse().read()
        except OSError:
            return False
        finally:
            connection.close()
        return True


type Contents = dict[str, tuple[bytes, bool]]


def contents(store: Server) -> Contents:
    """Return every key of *store* with its value as the store dumps it, and whether it will expire.

    A dump holds no expiry: a key that waits for its end looks the same until then.
    """
    found: Contents = {}
    with store.client() as client:
        raw = client.connection_pool.connection_kwargs | {"decode_responses": False}
        with type(client)(unix_socket_path=raw["path"], protocol=2) as plain:
            for key in plain.scan_iter(count=1000):
                value = plain.dump(key)
                if value is not None:
                    found[key.decode()] = (value, plain.pttl(key) > 0)
    return found


def changes(before: Contents, after: Contents) -> list[str]:
    """Return the keys that are new, changed, or gone though they were not to expire."""
    different = [key for key in after if after[key][0] != before.get(key, (b"",))[0]]
    gone = [key for key, (_, expires) in before.items() if key not in after and not expires]
    return sorted(different + gone)
