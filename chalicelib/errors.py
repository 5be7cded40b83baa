"""Every failure a caller can see, each with its HTTP status and stable code.

Codes are API and never change; wording may. The detail is shown to the caller and logged, so it
never holds a token, a prompt, an output or a secret.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class FieldError:
    """One thing wrong with a body: where (RFC 6901 JSON pointer, ``""`` is the whole) and what."""

    pointer: str
    detail: str


class RouterError(Exception):
    """Base of all failures that are answered with a problem document (RFC 9457)."""

    status: int = 500
    code: str = "internal"
    title: str = "Something went wrong on our side"

    def __init__(
        self,
        detail: str = "",
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})

    def problem(self, request_id: str) -> dict[str, object]:
        """Return the body of the answer, media type ``application/problem+json``."""
        body: dict[str, object] = {
            "type": f"urn:tinyllama:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail or self.title,
            "code": self.code,
            "request_id": request_id,
        }
        if self.errors:
            body["errors"] = [asdict(error) for error in self.errors]
        return body


class InvalidJson(RouterError):
    """The body is not one JSON text, or holds what JSON cannot carry safely."""

    status = 400
    code = "invalid_json"
    title = "The body is not valid JSON"


class InvalidParameter(RouterError):
    """A query parameter or header has a value the route does not take."""

    status = 400
    code = "invalid_parameter"
    title = "A parameter has an unusable value"


class JobNotFound(RouterError):
    """No such job, or it belongs to another tenant: the answer never says which."""

    status = 404
    code = "job_not_found"
    title = "There is no such job"


class EventNotFound(RouterError):
    """No such event, or it belongs to another tenant: the answer never says which."""

    status = 404
    code = "event_not_found"
    title = "There is no such event"


class ApiKeyNotFound(RouterError):
    """No such API key, or it belongs to another tenant: the answer never says which."""

    status = 404
    code = "api_key_not_found"
    title = "There is no such API key"


class MethodNotAllowed(RouterError):
    """The path exists, the method on it does not; ``Allow`` names those that do."""

    status = 405
    code = "method_not_allowed"
    title = "This method is not offered here"


class LeaseLost(RouterError):
    """The lease's token is no longer the job's: it lapsed and was reclaimed, or the job ended."""

    status = 409
    code = "lease_lost"
    title = "The lease is no longer held"


class JobEnded(RouterError):
    """The job has ended otherwise: there is nothing left to cancel."""

    status = 409
    code = "job_ended"
    title = "The job has ended"


class JobRunning(RouterError):
    """The job runs: it can be erased once it has ended, so cancel it first."""

    status = 409
    code = "job_running"
    title = "The job is running"


class NotRetryable(RouterError):
    """Only a job that failed or expired can run again."""

    status = 409
    code = "not_retryable"
    title = "The job cannot run again"


class VersionConflict(RouterError):
    """The job has changed since the version that the caller saw."""

    status = 409
    code = "version_conflict"
    title = "The job has changed since"


class ApiKeyEnded(RouterError):
    """The API key was revoked or has expired: neither is taken back."""

    status = 409
    code = "api_key_ended"
    title = "The API key has ended"


class ApiKeysFull(RouterError):
    """The tenant has as many API keys as it may: that work, or that the store remembers."""

    status = 409
    code = "api_keys_full"
    title = "The tenant has too many API keys"


class JobGone(RouterError):
    """The job was there and has been removed: its retention ended or it was erased."""

    status = 410
    code = "job_gone"
    title = "The job has been removed"


class EventGone(RouterError):
    """The event was there and has been removed: its retention ended."""

    status = 410
    code = "event_gone"
    title = "The event has been removed"


class BodyTooLarge(RouterError):
    """The body is longer than the route takes."""

    status = 413
    code = "body_too_large"
    title = "The body is too large"


class UnsupportedMediaType(RouterError):
    """The Content-Type is missing or not one the route reads."""

    status = 415
    code = "unsupported_media_type"
    title = "The Content-Type is missing or not supported"


class InvalidBody(RouterError):
    """The body is JSON but not what the route's JSON Schema asks; ``errors`` names each field."""

    status = 422
    code = "invalid_body"
    title = "The body does not satisfy its schema"


class IdempotencyKeyReused(RouterError):
    """The same Idempotency-Key, or a CloudEvent's source and id, came before with another body."""

    status = 422
    code = "idempotency_key_reused"
    title = "The key was used for another request"


class RateLimited(RouterError):
    """The tenant calls more often than it may. ``Retry-After`` says when to try again."""

    status = 429
    code = "rate_limited"
    title = "Too many requests"


class InboxFull(RouterError):
    """The tenant's inbox is at its cap in bytes: acknowledge events to make room."""

    status = 429
    code = "inbox_full"
    title = "The inbox is full"


class TooManyJobs(RouterError):
    """The tenant or API key has as many jobs, or bytes of them, as it may. One must end first."""

    status = 429
    code = "too_many_jobs"
    title = "Too many jobs are under way"


class StoreFull(RouterError):
    """The store's memory is nearly used up: what is stored goes on, nothing new is taken."""

    status = 503
    code = "store_full"
    title = "The store is nearly full"


class QueueFull(RouterError):
    """The queue is at its cap; what runs finishes first. ``Retry-After`` says when to try again."""

    status = 503
    code = "queue_full"
    title = "The queue is full"


class StoreUnavailable(RouterError):
    """The store cannot be reached or refuses writes; nothing was accepted that is not stored."""

    status = 503
    code = "store_unavailable"
    title = "The store is unavailable"


class KeysUnavailable(RouterError):
    """The issuer's keys cannot be had now: nothing is known of the token, trying again may help."""

    status = 503
    code = "keys_unavailable"
    title = "The issuer's keys are unavailable"


# Why a token is refused: 401 where a fresh token may help, 403 where this one never will.
TOKEN_REASONS: Mapping[str, tuple[int, str]] = {
    "token_missing": (401, "A bearer token is required"),
    "token_malformed": (401, "The token cannot be read"),
    "token_expired": (401, "The token has expired"),
    "token_not_yet_valid": (401, "The token is not valid yet"),
    "signature_invalid": (403, "The token's signature does not hold"),
    "key_unknown": (403, "Signed with a key that is not known here; an API key begins with tlk_"),
    "issuer_untrusted": (403, "The token comes from another issuer"),
    "audience_invalid": (403, "The token was made for another audience"),
    "token_use_invalid": (403, "The token was made for another use"),
    "scope_insufficient": (403, "The token lacks the scope this route needs"),
    "key_revoked": (403, "The API key is not registered, was revoked or has ended"),
}

# RFC 6750, section 3: no error code where no token came.
_CHALLENGES = {"token_missing": "", "scope_insufficient": ' error="insufficient_scope"'}
_INVALID = ' error="invalid_token"'


class TokenRejected(RouterError):
    """The token is refused for one reason of ``TOKEN_REASONS``, which is its code."""

    def __init__(self, reason: str, detail: str = "") -> None:
        challenge = "Bearer" + _CHALLENGES.get(reason, _INVALID)
        super().__init__(detail, headers={"WWW-Authenticate": challenge})
        self.status, self.title = TOKEN_REASONS[reason]
        self.code = reason


class NotConfigured(RouterError):
    """A setting is missing or unusable; the detail names the variable, never its value.

    Inside Lambda it stops the start, so that only a laptop's caller ever sees it.
    """

    status = 503
    code = "not_configured"
    title = "The router is not configured"
