"""How jobs and events lie in the store: hashes of text, as the moves write them."""

import json
from collections.abc import Mapping

from chalicelib.events import Event
from chalicelib.jobs import Job, JobState, JsonObject


def job(job_id: str, record: Mapping[str, str], position: int | None = None) -> Job:
    """Return the job that *record* holds; a field that is absent or empty is None."""

    def moment(name: str) -> int | None:
        return int(record[name]) if record.get(name) else None

    def document(name: str) -> JsonObject | None:
        found: JsonObject | None = json.loads(record[name]) if record.get(name) else None
        return found

    return Job(
        id=job_id,
        tenant=record["tenant"],
        state=JobState(record["state"]),
        version=int(record["version"]),
        attempt=int(record["attempt"]),
        max_attempts=int(record["max_attempts"]),
        request=json.loads(record["request"]),
        created_at=int(record["created_at"]),
        started_at=moment("started_at"),
        first_token_at=moment("first_token_at"),
        ended_at=moment("ended_at"),
        result=document("result"),
        error=document("error"),
        position=position,
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
    )
