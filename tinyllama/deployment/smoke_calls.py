"""Calls to a deployed API from outside, each of which passes or fails."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from time import monotonic, sleep
from typing import Any
from urllib.parse import urljoin

import httpx2

from chalicelib import __version__
from tinyllama.deployment.failures import DeploymentFailed
from tinyllama.deployment.smoke_shapes import NOT_AS_TOLD, Shapes
from tinyllama.deployment.smoke_tokens import Tokens
from worker.loopback import on_this_machine

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 35.0  # API Gateway gives up after 29
ANSWER_BYTES = 8 * 1024 * 1024
SILENCES = 2
NOBODY = ""
_CODE = re.compile(r"[a-z_]{1,40}")

type Check = Callable[["Answer"], str]
"""Says what is wrong with an answer of the right status, nothing where nothing is."""


@dataclass(frozen=True)
class Answer:
    """What came back from *url*; *body* is the JSON value, or text where the route tells text.

    None for anything else.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def code(self) -> str:
        """The problem's code, nothing where there is none."""
        code = self.body.get("code") if isinstance(self.body, dict) else None
        return code if isinstance(code, str) and _CODE.fullmatch(code) else ""

    @property
    def media_type(self) -> str:
        """What the body is said to be, nothing where it is not said."""
        return self.headers.get("content-type", "").partition(";")[0]

    def link(self, name: str) -> str | None:
        """Return the address that ``Location`` or ``Link`` tells, resolved; None without it."""
        text = self.headers.get(name)
        if text is None:
            return None
        found = re.match(r'<([^>]*)>; rel="next"', text) if name == "link" else None
        return str(urljoin(self.url, found[1] if found else text))


@dataclass(frozen=True)
class Made:
    """A call that was made, and whether it passed; *why* never holds tokens, prompts or answers."""

    method: str
    route: str
    status: int | None
    milliseconds: int
    passed: bool
    why: str


class Silent(Exception):
    """The API does not answer any more."""


