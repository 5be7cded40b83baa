"""The token that a worker over HTTPS shows, renewed before it expires."""

import base64
import json
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from chalicelib import signals
from chalicelib.errors import NotConfigured
from chalicelib.settings import WorkerCredential

TOKEN_CHARS = 16 * 1024
AHEAD_SECONDS = 60.0
LOOK_SECONDS = 1.0
TOKEN = re.compile(rf"[\x21-\x7e]{{1,{TOKEN_CHARS}}}")


class Bearer(Protocol):
    """Whoever has the token; thread-safe."""

    @property
    def fixed(self) -> bool:
        """Whether it is the same as long as this process runs."""
        ...

    def token(self) -> str:
        """Return the token as it is now."""
        ...

    def reread(self) -> str:
        """Look for a newer one, because the token was refused; return what is the token now."""
        ...


class Credential:
    """A token of the environment's, or of a file that somebody keeps fresh. Thread-safe.

    From a minute before its ``exp`` passes the file is read again, at most once a second; a file
    that cannot be read leaves the token as it was. Raises NotConfigured when there is none at all.
    *now* tells seconds since the epoch.
    """

    def __init__(self, source: WorkerCredential, now: Callable[[], float]) -> None:
        self._source = source
        self._now = now
        self._lock = threading.Lock()
        self._looked = now()
        self._unreadable = False
        self._token = token = _first(source)
        self._expires = expiry(token)

    @property
    def fixed(self) -> bool:
        """Whether it is the environment's, which nobody can renew."""
        return self._source.file is None

    def token(self) -> str:
        """Return the token as it is now."""
        now = self._now()
        with self._lock:
            soon = self._expires is not None and now > self._expires - AHEAD_SECONDS
            if soon and not 0 <= now - self._looked < LOOK_SECONDS:
                self._look(now)
            return self._token

    def reread(self) -> str:
        """Read the file again, because the token was refused; return what is the token now."""
        with self._lock:
            self._look(self._now())
            return self._token

    def _look(self, now: float) -> None:
        self._looked = now
        if self._source.file is None:
            return
        try:
            found = _read(self._source.file)
        except OSError:
            found = ""
        readable = TOKEN.fullmatch(found) is not None
        if readable:
            self._token, self._expires = found, expiry(found)
        elif not self._unreadable:
            signals.log("credential.unreadable")
        self._unreadable = not readable


def _first(source: WorkerCredential) -> str:
    """Return the token to begin with. Raises NotConfigured saying why there is none."""
    if source.file is None:
        variable, found = "TINYLLAMA_WORKER_TOKEN", source.token or ""
    else:
        variable = "TINYLLAMA_WORKER_TOKEN_FILE"
        try:
            found = _read(source.file)
        except FileNotFoundError:
            raise NotConfigured(f"{variable} names no file: {source.file}") from None
        except OSError as error:
            why = f"a file that cannot be read ({error.strerror}): {source.file}"
            raise NotConfigured(f"{variable} names {why}") from None
        if not found:
            raise NotConfigured(f"{variable} names a file that is empty: {source.file}")
        variable += " names a file that"
    if not TOKEN.fullmatch(found):
        where = f": {source.file}" if source.file else ""
        raise NotConfigured(f"{variable} holds no token{where}")
    return found


def _read(path: Path) -> str:
    """Return what the file holds; what is not ASCII is no token. Raises OSError."""
    with path.open(encoding="ascii", errors="replace") as file:
        return file.read(TOKEN_CHARS + 64).strip()


def expiry(token: str) -> float | None:
    """Return the ``exp`` of a JWT, whoever signed it; None for what cannot be read."""
    try:
        segment = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
        expires = claims["exp"]
    except (IndexError, KeyError, TypeError, ValueError, RecursionError):
        return None
    return float(expires) if type(expires) is int and 0 < expires < 10**12 else None
