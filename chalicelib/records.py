"""How jobs and events lie in the store: hashes of text, as the moves write them."""

import json
from collections.abc import Mapping

from chalicelib.events import Event
from chalicelib.jobs import Job, JobState, JsonObject, Priority

PRIORITIES = {Priority.HIGH: 0, Priority.NORMAL: 1, Priority.LOW: 2}
"""Priorities as places spell them: the first in lexical order runs first."""

_BY_DIGIT = {str(digit): priority for priority, digit in PRIORITIES.items()}
SUMMARY = (
    "tenant", "state", "version", "attempt", "max_attempts", "created_at", "priority", "model",
    "metadata", "deadline_at", "retry_at", "cancel_requested", "started_at", "first_token_at",
    "ended_at", "error", "traceparent",
)  # fmt: skip
"""The fields that a list of jobs reads: all but those that may be long."""


def pairs(flat: list[str]) -> dict[str, str]:
    """Return a hash as the store answers it (field, value, field …)."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


def job(
    job_id: str,
    record: Mapping[str, str],
    position: int | None = None,
    eta_seconds: float | None = None,
) -> Job:
    """Return the job that *record* holds; a field that is absent or empty is None.

    Without its request (a summary has none) the job's ``request`` is empty.
    """

    def moment(name: str) -> int | None:
        return int(record[name]) if record.get(name) else None

    def document(name: str) -> JsonObject | None:
        found: JsonObject | None = json.loads(record[name]) if record.get(name) else None
        return found

    request = document("request") or {}
    # 0.1.0 kept what the caller wants to find again with the request.
    kept_inside = request.pop("metadata", None)
    return Job(
        id=job_id,
        tenant=record["tenant"],
        state=JobState(record["state"]),
        version=int(record["version"]),
        attempt=int(record["attempt"]),
        max_attempts=int(record["max_attempts"]),
        request=request,
        created_at=int(record["created_at"]),
        priority=_BY_DIGIT.get(record.get("priority", ""), Priority.NORMAL),
        model=record.get("model") or request.get("model"),
        metadata=document("metadata") or kept_inside,
        deadline_at=moment("deadline_at"),
        retry_at=moment("retry_at"),
        cancel_requested=record.get("cancel_requested") == "1",
        started_at=moment("started_at"),
        first_token_at=moment("first_token_at"),
        ended_at=moment("ended_at"),
        result=document("result"),
        error=document("error"),
        traceparent=record.get("traceparent") or None,
        position=position,
        eta_seconds=eta_seconds,
    )


def event(event_id: str, record: Mapping[str, str]) -> Event:
    """Return the event that *record* holds."""
    return Event(
        id=event_id,
        tenant=record["tenant"],
        event_type=record["event_type"],
        source=record["source"],
        payload=json.loads(record["payload"]),
        created_at=int(record["created_at"]),
        sequence=int(record["sequence"]),
        delivered=record["delivered"] == "1",
        attributes=json.loads(record["attributes"]) if record.get("attributes") else None,
    )
