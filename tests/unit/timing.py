"""How much CPU time a piece of work takes, for tests that hold one against another."""

import time
from collections.abc import Callable


def seconds_of(work: Callable[[], object]) -> float:
    """Return the least CPU time of a few tries: what else runs here lengthens some of them."""
    found = []
    for _ in range(7):
        begun = time.process_time()
        work()
        found.append(time.process_time() - begun)
    return min(found)
