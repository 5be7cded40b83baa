"""Where the router of this clone listens on this machine, as its ``tinyllama up`` noted it."""

import contextlib
import http.client
import json
import os
from collections.abc import Iterator
from urllib.parse import urlsplit

from tinyllama.state import home

NOTE = "listening"
LAPTOP = "http://127.0.0.1:8000"
_ANSWER_SECONDS = 5.0
_ANSWER_BYTES = 65_536


@contextlib.contextmanager
def noted(url: str) -> Iterator[None]:
    """Note that the router of this process listens at *url*, until the end of the block.

    A folder that cannot be written leaves no note: who asks is told nothing then.
    """
    mine = {"url": url, "pid": os.getpid()}
    with contextlib.suppress(OSError):
        home().folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        home().note(NOTE, mine)
    try:
        yield
    finally:
        # A later one may have noted itself meanwhile.
        if home().read_note(NOTE) == mine:
            home().drop_note(NOTE)


def address() -> str | None:
    """Return where this clone's router listens; None where none answers there any more."""
    url = home().read_note(NOTE).get("url")
    return url if isinstance(url, str) and _answers(url) else None


def _answers(url: str) -> bool:
    """Whether a router tells of its health at *url*; it is shown no token."""
    try:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=_ANSWER_SECONDS)
        with contextlib.closing(connection):
            connection.request("GET", "/health")
            told = json.loads(connection.getresponse().read(_ANSWER_BYTES))
    except (OSError, ValueError, http.client.HTTPException):
        return False
    return isinstance(told, dict) and told.get("status") in {"pass", "warn", "fail"}
