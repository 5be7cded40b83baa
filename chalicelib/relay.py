"""The use case of the OpenAI API: one call, one job, however often its caller must come back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from chalicelib import limits, visits
from chalicelib.attaching import Attendance, Undelivered, call_of
from chalicelib.errors import JobGone, JobNotFound, RouterError, StoreUnavailable
from chalicelib.jobs import Draft, Job, JsonObject
from chalicelib.openai_calls import Asking
from chalicelib.openai_errors import StillRunning
from chalicelib.patience import Awaited
from chalicelib.queueing import Idempotency
from chalicelib.service import FrontDoor, drafted, new_id

# The gateway gives up 29 s after the call came, and a client tries again half a second later: by
# then nobody may seem to wait any more.
_MARGIN_SECONDS = 3
_FOLLOWED_SECONDS = 5


@dataclass(frozen=True)
class Relay:
    """Holds a caller for *wait_seconds* at a time until its job has ended.

    A wait begins with the call: a slow store must not stretch it beyond the gateway's limit.
    """

    door: FrontDoor
    undelivered: Undelivered
    wait_seconds: float = limits.WAIT_SECONDS

    def answer(
        self, tenant: str, asking: Asking, request: Callable[[], JsonObject]
    ) -> Awaited[Job]:
        """Return the call's job once it has ended, or as it is when the time is over.

        It is that of a followed redirect, the one that the call had when it was sent before, or a
        new one, of *request* (in the words of ``POST /infer``). Raises JobNotFound for what is no
        job of this tenant and path, StillRunning where another call was given the job meanwhile,
        and as FrontDoor.submit does.
        """
        until = self.door.patience.until(self.wait_seconds)
        live_seconds = self.wait_seconds + _MARGIN_SECONDS
        if asking.job_id is not None:
            job, attendance = self._followed(tenant, asking.job_id, asking.api, live_seconds)
        elif asking.idempotency_key is not None:
            job, attendance = self._keyed(tenant, asking, asking.idempotency_key, request()), None
        else:
            job, attendance = self._attached(tenant, asking, request(), live_seconds)
        try:
            told = self.door.await_end(job, until)
        except StoreUnavailable:
            # The job is stored: what says so lets its caller come back.
            told = Awaited(job, waited=False)
        except JobGone:
            raise JobNotFound from None
        if attendance:
            self._part(attendance, asking, told)
        return told

    def _followed(
        self, tenant: str, job_id: str, api: str, live_seconds: float
    ) -> tuple[Job, Attendance | None]:
        try:
            job = self.door.queue.fetch(tenant, job_id)
        except (JobGone, JobNotFound):
            raise JobNotFound from None
        door = job.request.get("openai", {})
        if door.get("api") != api:
            raise JobNotFound
        if call := door.get("call"):
            return job, self.undelivered.follow(tenant, call, job_id, live_seconds)
        return job, None

    def _keyed(self, tenant: str, asking: Asking, key: str, request: JsonObject) -> Job:
        draft = _draft(tenant, new_id("job"), asking, request, None)
        return self._submitted(draft, Idempotency(key, asking.digest))

    def _attached(
        self, tenant: str, asking: Asking, request: JsonObject, live_seconds: float
    ) -> tuple[Job, Attendance]:
        call = call_of(asking.digest)
        while True:
            attendance = self.undelivered.attach(
                tenant, call, new_id("job"), live_seconds, retried=asking.retried
            )
            try:
                if attendance.known:
                    return self.door.queue.fetch(tenant, attendance.job_id), attendance
            except JobGone:
                self.undelivered.deliver(attendance)
                continue
            except JobNotFound:
                pass  # whoever asked for it ended before it was stored
            draft = _draft(tenant, attendance.job_id, asking, request, attendance.call)
            with self._listed_while_stored(attendance):
                return self._submitted(draft), attendance

    def _submitted(self, draft: Draft, idempotency: Idempotency | None = None) -> Job:
        submitted = self.door.queue.submit(draft, idempotency)
        if visit := visits.current():
            visit.rates += submitted.rates
        return submitted.job

    @contextmanager
    def _listed_while_stored(self, attendance: Attendance) -> Iterator[None]:
        try:
            yield
        except StoreUnavailable:
            # It may be stored all the same: the next try finds out.
            with _after_the_call():
                self.undelivered.leave(attendance, 0)
            raise
        except RouterError:
            with _after_the_call():
                self.undelivered.deliver(attendance)
            raise

    def _part(self, attendance: Attendance, asking: Asking, told: Awaited[Job]) -> None:
        """Say what becomes of the job when this wait is over. Raises StillRunning."""
        mine = True
        with _after_the_call():
            if told.value.state.ended:
                mine = self.undelivered.deliver(attendance)
            else:
                follows = told.waited and asking.hops.may_hop
                self.undelivered.leave(attendance, _FOLLOWED_SECONDS if follows else 0)
        if not mine:
            raise StillRunning("another call was given this job's answer: send yours again")


@contextmanager
def _after_the_call() -> Iterator[None]:
    """Run what a caller is not to hear of: a store that is away, a key that was revoked."""
    with suppress(StoreUnavailable), visits.serving(None):
        yield


def _draft(
    tenant: str, job_id: str, asking: Asking, request: JsonObject, call: str | None
) -> Draft:
    """Return the job that *request* asks for; what it was asked by is kept with it."""
    door = request.get("openai", {}) | {"api": asking.api}
    draft = drafted(tenant, job_id, request)
    kept = door | {"call": call} if call else door
    return replace(draft, request=draft.request | {"openai": kept})
