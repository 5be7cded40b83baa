"""A caller's process: `python -m bench.queues.caller LIBRARY`, told what to do line by line.

Runs in the library's environment. Each line of the input is a JSON object, each answered by one.
"""

import importlib
import json
import sys
import time
from dataclasses import asdict
from typing import Any

BETWEEN_TRIES_SECONDS = 0.1
PATIENCE_SECONDS = 150.0


class Insistent:
    """A caller that tries again, as real ones do, until the library says that it took the job."""

    def __init__(self, library: str) -> None:
        module = importlib.import_module(f"bench.queues.with_{library}")
        self._errors = module.ERRORS
        self._caller = module.Caller()

    def enqueue(self, marker: str, *, own_id: bool) -> dict[str, Any]:
        """Enqueue one job; *own_id* tells the library an id that stays the same in each try."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        tries = 0
        while time.monotonic() < deadline:
            tries += 1
            try:
                self._caller.enqueue(marker, marker_id(marker) if own_id else None)
            except self._errors:
                time.sleep(BETWEEN_TRIES_SECONDS)
            else:
                return {"accepted": True, "tries": tries}
        return {"accepted": False, "tries": tries}

    def load(self, prefix: str, *, seconds: float, rate: float) -> dict[str, Any]:
        """Enqueue *rate* jobs a second for *seconds*; answer the markers of the accepted ones."""
        began = time.monotonic()
        accepted = []
        number = 0
        while (elapsed := time.monotonic() - began) < seconds:
            time.sleep(max(0.0, number / rate - elapsed))
            marker = f"{prefix}-{number:04}"
            if self.enqueue(marker, own_id=False)["accepted"]:
                accepted.append(marker)
            number += 1
        return {"accepted": accepted}

    def held(self) -> dict[str, Any]:
        """Answer how many jobs the library still has."""
        return asdict(self._caller.held())


def marker_id(marker: str) -> str:
    """Return the id that a caller of its own mind gives the job *marker*; 32 hex digits."""
    return marker.encode().hex()[-32:].rjust(32, "0")


def main() -> None:
    """Obey until the input ends."""
    caller = Insistent(sys.argv[1])
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        answer = getattr(caller, order.pop("do"))(**order)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