class Target:
    """A deployed API: knows its contract, chooses the token of each call, keeps what was made."""

    def __init__(self, root: str, tokens: Tokens, tell: Callable[[Made], None]) -> None:
        self.root = root
        self.made: list[Made] = []
        self.contract: dict[str, Any] = {}
        self._shapes: Shapes | None = None
        self._tokens = tokens
        self._tell = tell
        self._silences = 0
        self._http = httpx2.Client(
            headers={
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "User-Agent": f"tinyllama-smoke/{__version__}",
            },
            timeout=httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            trust_env=not on_this_machine(root),
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def open(self) -> None:
        """Read the contract. Raises DeploymentFailed where no router answers at the address."""

        def check(answer: Answer) -> str:
            paths = answer.body.get("paths") if isinstance(answer.body, dict) else None
            sound = isinstance(paths, dict) and all(isinstance(o, dict) for o in paths.values())
            return "" if sound else "this is no router's contract"

        answer = self.call("GET", "/openapi.json", {200}, token=NOBODY, check=check)
        if self.made[-1].status is None:
            raise DeploymentFailed(
                f"nothing answers at {self.root}: check the address and the network, and that the"
                " router runs"
            )
        if answer is None:
            raise DeploymentFailed(
                f"{self.root} is no address of a router: name it with its stage, as"
                " `tinyllama registry get api_url --env …` does"
            )
        self.contract = answer.body["paths"]
        self._shapes = Shapes(answer.body)

    def lacks(self, method: str, route: str) -> str:
        """Return the scope that the token lacks for a route, nothing where it may be called."""
        scope = self._scope(method, route)
        return scope if scope and self._tokens.lacks(scope) else ""

    def call(
        self,
        method: str,
        route: str,
        expected: Iterable[int],
        *,
        check: Check | None = None,
        note: str = "",
        keep: Callable[[Answer], None] | None = None,
        **how: Any,
    ) -> Answer | None:
        """Make a call and note how it went; return the answer where it is as *expected*.

        *keep* is shown each answer below 300, whatever else is wrong with it; *how* is what
        ``send`` takes. Where the token lacks the route's scope, a 403 is what passes, and None is
        returned. Raises Silent.
        """
        lacking = self.lacks(method, route) if "token" not in how else ""
        if lacking:
            expected, check, note = {403}, None, f"refused as it must be: the token lacks {lacking}"
        began = monotonic()
        answer = self.send(method, route, **how)
        if keep and answer and answer.status < 300:  # noqa: PLR2004
            keep(answer)
        why = _complaint(answer, expected) or self.fault(method, route, answer)
        why = why or _checked(answer, check)
        self.note(method, route, answer, began, passed=not why, why=why or note)
        return None if why or lacking else answer

    def fault(self, method: str, route: str, answer: Answer | None) -> str:
        """Return what is wrong with an answer by the contract, nothing where nothing is."""
        if answer is None or self._shapes is None or answer.status >= 300:  # noqa: PLR2004
            return ""
        return self._shapes.fault(method, route, answer.status, answer.body)

    def note(
        self,
        method: str,
        route: str,
        answer: Answer | None,
        began: float,
        *,
        passed: bool,
        why: str,
    ) -> None:
        """Keep and tell how a call went that *began* at that time. Raises Silent."""
        milliseconds = round((monotonic() - began) * 1000)
        status = answer.status if answer else None
        self.keep(Made(method, route, status, milliseconds, passed, why))
        self._silences = 0 if answer else self._silences + 1
        if self._silences >= SILENCES:
            raise Silent

    def keep(self, made: Made) -> None:
        """Keep and tell what was found out."""
        self.made.append(made)
        self._tell(made)

    def send(
        self,
        method: str,
        route: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        token: str | None = None,
        url: str | None = None,
        **parts: str,
    ) -> Answer | None:
        """Return the answer of a call, None when there is none.

        *parts* fill the route's places and, where it has none for them, its query; *url* is another
        address of the same API. *token* replaces the one that the route's scope asks for.
        """
        where = url or self.root + _filled(route, parts)
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json"} if content is not None else {}
        scope = self._scope(method, route)
        bearer = token if token is not None else self._tokens.of(scope) if scope else NOBODY
        if bearer and where.startswith(f"{self.root}/"):
            sent["Authorization"] = f"Bearer {bearer}"
        try:
            answer = self._once(method, where, content, {**sent, **(headers or {})})
        except (httpx2.TransportError, httpx2.InvalidURL):
            return None
        return replace(answer, body=self._body(method, route, answer))

    def pause(self, answer: Answer | None) -> None:
        """Wait before the next look where the API did not hold the last one back."""
        if answer is None or "preference-applied" not in answer.headers:
            sleep(1)

    def _once(
        self, method: str, url: str, content: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        # A prepared request: an empty body and none are two things to a gateway.
        request = self._http.build_request(method, url, content=content, headers=dict(headers))
        answer = self._http.send(request, stream=True)
        try:
            body = bytearray()
            for piece in answer.iter_raw():
                body += piece
                if len(body) > ANSWER_BYTES:
                    raise httpx2.ReadError("endless answer")
        finally:
            answer.close()
        found = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(url, answer.status_code, found, bytes(body))

    def _body(self, method: str, route: str, answer: Answer) -> Any:
        operation = self.contract.get(route, {}).get(method.lower(), {})
        told = operation.get("responses", {}).get(str(answer.status), {}).get("content", {})
        media_type = answer.media_type
        as_text = media_type.startswith("text/") and media_type in told
        return answer.body.decode(errors="replace") if as_text else _json(answer.body)

    def _scope(self, method: str, route: str) -> str:
        operation = self.contract.get(route, {}).get(method.lower(), {})
        for requirement in operation.get("security", []):
            for scopes in requirement.values():
                return str(scopes[0]) if scopes else ""
        return ""


def _complaint(answer: Answer | None, expected: Iterable[int]) -> str:
    """Return what is wrong with an answer's status or media type, nothing where nothing is."""
    if answer is None:
        return "no answer"
    if answer.status not in expected:
        wanted = " or ".join(str(status) for status in sorted(expected))
        return f"expected {wanted}" + (f", got {answer.code}" if answer.code else "")
    if answer.status < 300 and answer.status != 204 and answer.body is None:  # noqa: PLR2004
        return f"expected JSON, got {answer.media_type or 'nothing'}"
    return ""


def _checked(answer: Answer | None, check: Check | None) -> str:
    try:
        return check(answer) if answer and check else ""
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return NOT_AS_TOLD


def _filled(route: str, parts: Mapping[str, str]) -> str:
    path, query = route, []
    for name, value in parts.items():
        if f"{{{name}}}" in path:
            path = path.replace(f"{{{name}}}", value)
        else:
            query.append(f"{name}={value}")
    return path + ("?" + "&".join(query) if query else "")


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
