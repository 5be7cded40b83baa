"""HTTP on one side, use cases on the other. Knows Chalice, and so do authorizer.py and app.py."""

import functools
import hashlib
import re
import traceback
from collections.abc import Callable, Mapping
from typing import Any, cast

from chalice.app import Chalice, ChaliceAuthorizer, CORSConfig, Request, Response

from chalicelib import bodies, dialects, errors, refusals, settings, signals, tracing, visits
from chalicelib.bounds import RequestSettings
from chalicelib.calls import NOBODY, Call, Caller
from chalicelib.errors import RouterError, TokenRejected
from chalicelib.headers import always_sent
from chalicelib.journal import Entry, Journal
from chalicelib.routing import Dialect, Reply, Route, View
from chalicelib.visits import Visit

_ALLOWED_HEADERS = (
    *(f"Ce-{name}" for name in ("Dataschema", "Id", "Source", "Specversion", "Subject")),
    *("Ce-Time", "Ce-Type", "Idempotency-Key", "If-None-Match", "Prefer", "Traceparent"),
    # What openai's client sends from a browser of its own accord.
    *("OpenAI-Beta", "OpenAI-Organization", "OpenAI-Project", "X-Stainless-Arch"),
    *("X-Stainless-Helper-Method", "X-Stainless-Lang", "X-Stainless-OS"),
    *("X-Stainless-Package-Version", "X-Stainless-Retry-Count", "X-Stainless-Runtime"),
    *("X-Stainless-Runtime-Version", "X-Stainless-Timeout"),
)
EXPOSED_HEADERS = (
    "Allow",
    "ETag",
    "Idempotency-Replayed",
    "Link",
    "Location",
    "Preference-Applied",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "Retry-After-Ms",
    "WWW-Authenticate",
    "X-Request-Id",
    "X-Should-Retry",
    "X-Streaming",
)
_TIME = re.compile(r"[0-9]{1,12}")
_OURS = 500  # from here on it is not the caller's fault, and the operator wants to know


class Routes:
    """Registers views with Chalice and keeps the table of them.

    Chalice turns an unknown exception into a bare 500 before any middleware sees it, so failures
    become answers around the view itself; the middleware mends what Chalice answers alone.
    """

    def __init__(
        self,
        app: Chalice,
        authorizer: ChaliceAuthorizer,
        now: Callable[[], float],
        requests: Callable[[], RequestSettings],
        journal: Journal,
    ) -> None:
        self.table: list[Route] = []
        self._app = app
        self._authorizer = authorizer
        self._now = now
        self._requests = requests
        self._journal = journal
        origin = settings.variable("cors_origin")
        self._cors = (
            CORSConfig(origin, _ALLOWED_HEADERS, EXPOSED_HEADERS, max_age=600) if origin else None
        )
        app.register_middleware(self._finish, "http")

    def __call__(
        self,
        where: str,
        *,
        scope: str | None,
        answers: Mapping[int, str | None],
        **more: Any,
    ) -> Callable[[View], View]:
        """Return a decorator that serves *where* (``"POST /infer"``) with a view.

        *more* are further fields of the Route.
        """
        method, path = where.split(" ")

        def register(view: View) -> View:
            route = Route(method, path, scope, view, answers, **more)
            self.table.append(route)
            self._app.route(
                path,
                methods=[method],
                authorizer=None if scope is None else self._authorizer,
                cors=self._cors,
                content_types=[*route.media_types, bodies.BATCH] if route.body else [],
            )(self._answering(route))
            return view

        return register

    @property
    def common_headers(self) -> dict[str, str]:
        """What every answer carries; a host must add it to those that it makes without a view."""
        cors = self._cors.get_access_control_headers() if self._cors else {}
        return always_sent() | cors

    def _answering(self, route: Route) -> Callable[..., Response]:
        @functools.wraps(route.view)
        def answer(**path_values: str) -> Response:
            request = cast("Request", self._app.current_request)
            trace = str(tracing.of_request(request.headers.get(tracing.HEADER)))
            with self._journal.request(route, request_id(request), trace) as entry:
                response = self._answer(route, request, path_values, trace, entry)
                entry.status = response.status_code
            return response

        return answer

    def _answer(
        self,
        route: Route,
        request: Request,
        path_values: Mapping[str, str],
        trace: str,
        entry: Entry,
    ) -> Response:
        visit = Visit("")
        try:
            if route.scope is not None:
                caller = _caller(route.scope, request, self._now())
                visit = self._visit(route, caller)
                visit.traceparent = trace
                with visits.serving(visit):
                    response = _response(route.view(_call(route, request, caller), **path_values))
            else:
                response = _response(route.view(_call(route, request), **path_values))
        except RouterError as error:
            if error.status >= _OURS:
                signals.log("refused", code=error.code)
            entry.code = error.code
            response = _refusal(error, request, route.dialect)
        except Exception as error:  # noqa: BLE001 - the edge: whatever it is, the caller gets a 500
            _log_unexpected(error, request)
            entry.code = RouterError.code
            response = _refusal(RouterError(), request, route.dialect)
        for name, value in refusals.headers(*visit.rates).items():
            response.headers.setdefault(name, value)
        return response

    def _visit(self, route: Route, caller: Caller) -> Visit:
        visit = Visit(caller.tenant, caller.key_id, key_digest=caller.key_digest)
        if route.counted:
            quotas = self._requests()
            visit.quota = quotas.per_minute
            visit.key_quota = quotas.key_per_minute if caller.key_id else 0
        return visit

    def _dialect(self, request: Request) -> Dialect:
        """Return the dialect of the routes on the request's path, whatever the method."""
        path = str(request.context.get("resourcePath", ""))
        return next((row.dialect for row in self.table if row.path == path), Dialect.PROBLEM)

    def _finish(self, request: Request, get_response: Callable[[Request], Response]) -> Response:
        response = get_response(request)
        if isinstance(response.body, dict) and response.body.keys() == {"Code", "Message"}:
            allow = response.headers.get("Allow")
            error, detail = _CHALICE_ERRORS.get(response.status_code, (RouterError, ""))
            headers = {"Allow": str(allow)} if allow else None
            refused = error(detail, headers=headers)
            response = _refusal(refused, request, self._dialect(request))
        for name, value in self.common_headers.items():
            response.headers.setdefault(name, value)
        response.headers["X-Request-Id"] = request_id(request)
        return response


