"""How commands end: one code for each kind of failure, told with its cause and what helps."""

from enum import IntEnum
from typing import TYPE_CHECKING

from tinyllama import screen
from tinyllama.client_errors import ClientError, ProblemError, Unreachable, Unusable
from tinyllama.deployment.failures import Misused

if TYPE_CHECKING:
    from tinyllama.told import Job


class Exit(IntEnum):
    """Exit codes of the command line; they are API."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    SIGN_IN = 3
    ABSENT = 4
    REFUSED = 5
    BUSY = 6
    UNREACHABLE = 7
    NO_ANSWER = 8
    INTERRUPTED = 130
    READER_GONE = screen.READER_GONE


EXPLAINED = (
    "Exit codes: 0 done · 1 failed · 2 wrong usage or settings · 3 not signed in, or not allowed"
    " (401, 403) · 4 not there (404, 410) · 5 refused (other 4xx) · 6 busy or full (429, 502, 503,"
    " 504) · 7 no router answers · 8 the job ended without an answer · 130 interrupted ·"
    " 141 its reader went away."
)
_BY_STATUS = {
    401: Exit.SIGN_IN,
    403: Exit.SIGN_IN,
    404: Exit.ABSENT,
    410: Exit.ABSENT,
    429: Exit.BUSY,
    502: Exit.BUSY,
    503: Exit.BUSY,
    504: Exit.BUSY,
}
_OURS = 500


def code_of(error: ClientError) -> Exit:
    """Return the exit code of a failed call."""
    if isinstance(error, ProblemError):
        otherwise = Exit.REFUSED if error.status < _OURS else Exit.FAILED
        return _BY_STATUS.get(error.status, otherwise)
    if isinstance(error, Unusable):
        return Exit.USAGE
    return Exit.UNREACHABLE if isinstance(error, Unreachable) else Exit.FAILED


def tell_in_a_sentence(error: Exception) -> Exit:
    """Print a failure that is one sentence, and what helps against its cause; return its code."""
    screen.say(f"tinyllama: {error}")
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ClientError):
        cause = cause.__cause__
    if isinstance(cause, ProblemError):
        tell_cure(cause.code)
    if isinstance(error, Misused):
        return Exit.USAGE
    return Exit.FAILED if cause is None else code_of(cause)


def tell(error: ClientError) -> None:
    """Print what went wrong, each field's fault and what helps."""
    if isinstance(error, ProblemError):
        screen.say(f"tinyllama: {error.title} ({error.status} {error.code})")
        if error.detail not in {"", error.title}:
            screen.say(f"  {error.detail}")
        for slip in error.errors:
            screen.say(f"  {slip.pointer or 'the body'}: {slip.detail}")
        tell_cure(error.code)
    else:
        screen.say(f"tinyllama: {error}")
    for note in getattr(error, "__notes__", ()):
        screen.say(f"  {note}")
    if isinstance(error, ProblemError) and error.request_id:
        screen.say(f"  Request id: {error.request_id}")


def tell_ending(job: "Job") -> None:
    """Print why a job that has ended has no answer."""
    told = job.error or {}
    code, detail = str(told.get("code", "")), str(told.get("detail", ""))
    why = f": {detail} ({code})" if code else ""
    screen.say(f"tinyllama: the job {job.id} {_ENDINGS.get(job.state, job.state)}{why}")
    tell_cure(code)


def tell_cure(code: str) -> None:
    """Print what helps against *code*, where that is known."""
    from tinyllama.cures import CURES  # noqa: PLC0415 - no command needs them where all is well

    known = CURES.get(code)
    if known is not None:
        screen.say(f"  What helps: {known.cure}")


_ENDINGS = {"failed": "failed", "cancelled": "was cancelled", "expired": "expired"}
