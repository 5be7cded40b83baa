"""A TCP proxy before a store that loses replies, or requests."""

import socket
import threading
from contextlib import suppress
from select import select
from typing import Self

_CHUNK_BYTES = 1 << 16
_QUIET_SECONDS = 0.05


class LossyProxy:
    """Carries loopback connections to the store on port *upstream*. A context manager."""

    def __init__(self, upstream: int) -> None:
        self._upstream = upstream
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._marker = b""
        self._left = 0
        self._carries_out = True
        self.lost = 0
        """How many replies or requests were lost so far."""

    @property
    def url(self) -> str:
        """Return the address that callers use."""
        return f"redis://127.0.0.1:{self._listener.getsockname()[1]}"

    def lose(self, marker: str, count: int, *, carried_out: bool = True) -> None:
        """Break the connections of the next *count* requests that hold *marker*.

        They are carried out first, or never reach the store.
        """
        with self._lock:
            self._marker, self._left, self._carries_out = marker.encode(), count, carried_out

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for side in self._open:
                with suppress(OSError):
                    side.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        with (
            client,
            suppress(OSError),
            socket.create_connection(("127.0.0.1", self._upstream)) as up,
        ):
            with self._lock:
                self._open |= {client, up}
            self._exchange(client, up)
        with self._lock:
            self._open -= {client, up}

    def _exchange(self, client: socket.socket, up: socket.socket) -> None:
        doomed = False
        while True:
            # A doomed request may come in pieces: all of it is carried out before the break.
            ready, _, _ = select([client, up], [], [], _QUIET_SECONDS if doomed else None)
            if not ready:
                return
            for side in ready:
                passed = side.recv(_CHUNK_BYTES)
                if not passed:
                    return
                if side is client:
                    doomed = doomed or self._loses(passed)
                    if doomed and not self._carries_out:
                        return
                    up.sendall(passed)
                elif not doomed:
                    client.sendall(passed)

    def _loses(self, request: bytes) -> bool:
        with self._lock:
            loses = self._left > 0 and self._marker in request
            self._left -= loses
            self.lost += loses
        return loses
