"""Calls of a router that are repeated until they are answered, within bounds.

Whoever calls makes sure that a repetition is safe: each of the router's moves can be made so.
"""

import json
import random
import re
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2

from chalicelib import __version__
from chalicelib.errors import NotConfigured
from tinyllama.client_errors import NotARouter, ProblemError, Unreachable, Unusable
from tinyllama.told import NO_ROUTER
from worker.patience import retry_after_seconds
from worker.wire import safe_address

CONNECT_SECONDS = 5.0
# On top of what the router was asked to wait: API Gateway gives up after 29 seconds anyway.
SILENCE_SECONDS = 30.0
CALL_SECONDS = 90.0
# API Gateway and Lambda carry 6 MiB and 10 MB at most.
ANSWER_BYTES = 16 * 1024 * 1024
_NEXT = re.compile(r'<[^>?]*\?([^>]*)>; *rel="?next')
_UNSENDABLE = "the path or a header cannot be sent as it is"
_LATER = frozenset({429, 502, 503, 504})
_REDIRECTED = range(300, 400)
_NOT_MODIFIED = 304
_REFUSED = 400
# Nobody was reached, so nothing was sent.
_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError)


@dataclass(frozen=True)
class Repeating:
    """How often a call is tried, and for how many *seconds* in all; pauses double and vary.

    A router that names a pause (``Retry-After``) is given it. *told* hears of each pause.
    """

    attempts: int = 5
    seconds: float = 60.0
    first_seconds: float = 0.5
    most_seconds: float = 10.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random
    told: Callable[[float], None] = lambda _: None

    def pause_seconds(self, tries: int, asked: float) -> float:
        """Return the pause after the *tries*-th failure (from 1), at least what was *asked* for."""
        whole = min(self.most_seconds, self.first_seconds * 2.0 ** min(tries - 1, 30))
        return max(asked, whole * (1 + self.chance()) / 2)


@dataclass(frozen=True)
class Answer:
    """What a router answered; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """Return the body. Raises NotARouter when it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise NotARouter(NO_ROUTER) from None

    @property
    def retry_after(self) -> float | None:
        """How many seconds to wait before the next call, where it says so."""
        told = self.headers.get("retry-after")
        return None if told is None else retry_after_seconds(told)


class Calling:
    """The way to one router; thread-safe. Follows no redirection: it would take the token along.

    Raises Unusable for an address that is neither https nor loopback.
    """

    def __init__(
        self,
        url: str,
        token: str | Callable[[], str] | None,
        repeating: Repeating = Repeating(),
    ) -> None:
        try:
            self.root = safe_address(url, "the router's address")
        except NotConfigured as error:
            raise Unusable(error.detail) from None
        self._token = token
        self.repeating = repeating
        self._http = httpx2.Client(
            headers={
                "Accept": "application/json",
                # What is not compressed cannot grow beyond its bound here.
                "Accept-Encoding": "identity",
                "User-Agent": f"tinyllama-client/{__version__}",
            },
            # Proxies and certificates of the environment's are for what leaves the machine.
            trust_env=not _on_this_machine(self.root),
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        wait_seconds: float = 0,
        public: Collection[int] = (),
    ) -> Answer:
        """Return the answer, which is no refusal. *wait_seconds* is ``Prefer: wait``.

        A *public* route is shown no token, and its refusals of those statuses are answers. Raises
        ProblemError with what the router told last, Unreachable where it told nothing.
        """
        sent = {} if public else {"Authorization": f"Bearer {self._bearer()}"}
        sent |= headers or {}
        content = None if body is None else _json(body)
        if content is not None:
            sent["Content-Type"] = "application/json"
        if wait_seconds:
            sent["Prefer"] = f"wait={wait_seconds:g}"
        timeout = httpx2.Timeout(SILENCE_SECONDS + wait_seconds, connect=CONNECT_SECONDS)
        try:
            request = self._http.build_request(
                method, f"{self.root}{path}", content=content, headers=sent, timeout=timeout
            )
        except (ValueError, httpx2.InvalidURL):
            # The message may hold what it is about.
            raise Unusable(_UNSENDABLE) from None
        return self._repeat(request, public)

    def _bearer(self) -> str:
        token = self._token() if callable(self._token) else self._token
        if not token:
            raise Unusable(
                "there is no token for the router: `tinyllama login` keeps one, TINYLLAMA_TOKEN"
                " is one for a single command. On a laptop `tinyllama token` prints one; elsewhere"
                " the operator makes an API key, or the issuer grants one"
            )
        if not (token.isascii() and token.isprintable() and " " not in token):
            raise Unusable("the token holds what no token has: spaces, line ends or other signs")
        return token

    def _repeat(self, request: httpx2.Request, answers: Collection[int]) -> Answer:
        how, tries, maybe_done = self.repeating, 0, False
        until = how.clock() + how.seconds
        while True:
            tries += 1
            failure: ProblemError | Unreachable
            try:
                answer = self._once(request)
            except httpx2.LocalProtocolError:
                raise Unusable(_UNSENDABLE) from None
            except httpx2.TransportError as error:
                maybe_done = maybe_done or not isinstance(error, _NOT_SENT)
                kind = type(error).__name__
                failure = Unreachable(
                    f"no router answers at {self.root} ({kind})", maybe_done=maybe_done
                )
                asked = 0.0
            else:
                if answer.status < _REFUSED or answer.status in answers:
                    return _unredirected(answer)
                failure = _problem(answer)
                if answer.status not in _LATER:
                    raise failure
                asked = failure.retry_after or 0.0
            pause = how.pause_seconds(tries, asked)
            if tries >= how.attempts or how.clock() + pause > until:
                raise failure
            how.told(pause)
            how.sleep(pause)

    def _once(self, request: httpx2.Request) -> Answer:
        until = time.monotonic() + CALL_SECONDS
        response = self._http.send(request, stream=True)
        try:
            body = bytearray()
            for piece in response.iter_raw():
                body += piece
                if len(body) > ANSWER_BYTES or time.monotonic() > until:
                    raise NotARouter("the answer does not end: is the address right?")
            return Answer(response.status_code, dict(response.headers), bytes(body))
        finally:
            response.close()


def _json(body: Any) -> bytes:
    try:
        return json.dumps(body, allow_nan=False).encode()
    except (ValueError, TypeError, RecursionError):
        raise Unusable("what is to be sent is not JSON") from None


def following(answer: Answer) -> dict[str, str] | None:
    """Return the query of the next page, where there may be one (RFC 8288)."""
    found = _NEXT.search(answer.headers.get("link", ""))
    return dict(parse_qsl(found[1])) if found else None


def _on_this_machine(root: str) -> bool:
    """Whether *root* is on loopback: what is http has to be."""
    return root.startswith("http:") or urlsplit(root).hostname in {"localhost", "127.0.0.1", "::1"}


def _unredirected(answer: Answer) -> Answer:
    if answer.status in _REDIRECTED and answer.status != _NOT_MODIFIED:
        raise NotARouter("the address answers with a redirection: give the one that it leads to")
    return answer


def _problem(answer: Answer) -> ProblemError:
    try:
        told = answer.json()
    except NotARouter:
        told = None
    return ProblemError(answer.status, told if isinstance(told, dict) else {}, answer.retry_after)
