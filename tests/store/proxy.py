"""A proxy of the tests' own before a store: counts what passes, and fails as networks do."""

import re
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from select import select
from typing import Self

_COMMAND = re.compile(rb"(?:^|\r\n)\*\d+\r\n\$")
_CHUNK_BYTES = 1 << 20


class Proxy:
    """Carries connections from a socket in *folder* to the store at *upstream*.

    A round trip is counted when a request begins after the last reply. A context manager.
    """

    def __init__(self, folder: Path, upstream: Path) -> None:
        self._path = folder / "proxy.sock"
        self.url = f"unix://{self._path}"
        self.upstream = upstream
        self.connections = 0
        self.round_trips = 0
        self.lose_replies = 0
        """How many replies from now on are cut off, their requests having been carried out."""
        self.hang = False
        """Whether requests are swallowed and never answered."""
        self.delay_seconds = 0.0
        """How long each reply is held back."""
        self.refusal = b""
        """What is answered to every command instead of asking the store."""
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.socket(socket.AF_UNIX)

    def __enter__(self) -> Self:
        self._listener.bind(str(self._path))
        self._listener.listen(128)
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self.cut()
        for thread in self._threads:
            thread.join()
        self._listener.close()
        self._path.unlink()

    def forget(self) -> None:
        """Count from zero again."""
        self.connections = self.round_trips = 0

    def cut(self) -> None:
        """Break every connection."""
        with self._lock:
            for side in self._open:
                with suppress(OSError):
                    side.shutdown(socket.SHUT_RDWR)

    def _start(self, deed: object, *arguments: object) -> None:
        assert callable(deed)
        thread = threading.Thread(target=deed, args=arguments)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                self._start(self._carry, client)

    def _carry(self, client: socket.socket) -> None:
        upstream = socket.socket(socket.AF_UNIX)
        with client, upstream, suppress(OSError):
            with self._lock:
                self._open |= {client, upstream}
            upstream.connect(str(self.upstream))
            asking = False
            while True:
                ready, _, _ = select([client, upstream], [], [])
                for side in ready:
                    passed = side.recv(_CHUNK_BYTES)
                    if not passed or (side is upstream and asking and self._lost()):
                        return
                    if side is client:
                        asking = self._asked(asking=asking)
                        self._up(passed, client, upstream)
                    else:
                        asking = False
                        time.sleep(self.delay_seconds)
                        client.sendall(passed)
        with self._lock:
            self._open -= {client, upstream}

    def _asked(self, *, asking: bool) -> bool:
        if not asking:
            with self._lock:
                self.round_trips += 1
        return True

    def _lost(self) -> bool:
        with self._lock:
            lost = self.lose_replies > 0
            self.lose_replies -= lost
        return lost

    def _up(self, request: bytes, client: socket.socket, upstream: socket.socket) -> None:
        if self.refusal:
            client.sendall(self.refusal * len(_COMMAND.findall(request)))
        elif not self.hang:
            upstream.sendall(request)
