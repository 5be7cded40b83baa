"""How a response is answered: as an object, or as the events of its stream."""

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from chalicelib import chat, event_streams, responses
from chalicelib.calls import Call
from chalicelib.errors import JobNotFound
from chalicelib.jobs import Job, JobState
from chalicelib.openai_calls import Hops
from chalicelib.openai_errors import StillRunning, job_failed
from chalicelib.response_events import events
from chalicelib.response_objects import response
from chalicelib.routing import Reply

if TYPE_CHECKING:  # these bring redis, which the authorizer never needs
    from chalicelib.patience import Awaited

_ALL = -1


def standing(job: Job) -> Reply:
    """Answer with a response as it stands."""
    return Reply(response(job))


def answered(job: Job) -> Reply:
    """Answer with what an ended job came to, in the form that was asked for.

    Raises JobFailed where there is no answer; a stream tells that itself. Raises JobNotFound for a
    job of another door.
    """
    asked = chat.of(job, responses.API)
    if asked is None:
        raise JobNotFound
    if asked["stream"]:
        return streamed(job, _ALL)
    if job.state is not JobState.SUCCEEDED:
        raise job_failed(job)
    return standing(job)


def streamed(job: Job, after: int) -> Reply:
    """Answer with the events of an ended *job* whose numbers are higher than *after*.

    Where all are more than an answer carries, those go that say again what others said.
    """
    found = [event for event in events(job) if event["sequence_number"] > after]
    lines = [event_streams.event(event, event["type"]) for event in found]
    again = [event["type"].endswith(".done") for event in found]
    once = (line for line, said in zip(lines, again, strict=True) if not said)
    return event_streams.told(lines, once, lines[-1:])


def followed(call: Call, hops: Hops, told: "Awaited[Job]", after: int) -> Reply:
    """Answer a stream that was asked for later: its events once the job has ended, else a redirect.

    Raises StillRunning where one more redirect would not be followed, or comes back at once.
    """
    if told.value.state.ended:
        return streamed(told.value, after)
    if not told.waited or not hops.may_hop:
        raise StillRunning("the response runs on: the same call again goes on waiting for it")
    query = {name: value for name, value in call.query.items() if name != "hop"}
    # A reference without a path is to where the call came, whatever is before it.
    further = urlencode(query | {"hop": str(hops.hop + 1)})
    return Reply(status=307, headers={"Location": f"?{further}"})


def deleted(response_id: str) -> Reply:
    """Answer that a response is erased."""
    return Reply({"id": response_id, "object": "response", "deleted": True})
