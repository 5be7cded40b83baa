"""A proxy before the store: loses replies, is slow, silent or away, holds a move, changes over."""

import hashlib
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from select import select
from typing import Self

_CHUNK_BYTES = 1 << 20
_HEAD_BYTES = 256
_WRITES = (b"EVALSHA", b"EVAL\r\n")
_HOLD_SECONDS = 30.0

type Upstream = Path | int
"""A Unix socket's path, or a port on loopback."""


class Hold:
    """Stops the first request that holds *marker*: before the store has it, or with its reply."""

    def __init__(self, marker: str, *, carried_out: bool) -> None:
        self.marker = marker.encode()
        self.carried_out = carried_out
        self.reached = threading.Event()
        self.go = threading.Event()

    def stop(self, head: bytes) -> None:
        """Stop here if *head* begins the request meant; only the first one is."""
        if self.marker in head and not self.reached.is_set():
            self.reached.set()
            self.go.wait(_HOLD_SECONDS)


class _Request:
    """What one connection has asked since its last reply."""

    def __init__(self) -> None:
        self.head = b""
        self._hash = hashlib.sha256()

    def take(self, passed: bytes) -> None:
        self.head = (self.head + passed)[:_HEAD_BYTES]
        self._hash.update(passed)

    @property
    def writes(self) -> bool:
        return any(word in self.head for word in _WRITES)

    @property
    def digest(self) -> bytes:
        return self._hash.digest()


class Proxy:
    """Carries loopback connections to *upstream*. A context manager; all may be set at any time."""

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        self.lose_next = 0
        """How many replies to writes from now on are lost."""
        self.lose_first = False
        """Whether the first reply to every write is lost; a repeat of the same is answered."""
        self.lose_all = False
        """Whether no write is answered at all, though each is carried out."""
        self.silent = False
        """Whether requests are swallowed."""
        self.delay_seconds = 0.0
        """How long each reply is held back."""
        self.hold: Hold | None = None
        self.lost = 0
        """How many replies were lost so far."""
        self._answered: set[bytes] = set()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._listen()
        return self

    def __exit__(self, *_: object) -> None:
        if self.hold:
            self.hold.go.set()
        self.go_away()

    def go_away(self) -> None:
        """Refuse connections from now on, and break those there are."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def come_back(self) -> None:
        """Take connections again, at the same address."""
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=256)
        self._listen()

    def change_over(self, upstream: Upstream) -> None:
        """Lead every later connection to *upstream*, and break those there are."""
        self.upstream = upstream
        self.cut()

    def cut(self) -> None:
        """Break every connection."""
        with self._lock:
            for side in self._open:
                with suppress(OSError):
                    side.shutdown(socket.SHUT_RDWR)

    def _listen(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        with client, suppress(OSError), self._reach() as upstream:
            with self._lock:
                self._open |= {client, upstream}
            try:
                self._pass(client, upstream)
            finally:
                with self._lock:
                    self._open -= {client, upstream}

    def _reach(self) -> socket.socket:
        if isinstance(self.upstream, int):
            return socket.create_connection(("127.0.0.1", self.upstream))
        upstream = socket.socket(socket.AF_UNIX)
        upstream.connect(str(self.upstream))
        return upstream

    def _pass(self, client: socket.socket, upstream: socket.socket) -> None:
        request, answered = _Request(), False
        while True:
            ready, _, _ = select([client, upstream], [], [])
            if client in ready:
                request, answered = _Request() if answered else request, False
                if not self._ask(client, upstream, request):
                    return
            if upstream in ready:
                answered = True
                if not self._answer(client, upstream, request):
                    return

    def _ask(self, client: socket.socket, upstream: socket.socket, request: _Request) -> bool:
        """Pass on what the client sent; False when it hung up."""
        passed = client.recv(_CHUNK_BYTES)
        if passed:
            request.take(passed)
            self._stop(request, carried_out=False)
            if not self.silent:
                upstream.sendall(passed)
        return bool(passed)

    def _answer(self, client: socket.socket, upstream: socket.socket, request: _Request) -> bool:
        """Pass on what the store said; False when the reply is to be lost, or the store is gone."""
        passed = upstream.recv(_CHUNK_BYTES)
        if not passed:
            return False
        if not passed.startswith(b"-NOSCRIPT"):
            self._stop(request, carried_out=True)
            if self._loses(request):
                return False
        time.sleep(self.delay_seconds)
        if not self.silent:
            client.sendall(passed)
        return True

    def _stop(self, request: _Request, *, carried_out: bool) -> None:
        hold = self.hold
        if hold and hold.carried_out is carried_out:
            hold.stop(request.head)

    def _loses(self, request: _Request) -> bool:
        if not request.writes:
            return False
        with self._lock:
            lost = self.lose_all or self.lose_next > 0
            self.lose_next -= self.lose_next > 0
            if self.lose_first and request.digest not in self._answered:
                self._answered.add(request.digest)
                lost = True
            self.lost += lost
        return lost
