"""One bounded GET: the only place that fetches from an address given by configuration.

It ends by its deadline whatever the other side does, reads no more than ``BODY_BYTES``, follows
no redirect, uses no proxy, and speaks https alone; plain http is taken on the loopback only.
"""

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable
from urllib.parse import SplitResult, urlsplit

BODY_BYTES = 1024 * 1024
DEADLINE_SECONDS = 3.0
# The first try leaves time for another: a lost packet or a dying host need not cost the fetch.
_FIRST_TRY_SHARE = 2 / 3
_CHUNK_BYTES = 64 * 1024


class FetchError(Exception):
    """The document could not be had; the message says why and holds no part of an answer."""


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def checked(url: str) -> SplitResult:
    """Return *url* taken apart. Raises ValueError unless it is https, or http on the loopback."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("the address holds characters that do not belong there")
    if not host or parts.username is not None or parts.fragment:
        raise ValueError("the address needs a host, and neither user nor fragment")
    if parts.port == 0:
        raise ValueError("the address has an unusable port")
    if parts.scheme != "https" and not (parts.scheme == "http" and _loopback(host)):
        raise ValueError("the address must be https (http on the loopback only)")
    return parts


class _Try:
    """One request in a thread of its own, so that even a hanging name look-up ends on time."""

    def __init__(self, parts: SplitResult, seconds: float) -> None:
        self._seconds = seconds
        self._abandoned = False
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        host = parts.hostname or ""
        if parts.scheme == "https":
            context = ssl.create_default_context()
            self._connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, parts.port or 443, timeout=seconds, context=context
            )
        else:
            self._connection = http.client.HTTPConnection(host, parts.port or 80, timeout=seconds)
        self._body = b""
        self._error: Exception | None = None

    def run(self) -> bytes:
        thread = threading.Thread(target=self._attempt, name="fetch", daemon=True)
        thread.start()
        thread.join(self._seconds)
        if thread.is_alive():
            self._abandon()
            raise FetchError("no whole answer in time")
        if isinstance(self._error, FetchError):
            raise self._error
        if self._error is not None:
            # The kind alone: http.client repeats a bad answer in its messages.
            raise FetchError(f"no usable answer: {type(self._error).__name__}") from None
        return self._body

    def _abandon(self) -> None:
        self._abandoned = True
        # Shutting down wakes a read that another thread is blocked in; closing alone does not.
        if (sock := self._connection.sock) is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _attempt(self) -> None:
        try:
            self._body = self._exchange()
        except (OSError, http.client.HTTPException, FetchError) as error:
            self._error = error
        except ValueError as error:
            # What `ssl` raises in the middle of a read when the waiting side has just hung up.
            self._error = error
        finally:
            self._connection.close()

    def _exchange(self) -> bytes:
        headers = {"Accept": "application/json", "User-Agent": "tinyllama-router"}
        self._connection.request("GET", self._target, headers=headers)
        with self._connection.getresponse() as response:
            if response.status != http.HTTPStatus.OK:
                raise FetchError(f"the answer has status {response.status}")
            body = bytearray()
            while not self._abandoned:
                chunk = response.read1(_CHUNK_BYTES)
                if not chunk:
                    break
                body += chunk
                if len(body) > BODY_BYTES:
                    raise FetchError(f"the answer is longer than {BODY_BYTES} bytes")
            if response.length:
                raise FetchError("the answer is cut short")
        return bytes(body)


def fetch(
    url: str,
    seconds: float = DEADLINE_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> bytes:
    """Return the body of a 200 answer within *seconds*, after one retry at most.

    Raises FetchError when that cannot be done, and ValueError for an address not to be used.
    """
    parts = checked(url)
    ends = clock() + seconds
    with contextlib.suppress(FetchError):
        return _Try(parts, seconds * _FIRST_TRY_SHARE).run()
    return _Try(parts, max(ends - clock(), 0.001)).run()
