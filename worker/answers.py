"""What a router's answers say. Each raises ValueError, and nothing else, for what says no such."""

import re
from typing import Any

from chalicelib.jobs import Job, JobState

# The router's own least, and a day, which renewals need not wait for.
LEASE_LEAST_SECONDS = 0.1
LEASE_MOST_SECONDS = 86_400.0
# What later calls and the log can carry.
_NAME = re.compile(r"[!-~]{1,128}")


def job(body: Any) -> Job:
    """Return the job that a lease holds."""
    match body:
        case {
            "job": {
                "id": str(job_id),
                "tenant": str(tenant),
                "attempt": int(attempt),
                "max_attempts": int(most),
                "request": dict(request),
                "created_at": int(created_at),
                **more,
            }
        } if _NAME.fullmatch(job_id) and _NAME.fullmatch(tenant):
            traceparent = more.get("traceparent")
            return Job(
                id=job_id,
                tenant=tenant,
                state=JobState.RUNNING,
                version=0,  # not told over HTTPS
                attempt=attempt,
                max_attempts=most,
                request=request,
                created_at=created_at,
                traceparent=traceparent if isinstance(traceparent, str) else None,
            )
    raise ValueError("the answer holds no job")


def cancelled(body: Any) -> bool:
    """Return whether a cancel was asked."""
    match body:
        case {"cancel": bool(asked)}:
            return asked
    raise ValueError("the answer does not say whether a cancel was asked")


def ended(body: Any) -> JobState:
    """Return the state that a job went to when its run ended."""
    match body:
        case {"state": str(told)} if (state := JobState(told)) is not JobState.RUNNING:
            return state
    raise ValueError("the answer does not say where the job went")


def lease_seconds(body: Any, otherwise: float) -> float:
    """Return how long a lease holds, within reason; *otherwise* where no time is told."""
    match body:
        case {"lease_seconds": bool()}:
            return otherwise
        case {"lease_seconds": int(told) | float(told)} if 0 < told < float("inf"):
            return float(min(max(told, LEASE_LEAST_SECONDS), LEASE_MOST_SECONDS))
    return otherwise
