"""How long to wait before trying again: the one place that knows backoff and outages."""

import asyncio
import random
import threading
from collections.abc import Callable
from concurrent.futures import Executor

from chalicelib import signals
from chalicelib.errors import StoreUnavailable

STORE_FIRST_SECONDS = 0.1
STORE_MOST_SECONDS = 3.0


def backoff_seconds(tries: int, first: float, most: float) -> float:
    """Return the pause after the *tries*-th failure (from 1): doubling, capped, half of it jitter.

    The jitter keeps many workers from coming back in step.
    """
    whole = min(most, first * 2.0 ** min(tries - 1, 30))
    return whole * random.uniform(0.5, 1)  # noqa: S311 - spreads load, guards nothing


class Outage:
    """Whether the store is away, told once when it goes and once when it is back. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._away = False

    def begins(self, error: StoreUnavailable) -> None:
        """Note that a call did not reach the store, and of what kind *error*'s cause is."""
        with self._lock:
            first, self._away = not self._away, True
        if first:
            # The kind alone: a message may repeat the address. A wrong password is told from a
            # server that is down by it, and no more than that is needed.
            signals.log("store.away", error=type(error.__cause__).__name__)

    def ends(self) -> None:
        """Note that the store answered."""
        with self._lock:
            first, self._away = self._away, False
        if first:
            signals.log("store.back")


class Patience:
    """Calls a synchronous move from the event loop, and waits out a store that is away."""

    def __init__(self, executor: Executor, outage: Outage) -> None:
        self._executor = executor
        self._outage = outage

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
            else:
                self._outage.ends()
                return answer
            tries += 1
            pause = backoff_seconds(tries, STORE_FIRST_SECONDS, STORE_MOST_SECONDS)
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
