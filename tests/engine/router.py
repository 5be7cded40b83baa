"""The router as its users run it: `chalice local` and a worker on a store; and its callers."""

import contextlib
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from chalicelib import settings
from chalicelib.jobs import JsonObject
from tests.engine.model_server import MODEL, running

PROJECT = settings.PROJECT
ISSUER = "https://issuer.invalid"
AUDIENCE = "engine-tests"
SCOPES = "infer:write jobs:read inbox:read inbox:ack"
KEY_ID = "engine-tests"
START_SECONDS = 30
END_SECONDS = 60
# The address is a loopback one, whatever proxy the machine has for the rest of the world.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Answer:
    """What the router said to one request; the body is parsed JSON, or None when empty."""

    status: int
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Caller:
    """One tenant: its name, its token, and the router's address."""

    tenant: str
    token: str
    address: str

    def ask(self, method: str, path: str, body: object = None, prefer: str = "") -> Answer:
        """Send one request; a refusal is an answer too."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        if prefer:
            headers["Prefer"] = prefer
        content = None if body is None else json.dumps(body).encode()
        return _send(
            urllib.request.Request(  # noqa: S310 - loopback
                self.address + path, method=method, data=content, headers=headers
            )
        )

    def submit(self, body: JsonObject) -> str:
        """Submit a prompt and return the job's id."""
        answer = self.ask("POST", "/infer", body)
        assert answer.status == 202, answer.body
        return str(answer.body["id"])

    def outcome(self, job_id: str) -> JsonObject:
        """Return the job once it has ended."""
        deadline = time.monotonic() + END_SECONDS
        while time.monotonic() < deadline:
            answer = self.ask("GET", f"/jobs/{job_id}", prefer="wait=20")
            assert answer.status == 200, answer.body
            job: JsonObject = answer.body
            if job["state"] in ("succeeded", "failed"):
                return job
        raise AssertionError(f"the job did not end within {END_SECONDS} seconds")

    def inbox(self) -> list[JsonObject]:
        """Return the events that nobody has acknowledged."""
        answer = self.ask("GET", "/inbox")
        assert answer.status == 200, answer.body
        events: list[JsonObject] = answer.body["events"]
        return events


@dataclass(frozen=True)
class Router:
    """A running router and the key whose tokens it believes."""

    address: str
    key: rsa.RSAPrivateKey

    def caller(self, tenant: str) -> Caller:
        """Return a caller of *tenant* with a token of ten minutes and every scope needed here."""
        now = datetime.now(UTC)
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": tenant,
            "scope": SCOPES,
            "iat": now,
            "exp": now + timedelta(minutes=10),
        }
        token = jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": KEY_ID})
        return Caller(tenant, token, self.address)


@contextlib.contextmanager
def routing(store_url: str, engine_url: str, folder: Path) -> Iterator[Router]:
    """Run `chalice local` and one worker on *store_url*; their logs are in *folder*."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    jwks = folder / "jwks.json"
    public = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    jwks.write_text(json.dumps({"keys": [{**public, "kid": KEY_ID, "use": "sig"}]}))
    environment = settings.child_environment(
        {
            "TINYLLAMA_ENV": settings.LOCAL,
            "TINYLLAMA_STORE_URL": store_url,
            "TINYLLAMA_ISSUER": ISSUER,
            "TINYLLAMA_AUDIENCE": AUDIENCE,
            "TINYLLAMA_JWKS": str(jwks),
            "TINYLLAMA_ENGINE_URL": engine_url,
            "TINYLLAMA_ENGINE_MODEL": MODEL,
            "NO_PROXY": "127.0.0.1",
        }
    )
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    chalice = str(Path(sys.executable).with_name("chalice"))
    local = [chalice, "local", "--no-autoreload", "--port", str(port)]
    worker = [sys.executable, "-m", "worker", "--concurrency", "4"]
    logs = (folder / "router.log", folder / "worker.log")
    with (
        running(local, logs[0], environment, cwd=PROJECT) as front,
        running(worker, logs[1], environment, cwd=PROJECT) as back,
    ):
        _await_health(address, (front, back), logs)
        yield Router(address, key)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _await_health(
    address: str, processes: tuple["subprocess.Popen[bytes]", ...], logs: tuple[Path, ...]
) -> None:
    """Wait until /health passes: the router answers, the store too, and a worker is heard of."""
    deadline = time.monotonic() + START_SECONDS
    health = urllib.request.Request(f"{address}/health")  # noqa: S310 - loopback
    while time.monotonic() < deadline and all(process.poll() is None for process in processes):
        with contextlib.suppress(OSError):
            if _send(health).body["status"] == "pass":
                return
        time.sleep(0.1)
    told = "\n".join(f"{log.name}:\n{log.read_text()[-2000:]}" for log in logs)
    raise RuntimeError(f"the router did not start\n{told}")


def _send(request: urllib.request.Request) -> Answer:
    try:
        reply = OPENER.open(request, timeout=END_SECONDS)
    except urllib.error.HTTPError as refusal:
        reply = refusal
    with reply:
        content = reply.read()
        return Answer(reply.status, dict(reply.headers), json.loads(content) if content else None)
