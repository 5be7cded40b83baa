"""How the OpenAI API's callers hear of jobs that they wait for."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from chalicelib.calls import Call
from chalicelib.jobs import Job
from chalicelib.openai_calls import Asking
from chalicelib.openai_errors import StillRunning
from chalicelib.routing import Reply

if TYPE_CHECKING:  # it brings redis, which the authorizer never needs
    from chalicelib.patience import Awaited
    from chalicelib.queueing import Submitted

# Without a place to wait a client's few tries are to last: clients heed pauses below a minute.
_PAUSE_LEAST_SECONDS = 2
_PAUSE_SECONDS = 15
_PAUSE_MOST_SECONDS = 55


def relayed(
    call: Call, asking: Asking, told: "Awaited[Submitted]", render: Callable[[Job], Reply]
) -> Reply:
    """Answer a POST of the OpenAI API: what *render* makes of an ended job, else a redirect.

    One that is known by its Idempotency-Key is told as such.
    Every end is *render*'s to tell (``openai_errors.job_failed``). Raises StillRunning where one
    more redirect would not be followed, or would come back at once for want of a place to wait.
    """
    job = told.value.job
    if job.state.ended:
        return replayed(render(job), known=told.value.known)
    if not told.waited:
        raise StillRunning("no place to wait was free", pause_seconds=_pause_seconds(job))
    if not asking.hops.may_hop:
        raise StillRunning("the job runs on: the same call again goes on waiting for it")
    there = {"Location": _further(call, job.id, asking.hops.hop + 1)}
    return replayed(Reply(status=307, headers=there), known=told.value.known)


def replayed(reply: Reply, *, known: bool) -> Reply:
    """Return *reply*, which says so where an earlier call with the same key is answered."""
    said = {"Idempotency-Replayed": "true"} if known else {}
    return replace(reply, headers={**reply.headers, **said})


def _further(call: Call, job_id: str, hop: int) -> str:
    """Return where to wait on, relative: it holds behind any stage prefix and custom domain."""
    name = call.path.removesuffix("/").rpartition("/")[2]
    up = "../" if call.path.endswith("/") else ""
    return f"{up}{name}?job={job_id}&hop={hop}"


def _pause_seconds(job: Job) -> int:
    wanted = _PAUSE_SECONDS if job.eta_seconds is None else math.ceil(job.eta_seconds)
    return max(_PAUSE_LEAST_SECONDS, min(wanted, _PAUSE_MOST_SECONDS))
