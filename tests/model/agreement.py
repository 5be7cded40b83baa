"""Whether the store is as the model says: through the router's own reads, and key by key."""

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

from chalicelib import keyspace, records
from chalicelib.events import Event
from chalicelib.jobs import Job
from chalicelib.streaming import START
from tests.model.inboxes import ModelEvent
from tests.model.model import Model
from tests.model.system import Contents, System
from tests.model.terms import ModelJob

TENANTS = ("ant", "ant:1", "bee")
_ALL = 200


def as_told(job: Job) -> dict[str, object]:
    """Return what a caller sees of a job, but for its version and the guesses."""
    return {
        "id": job.id,
        "tenant": job.tenant,
        "state": str(job.state),
        "attempt": job.attempt,
        "max_attempts": job.max_attempts,
        "created_at": job.created_at,
        "priority": str(job.priority),
        "deadline_at": job.deadline_at,
        "retry_at": job.retry_at,
        "cancel_requested": job.cancel_requested,
        "started_at": job.started_at,
        "first_token_at": job.first_token_at,
        "ended_at": job.ended_at,
        "error": job.error["code"] if job.error else None,
    }


def as_ruled(job: ModelJob) -> dict[str, object]:
    """Return the same of the model's job."""
    return {
        "id": job.id,
        "tenant": job.tenant,
        "state": job.state,
        "attempt": job.attempt,
        "max_attempts": job.max_attempts,
        "created_at": job.created_at,
        "priority": job.priority,
        "deadline_at": job.deadline_at,
        "retry_at": job.retry_at,
        "cancel_requested": job.cancel_requested,
        "started_at": job.started_at,
        "first_token_at": job.first_token_at,
        "ended_at": job.ended_at,
        "error": job.error_code,
    }


def event_as_told(event: Event) -> tuple[object, ...]:
    """Return what a consumer sees of an event."""
    return event.event_type, event.source, event.payload, event.created_at, event.delivered


def event_as_ruled(event: ModelEvent) -> tuple[object, ...]:
    """Return the same of the model's event."""
    return event.event_type, event.source, event.payload, event.created_at, event.delivered


def same(told: object, ruled: object, what: str) -> None:
    """Require that the router tells what the rules say."""
    assert told == ruled, f"{what}\n  the router: {told}\n  the rules:  {ruled}"


