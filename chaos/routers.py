"""The HTTP API as a process: `chalice local` on a store, and tokens that it believes."""

import contextlib
import json
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from chalicelib import settings
from chaos import config
from chaos.fronts import HttpFront
from chaos.ledger import TENANTS
from chaos.processes import Group, python
from chaos.stand import Stand, free_port

_ISSUER = "https://issuer.invalid"
_AUDIENCE = "chaos"
_SCOPES = "infer:write jobs:read events:write inbox:read inbox:ack"
_KEY_ID = "chaos"
_START_SECONDS = 30.0
# A clock that is five minutes ahead still believes it.
_TOKEN_MINUTES = 30
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Router:
    """An API process that may be killed and started again at the same *address*."""

    def __init__(self, stand: Stand, store_url: str, *, shifted_seconds: int = 0) -> None:
        self._stand = stand
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._port = free_port()
        self.address = f"http://127.0.0.1:{self._port}"
        self._shifted_seconds = shifted_seconds
        self._variables = config.variables() | {
            "TINYLLAMA_ENV": settings.LOCAL,
            "TINYLLAMA_STORE_URL": store_url,
            "TINYLLAMA_ISSUER": _ISSUER,
            "TINYLLAMA_AUDIENCE": _AUDIENCE,
            "TINYLLAMA_JWKS": str(self._write_keys(stand.folder / "jwks.json")),
        }
        self.group = self._launch()
        self._await()

    def front(self) -> HttpFront:
        """Return the way in, with a token of each tenant."""
        return HttpFront(self.address, {tenant: self._token(tenant) for tenant in TENANTS})

    def worker_token(self) -> str:
        """Return a token for workers over HTTPS."""
        return self._token("operator", "worker:run")

    def kill(self) -> None:
        """End the process as a crash would."""
        self.group.kill()

    def restart(self) -> None:
        """Start it again where it was, and wait until it answers."""
        self.group = self._launch()
        self._await()

    def _launch(self) -> Group:
        chalice = str(Path(python()[0]).with_name("chalice"))
        words = (chalice, "local", "--no-autoreload", "--port", str(self._port))
        command = python(*words, shifted_seconds=self._shifted_seconds)
        return self._stand.group(command, "router", self._variables)

    def _await(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self.group.process.poll() is None:
            with (
                contextlib.suppress(OSError),
                _OPENER.open(f"{self.address}/openapi.json", timeout=5),
            ):
                return
            time.sleep(0.1)
        raise RuntimeError(f"the router did not start\n{self.group.log.read_text()[-2000:]}")

    def _write_keys(self, path: Path) -> Path:
        public = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        path.write_text(json.dumps({"keys": [{**public, "kid": _KEY_ID, "use": "sig"}]}))
        return path

    def _token(self, tenant: str, scopes: str = _SCOPES) -> str:
        now = datetime.now(UTC)
        claims = {
            "iss": _ISSUER,
            "aud": _AUDIENCE,
            "sub": tenant,
            "scope": scopes,
            "iat": now,
            "exp": now + timedelta(minutes=_TOKEN_MINUTES),
        }
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": _KEY_ID})
