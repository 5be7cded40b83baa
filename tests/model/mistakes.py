"""Models that are wrong in one rule each: what the model-based test must tell from the router."""

from tests.model.inboxes import Inboxes, ModelEvent
from tests.model.model import Model
from tests.model.terms import ModelJob, Refused, Terms
from tests.model.turns import Turns


class ReleaseCosts(Model):
    """A job that is given back unharmed has one attempt less."""

    def release(self, tenant: str, job_id: str, token: str) -> str:
        state = super().release(tenant, job_id, token)
        job = self.jobs[job_id]
        if job.place == "ready":
            job.max_attempts = self.terms.max_attempts
        return state


class AnyTokenFinishes(Model):
    """Whoever says that a running job is done is believed."""

    def _under_lease(self, tenant: str, job_id: str, token: str) -> ModelJob:
        job = self.jobs.get(job_id)
        if job is None or job.tenant != tenant or job.place != "running":
            return super()._under_lease(tenant, job_id, token)
        return job


class NoTurns(Model):
    """Jobs of all tenants are served in the order in which they came."""

    def __init__(self, terms: Terms, now_ms: int) -> None:
        super().__init__(terms, now_ms)
        self.turns = _InOrder(self)


class _InOrder(Turns):
    def __init__(self, model: Model) -> None:
        super().__init__()
        self._model = model

    def serve(self) -> str | None:
        ready = self._model.of_place("ready")
        return min(ready, key=lambda job: job.order).tenant if ready else None


class CancelIsCharged(Model):
    """A job that is cancelled in the queue has cost its tenant a turn."""

    def cancel(self, tenant: str, job_id: str) -> ModelJob:
        job = self.jobs.get(job_id)
        if job is not None and job.tenant == tenant and job.place == "ready":
            self.turns.tags[tenant] += 1
        return super().cancel(tenant, job_id)


class NoRoomReserved(Model):
    """Events may take the room that jobs need for their ends."""

    def inbox_bytes(self, tenant: str) -> int:
        return self.inboxes.held_bytes(tenant)


class NothingIsRemembered(Model):
    """A removed job was never there."""

    def _remove(self, job: ModelJob) -> None:
        super()._remove(job)
        self.gone.clear()


class CancelsAreSilent(Model):
    """The owner of a cancelled job is not told."""

    def _end(self, job: ModelJob, state: str, error_code: str | None = None) -> None:
        super()._end(job, state, error_code)
        if state == "cancelled":
            self.inboxes.events.pop()


class LapsedEventsGoLast(Model):
    """Events whose lease lapsed are pending behind all others."""

    def __init__(self, terms: Terms, now_ms: int) -> None:
        super().__init__(terms, now_ms)
        self.inboxes = _LapsedLast(terms, self.now, self.rates)


class _LapsedLast(Inboxes):
    def give_back_lapsed(self, tenant: str) -> None:
        lapsed = self.lapsed(tenant)
        super().give_back_lapsed(tenant)
        self.events.sort(key=lambda event: event in lapsed)


class AnyoneAcknowledges(Model):
    """A tenant may read and acknowledge another's event."""

    def __init__(self, terms: Terms, now_ms: int) -> None:
        super().__init__(terms, now_ms)
        self.inboxes = _OpenToAll(terms, self.now, self.rates)


class _OpenToAll(Inboxes):
    def find(self, tenant: str, event_id: str) -> ModelEvent:
        del tenant
        for event in self.events:
            if event.id == event_id:
                return event
        raise Refused("event_not_found")


class RetriesCountForTheFirstKey(Model):
    """A job counts for the API key that it was submitted with, whoever asks for it again."""

    def _retry(self, job: ModelJob, version: int, api_key: str, *, dead_only: bool) -> None:
        before = job.api_key
        super()._retry(job, version, api_key, dead_only=dead_only)
        job.api_key = before


MISTAKES = (
    ReleaseCosts,
    AnyTokenFinishes,
    NoTurns,
    CancelIsCharged,
    NoRoomReserved,
    NothingIsRemembered,
    CancelsAreSilent,
    LapsedEventsGoLast,
    AnyoneAcknowledges,
    RetriesCountForTheFirstKey,
)
