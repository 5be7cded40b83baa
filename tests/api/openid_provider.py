"""An OpenID provider as a process of its own: discovery, a key set, signing in by code."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import parse_qs, urlsplit

import httpx2

USER = {"sub": "alice", "scope": "infer:write jobs:read"}
_BACK = "http://localhost/back"


class Provider:
    """oidc-provider-mock on one port; each start makes it a key, as a rotation does."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self.issuer = f"http://localhost:{self._port}"
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(self._port)]
        self._process = subprocess.Popen(  # noqa: S603
            [*command, "--user-claims", json.dumps(USER)], stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 30
        while not self._answers():
            assert self._process.poll() is None, "the provider ended"
            assert time.monotonic() < deadline, "the provider does not answer"
            time.sleep(0.05)

    def stop(self) -> None:
        """End it; nothing listens at its address any more."""
        self._process.kill()
        self._process.wait()

    def rotate(self) -> None:
        """Withdraw its key and make it another."""
        self.stop()
        self.start()

    def sign_in(self, client: str) -> str:
        """Return the token that the user is given when she signs in to *client*."""
        asked = {"client_id": client, "redirect_uri": _BACK, "response_type": "code"}
        consent = httpx2.post(
            f"{self.issuer}/oauth2/authorize",
            params=asked | {"scope": "openid"},
            data={"sub": USER["sub"]},
            timeout=10,
        )
        (code,) = parse_qs(urlsplit(consent.headers["Location"]).query)["code"]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": _BACK}
        reply = httpx2.post(
            f"{self.issuer}/oauth2/token", data=form, auth=(client, "any"), timeout=10
        )
        assert reply.is_success, reply.status_code
        return str(reply.json()["id_token"])

    def _answers(self) -> bool:
        with suppress(httpx2.TransportError):
            found = httpx2.get(f"{self.issuer}/.well-known/openid-configuration", timeout=5)
            return bool(found.is_success)
        return False


@contextmanager
def running() -> Iterator[Provider]:
    """Run a provider."""
    provider = Provider()
    try:
        yield provider
    finally:
        provider.stop()
