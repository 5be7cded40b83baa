"""How often a call is repeated, and what is paused in between."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Repeating:
    """How often a call is tried, and for how many *seconds* in all; pauses double and vary.

    A router that names a pause (``Retry-After``) is given it. One that has answered before and is
    not reached now is tried for all of the *seconds*, however often that is, unless calls are
    tried once alone. *told* hears of each pause.
    """

    attempts: int = 5
    seconds: float = 60.0
    first_seconds: float = 0.5
    most_seconds: float = 10.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random
    told: Callable[[float], None] = lambda _: None

    def pause_seconds(self, tries: int, asked: float) -> float:
        """Return the pause after the *tries*-th failure (from 1), at least what was *asked* for."""
        whole = min(self.most_seconds, self.first_seconds * 2.0 ** min(tries - 1, 30))
        return max(asked, whole * (1 + self.chance()) / 2)
