"""Calls of a router that are repeated until they are answered, within bounds.

Whoever calls makes sure that a repetition is safe: each of the router's moves can be made so.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import httpx2

from chalicelib import __version__
from chalicelib.errors import NotConfigured
from tinyllama.client_errors import NotARouter, ProblemError, Unreachable, Unusable
from tinyllama.deadlines import Deadline, bind
from tinyllama.repeating import Repeating
from tinyllama.told import NO_ROUTER
from worker.loopback import on_this_machine
from worker.patience import retry_after_seconds
from worker.wire import ENVIRONMENT_UNUSABLE, no_cookies, safe_address

CONNECT_SECONDS = 5.0
# On top of what the router was asked to wait: API Gateway gives up after 29 seconds anyway.
SILENCE_SECONDS = 30.0
CALL_SECONDS = 90.0
# API Gateway and Lambda carry 6 MiB and 10 MB at most.
ANSWER_BYTES = 16 * 1024 * 1024
_NEXT = re.compile(r'<[^>?]*\?([^>]*)>; *rel="?next')
_UNSENDABLE = "the path or a header cannot be sent as it is"
LATER = frozenset({429, 502, 503, 504})
_REDIRECTED = range(300, 400)
_NOT_MODIFIED = 304
_REFUSED = 400
# ValueError: a host's name that none can have is found only where it is looked up.
_NOT_SENDABLE = (httpx2.LocalProtocolError, httpx2.InvalidURL, ValueError, OverflowError)
# Nobody was reached, so nothing was sent.
_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError)


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
        repeating: Repeating | None = None,
    ) -> None:
        try:
            self.root = safe_address(url, "the router's address")
        except NotConfigured as error:
            raise Unusable(error.detail) from None
        self._token = token
        self.repeating = repeating or Repeating()
        self._reached = False
        self._deadline = Deadline()
        self._http = _http(self.root)
        bind(self._http, self._deadline)

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
        within: float = float("inf"),
    ) -> Answer:
        """Return the answer, which is no refusal. *wait_seconds* is ``Prefer: wait``.

        The call ends *within* so many seconds, repetitions and pauses included; one that would be
        repeated after them ends no sooner. Raises ProblemError with what the router told last,
        Unreachable where it told nothing.
        """
        sent = {"Authorization": f"Bearer {self._bearer()}", **(headers or {})}
        content = None if body is None else _json(body)
        if content is not None:
            sent["Content-Type"] = "application/json"
        if not 0 <= wait_seconds < float("inf"):
            raise Unusable("a call waits for 0 seconds or more, and not without end")
        if wait_seconds:
            sent["Prefer"] = f"wait={wait_seconds:g}"
        request = self._request(method, path, sent, content, wait_seconds)
        return self._repeat(request, within=within)

    def read_openly(self, path: str, answers: Collection[int]) -> Answer:
        """Return what a public route tells, which is shown no token.

        Its refusals of the statuses *answers* are answers; raises as ``call`` does.
        """
        return self._repeat(self._request("GET", path), answers)

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

    def _request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        wait_seconds: float = 0,
    ) -> httpx2.Request:
        silence = min(SILENCE_SECONDS + wait_seconds, CALL_SECONDS)
        timeout = httpx2.Timeout(silence, connect=CONNECT_SECONDS)
        url = f"{self.root}{path}"
        try:
            return self._http.build_request(
                method, url, content=content, headers=headers, timeout=timeout
            )
        except (ValueError, httpx2.InvalidURL):
            # The message may hold what it is about.
            raise Unusable(_UNSENDABLE) from None

    def _repeat(
        self,
        request: httpx2.Request,
        answers: Collection[int] = (),
        within: float = float("inf"),
    ) -> Answer:
        how, tries, maybe_done = self.repeating, 0, False
        begun = how.clock()
        while True:
            tries += 1
            failure: ProblemError | Unreachable
            try:
                answer = self._once(request, min(CALL_SECONDS, begun + within - how.clock()))
            except _NOT_SENDABLE:
                raise Unusable(_UNSENDABLE) from None
            except httpx2.TransportError as error:
                changes = request.method != "GET"
                maybe_done = maybe_done or (changes and not isinstance(error, _NOT_SENT))
                kind = type(error).__name__
                failure = Unreachable(
                    f"no router answers at {self.root} ({kind})", maybe_done=maybe_done
                )
                asked = 0.0
            else:
                if answer.status < _REFUSED or answer.status in answers:
                    return _unredirected(answer)
                failure = _problem(answer)
                if answer.status not in LATER:
                    raise failure
                asked = failure.retry_after or 0.0
            pause, now = how.pause_seconds(tries, asked), how.clock()
            gone = self._reached and isinstance(failure, Unreachable) and how.attempts > 1
            often = tries >= how.attempts and not gone
            vain = often or now + pause > begun + how.seconds
            if vain or not _paused(how, pause, begun + within - now):
                raise failure

    def _once(self, request: httpx2.Request, seconds: float) -> Answer:
        with self._deadline.within(seconds):
            response = self._http.send(request, stream=True)
            try:
                body = bytearray()
                for piece in response.iter_raw():
                    body += piece
                    if len(body) > ANSWER_BYTES:
                        raise NotARouter("the answer does not end: is the address right?")
                self._reached = True
                return Answer(response.status_code, dict(response.headers), bytes(body))
            finally:
                response.close()


def _paused(how: Repeating, seconds: float, left: float) -> bool:
    """Pause for *seconds*, or what is *left* of them; return whether they were."""
    pause = max(0.0, min(seconds, left))
    how.told(pause)
    how.sleep(pause)
    return seconds <= left


def _http(root: str) -> httpx2.Client:
    try:
        return httpx2.Client(
            headers={
                "Accept": "application/json",
                # What is not compressed cannot grow beyond its bound here.
                "Accept-Encoding": "identity",
                "User-Agent": f"tinyllama-client/{__version__}",
            },
            # Proxies and certificates of the environment's are for what leaves the machine.
            trust_env=not on_this_machine(root),
            cookies=no_cookies(),
        )
    except (ValueError, OSError, ImportError, httpx2.InvalidURL):
        # The message may hold a proxy's password.
        raise Unusable(ENVIRONMENT_UNUSABLE) from None


def _json(body: Any) -> bytes:
    try:
        return json.dumps(body, allow_nan=False).encode()
    except (ValueError, TypeError, RecursionError):
        raise Unusable("what is to be sent is not JSON") from None


def following(answer: Answer) -> dict[str, str] | None:
    """Return the query of the next page, where there may be one (RFC 8288)."""
    found = _NEXT.search(answer.headers.get("link", ""))
    return dict(parse_qsl(found[1])) if found else None


def query(asked: Mapping[str, str]) -> str:
    """Return what stands behind a path's question mark. Raises Unusable."""
    try:
        return urlencode(asked)
    except UnicodeError:
        raise Unusable(_UNSENDABLE) from None


def part(text: str) -> str:
    """Return *text* as one part of a path. Raises Unusable."""
    try:
        return quote(text, safe="")
    except UnicodeError:
        raise Unusable(_UNSENDABLE) from None


def _unredirected(answer: Answer) -> Answer:
    if answer.status in _REDIRECTED and answer.status != _NOT_MODIFIED:
        raise NotARouter("the address answers with a redirection: give the one that it leads to")
    return answer


def _problem(answer: Answer) -> ProblemError:
    try:
        told = answer.json()
    except NotARouter:
        told = None
    # OpenAI's form of errors has no member for it.
    known = {"request_id": answer.headers.get("x-request-id")}
    told = {**known, **told} if isinstance(told, dict) else known
    return ProblemError(answer.status, told, answer.retry_after)
