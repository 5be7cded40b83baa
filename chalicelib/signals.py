"""JSON logs: one line for each deed, on standard output, where Lambda collects it.

A line never holds a token, a prompt, an output or a secret: callers pass ids, codes and numbers.
"""

import json
import sys
from datetime import UTC, datetime


def log(event: str, **fields: object) -> None:
    """Write one line ``{"time", "event", ...fields}``; time is RFC 3339, UTC, milliseconds."""
    time = datetime.now(UTC).isoformat(timespec="milliseconds")
    line = json.dumps({"time": time, "event": event, **fields}, default=str)
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
