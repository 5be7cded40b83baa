"""The contract's words: what the routes and schemas do not say of parameters, headers and hosts."""

from collections.abc import Mapping
from typing import Any

from chalicelib import limits
from chalicelib.calls import WORDS
from chalicelib.openai_calls import HOPS_MOST_KNOWN
from chalicelib.routing import Dialect

type Node = dict[str, Any]

DESCRIPTION = """\
A serverless front door for a model of your own: a prompt goes in, a job comes out; answers and \
events wait in an inbox.

Every refusal is a problem document (RFC 9457) with a stable `code`; those of the OpenAI API, \
under `/v1`, are `{"error": {"message", "type", "param", "code"}}`, and where the gateway refuses \
by itself a problem document has the member `error` too. A path answers 405 \
`method_not_allowed` to any other method, its `Allow` header names those that are offered; behind \
API Gateway that is 404 `route_not_found`, as for an unknown path. All \
references in `Location` and `Link` are relative, so that they hold behind any prefix."""

MEDIA_TYPES = {"health": "application/health+json", "problem": "application/problem+json"}
PATH_PATTERNS = {
    "job_id": "^job_[0-9a-f]{32}$",
    "event_id": "^evt_[0-9a-f]{32}$",
    "key_id": "^key_[0-9a-f]{32}$",
    "response_id": "^resp_[0-9a-f]{32}$",
    "model": f"^({WORDS['model'][0]})$",
}
SUCCESSES = {
    200: "Done.",
    201: "Stored.",
    202: "Accepted; it has not come to its end yet.",
    204: "Done; there is nothing to tell.",
    307: "The job runs on: the same call to `Location` goes on waiting for it.",
    304: "Unchanged since the version that `If-None-Match` names.",
}

RATES = ["RateLimit", "RateLimit-Policy"]
# What is said before the store was asked, where a request is charged.
UNCHARGED: Mapping[Dialect, frozenset[int]] = {
    Dialect.PROBLEM: frozenset({400, 401, 413, 415}),
    # 400 is what a body is told that needed a look at what it goes on from, too.
    Dialect.OPENAI: frozenset({401, 413, 415}),
}
# What each refusal with this status may carry.
REFUSALS: Mapping[int, list[str]] = {
    401: ["WWW-Authenticate"],
    403: ["WWW-Authenticate"],
    429: [*RATES, "Retry-After"],
    503: ["Retry-After"],
}
# And what clients of the OpenAI API heed besides.
OPENAI_REFUSALS: Mapping[int, list[str]] = {
    409: ["X-Should-Retry"],
    422: ["X-Should-Retry"],
    503: ["X-Should-Retry", "Retry-After-Ms"],
}
# Answers that may lead on to a next one.
PAGES = frozenset({"api_key_page", "dead_letters", "inbox_page", "job_page", "job_text"})


def reference(kind: str, name: str) -> Node:
    """Refer to a component of the contract."""
    return {"$ref": f"#/components/{kind}/{name}"}


def _word(name: str, description: str, example: str) -> Node:
    return {
        "name": name,
        "in": "query",
        "description": description,
        "schema": {"type": "string", "pattern": f"^({WORDS[name][0]})$"},
        "example": example,
    }


# Parameters whose values may be refused.
CHECKED = frozenset(
    {
        *("idempotency_key", "limit", "cursor", "after", "tenant", "grace_seconds", "hop"),
        *("stream", "starting_after"),
    }
)

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
        "description": "The most items on a page; a page may be shorter and have a next one.",
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
        "schema": {"type": "integer", "minimum": 0, "maximum": 10**15 - 1},
        "example": 50,
    },
    "cloudevent": {
        "name": "Ce-Specversion",
        "in": "header",
        "description": "Makes the call a CloudEvent in binary mode: its attributes come as `Ce-Id`,"
        " `Ce-Source`, `Ce-Type` and so on, percent-encoded; the body is its data, any JSON value.",
        "schema": {"type": "string", "enum": ["1.0"]},
        "example": "1.0",
    },
    "after": _word("after", "Where to go on: the `cursor` of the answer before.", "1-2"),
    "state": _word("state", "Only jobs that stand there.", "failed"),
    "model": _word("model", "Only jobs that ask for this model by name.", "tinyllama-1.1b-chat"),
    "tenant": _word(
        "tenant",
        "Whose API keys are meant, the caller's own without it; another tenant's need the scope "
        "`queue:admin` too.",
        "acme",
    ),
    "grace_seconds": {
        "name": "grace_seconds",
        "in": "query",
        "description": "How long the key still opens what it did. Again, it never lengthens that.",
        "schema": {
            "type": "integer",
            "minimum": 0,
            "maximum": limits.KEY_GRACE_SECONDS,
            "default": 0,
        },
        "example": 86400,
    },
    "job": {
        "name": "job",
        "in": "query",
        "description": "The job whose answer is waited for: what a redirect says. The body is "
        "passed over then.",
        "schema": {"type": "string", "pattern": PATH_PATTERNS["job_id"]},
        "example": "job_" + "0" * 32,
    },
    "hop": {
        "name": "hop",
        "in": "query",
        "description": "How many redirects led here: what a redirect says.",
        "schema": {"type": "integer", "minimum": 0, "maximum": HOPS_MOST_KNOWN, "default": 0},
        "example": 1,
    },
    "stream": _word("stream", "Tells the response's events instead, once it has ended.", "true"),
    "starting_after": {
        "name": "starting_after",
        "in": "query",
        "description": "Only events of higher numbers, with `stream`.",
        "schema": {"type": "integer", "minimum": 0, "maximum": 10**15 - 1},
        "example": 3,
    },
    "type": _word("type", "Only events of this type.", "job.succeeded"),
}

HEADERS: Mapping[str, tuple[str, str]] = {
    "ETag": ("The version of the job's record.", 'W/"3"'),
    "Idempotency-Replayed": ("`true` where an earlier call with this key is answered.", "true"),
    "Link": (
        'The next page, `rel="next"` (RFC 8288), relative to this one; absent on the last.',
        '<?cursor=50&limit=50>; rel="next"',
    ),
    "Location": (
        "Where the job is, or its answer will be, relative to the request.",
        "jobs/job_" + "0" * 32,
    ),
    "Preference-Applied": ("The wait that was granted (RFC 7240); absent without one.", "wait=20"),
    "RateLimit": (
        "Calls left at once, and seconds until all are; the tenant's, or the API key's (`key…`).",
        '"default";r=599;t=1',
    ),
    "RateLimit-Policy": (
        "Calls that each of these policies allows in how many seconds.",
        '"default";q=600;w=60',
    ),
    "Retry-After": ("Seconds after which to look or try again.", "1"),
    "Retry-After-Ms": ("Milliseconds after which clients of the OpenAI API try again.", "50"),
    "WWW-Authenticate": (
        "What is wrong with the token (RFC 6750), or `Bearer` alone.",
        'Bearer error="invalid_token"',
    ),
    "X-Should-Retry": (
        "Whether clients of the OpenAI API try again by themselves, whatever the status.",
        "true",
    ),
    "X-Streaming": (
        "`buffered` with server-sent events: the gateway hands them on all at once.",
        "buffered",
    ),
    "X-Request-Id": ("Names this request in the logs; problems carry it too.", "8a1d2c"),
}

BEARER: Node = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "A JWT of the configured issuer. Each operation names the scope it needs; the "
    "token carries its scopes in `scope` (RFC 8693).",
}
