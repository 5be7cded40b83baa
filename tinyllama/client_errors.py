"""What can go wrong for a caller of a router: one tree, whose root is ``ClientError``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tinyllama.told import Job

_NAMED = 3  # fields in a message


class ClientError(Exception):
    """Base of all that ``tinyllama.Client`` raises. No message holds a token or a prompt."""


class Unusable(ClientError, ValueError):
    """What was given cannot be used: no address, no token, a bad profile. Nothing was sent."""


class Unreachable(ClientError):
    """No answer came, however often it was asked.

    *maybe_done* says whether the router may have done what it was asked for.
    """

    def __init__(self, message: str, *, maybe_done: bool = False) -> None:
        super().__init__(message)
        self.maybe_done = maybe_done


class NotARouter(Unreachable):
    """Something answers at the address, but not in a router's words."""


class StillRunning(ClientError, TimeoutError):
    """The time was up before the job ended; it goes on. *job* is how it stood."""

    def __init__(self, job: "Job") -> None:
        super().__init__(f"{job.id} is still {job.state}")
        self.job = job


@dataclass(frozen=True)
class Slip:
    """One thing wrong with what was sent: where (RFC 6901 JSON pointer) and what."""

    pointer: str
    detail: str


class ProblemError(ClientError):
    """The router refuses, and tells why (RFC 9457). Act on *code*, which never changes.

    What the OpenAI API's routes tell in its own form is read, too. *code* is ``unknown`` where who
    answered gave none. *retry_after* counts seconds.
    """

    def __init__(self, status: int, told: Mapping[str, Any], retry_after: float | None) -> None:
        def text(name: str, among: Mapping[str, Any] = told) -> str:
            value = among.get(name)
            return value if isinstance(value, str) else ""

        within = told.get("error")
        openai = within if isinstance(within, dict) else {}
        self.status = status
        self.code = text("code") or text("code", openai) or "unknown"
        self.title = text("title") or text("message") or _phrase(status)
        self.detail = text("detail") or text("message", openai)
        self.errors = _slips(told.get("errors"))
        self.request_id = text("request_id")
        self.retry_after = retry_after
        super().__init__(f"{self.detail or self.title} ({status} {self.code}){self._fields()}")

    def _fields(self) -> str:
        """Return the first fields that are wrong, for the message."""
        named = [f"{slip.pointer or 'the body'}: {slip.detail}" for slip in self.errors]
        more = f"; and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
        return f": {'; '.join(named[:_NAMED])}{more}" if named else ""


def _phrase(status: int) -> str:
    from http import HTTPStatus  # noqa: PLC0415 - a quarter of this module's loading

    known = {each.value: each.phrase for each in HTTPStatus}
    return known.get(status, "The router refuses")


def _slips(told: object) -> tuple[Slip, ...]:
    if not isinstance(told, list):
        return ()
    return tuple(
        Slip(str(each.get("pointer", "")), str(each.get("detail", "")))
        for each in told
        if isinstance(each, dict)
    )
