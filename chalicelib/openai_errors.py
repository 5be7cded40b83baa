"""The OpenAI API's errors: what only its callers are told, and how they are told everything else.

``{"error": {"message", "type", "param", "code"}}``, as openai.com's "Error codes" has them and its
clients read them. Codes and statuses are our own, but where clients look at the status alone.
"""

from collections.abc import Mapping

from chalicelib.errors import (
    IdempotencyKeyReused,
    InvalidBody,
    JobGone,
    RouterError,
)
from chalicelib.jobs import Job

# Clients know these failures by this status.
_STATUSES: Mapping[type[RouterError], int] = {
    IdempotencyKeyReused: 400,
    InvalidBody: 400,
    JobGone: 404,
}
_TYPES: Mapping[int, str] = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    429: "rate_limit_error",
}
_SERVER = 500  # from here on it is not the caller's fault
_RETRIED_IN_VAIN = 409  # clients try it again unless they are told not to
_TAKEN_AGAIN_MS = 50  # clients take no notice of 0


class JobFailed(RouterError):
    """The job came to no answer: it failed, was cancelled or expired. Another try is a new job."""

    status = 422
    code = "job_failed"
    title = "The model gave no answer"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail, headers={"x-should-retry": "false"})


class StillRunning(RouterError):
    """The job takes longer than a chain of redirects may: the same call again goes on waiting."""

    status = 503
    code = "still_running"
    title = "The answer is not there yet"

    def __init__(self, detail: str = "", *, pause_seconds: int = 0) -> None:
        super().__init__(detail, headers=again(pause_seconds))


class ModelNotFound(RouterError):
    """No live worker offers a model of that name."""

    status = 404
    code = "model_not_found"
    title = "No live worker offers this model"


class ResponseNotFound(RouterError):
    """No such response, or it belongs to another tenant: the answer never says which."""

    status = 404
    code = "response_not_found"
    title = "There is no such response"


def again(pause_seconds: int = 0) -> dict[str, str]:
    """Return the headers by which clients send the same call again after a pause, by themselves."""
    pause_ms = pause_seconds * 1000 or _TAKEN_AGAIN_MS
    told = {"x-should-retry": "true", "retry-after-ms": str(pause_ms)}
    return told | ({"Retry-After": str(pause_seconds)} if pause_seconds else {})


def job_failed(job: Job) -> JobFailed:
    """Return the failure that a *job* which has ended without a result is told as."""
    told = job.error or {}
    words = (f"the job {job.state}", str(told.get("code", "")), str(told.get("detail", "")))
    return JobFailed(": ".join(word for word in words if word))


def status(error: RouterError) -> int:
    """Return the HTTP status that clients of the OpenAI API know *error* by."""
    return _STATUSES.get(type(error), error.status)


def headers(error: RouterError) -> dict[str, str]:
    """Return the headers that *error* is told with."""
    never = {"x-should-retry": "false"} if error.status == _RETRIED_IN_VAIN else {}
    return never | error.headers


def member(error: RouterError) -> dict[str, str | None]:
    """Return the value of the member ``error``."""
    first = error.errors[0] if error.errors else None
    fields = "; ".join(f"{each.pointer or '/'}: {each.detail}" for each in error.errors)
    message = error.detail or error.title
    told = status(error)
    kind = "server_error" if told >= _SERVER else _TYPES.get(told, "invalid_request_error")
    return {
        "message": f"{message}: {fields}" if fields else message,
        "type": kind,
        "param": first.pointer.removeprefix("/").replace("/", ".") or None if first else None,
        "code": error.code,
    }
