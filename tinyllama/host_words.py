"""A laptop's host refuses in the API's words, as API Gateway does after its gateway responses.

Chalice (1.34.0) answers an unknown path and a missing Authorization header by itself: without any
of our headers, and the former with the caller's token in its message. Both are mended by class
attribute, for ``chalice local`` and ``chalice.test`` alike.
"""

from collections.abc import Callable
from typing import Any

from chalice import local

from chalicelib.errors import RouterError, TokenRejected
from tinyllama.gateway_errors import NO_ROUTE, RouteNotFound

_match_route = local.RouteMatcher.match_route
_prepare = local.LocalGatewayAuthorizer._prepare_authorizer_event  # noqa: SLF001 - no other seam


def are_ours(refuse: Callable[[RouterError], object]) -> None:
    """Let *refuse* raise Chalice's own refusals, as errors that carry a problem document."""

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
