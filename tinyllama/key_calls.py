"""Calls of a router's key routes: register, list, revoke. Each may be repeated, and is."""

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

from tinyllama.deployment.failures import DeploymentFailed
from worker.patience import BackLater
from worker.wire import UNKNOWN, Answer, Wire

_ATTEMPTS = 4
WAIT_SECONDS = 0.5
PAGE_KEYS = 200
_LONGEST_WAIT_SECONDS = 10.0
_LATER = frozenset({429, 502, 503, 504})
# Nobody was reached, so nothing was sent.
_NOT_SENT = frozenset({"ConnectError", "ConnectTimeout"})
_CURSOR = re.compile(r"<[^>]*[?&]cursor=([0-9]+)[^>]*>; *rel=\"?next")
_TOLD_CHARS = 300
_NO_ROUTER = "what answers is no router, or an older one: is the address right?"


class Unanswered(DeploymentFailed):
    """No answer came: whether the router has done it is not known."""


class KeyCalls:
    """The key routes of one router, called with *token*. Close it in the end.

    All raise DeploymentFailed with what the router told, Unanswered where it told nothing.
    """

    def __init__(self, wire: Wire, token: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._wire = wire
        self._token = token
        self._sleep = sleep

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    def register(self, signed: str) -> dict[str, Any]:
        """Let the signed key open what it says; return its record."""
        answer = self._call("POST", "/keys", {"key": signed})
        return _object(answer, {200, 201})

    def keys(self, tenant: str | None) -> Iterator[dict[str, Any]]:
        """Yield the records of the *tenant*'s keys, the caller's own without one."""
        asked: dict[str, str] = {"limit": str(PAGE_KEYS)} | ({"tenant": tenant} if tenant else {})
        while True:
            answer = self._call("GET", f"/keys?{urlencode(asked)}")
            found = _object(answer, {200}).get("keys")
            if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
                raise DeploymentFailed(_NO_ROUTER)
            yield from found
            following = _CURSOR.search(answer.link or "")
            if following is None:
                return
            asked["cursor"] = following[1]

    def revoke(self, key_id: str, tenant: str | None, grace_seconds: int) -> None:
        """End a key of the *tenant*, the caller's own without one, after the grace."""
        asked = {"grace_seconds": str(grace_seconds)} | ({"tenant": tenant} if tenant else {})
        answer = self._call("DELETE", f"/keys/{key_id}?{urlencode(asked)}")
        if answer.status != 204:  # noqa: PLR2004
            raise _refused(answer)

    def _call(self, method: str, path: str, body: Any = None) -> Answer:
        content = b"" if body is None else json.dumps(body).encode()
        sent = False
        for attempt in range(1, _ATTEMPTS + 1):
            wait = WAIT_SECONDS * 2 ** (attempt - 1)
            try:
                answer = self._wire.call(method, path, content, self._token)
            except BackLater as error:
                sent = sent or error.kind not in _NOT_SENT
                if attempt == _ATTEMPTS:
                    raise self._silence(error.kind, sent=sent) from None
            else:
                if answer.status not in _LATER or attempt == _ATTEMPTS:
                    return answer
                wait = _told_wait(answer, wait)
            self._sleep(wait)
        raise AssertionError  # the last attempt returns or raises

    def _silence(self, kind: str, *, sent: bool) -> DeploymentFailed:
        told = f"no router answers at {self._wire.root} ({kind})"
        if sent:
            return Unanswered(told)
        return DeploymentFailed(f"{told}: start it, or name its address with --url")


def _told_wait(answer: Answer, otherwise: float) -> float:
    told = answer.retry_after or ""
    seconds = float(told) if told.isascii() and told.isdigit() else otherwise
    return min(max(seconds, otherwise), _LONGEST_WAIT_SECONDS)


def _object(answer: Answer, expected: set[int]) -> dict[str, Any]:
    body = answer.json()
    if answer.status not in expected:
        raise _refused(answer)
    if not isinstance(body, dict):
        raise DeploymentFailed(_NO_ROUTER)
    return body


def _refused(answer: Answer) -> DeploymentFailed:
    """Return what the router's problem document tells (RFC 9457), as one sentence."""
    body = answer.json()
    document = body if isinstance(body, dict) else {}
    details = [document.get("detail") or document.get("title") or document.get("message")]
    errors = document.get("errors")
    if isinstance(errors, list):
        details += [error.get("detail") for error in errors if isinstance(error, dict)]
    told = "; ".join(detail for detail in details if isinstance(detail, str) and detail)
    # Whoever answers chose the words: nothing of them may steer a terminal.
    shown = "".join(letter for letter in told if letter.isprintable())[:_TOLD_CHARS]
    code = "" if answer.code() == UNKNOWN else f", {answer.code()}"
    why = f": {shown}" if shown else ""
    return DeploymentFailed(f"the router refuses it ({answer.status}{code}){why}")
