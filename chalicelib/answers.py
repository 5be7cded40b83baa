"""How jobs look from outside, and what every answer is put together from."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from chalicelib import refusals
from chalicelib.calls import Call
from chalicelib.errors import EventNotFound, JobNotFound
from chalicelib.jobs import Job, JsonObject
from chalicelib.refusals import Rate
from chalicelib.routing import Reply

if TYPE_CHECKING:  # these bring redis, which the authorizer never needs
    from chalicelib.listing import JobPage
    from chalicelib.patience import Awaited
    from chalicelib.queueing import Submitted
    from chalicelib.streaming import TokenPage

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


def submitted(call: Call, told: "Awaited[Submitted]") -> Reply:
    """Answer a submit: 200 when the job has ended, else 202 with where and when to look."""
    job = told.value.job
    headers = _job_headers(call, job, waited=told.waited)
    headers |= {"Location": call.link(f"jobs/{job.id}")} | refusals.headers(*told.value.rates)
    if told.value.known:
        headers["Idempotency-Replayed"] = "true"
    return Reply(_job(job), 200 if job.state.ended else 202, headers)


def fetched(call: Call, told: "Awaited[Job]") -> Reply:
    """Answer a look at a job: 304 when it is as the caller saw it."""
    job = told.value
    headers = _job_headers(call, job, waited=told.waited)
    if job.version == call.seen_version:
        return Reply(status=304, headers=headers)
    return Reply(_job(job), headers=headers)


def moved(call: Call, job: Job, rates: Sequence[Rate] = ()) -> Reply:
    """Answer a move of a job: 200 when it has ended, else 202 with where and when to look."""
    headers = _job_headers(call, job) | {"Location": call.link(f"jobs/{job.id}")}
    headers |= refusals.headers(*rates)
    return Reply(_job(job), 200 if job.state.ended else 202, headers)


def jobs(call: Call, page: "JobPage", limit: int) -> Reply:
    """Answer a page of jobs, with a link to the next one where there may be one."""
    asked = {name: call.query[name] for name in ("state", "model") if name in call.query}
    listed = {"jobs": [_summary(job) for job in page.jobs]}
    return Reply(listed, headers=next_page(page.cursor, limit, asked))


def text(call: Call, job_id: str, told: "Awaited[TokenPage]") -> Reply:
    """Answer what a job has said, with a link that leads on until it is complete."""
    page = told.value
    headers = applied(call, waited=told.waited)
    if not page.complete:
        headers |= {"Link": f'<?after={page.cursor}>; rel="next"'}
        headers |= {"Retry-After": str(_POLL_SECONDS)}
    body = {
        "id": job_id,
        "state": page.state,
        "attempt": page.attempt,
        "reset": page.reset,
        "text": page.text,
        "cursor": str(page.cursor),
        "complete": page.complete,
    }
    return Reply(body, headers=headers)


def applied(call: Call, *, waited: bool) -> dict[str, str]:
    """Tell the wait that was granted, where one was asked for."""
    wanted = call.wait_seconds if waited else 0
    return {"Preference-Applied": f"wait={wanted}"} if wanted else {}


def next_page(cursor: int | None, limit: int, asked: Mapping[str, str]) -> dict[str, str]:
    """Link to the next page of what was *asked* for, where there may be one."""
    if cursor is None:
        return {}
    query = urlencode({"cursor": cursor, "limit": limit, **asked}, safe=":/@")
    return {"Link": f'<?{query}>; rel="next"'}


def moment(milliseconds: int | None) -> str | None:
    """Return a time as RFC 3339, UTC, to the millisecond."""
    if milliseconds is None:
        return None
    told = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return told.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _job_headers(call: Call, job: Job, *, waited: bool = False) -> dict[str, str]:
    headers = {"ETag": f'W/"{job.version}"'} | applied(call, waited=waited)
    if not job.state.ended:
        headers["Retry-After"] = str(_POLL_SECONDS)
    return headers


def _job(job: Job) -> JsonObject:
    result = dict(job.result) if job.result else None
    usage = result.pop("usage", None) if result else None
    eta = None if job.eta_seconds is None else round(job.eta_seconds, 3)
    more = {"position": job.position, "eta_seconds": eta, "result": result, "usage": usage}
    return _summary(job) | more


def _summary(job: Job) -> JsonObject:
    return {
        "id": job.id,
        "state": job.state,
        "version": job.version,
        "attempt": job.attempt,
        "max_attempts": job.max_attempts,
        "priority": job.priority,
        "model": job.model,
        "metadata": job.metadata,
        "created_at": moment(job.created_at),
        "started_at": moment(job.started_at),
        "ended_at": moment(job.ended_at),
        "deadline_at": moment(job.deadline_at),
        "retry_at": moment(job.retry_at),
        "cancel_requested": job.cancel_requested,
        "timings": {
            "queued_ms": _span(job.created_at, job.started_at),
            "first_token_ms": _span(job.started_at, job.first_token_at),
            "run_ms": _span(job.started_at, job.ended_at),
        },
        "error": job.error,
    }


def _span(start: int | None, end: int | None) -> int | None:
    return None if start is None or end is None else end - start
