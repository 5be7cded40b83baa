"""How values look from outside: jobs, events, pages and health as replies."""

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chalicelib import __version__
from chalicelib.edge import Call, Reply
from chalicelib.errors import EventNotFound, JobNotFound, StoreUnavailable
from chalicelib.events import Event
from chalicelib.jobs import Job, JsonObject

if TYPE_CHECKING:  # these bring redis, which the authorizer never needs
    from chalicelib.inbox import Page
    from chalicelib.queueing import Gauge

_POLL_SECONDS = 1
_JOB_ID = re.compile(r"job_[0-9a-f]{32}")
_EVENT_ID = re.compile(r"evt_[0-9a-f]{32}")


def require_job_id(text: str) -> str:
    """Return *text* if a job can have that id. Raises JobNotFound, as for an absent job."""
    if not _JOB_ID.fullmatch(text):
        raise JobNotFound
    return text


def require_event_id(text: str) -> str:
    """Return *text* if an event can have that id. Raises EventNotFound, as for an absent one."""
    if not _EVENT_ID.fullmatch(text):
        raise EventNotFound
    return text


def submitted(call: Call, job: Job, *, known: bool) -> Reply:
    """Answer a submit: 200 when the job has ended, else 202 with where and when to look."""
    headers = _job_headers(call, job) | {"Location": call.link(f"jobs/{job.id}")}
    if known:
        headers["Idempotency-Replayed"] = "true"
    return Reply(_job(job), 200 if job.state.ended else 202, headers)


def fetched(call: Call, job: Job) -> Reply:
    """Answer a look at a job: 304 when it is as the caller saw it."""
    headers = _job_headers(call, job)
    if job.version == call.seen_version:
        return Reply(status=304, headers=headers)
    return Reply(_job(job), headers=headers)


def published(event: Event, *, known: bool) -> Reply:
    """Answer a publish: 201, or 200 for a repeat."""
    body = {
        "status": "accepted",
        "event_id": event.id,
        "timestamp": _moment(event.created_at),
        "message": "the event was accepted before" if known else "the event is in the inbox",
        "event_type": event.event_type,
        "payload": event.payload,
        "source": event.source,
        "delivered": event.delivered,
    }
    return Reply(body, 200, {"Idempotency-Replayed": "true"}) if known else Reply(body, 201)


def page(found: "Page", limit: int) -> Reply:
    """Answer a page of an inbox, with a link to the next one where there may be one."""
    headers = {}
    if found.cursor is not None:
        headers["Link"] = f'<?cursor={found.cursor}&limit={limit}>; rel="next"'
    return Reply({"events": [_event(event) for event in found]}, headers=headers)


def one_event(event: Event) -> Reply:
    """Answer one event."""
    return Reply(_event(event))


def health(gauge: "Gauge | StoreUnavailable") -> Reply:
    """Answer each dependency with its state, 503 when the store is away.

    Without a live worker it is a warning: prompts are taken, and wait.
    """
    if isinstance(gauge, StoreUnavailable):
        status, headers = "fail", gauge.headers
        checks = {"store:reachable": [_check("fail", "datastore", output=gauge.detail)]}
    else:
        status, headers = "pass" if gauge.workers else "warn", {}
        idle = {} if gauge.workers else {"output": "no worker is live: prompts are taken and wait"}
        checks = {
            "store:reachable": [_check("pass", "datastore")],
            "queue:waiting": [_count("pass", gauge.waiting, "jobs")],
            "queue:running": [_count("pass", gauge.leased, "jobs")],
            "workers:live": [_count(status, gauge.workers, "workers") | idle],
        }
    body = {"status": status, "version": __version__, "checks": checks}
    return Reply(body, 503 if status == "fail" else 200, headers, "application/health+json")


def _check(status: str, kind: str, **told: object) -> JsonObject:
    return {"status": status, "componentType": kind, **told}


def _count(status: str, value: int, unit: str) -> JsonObject:
    return _check(status, "component", observedValue=value, observedUnit=unit)


def _job_headers(call: Call, job: Job) -> dict[str, str]:
    headers = {"ETag": f'W/"{job.version}"'}
    if call.wait_seconds:
        headers["Preference-Applied"] = f"wait={call.wait_seconds}"
    if not job.state.ended:
        headers["Retry-After"] = str(_POLL_SECONDS)
    return headers


def _job(job: Job) -> JsonObject:
    result = dict(job.result) if job.result else None
    usage = result.pop("usage", None) if result else None
    return {
        "id": job.id,
        "state": job.state,
        "version": job.version,
        "attempt": job.attempt,
        "max_attempts": job.max_attempts,
        "position": job.position,
        "model": job.request.get("model"),
        "metadata": job.request.get("metadata"),
        "created_at": _moment(job.created_at),
        "started_at": _moment(job.started_at),
        "ended_at": _moment(job.ended_at),
        "result": result,
        "usage": usage,
        "timings": {
            "queued_ms": _span(job.created_at, job.started_at),
            "first_token_ms": _span(job.started_at, job.first_token_at),
            "run_ms": _span(job.started_at, job.ended_at),
        },
        "error": job.error,
    }


def _event(event: Event) -> JsonObject:
    return {
        "event_id": event.id,
        "event_type": event.event_type,
        "source": event.source,
        "timestamp": _moment(event.created_at),
        "payload": event.payload,
        "delivered": event.delivered,
    }


def _span(start: int | None, end: int | None) -> int | None:
    return None if start is None or end is None else end - start


def _moment(milliseconds: int | None) -> str | None:
    """Return a time as RFC 3339, UTC, to the millisecond."""
    if milliseconds is None:
        return None
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
