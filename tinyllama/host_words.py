"""A laptop's host refuses in the API's words, as API Gateway does after its gateway responses.

Chalice (1.34.0) answers an unknown path and a missing Authorization header by itself: without any
of our headers, and the former with the caller's token in its message. Both are mended by class
attribute, for ``chalice local`` and ``chalice.test`` alike; and so is what its server writes.
"""

import sys
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from chalice import local

from chalicelib.errors import RouterError, TokenRejected
from tinyllama.gateway_errors import NO_ROUTE, RouteNotFound

_match_route = local.RouteMatcher.match_route
_prepare = local.LocalGatewayAuthorizer._prepare_authorizer_event  # noqa: SLF001 - no other seam
_handle_error = local.ThreadedHTTPServer.handle_error


def are_ours(refuse: Callable[[RouterError], object]) -> None:
    """Let *refuse* raise Chalice's own refusals, as errors that carry a problem document.

    And let its server write a line for each answer to standard output, where the API's own lines
    go, and nothing for a caller that has gone away; other errors stay on standard error.
    """

    def match_route(matcher: Any, url: str) -> Any:
        try:
            return _match_route(matcher, url)
        except ValueError:
            return refuse(RouteNotFound(NO_ROUTE))

    def prepare(authorizer: Any, arn: str, event: Any, context: Any) -> Any:
        try:
            return _prepare(authorizer, arn, event, context)
        except local.NotAuthorizedError:
            return refuse(TokenRejected("token_missing", 'Send "Authorization: Bearer <token>".'))

    local.RouteMatcher.match_route = match_route  # type: ignore[assignment]
    local.LocalGatewayAuthorizer._prepare_authorizer_event = prepare  # type: ignore[assignment]  # noqa: SLF001
    local.ChaliceRequestHandler.log_request = _log_answer
    local.ThreadedHTTPServer.handle_error = _tell_error


def _log_answer(handler: Any, code: int | str = "-", _size: int | str = "-") -> None:
    """Write method, path and status in a line of text; a query may hold anything, so never it."""
    method, path = handler.command or "-", getattr(handler, "path", "-").partition("?")[0]
    status = code.value if isinstance(code, HTTPStatus) else code
    # repr: what a caller sent must not write to a terminal as it likes.
    sys.stdout.write(f"{handler.log_date_time_string()} {method} {path!r} {status}\n")
    sys.stdout.flush()


def _tell_error(server: Any, request: Any, client_address: Any) -> None:
    # Whoever waits for an answer may stop waiting: that is nobody's mistake.
    if not isinstance(sys.exception(), BrokenPipeError | ConnectionResetError):
        _handle_error(server, request, client_address)
