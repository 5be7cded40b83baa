"""How much of an answer Lambda can carry: it takes 6 MiB, and writes our JSON as a JSON string."""

import json
from typing import Any


def carried_bytes(value: Any) -> int:
    """Return how long *value* is in Lambda's answer: JSON in a JSON string, all of it ASCII."""
    text = json.dumps(value, separators=(",", ":"))
    return len(text) + text.count('"') + text.count("\\")
