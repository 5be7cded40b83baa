"""The use case of the OpenAI API: one call, one job, however often its caller must come back."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from chalicelib import limits, openai_errors, visits
from chalicelib.attaching import Attendance, Undelivered, call_of
from chalicelib.errors import JobGone, JobNotFound, RateLimited, RouterError, StoreUnavailable
from chalicelib.jobs import Draft, Job, JsonObject
from chalicelib.openai_calls import Asking
from chalicelib.openai_errors import StillRunning
from chalicelib.patience import Awaited
from chalicelib.queueing import Idempotency, Submitted
from chalicelib.service import FrontDoor, drafted, new_id

# The gateway gives up 29 s after the call came, and a client tries again half a second later: by
# then nobody may seem to wait any more. Who follows a redirect is here sooner.
_MARGIN_SECONDS = 3
# Nobody says on the way out what else the store would have to be asked for then.
_LATE_SECONDS = 2
_COMES_AGAIN = {429, 503}  # what clients are told to try again


@dataclass(frozen=True)
class _Hold:
    """One wait for a job by the patience's clock: until when, and when it lapses by itself."""

    attendance: Attendance | None
    until: float
    lapses: float


@dataclass(frozen=True)
class Relay:
    """Holds a caller for *hold_seconds* at most, at a time, until its job has ended.

    A wait begins with the call: a slow store must not stretch it beyond the gateway's limit.
    """

    door: FrontDoor
    undelivered: Undelivered
    hold_seconds: float = limits.WAIT_SECONDS

    def answer(
        self, tenant: str, asking: Asking, request: Callable[[], JsonObject]
    ) -> Awaited[Submitted]:
        """Return the call's job once it has ended, or as it is when the time is over.

        It is that of a followed redirect, the one that the call had when it was sent before, one
        that is *known* by the same Idempotency-Key, or a new one, of *request* (in the words of
        ``POST /infer``). Raises JobNotFound for what is no job of this tenant and path,
        StillRunning where another call was given the job meanwhile, StoreUnavailable and behind a
        redirect RateLimited that say when the same call finds the job, and as FrontDoor.submit
        does. The rates are the visit's.
        """
        begun, hold = self._begun(tenant, asking, request, asking.hops.hold_seconds)
        try:
            told = self.door.await_end(begun.job, hold.until)
        except StoreUnavailable as error:
            # To ask it anything else would keep the caller beyond the limit.
            raise self._away(hold.lapses, error) from None
        except JobGone:
            raise JobNotFound from None
        if told.value.state.ended:
            self._deliver(hold)
        elif not (told.waited and asking.hops.may_hop):
            self._leave(hold)
        return Awaited(replace(begun, job=told.value), told.waited)

    def begin(self, tenant: str, asking: Asking, request: Callable[[], JsonObject]) -> Submitted:
        """Return the call's job as it stands, as answer does; this is all its caller is told."""
        begun, hold = self._begun(tenant, asking, request, 0)
        self._deliver(hold)
        return begun

    def _begun(
        self, tenant: str, asking: Asking, request: Callable[[], JsonObject], seconds: float
    ) -> tuple[Submitted, _Hold]:
        until = self.door.patience.until(seconds)
        if asking.job_id is None and asking.idempotency_key is not None:
            key = Idempotency(asking.idempotency_key, asking.digest)
            return self._keyed(tenant, asking, key, request), _Hold(None, until, until)
        lapses, live_seconds = until + _MARGIN_SECONDS, seconds + _MARGIN_SECONDS
        if asking.job_id is None:
            job, attendance = self._attached(tenant, asking, request, live_seconds)
            return Submitted(job, known=False), _Hold(attendance, until, lapses)
        try:
            job, held = self._followed(tenant, asking.job_id, asking.api, live_seconds)
        except StoreUnavailable as error:
            # Whoever was redirected seems to wait for a moment more, or does so by this call.
            raise self._away(lapses, error) from None
        except RateLimited as error:
            raise _refused_on_the_way(error) from None
        return Submitted(job, known=False), _Hold(held, until, lapses if held else until)

    def _followed(
        self, tenant: str, job_id: str, api: str, live_seconds: float
    ) -> tuple[Job, Attendance | None]:
        try:
            job = self.door.queue.fetch(tenant, job_id)
        except (JobGone, JobNotFound):
            raise JobNotFound from None  # all in the same words
        door = job.request.get("openai", {})
        if door.get("api") != api:
            raise JobNotFound
        if call := door.get("call"):
            return job, self.undelivered.follow(tenant, call, job_id, live_seconds)
        return job, None

    def _keyed(
        self, tenant: str, asking: Asking, key: Idempotency, request: Callable[[], JsonObject]
    ) -> Submitted:
        # What it goes on from may be gone by now: that is nothing to a repeat.
        if known := self.door.queue.known(tenant, key):
            return Submitted(known, known=True)
        draft = _draft(tenant, new_id("job"), asking, request(), None)
        return self._submitted(draft, key)

    def _attached(
        self, tenant: str, asking: Asking, request: Callable[[], JsonObject], live_seconds: float
    ) -> tuple[Job, Attendance]:
        call = call_of(asking.digest)
        while True:
            lapses = self.door.patience.until(live_seconds)
            attendance = self.undelivered.attach(
                tenant, call, new_id("job"), live_seconds, retried=asking.retried
            )
            with self._listed_while_stored(_Hold(attendance, lapses, lapses)):
                try:
                    if attendance.known:
                        return self.door.queue.fetch(tenant, attendance.job_id), attendance
                except JobGone:
                    self.undelivered.withdraw(attendance)
                    continue
                except JobNotFound:
                    pass  # whoever asked for it ended before it was stored
                draft = _draft(tenant, attendance.job_id, asking, request(), attendance.call)
                return self._submitted(draft).job, attendance

    def _submitted(self, draft: Draft, idempotency: Idempotency | None = None) -> Submitted:
        submitted = self.door.queue.submit(draft, idempotency)
        if visit := visits.current():
            visit.rates += submitted.rates
        return replace(submitted, rates=())

    @contextmanager
    def _listed_while_stored(self, hold: _Hold) -> Iterator[None]:
        try:
            yield
        except StoreUnavailable:
            # It may be stored all the same: the next try finds out.
            self._leave(hold)
            raise
        except RouterError as error:
            if hold.attendance:
                with suppress(StoreUnavailable), visits.serving(None):
                    if error.status in _COMES_AGAIN:
                        self.undelivered.put_off(hold.attendance)
                    else:
                        self.undelivered.withdraw(hold.attendance)
            raise

    def _deliver(self, hold: _Hold) -> None:
        """Say that the answer is told. Raises StillRunning where another call has it by now."""
        if hold.attendance is None or self._late(hold):
            return
        with suppress(StoreUnavailable), visits.serving(None):
            if not self.undelivered.deliver(hold.attendance):
                raise StillRunning("another call was given this job's answer: send yours again")

    def _leave(self, hold: _Hold) -> None:
        """Let the call sent again have the job. Raises StoreUnavailable that says from when on."""
        if hold.attendance is None:
            return
        if self._late(hold):
            raise self._away(hold.lapses, StoreUnavailable("the store takes too long"))
        try:
            # On nobody's behalf: a key that was revoked meanwhile must not keep the job.
            with visits.serving(None):
                self.undelivered.leave(hold.attendance)
        except StoreUnavailable as error:
            raise self._away(hold.lapses, error) from None

    def _late(self, hold: _Hold) -> bool:
        return self.door.patience.clock() > hold.until + _LATE_SECONDS

    def _away(self, lapses: float, error: StoreUnavailable) -> StoreUnavailable:
        """Return *error* as it is told to a caller whose wait lapses by itself."""
        # The store counted from a little later on.
        left = math.ceil(lapses - self.door.patience.clock()) + 1
        again = openai_errors.again(max(limits.RETRY_AFTER_SECONDS, left))
        return StoreUnavailable(error.detail, headers=again)


def _refused_on_the_way(error: RateLimited) -> RateLimited:
    """Return *error* as it is told to who follows a redirect: the call sent again finds its job."""
    # Nothing was done, so that the wait before the redirect lapses in its own time.
    seconds = max(int(error.headers["Retry-After"]), _MARGIN_SECONDS + 1)
    return RateLimited(error.detail, headers={**error.headers, "Retry-After": str(seconds)})


def _draft(
    tenant: str, job_id: str, asking: Asking, request: JsonObject, call: str | None
) -> Draft:
    """Return the job that *request* asks for; what it was asked by is kept with it."""
    door = request.get("openai", {}) | {"api": asking.api}
    draft = drafted(tenant, job_id, request)
    kept = door | {"call": call} if call else door
    return replace(draft, request=draft.request | {"openai": kept})
