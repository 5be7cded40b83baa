"""A store as deployed ones are: TLS by an authority's certificate, and users who may do little."""

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import redis

from tests import access
from tests.certificates import certify
from tests.emulator.aws import free_port

OPERATOR = "operator"
_PASSWORD = "of-the-tests"  # noqa: S105


class SecureStore:
    """Redis on TLS alone at ``host``, for *users* with the product's commands on its keys.

    They have no password, so that the tokens they sign in with count: what AWS would check of them
    is proven elsewhere, against botocore's own.
    """

    def __init__(self, folder: Path, binary: str, users: Sequence[str]) -> None:
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        certified = certify(folder / "certificates", "127.0.0.1")
        self.authority = certified.authority
        users_file = folder / "users.acl"
        users_file.write_text(_access(users), encoding="utf-8")
        self._log = folder / "store.log"
        command = [
            binary, "--bind", "127.0.0.1", "--port", "0", "--tls-port", str(self.port),
            *certified.options,
            "--aclfile", str(users_file), "--dir", str(folder), "--save", "", "--appendonly", "no",
            "--maxmemory", "256mb", "--maxmemory-policy", "noeviction", "--daemonize", "no",
        ]  # fmt: skip
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603

    def client(self) -> "redis.Redis":
        """Return a client of the tests' own, who may do all."""
        return redis.Redis(
            host="127.0.0.1", port=self.port, ssl=True, ssl_ca_certs=str(self.authority),
            username=OPERATOR, password=_PASSWORD, decode_responses=True, protocol=2,
        )  # fmt: skip

    def await_answer(self) -> None:
        """Return once it answers. Raises RuntimeError with its log where it does not in 20 s."""
        deadline = time.monotonic() + 20
        with self.client() as client:
            while time.monotonic() < deadline and self._process.poll() is None:
                try:
                    client.ping()
                except redis.ConnectionError:
                    time.sleep(0.05)
                else:
                    return
        raise RuntimeError(f"the store did not start: {self._log.read_text()[-2000:]}")

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait(timeout=10)


def _access(users: Sequence[str]) -> str:
    allowed = access.rules(access.commands("store-commands"))
    lines = [f"user {name} nopass {allowed}" for name in users]
    return "\n".join(
        ["user default off", f"user {OPERATOR} on >{_PASSWORD} ~* &* +@all", *lines, ""]
    )
