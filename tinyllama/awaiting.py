"""What a caller is told who waits for a job: how it stands, how long it takes, who works.

``/health`` is asked now and then beside the wait: a router takes prompts without any worker too.
"""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, Self

from tinyllama.client_errors import ClientError

if TYPE_CHECKING:
    from tinyllama.client import Job

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


class Outlook:
    """A job's progress in words; the time that it still takes runs down between two answers."""

    def __init__(self, job: "Job", clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self.look(job)

    def look(self, job: "Job") -> None:
        """Take note of how the job stands now."""
        self._job, self._at = job, self._clock()

    def words(self) -> str:
        """Return how far the job is, as of now."""
        return progress(self._job, self._clock() - self._at)


def progress(job: "Job", passed_seconds: float = 0.0) -> str:
    """Return in words how far a job is, so long after it was asked for.

    How long it still takes is an estimate: nothing is said of it once it has passed.
    """
    left = 0 if job.eta_seconds is None else round(job.eta_seconds - passed_seconds)
    eta = f", about {left} s to go" if left > 0 else ""
    if job.state == "running":
        again = f" (attempt {job.attempt})" if job.attempt > 1 else ""
        return f"Running{again}{eta}"
    if job.retry_at is not None:
        return f"Waiting for another attempt{eta}"
    before = "" if job.position is None else f": {job.position} before it"
    return f"Waiting{before}{eta}"


def live(health: Mapping[str, Any]) -> int | None:
    """Return how many workers *health* tells of, None where it tells of none."""
    try:
        (check,) = health["checks"]["workers:live"]
        count = check["observedValue"]
    except (LookupError, TypeError, ValueError):
        return None
    return count if isinstance(count, int) else None
