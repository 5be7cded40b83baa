"""How much of an answer Lambda can carry: it takes 6 MiB, and writes our JSON as a JSON string."""

import json
from collections.abc import Mapping
from typing import Any

_GENERATED = ("text", "message", "logprobs")


def carried_bytes(value: Any) -> int:
    """Return how long *value* is in Lambda's answer: JSON in a JSON string, all of it ASCII."""
    text = json.dumps(value, separators=(",", ":"))
    return len(text) + text.count('"') + text.count("\\")


def result_bytes(result: Mapping[str, Any]) -> int:
    """Return what counts of a job's result: its text in UTF-8, all else that was said as JSON."""
    told = (result[name] for name in _GENERATED[1:] if name in result)
    said = (json.dumps(each, ensure_ascii=False, separators=(",", ":")) for each in told)
    return len(result["text"].encode()) + sum(len(each.encode()) for each in said)


def result_carried_bytes(result: Mapping[str, Any]) -> int:
    """Return how long that is in Lambda's answer."""
    return sum(carried_bytes(result[name]) for name in _GENERATED if name in result)
