"""One bounded call to the router: keep-alive, timeouts, no redirections, nothing compressed."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import httpx2

from chalicelib import __version__
from chalicelib.errors import NotConfigured
from worker.loopback import never_leaves, on_this_machine
from worker.patience import BackLater

CONNECT_SECONDS = 5.0
SILENCE_SECONDS = 15.0
CALL_SECONDS = 30.0
KEEP_ALIVE_SECONDS = 30.0
ANSWER_BYTES = 4 * 1024 * 1024

ENVIRONMENT_UNUSABLE = (
    "the environment's proxies or certificates cannot be used: look at HTTPS_PROXY, ALL_PROXY,"
    " NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR"
)

UNKNOWN = "unknown"
_CODE = re.compile(r"[a-z_]{1,40}")
# The other side closed a connection that it kept open until then; every move may be repeated.
_BROKEN = (httpx2.ReadError, httpx2.WriteError, httpx2.RemoteProtocolError)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    retry_after: str | None
    body: bytes

    def json(self) -> Any:
        """Return the body, None when it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def code(self) -> str:
        """Return the code of a problem document (RFC 9457), UNKNOWN of anything else."""
        body = self.json()
        code = body.get("code") if isinstance(body, dict) else None
        return code if isinstance(code, str) and _CODE.fullmatch(code) else UNKNOWN

    def refused(self) -> Sequence[str]:
        """Return the pointers (RFC 6901) that a problem document names, none of anything else."""
        body = self.json()
        errors = body.get("errors") if isinstance(body, dict) else None
        listed = errors if isinstance(errors, list) else []
        named = [each.get("pointer") for each in listed if isinstance(each, dict)]
        return [pointer for pointer in named if isinstance(pointer, str)]


class Wire:
    """The way to one router; thread-safe.

    Raises NotConfigured, which calls the address *name*, unless it is https or loopback; and where
    the environment's proxies or certificates will not do.
    """

    def __init__(self, url: str, name: str = "--via") -> None:
        self.root = safe_address(url, name)
        try:
            # Proxies and certificates of the environment's are for what leaves the machine.
            self._client = _http(trust_env=not on_this_machine(self.root))
        except (ValueError, OSError, ImportError, httpx2.InvalidURL):
            # The message may hold a proxy's password.
            raise NotConfigured(ENVIRONMENT_UNUSABLE) from None

    def post(self, path: str, content: bytes, token: str) -> Answer:
        """Return the answer, whatever its status. Raises BackLater when there is none.

        A connection that breaks is tried once more: what is called bears a repetition.
        """
        try:
            return self._post_once(path, content, token)
        except _BROKEN:
            pass
        except httpx2.TransportError as error:
            raise BackLater(type(error).__name__) from None
        try:
            return self._post_once(path, content, token)
        except httpx2.TransportError as error:
            raise BackLater(type(error).__name__) from None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _post_once(self, path: str, content: bytes, token: str) -> Answer:
        until = monotonic() + CALL_SECONDS
        headers = {"Authorization": f"Bearer {token}"}
        url = f"{self.root}{path}"
        with self._client.stream("POST", url, content=content, headers=headers) as response:
            body = bytearray()
            for piece in response.iter_raw():
                body += piece
                if len(body) > ANSWER_BYTES or monotonic() > until:
                    raise BackLater("endless answer")
            return Answer(response.status_code, response.headers.get("Retry-After"), bytes(body))


def _http(*, trust_env: bool) -> httpx2.Client:
    return httpx2.Client(
        headers={
            "Accept": "application/json",
            # What is not compressed cannot grow beyond its bound here.
            "Accept-Encoding": "identity",
            "Content-Type": "application/json",
            "User-Agent": f"tinyllama-worker/{__version__}",
        },
        timeout=httpx2.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS),
        # The worker's threads are what bounds connections: a renewal must find one.
        limits=httpx2.Limits(max_connections=None, keepalive_expiry=KEEP_ALIVE_SECONDS),
        trust_env=trust_env,
        cookies=no_cookies(),
    )


def safe_address(url: str, name: str) -> str:
    """Return an address that tokens may be sent to: its scheme in small letters, no slash behind.

    Raises NotConfigured for any that is neither https nor loopback; it names *name*, not the
    address, which may hold a password.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
        host.encode("idna")  # a name that none can have is found out here, not in a call
    except ValueError:
        parts, host = urlsplit(""), ""
    plain = not (parts.username or parts.password or parts.query or parts.fragment)
    safe = parts.scheme == "https" or (parts.scheme == "http" and never_leaves(url))
    if not (host and plain and safe):
        raise NotConfigured(f"{name} must be an https address, or http on loopback")
    return parts.geturl().rstrip("/")


def no_cookies() -> CookieJar:
    """Return a jar that keeps none: what httpx2 cannot send back, it raises UnicodeError for."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=()))
