"""Times as people write them: a number and a unit."""

import re

from tinyllama.deployment.failures import Misused

_DURATION = re.compile(r"([0-9]{1,12})([smhd])")
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(option: str, text: str) -> int:
    """Return how many seconds *text* is. Raises Misused, which names the *option*."""
    found = _DURATION.fullmatch(text)
    if not found:
        raise Misused(
            f"{option} is a number and a unit, s for seconds, m for minutes, h for hours or d for"
            f" days: 45s, 30m, 12h or 90d, not {text!r}"
        )
    return int(found[1]) * _UNIT_SECONDS[found[2]]


def shown(count: int) -> str:
    """Return *count* seconds in the largest unit that divides them, ``s`` for the rest."""
    for unit in ("d", "h", "m"):
        if count and count % _UNIT_SECONDS[unit] == 0:
            return f"{count // _UNIT_SECONDS[unit]}{unit}"
    return f"{count}s"
