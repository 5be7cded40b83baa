"""How long to wait before trying again: the one place that knows backoff and outages."""

import asyncio
import random
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from chalicelib import signals
from chalicelib.errors import StoreUnavailable
from worker.measures import Measures

STORE_FIRST_SECONDS = 0.1
STORE_MOST_SECONDS = 3.0
# Whoever asks for more is asked again all the same: it may be back long before.
ASKED_MOST_SECONDS = 60.0


class BackLater(StoreUnavailable):
    """The way to the store is closed; who closed it may have asked to wait some seconds.

    *kind* is told in the log: a status or an error's name. *told* is what closed it already, where
    that is no fault of the store's.
    """

    def __init__(self, kind: str, pause_seconds: float = 0, *, told: bool = False) -> None:
        super().__init__()
        self.kind = kind
        self.told = told
        self.pause_seconds = min(pause_seconds, ASKED_MOST_SECONDS)


class TokenUseless(BackLater):
    """The token is refused for the reason *kind*, and this process will never have another."""


def backoff_seconds(tries: int, first: float, most: float, jitter: float = 0.5) -> float:
    """Return the pause after the *tries*-th failure (from 1): doubling, capped, in part jitter.

    The jitter keeps many workers from coming back in step; it only ever shortens the pause.
    """
    whole = min(most, first * 2.0 ** min(tries - 1, 30))
    return whole * random.uniform(1 - jitter, 1)  # noqa: S311 - spreads load, guards nothing


def pause_seconds(tries: int, error: StoreUnavailable, most: float = STORE_MOST_SECONDS) -> float:
    """Return the pause after the *tries*-th call that did not reach the store."""
    asked = error.pause_seconds if isinstance(error, BackLater) else 0
    return max(asked, backoff_seconds(tries, STORE_FIRST_SECONDS, most))


def retry_after_seconds(header: str | None) -> float:
    """Return the pause a Retry-After asks for (RFC 9110, 10.2.3: seconds or a date), else 0."""
    if header is None:
        return 0
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return 0


class Outage:
    """Whether the store is away, told once when it goes and once when it is back. Thread-safe.

    A worker that calls the *router* of that address tells of the router, which may be what is away.
    *on_useless* hears, in any thread, of a token that no waiting mends; *measures* count it.
    """

    def __init__(
        self,
        router: str | None = None,
        on_useless: Callable[[TokenUseless], None] | None = None,
        measures: Measures = Measures(),  # noqa: B008 - holds nothing
    ) -> None:
        self._on_useless = on_useless
        self._measures = measures
        self._what = "store" if router is None else "router"
        self._address = {} if router is None else {"router": router}
        self._lock = threading.Lock()
        self._away = False

    def begins(self, error: StoreUnavailable) -> None:
        """Note that a call did not reach the store, and of what kind *error*'s cause is.

        What was told already leaves it open whether the store is there.
        """
        if isinstance(error, TokenUseless) and self._on_useless is not None:
            self._on_useless(error)
        if isinstance(error, BackLater) and error.told:
            return
        with self._lock:
            first, self._away = not self._away, True
        if first:
            # The kind alone: a message may repeat the store's address and its password. A wrong
            # password is told from a server that is down by it, and no more is needed.
            cause = type(error.__cause__).__name__
            kind = error.kind if isinstance(error, BackLater) else cause
            signals.log(f"{self._what}.away", signals.Level.WARN, error=kind, **self._address)
            self._measures.away(away=True)

    def ends(self) -> None:
        """Note that the store answered."""
        with self._lock:
            first, self._away = self._away, False
        if first:
            signals.log(f"{self._what}.back", **self._address)
            self._measures.away(away=False)


class Patience:
    """Calls a synchronous move from the event loop, and waits out a store that is away.

    Tries are *most_seconds* apart at most, or as long as they are asked to be.
    """

    def __init__(
        self, executor: Executor, outage: Outage, most_seconds: float = STORE_MOST_SECONDS
    ) -> None:
        self._executor = executor
        self._outage = outage
        self._most_seconds = most_seconds

    async def call[**P, T](
        self,
        give_up: asyncio.Event | None,
        move: Callable[P, T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Return what *move* answers, trying until the store answers.

        Once *give_up* is set, the next StoreUnavailable is raised instead of waited out. Every
        other error is raised as it comes. The move must be safe to repeat.
        """
        loop = asyncio.get_running_loop()
        tries = 0
        while True:
            try:
                answer = await loop.run_in_executor(self._executor, lambda: move(*args, **kwargs))
            except StoreUnavailable as error:
                self._outage.begins(error)
                if give_up is not None and give_up.is_set():
                    raise
                tries += 1
                pause = pause_seconds(tries, error, self._most_seconds)
            else:
                self._outage.ends()
                return answer
            await _sleep_unless(give_up, pause)


async def _sleep_unless(event: asyncio.Event | None, seconds: float) -> None:
    if event is None:
        await asyncio.sleep(seconds)
        return
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
