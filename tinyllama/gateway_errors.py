"""Every failure that API Gateway tells by itself, before the router or instead of it.

They belong to the contract as those of ``chalicelib.errors`` do, but no code of the router raises
them. Which of the gateway's answers becomes which is told in ``deployment/gateway_responses.py``.
"""

from chalicelib.errors import RouterError
from chalicelib.routing import RouteNotFound as RouteNotFound  # noqa: PLC0414 - one of these

NO_ROUTE = (
    "the path or the method is not offered; GET openapi.json tells those that are. OpenAI's routes"
    " are under /v1, in which an OpenAI client's base URL ends, and the router's own does not"
)


class BadRequest(RouterError):
    """The gateway does not take the request, for none of the reasons that it names."""

    status = 400
    code = "bad_request"
    title = "The request cannot be taken"


class Unauthorized(RouterError):
    """The gateway's one word for every 401: it cannot tell which of ``TOKEN_REASONS`` it was."""

    status = 401
    code = "unauthorized"
    title = "A valid bearer token is required"


class Forbidden(RouterError):
    """The gateway refuses the caller, whatever the token."""

    status = 403
    code = "forbidden"
    title = "The request is refused"


class Throttled(RouterError):
    """All callers together call more often than the gateway takes; ``Retry-After`` says when."""

    status = 429
    code = "throttled"
    title = "Too many requests at once"


class RouterUnavailable(RouterError):
    """The gateway did not reach the router, or not its answer: what was asked may be done."""

    status = 503
    code = "router_unavailable"
    title = "The router could not be reached"


class TimedOut(RouterError):
    """The gateway gave up waiting for the router: what was asked may still be done."""

    status = 504
    code = "timed_out"
    title = "The answer took too long"


# What every route may answer.
ANYWHERE = (BadRequest, Forbidden, Throttled, RouterUnavailable, TimedOut)
