"""The use cases of responses that are there already: look, follow, go on from, cancel, erase."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from chalicelib import chat, limits, response_items, responses
from chalicelib.errors import JobEnded, JobGone, JobNotFound
from chalicelib.jobs import Job, JsonObject
from chalicelib.openai_errors import ResponseNotFound
from chalicelib.patience import Awaited
from chalicelib.service import FrontDoor
from chalicelib.validation import refused

_ID = re.compile(r"resp_([0-9a-f]{32})")
_CANCEL_SECONDS = 5


@dataclass(frozen=True)
class ResponseDesk:
    """Finds a tenant's responses: jobs that came through their own door, and no others.

    Who follows one waits up to *hold_seconds* at a time. Whatever names one raises ResponseNotFound
    for what is none of them, the same whatever it is. *engine_options* are those of
    ``chat.permitted``. All raise StoreUnavailable when the store is away.
    """

    door: FrontDoor
    hold_seconds: float = limits.WAIT_SECONDS
    engine_options: frozenset[str] | None = None

    def request(self, tenant: str, body: JsonObject) -> JsonObject:
        """Return what the job of *body* asks. Raises InvalidBody."""
        if not isinstance(body["input"], str):
            items = response_items.resolved(body["input"], lambda each: self.find(tenant, each))
            body = body | {"input": list(items)}
        request = responses.job_request(body, self._previous(tenant, body))
        return chat.permitted(request, self.engine_options)

    def find(self, tenant: str, response_id: str) -> Job:
        """Return the job of a response as it stands."""
        with _not_found():
            job = self.door.queue.fetch(tenant, _job_id(response_id))
        if chat.of(job, responses.API) is None:
            raise ResponseNotFound
        return job

    def follow(self, tenant: str, response_id: str, wait_seconds: float) -> Awaited[Job]:
        """Return the job of a response; waits so long while it has not ended."""
        job = self.find(tenant, response_id)
        with _not_found():
            return self.door.fetch(tenant, job.id, None, wait_seconds)

    def cancel(self, tenant: str, response_id: str) -> Job:
        """Cancel a response and give its worker a moment to confirm; return it as it is then.

        Again is fine, and so is one that has ended otherwise: it stays what it came to.
        """
        job = self.find(tenant, response_id)
        with _not_found():
            try:
                job = self.door.queue.cancel(tenant, job.id)
            except JobEnded:
                return self.door.queue.fetch(tenant, job.id)
            if job.state.ended:
                return job
            return self.door.fetch(tenant, job.id, None, _CANCEL_SECONDS).value

    def erase(self, tenant: str, response_id: str) -> None:
        """Erase a response, its input and its answer. Raises JobRunning."""
        job = self.find(tenant, response_id)
        with _not_found():
            self.door.queue.erase(tenant, job.id)

    def _previous(self, tenant: str, body: JsonObject) -> Job | None:
        response_id = body.get("previous_response_id")
        if response_id is None:
            return None
        try:
            return self.find(tenant, response_id)
        except ResponseNotFound:
            raise refused("/previous_response_id", "there is no such response") from None


@contextmanager
def _not_found() -> Iterator[None]:
    try:
        yield
    except (JobNotFound, JobGone):
        raise ResponseNotFound from None


def _job_id(response_id: str) -> str:
    found = _ID.fullmatch(response_id)
    if not found:
        raise ResponseNotFound
    return f"job_{found[1]}"
