"""Turns a verified token into the gateway's decision. Knows Chalice, as edge.py does.

On AWS a decision is a policy, cached for every route of the API, so an Allow names all that the
token's scopes permit. Only a Deny can tell its reason there; 401s share the gateway's one body. A
laptop's hosts let every reason through, when it is raised as one of their own errors.
"""

import json
import re
import secrets
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from chalice.app import AuthRequest, AuthResponse, AuthRoute

from chalicelib import dialects, signals
from chalicelib.edge import Routes
from chalicelib.errors import RouterError, TokenRejected
from chalicelib.routing import Route

if TYPE_CHECKING:  # tokens brings the cryptography, which the API's own function never needs
    from chalicelib.tokens import Principal, Verifier

type Decision = AuthResponse | dict[str, Any]


class Host(Protocol):
    """How a host wants to hear that a request may not pass."""

    def refuse(self, error: RouterError, request: AuthRequest) -> Decision:
        """Return a Deny, or raise what the host turns into an answer."""

    def check_scope(self, principal: "Principal", request: AuthRequest) -> None:
        """Raise where the host cannot tell by itself why a policy does not permit a route."""


class Gate:
    """Decides who may pass, and where."""

    def __init__(self, verifier: "Verifier", routes: Routes, host: Host) -> None:
        self._verifier = verifier
        self._routes = routes
        self._host = host

    def decide(self, request: AuthRequest) -> Decision:
        """Return the policy for the request's token. Raises what the host asks for."""
        try:
            principal = self._known_scopes(self._verifier.verify(request.token or ""))
            permitted = permitted_routes(self._routes.table, principal.scopes)
            if not permitted:
                raise TokenRejected("scope_insufficient", "the token has no scope of this API")
            self._host.check_scope(principal, request)
        except RouterError as error:
            signals.log("token_refused", code=error.code)
            return self._host.refuse(error, request)
        return AuthResponse(
            routes=[AuthRoute(path, [method]) for method, path in permitted],
            principal_id=principal.principal,
            # Where this policy does not permit a route, that is why.
            context={**principal.context(), **_told(TokenRejected("scope_insufficient"))},
        )

    def _known_scopes(self, principal: "Principal") -> "Principal":
        """Leave other APIs' scopes out: a token may hold many, a decision's size is bounded."""
        known = {route.scope for route in self._routes.table}
        return replace(principal, scopes=principal.scopes & known)


def permitted_routes(table: Iterable[Route], scopes: frozenset[str]) -> list[tuple[str, str]]:
    """Return (method, path) of the routes that *scopes* open; a path parameter becomes ``*``.

    Each path comes without and with a trailing slash: hosts take both for the same route.
    """
    open_to = [(r.method, re.sub(r"{\w+}", "*", r.path)) for r in table if r.scope in scopes]
    return [(method, path + slash) for method, path in open_to for slash in ("", "/")]


def _told(error: RouterError) -> dict[str, str]:
    """Return what the gateway's answer to a Deny repeats, word for word in a JSON text."""
    return {"reason": error.code, "title": error.title}


class Gateway:
    """API Gateway: a refusal that no fresh token mends is a Deny with its reason."""

    def refuse(self, error: RouterError, request: AuthRequest) -> Decision:
        """Return a Deny for a 403; raise ``Unauthorized`` for a 401, anything else for a 503."""
        if error.status != 403:  # noqa: PLR2004
            # The gateway knows this one word for 401; every other failure is its 500, uncached.
            raise Exception("Unauthorized" if error.status == 401 else error.code)  # noqa: PLR2004, TRY002
        arn, _, _ = request.method_arn.partition("/")
        return {
            "principalId": "denied",
            "policyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {"Action": "execute-api:Invoke", "Effect": "Deny", "Resource": [f"{arn}/*"]}
                ],
            },
            "context": _told(error),
        }

    def check_scope(self, principal: "Principal", request: AuthRequest) -> None:
        """Leave it to the policy, whose context tells the reason."""


class Laptop:
    """``chalice local`` and ``chalice.test``: every refusal is an error with a problem body."""

    def __init__(self, routes: Routes) -> None:
        # Not at the top: packaging leaves this module of Chalice's out of the Lambda.
        from chalice import local  # noqa: PLC0415

        self._routes = routes
        self._refusal = local.LocalGatewayException
        self._unauthorized = type(
            # Its text is what makes a 401 of it on every host.
            "Unauthorized",
            (local.NotAuthorizedError,),
            {"__str__": lambda _: "Unauthorized"},
        )

    def refuse(self, error: RouterError, request: AuthRequest | None = None) -> Decision:  # noqa: ARG002
        """Raise the error as one of Chalice's own, which carry headers and a body."""
        request_id = secrets.token_hex(16)
        headers = {
            "Content-Type": dialects.PROBLEM,
            "X-Request-Id": request_id,
            **self._routes.common_headers,
            **error.headers,
        }
        body = json.dumps(dialects.problem_for_all(error, request_id)).encode()
        if error.status == 401:  # noqa: PLR2004
            raise self._unauthorized(headers, body)
        refusal = self._refusal(headers, body)
        refusal.CODE = error.status
        raise refusal

    def check_scope(self, principal: "Principal", request: AuthRequest) -> None:
        """Raise TokenRejected, naming the scope, where the policy will not permit the request."""
        asked = "/".join(request.method_arn.split(":", 5)[-1].split("/")[2:])
        for route in self._routes.table:
            path = re.sub(r"{\w+}", "[^/]+", route.path)
            called = re.fullmatch(f"{route.method}{path}/?", asked)
            if called and route.scope not in principal.scopes:
                raise TokenRejected(
                    "scope_insufficient", f"this route needs the scope {route.scope}"
                )
