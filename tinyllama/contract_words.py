"""The contract's words: what the routes and schemas do not say of parameters, headers and hosts."""

from collections.abc import Mapping
from typing import Any

from chalicelib import limits

type Node = dict[str, Any]

DESCRIPTION = """\
A serverless front door for a model of your own: a prompt goes in, a job comes out; answers and \
events wait in an inbox.

Every refusal is a problem document (RFC 9457) with a stable `code`. A path answers 405 \
`method_not_allowed` to any other method, its `Allow` header names those that are offered. All \
references in `Location` and `Link` are relative, so that they hold behind any prefix."""

MEDIA_TYPES = {"health": "application/health+json", "problem": "application/problem+json"}
PATH_PATTERNS = {"job_id": "^job_[0-9a-f]{32}$", "event_id": "^evt_[0-9a-f]{32}$"}
SUCCESSES = {
    200: "Done.",
    201: "Stored.",
    202: "Stored; the job has not ended yet.",
    204: "Done; there is nothing to tell.",
    304: "Unchanged since the version that `If-None-Match` names.",
}

# What a route takes of its Call, and the parameter that it thereby honours.
HONOURED: Mapping[str, Node] = {
    "idempotency_key": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Makes the call safe to repeat for 24 hours: the same key with the same "
        "body answers as the first call did, with another body 422.",
        "schema": {
            "type": "string",
            "pattern": "^[!-~]+$",
            "maxLength": limits.IDEMPOTENCY_KEY_CHARS,
        },
        "example": "order-17",
    },
    "wait_seconds": {
        "name": "Prefer",
        "in": "header",
        "description": f"`wait=N` (RFC 7240) holds the answer back for up to N seconds, "
        f"{limits.WAIT_SECONDS} at most, while there is nothing new to tell. Anything else is "
        "passed over.",
        "schema": {"type": "string"},
        "example": "wait=20",
    },
    "seen_version": {
        "name": "If-None-Match",
        "in": "header",
        "description": "The `ETag` of the last answer: 304 while nothing has changed.",
        "schema": {"type": "string"},
        "example": 'W/"3"',
    },
    "limit": {
        "name": "limit",
        "in": "query",
        "description": "The most events on a page; a page may be shorter and have a next one.",
        "schema": {
            "type": "integer",
            "minimum": 1,
            "maximum": limits.PAGE_EVENTS_MAX,
            "default": limits.PAGE_EVENTS,
        },
        "example": 50,
    },
    "cursor": {
        "name": "cursor",
        "in": "query",
        "description": "Where the page begins; take it from the `Link` of the page before.",
        "schema": {"type": "integer", "minimum": 0, "maximum": 10**15 - 1, "default": 0},
        "example": 0,
    },
}

HEADERS: Mapping[str, tuple[str, str]] = {
    "ETag": ("The version of the job's record.", 'W/"3"'),
    "Idempotency-Replayed": ("`true` where an earlier call with this key is answered.", "true"),
    "Link": (
        'The next page, `rel="next"` (RFC 8288), relative to this one; absent on the last.',
        '<?cursor=50&limit=50>; rel="next"',
    ),
    "Location": ("Where the job is, relative to the request.", "jobs/job_" + "0" * 32),
    "Preference-Applied": ("The wait that was granted (RFC 7240); absent without one.", "wait=20"),
    "Retry-After": ("Seconds after which to look or try again.", "1"),
    "WWW-Authenticate": (
        "What is wrong with the token (RFC 6750); absent where the host refuses by itself.",
        'Bearer error="invalid_token"',
    ),
    "X-Request-Id": ("Names this request in the logs; problems carry it too.", "8a1d2c"),
}

HOST_MESSAGE: Node = {
    "title": "HostMessage",
    "description": "What a host answers by itself, before the router sees the request.",
    "type": "object",
    "minProperties": 1,
    "maxProperties": 1,
    "propertyNames": {"enum": ["message", "Message"]},
    "additionalProperties": {"type": ["string", "null"]},
    "examples": [{"message": "Unauthorized"}],
}
BEARER: Node = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "A JWT of the configured issuer. Each operation names the scope it needs; the "
    "token carries its scopes in `scope` (RFC 8693).",
}
