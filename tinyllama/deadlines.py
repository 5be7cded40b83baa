"""An end for a whole call: a server that sends a byte now and then would hold it for ever.

What httpx2 bounds is each silence; this bounds their sum, from the connection to the last byte.
How long a name is looked up, and how many of its addresses are tried, it cannot bound.
"""

import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpcore2
import httpx2

# No more than one send takes as soon as there is room: each send's silence is bounded by itself.
_PIECE_BYTES = 4096


class Deadline(threading.local):
    """Until when the call of this thread has time, by ``time.monotonic``; without end at first."""

    def __init__(self) -> None:
        self._ends = float("inf")

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """End what is called in the block after so many seconds: httpx2.TimeoutException."""
        self._ends = time.monotonic() + seconds
        try:
            yield
        finally:
            self._ends = float("inf")

    def bounded(self, timeout: float | None, late: type[Exception]) -> float | None:
        """Return what is left of *timeout* seconds. Raises *late* where nothing is."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise late
        if left == float("inf"):
            return timeout
        return left if timeout is None else min(left, timeout)


def bind(client: httpx2.Client, deadline: Deadline) -> None:
    """Let all that *client* sends and reads end with the deadline, through proxies too."""
    # httpx2 takes no network of one's own without giving up proxies. A test tells when this moves;
    # whoever has a later httpx2 then is left with its bound of each silence.
    with suppress(AttributeError):
        for transport in (client._transport, *client._mounts.values()):  # noqa: SLF001
            if isinstance(transport, httpx2.HTTPTransport):
                transport._pool._network_backend = _Network(deadline)  # noqa: SLF001


class _Network(httpcore2.SyncBackend):
    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        left = self._deadline.bounded(timeout, httpcore2.ConnectTimeout)
        made = super().connect_tcp(host, port, left, local_address, socket_options)
        return _Stream(made, self._deadline)


class _Stream(httpcore2.NetworkStream):
    def __init__(self, stream: httpcore2.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = self._deadline.bounded(timeout, httpcore2.ReadTimeout)
        return self._stream.read(max_bytes, left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _PIECE_BYTES):
            left = self._deadline.bounded(timeout, httpcore2.WriteTimeout)
            self._stream.write(buffer[start : start + _PIECE_BYTES], left)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        left = self._deadline.bounded(timeout, httpcore2.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
