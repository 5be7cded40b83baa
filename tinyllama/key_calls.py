"""Calls of a router's key routes: register, list, revoke. Each may be repeated, and is."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from tinyllama.calling import Answer, Calling, following
from tinyllama.client_errors import ClientError, NotARouter, ProblemError, Unreachable
from tinyllama.deployment.failures import DeploymentFailed
from tinyllama.repeating import Repeating
from tinyllama.told import NO_ROUTER

_ATTEMPTS = 4
WAIT_SECONDS = 0.5
PAGE_KEYS = 200
_TOLD_CHARS = 300


class Unanswered(DeploymentFailed):
    """No answer came: whether the router has done it is not known."""


class KeyCalls:
    """The key routes of the router at *url*, called with *token*. Close it in the end.

    All raise DeploymentFailed with what the router told, Unanswered where it told nothing.
    """

    def __init__(self, url: str, token: str) -> None:
        repeating = Repeating(attempts=_ATTEMPTS, first_seconds=WAIT_SECONDS)
        try:
            self._calling = Calling(url, token, repeating)
        except ClientError as error:
            raise _failed(error) from error

    def close(self) -> None:
        """Close the connections."""
        self._calling.close()

    def register(self, signed: str) -> dict[str, Any]:
        """Let the signed key open what it says; return its record."""
        return self._object(self._call("POST", "/keys", {"key": signed}))

    def keys(self, tenant: str | None) -> Iterator[dict[str, Any]]:
        """Yield the records of the *tenant*'s keys, the caller's own without one."""
        asked = {"limit": str(PAGE_KEYS)} | ({"tenant": tenant} if tenant else {})
        while True:
            answer = self._call("GET", f"/keys?{urlencode(asked)}")
            found = self._object(answer).get("keys")
            if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
                raise DeploymentFailed(NO_ROUTER)
            yield from found
            more = following(answer)
            if more is None:
                return
            asked |= more

    def revoke(self, key_id: str, tenant: str | None, grace_seconds: int) -> None:
        """End a key of the *tenant*, the caller's own without one, after the grace."""
        asked = {"grace_seconds": str(grace_seconds)} | ({"tenant": tenant} if tenant else {})
        self._call("DELETE", f"/keys/{key_id}?{urlencode(asked)}")

    def _call(self, method: str, path: str, body: Any = None) -> Answer:
        try:
            return self._calling.call(method, path, body)
        except ClientError as error:
            raise _failed(error) from error

    def _object(self, answer: Answer) -> dict[str, Any]:
        try:
            told = answer.json()
        except NotARouter as error:
            raise _failed(error) from error
        if not isinstance(told, dict):
            raise DeploymentFailed(NO_ROUTER)
        return told


def _failed(error: ClientError) -> DeploymentFailed:
    """Return in one sentence what went wrong with a call."""
    if isinstance(error, ProblemError):
        return refused(error)
    if isinstance(error, Unreachable) and not isinstance(error, NotARouter):
        if error.maybe_done:
            return Unanswered(str(error))
        return DeploymentFailed(f"{error}: start it, or name its address with --url")
    return DeploymentFailed(str(error))


def refused(error: ProblemError) -> DeploymentFailed:
    """Return in one sentence why the router refuses, each field's fault in it."""
    told = "; ".join(
        each
        for each in (
            error.detail or error.title,
            *(f"{slip.pointer}: {slip.detail}".removeprefix(": ") for slip in error.errors),
        )
        if each
    )
    # Whoever answers chose the words: nothing of them may steer a terminal.
    shown = _printable(told)[:_TOLD_CHARS]
    code = "" if error.code == "unknown" else f", {_printable(error.code)[:_TOLD_CHARS]}"
    why = f": {shown}" if shown else ""
    return DeploymentFailed(f"the router refuses it ({error.status}{code}){why}")


def _printable(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())
