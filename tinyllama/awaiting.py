"""Whether anybody works while a caller waits: a router takes prompts without any worker, too.

``/health`` is asked now and then beside the wait.
"""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Self

from tinyllama.client_errors import ClientError

FIRST_SECONDS = 3.0  # most answers are there by then
EVERY_SECONDS = 10.0
IDLE = "no worker is live: it waits"


class Workers:
    """Looks, in a ``with`` block, whether a worker of the router at *url* lives.

    *told* is called once each time that none is live any more; *none* says so meanwhile.
    """

    def __init__(self, url: str, told: Callable[[], None] = lambda: None) -> None:
        self.none = False
        self._url = url
        self._told = told
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Not joined: a look that hangs keeps no answer back.
        self._over.set()

    def _watch(self) -> None:
        from tinyllama.client import Client, Repeating  # noqa: PLC0415 - brings HTTP

        pause = FIRST_SECONDS
        with suppress(ClientError), Client(self._url, "", repeating=Repeating(attempts=1)) as one:
            while not self._over.wait(pause):
                pause = EVERY_SECONDS
                with suppress(ClientError):
                    self._seen(live(one.health()))

    def _seen(self, live: int | None) -> None:
        newly = live == 0 and not self.none and not self._over.is_set()
        self.none = live == 0
        if newly:
            self._told()


def live(health: Mapping[str, Any]) -> int | None:
    """Return how many workers *health* tells of, None where it tells of none."""
    try:
        (check,) = health["checks"]["workers:live"]
        count = check["observedValue"]
    except (LookupError, TypeError, ValueError):
        return None
    return count if isinstance(count, int) else None
