"""The JSON Schemas of what comes in and goes out, by name; the files are read here alone."""

import json
from pathlib import Path
from typing import Any

REQUESTS = ("event", "infer")
ANSWERS = ("accepted_event", "health", "inbox_event", "inbox_page", "job", "problem")


class Refused(Exception):
    """The instance does not satisfy the schema. The message may hold names the caller sent."""


def load(name: str) -> dict[str, Any]:
    """Read the schema *name*, one of ``REQUESTS`` or ``ANSWERS``, from its file."""
    path = Path(__file__).with_name(f"{name}.json")
    schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return schema
