"""The JSON Schemas of what comes in and goes out, by name; the files are read here alone."""

import json
from pathlib import Path
from typing import Any

REQUESTS = (
    "chat_completion_request", "cloudevent", "event", "events_extend", "events_held",
    "events_lease", "infer", "redrive", "register", "response_request", "retry", "worker_append",
    "worker_extend", "worker_finish", "worker_lease", "worker_release",
)  # fmt: skip
ANSWERS = (
    "accepted_event", "api_key", "api_key_page", "chat_completion", "dead_letters",
    "events_extended", "events_leased", "health", "inbox_event", "inbox_page", "job", "job_page",
    "job_summary", "job_text", "model", "model_list", "openai_error", "problem", "queue",
    "redriven", "response", "response_deleted", "worker_appended", "worker_extended",
    "worker_finished", "worker_leased",
)  # fmt: skip


class Refused(Exception):
    """The instance does not satisfy the schema. The message may hold names the caller sent."""


def load(name: str) -> dict[str, Any]:
    """Read the schema *name*, one of ``REQUESTS`` or ``ANSWERS``, from its file."""
    path = Path(__file__).with_name(f"{name}.json")
    schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return schema