class Agreement:
    """Compares one store with one model, after every move."""

    def __init__(self, system: System, model: Model) -> None:
        self._system, self._model = system, model
        self._versions: dict[str, tuple[dict[str, object], int]] = {}
        self._fetched: dict[str, object] = {}
        self._listed: dict[str, object] = {}

    def check(self, *, everything: bool = False) -> None:
        """Compare all of the store, and through the router's reads what has changed or all."""
        if everything:
            self._fetched, self._listed = {}, {}
        stored = self._system.contents()
        self._name_events(stored)
        self._check_records(stored)
        self._check_queue(stored)
        self._check_events(stored)
        self._check_gauge()
        self._check_jobs(stored)
        self._check_lists(stored)

    def _name_events(self, stored: Contents) -> None:
        """Learn the ids of the router's own events: they come in the order the rules say."""
        known = {event.id for event in self._model.inboxes.events}
        found = {
            key.removeprefix(keyspace.event("")): int(value.held["sequence"])
            for key, value in stored.items()
            if key.startswith(keyspace.event(""))
        }
        fresh = iter(sorted(found.keys() - known, key=lambda each: found[each]))
        for event in self._model.inboxes.events:
            event.id = event.id or next(fresh, None)

    def _check_records(self, stored: Contents) -> None:
        model = self._model
        for kind, ids in (
            (keyspace.job(""), model.jobs.keys()),
            (keyspace.event(""), {event.id for event in model.inboxes.events}),
            (keyspace.gone(""), {i for i, (_, end) in model.gone.items() if end >= model.now.ms}),
        ):
            found = {key.removeprefix(kind) for key in stored if key.startswith(kind)}
            same(found, set(ids), f"which {kind} there are")
        for removed in self._versions.keys() - model.jobs.keys():
            del self._versions[removed]
        for job in model.jobs.values():
            told = records.job(job.id, stored[keyspace.job(job.id)].held)
            same(as_told(told), as_ruled(job), "a job's record")
            same((told.request, told.result), (job.request, job.result), "what a job holds")
            self._check_version(job, told)

    def _check_version(self, job: ModelJob, told: Job) -> None:
        """A version grows if and only if something that a caller sees has changed."""
        shown, version = as_ruled(job), told.version
        before, seen = self._versions.get(job.id, ({}, 0))
        grown = version > seen if shown != before else version == seen
        assert grown, f"{job.id} went from version {seen} to {version}: {before} to {shown}"
        self._versions[job.id] = shown, version
        job.version = version

    def _check_queue(self, stored: Contents) -> None:
        model, terms = self._model, self._model.terms
        place = {job.id: stored[keyspace.job(job.id)].held["place"] for job in model.jobs.values()}
        ready, delayed = model.of_place("ready"), model.of_place("delayed")
        held, ended = model.of_place("taken", "running"), model.of_place("ended")
        waiting = [job for job in model.jobs.values() if job.place != "ended"]
        for key, ruled in {
            keyspace.QUEUE: {place[job.id]: 0 for job in ready},
            keyspace.AGES: {place[job.id]: job.ready_since for job in ready},
            keyspace.DELAYED: {place[job.id]: job.retry_at for job in delayed},
            keyspace.LEASED: {place[job.id]: job.leased_until for job in held},
            keyspace.DEADLINES: {
                place[job.id]: job.deadline_at for job in waiting if job.deadline_at is not None
            },
            keyspace.RETENTION_JOBS: {
                place[job.id]: (job.ended_at or 0) + terms.result_ms for job in ended
            },
        }.items():
            same(_held(stored, key), ruled, key)
        same(set(_held(stored, keyspace.DEAD)), {place[j.id] for j in ended if j.dead}, "the dead")
        same(set(_held(stored, keyspace.TURNS)), {job.tenant for job in ready}, "who has a turn")
        for job in (job for job in held if not model.lapsed(job)):
            lease = stored[keyspace.lease(str(job.token))]
            same((lease.held, lease.expiry), (place[job.id], job.leased_until), "a job's lease")
        for tenant in TENANTS:
            own = sorted((j for j in model.jobs.values() if j.tenant == tenant), key=_number)
            index = _held(stored, keyspace.jobs(tenant))
            same(sorted(index, key=lambda each: index[each]), [j.id for j in own], "the index")
            _require_order(place[job.id] for job in sorted(ready, key=_order) if job in own)

    def _check_events(self, stored: Contents) -> None:
        model, inboxes = self._model, self._model.inboxes
        due = {
            f"{event.id} {event.tenant} {0 if event.delivered else event.size}": event.remove_at
            for event in inboxes.events
        }
        same(_held(stored, keyspace.RETENTION_EVENTS), due, keyspace.RETENTION_EVENTS)
        for tenant in TENANTS:
            pending = [event.id for event in inboxes.pending(tenant)]
            inbox = _held(stored, keyspace.inbox(tenant))
            same(sorted(inbox, key=lambda each: inbox[each]), pending, keyspace.inbox(tenant))
            leases = _held(stored, keyspace.inbox_leases(tenant))
            leased = {e.id: e.leased_until for e in inboxes.of(tenant) if e.token is not None}
            told = {member.partition(" ")[0]: until for member, until in leases.items()}
            same(told, leased, keyspace.inbox_leases(tenant))
            counts = _held(stored, keyspace.tenant_counts(tenant))
            ruled = {"inbox": model.inbox_bytes(tenant)}
            for job in model.under_way(tenant):
                for whose in ("", f":{job.api_key}") if job.api_key else ("",):
                    for name, much in ((f"jobs{whose}", 1), (f"bytes{whose}", job.size)):
                        ruled[name] = ruled.get(name, 0) + much
            told_counts = {name: int(count) for name, count in counts.items()}
            same(told_counts, {name: n for name, n in ruled.items() if n}, "a tenant's counts")

    def _check_gauge(self) -> None:
        model, now = self._model, self._model.now.ms
        gauge = self._system.queue.gauge()
        ready = model.of_place("ready")
        live = [n for last, n in model.workers.values() if last >= now - model.terms.silent_ms]
        minutes = Counter(end // 60_000 for end in model.ends)
        this, part = now // 60_000, now % 60_000 / 60_000
        per_minute = minutes[this - 1] * (1 - part) + minutes[this]
        told = (gauge.waiting, gauge.delayed, gauge.leased, gauge.dead, gauge.workers, gauge.slots)
        ruled = (
            len(ready),
            len(model.of_place("delayed")),
            len(model.of_place("taken", "running")),
            sum(job.dead > 0 for job in model.jobs.values()),
            len(live),
            sum(live),
        )
        same(told, ruled, "the gauge's counts")
        same(gauge.bytes, model.open_bytes(), "the gauge's bytes")
        oldest = max((now - job.ready_since for job in ready), default=None)
        same(gauge.oldest_ms, oldest, "the oldest job's age")
        assert abs(gauge.per_minute - per_minute) < 0.01, (gauge.per_minute, per_minute)
        assert (gauge.run_ms is None) == (model.run_ms is None)
        assert abs((gauge.run_ms or 0) - (model.run_ms or 0)) <= 1.01, (gauge.run_ms, model.run_ms)

    def _check_jobs(self, stored: Contents) -> None:
        """Fetch each job that changed since it was fetched. A fetch expires what is overdue."""
        for job in self._model.jobs.values():
            now = stored[keyspace.job(job.id)], job.place
            if self._fetched.get(job.id) == now or self._model.overdue(job):
                continue
            told = self._system.queue.fetch(job.tenant, job.id)
            same(as_told(told), as_ruled(job), "a fetched job")
            same((told.request, told.result), (job.request, job.result), "what a job holds")
            self._check_position(job, told.position)
            page = self._system.streams.read(told, START)
            same(page.text, "".join(job.chunks), "what a job said")
            self._fetched[job.id] = now

    def _check_position(self, job: ModelJob, position: int | None) -> None:
        """A position is exact while one tenant waits, else a guess that is possible."""
        ready = self._model.of_place("ready")
        assert (position is not None) == (job.place == "ready"), (job.place, position)
        if {each.tenant for each in ready} == {job.tenant} and position is not None:
            same(position, sorted(ready, key=_order).index(job), "a job's position")
        assert position is None or 0 <= position < len(ready)

    def _check_lists(self, stored: Contents) -> None:
        """List and page what changed since it was listed."""
        model, system = self._model, self._system
        for tenant in TENANTS:
            own = sorted((j for j in model.jobs.values() if j.tenant == tenant), key=_number)
            ruled = [as_ruled(job) for job in reversed(own)]
            events = [(e.id, *event_as_ruled(e)) for e in model.inboxes.pending(tenant)]
            if self._listed.get(tenant) == (ruled, events):
                continue
            page = system.lists.jobs(tenant, None, _ALL)
            same([as_told(job) for job in page.jobs], ruled, "a tenant's list")
            assert not any(job.request or job.result for job in page.jobs)
            if model.inboxes.lapsed(tenant):
                continue  # a page makes them pending again
            inbox = system.inbox.page(tenant, 0, _ALL)
            same([(e.id, *event_as_told(e)) for e in inbox], events, "a page of an inbox")
            self._listed[tenant] = ruled, events
        dead = _held(stored, keyspace.DEAD)
        if self._listed.get("dead") != dead:
            letters = system.lists.dead_letters(None, _ALL).jobs
            ruled_dead = sorted((j for j in model.jobs.values() if j.dead), key=lambda j: -j.dead)
            same([job.id for job in letters], [j.id for j in ruled_dead], "the dead letters")
            self._listed["dead"] = dead


def _held(stored: Contents, key: str) -> dict[str, float]:
    held: dict[str, float] = stored[key].held if key in stored else {}
    return held


def _number(job: ModelJob) -> int:
    return job.number


def _order(job: ModelJob) -> tuple[str, int, int]:
    return job.tenant, ("high", "normal", "low").index(job.priority), job.order


def _require_order(places: Iterable[str]) -> None:
    assert all(first < second for first, second in pairwise(places)), "ready jobs out of order"
