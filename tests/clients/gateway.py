"""What stands before a router and stays when that is started again, as API Gateway does."""

import contextlib
import socket
import threading
import time
from socketserver import BaseRequestHandler, ThreadingTCPServer

_AWAY_SECONDS = 30
_READ_BYTES = 65536


class _Visit(BaseRequestHandler):
    """One connection, carried on to the router; it ends when either side ends."""

    server: "Gateway"

    def handle(self) -> None:
        """Carry both ways."""
        with self.server.reach() as router:
            back = threading.Thread(target=_carry, args=(router, self.request))
            back.start()
            _carry(self.request, router)
            back.join()


class Gateway(ThreadingTCPServer):
    """A door on loopback to whoever listens on *port*; it waits for one who is away for a while."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Visit)
        self._port = port
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def reach(self) -> socket.socket:
        """Return a connection to the router. Raises ConnectionRefusedError when it stays away."""
        deadline = time.monotonic() + _AWAY_SECONDS
        while True:
            try:
                return socket.create_connection(("127.0.0.1", self._port))
            except ConnectionRefusedError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)


def _carry(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(_READ_BYTES):
            target.sendall(piece)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