_CHALICE_ERRORS: Mapping[int, tuple[type[RouterError], str]] = {
    405: (errors.MethodNotAllowed, ""),
    415: (errors.UnsupportedMediaType, bodies.MEDIA_TYPE_WANTED),
}


def request_id(request: Request) -> str:
    """Return the gateway's id of the request, or Lambda's where the host gives none."""
    own = getattr(request.lambda_context, "aws_request_id", "")
    return str(request.context.get("requestId") or own)


def _refusal(error: RouterError, request: Request, dialect: Dialect) -> Response:
    return _response(dialects.told(error, request_id(request), dialect))


def _response(reply: Reply) -> Response:
    headers: dict[str, str | list[str]] = {"Content-Type": reply.content_type, **reply.headers}
    return Response(reply.body, headers, reply.status)


def _call(route: Route, request: Request, caller: Caller = NOBODY) -> Call:
    slash = "/" if str(request.context.get("path", "")).endswith("/") else ""
    headers = {name.lower(): value for name, value in request.headers.items()}
    query = dict(request.query_params or {})
    body, digest = None, ""
    if route.body and route.body_unless not in query:
        body = bodies.read(route, route.body, headers, request)
        if route.dialect is Dialect.OPENAI:
            digest = hashlib.sha256(bodies.raw(request, route.body_bytes)).hexdigest()
    return Call(
        caller=caller,
        body=body,
        query=query,
        headers=headers,
        path=route.path + slash,
        body_digest=digest,
    )


def _caller(scope: str, request: Request, now: float) -> Caller:
    """Return who calls. The gateway may serve a cached policy: expiry and scope count anew.

    Whatever is not in our authorizer's words names nobody.
    """
    context = request.context.get("authorizer") or {}
    names = ("tenant", "scopes", "expires_at", "key_id", "key_digest")
    told = [context.get(name, "") for name in names]
    tenant, scopes, expires_at, key_id, key_digest = told
    if not all(isinstance(each, str) for each in told) or not (
        tenant and _TIME.fullmatch(expires_at)
    ):
        raise TokenRejected("token_missing")
    if int(expires_at) <= now:
        raise TokenRejected("token_expired")
    granted = frozenset(scopes.split(" "))
    if scope not in granted:
        raise TokenRejected("scope_insufficient", f"this route needs the scope {scope}")
    return Caller(tenant, granted, key_id, key_digest)


def _log_unexpected(error: Exception, request: Request) -> None:
    # Where it happened, not what it says: an exception's message may hold a prompt.
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    where = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in frames]
    signals.log(
        "unexpected_error",
        signals.Level.ERROR,
        error=type(error).__name__,
        where=where,
        path=request.path,
    )
