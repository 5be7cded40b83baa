"""Times as people write them: a number and a unit."""

import re

from tinyllama.deployment.failures import DeploymentFailed

_DURATION = re.compile(r"([0-9]{1,12})([mhd])")
_UNIT_SECONDS = {"m": 60, "h": 3600, "d": 86400}


def seconds(option: str, text: str) -> int:
    """Return how many seconds *text* is. Raises DeploymentFailed, which names the *option*."""
    found = _DURATION.fullmatch(text)
    if not found:
        raise DeploymentFailed(
            f"{option} is a number and a unit, m for minutes, h for hours or d for days:"
            f" 30m, 12h or 90d, not {text!r}"
        )
    return int(found[1]) * _UNIT_SECONDS[found[2]]


def shown(count: int) -> str:
    """Return *count* seconds in the largest unit that divides them, ``s`` for the rest."""
    for unit in ("d", "h", "m"):
        if count and count % _UNIT_SECONDS[unit] == 0:
            return f"{count // _UNIT_SECONDS[unit]}{unit}"
    return f"{count}s"
