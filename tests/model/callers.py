"""What callers do to jobs, their own and not; late repeats of it; what operators do."""

import json

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from chalicelib import jobs
from chalicelib.queueing import Idempotency
from tests.model.agreement import as_ruled, as_told
from tests.model.terms import Draft, ModelJob
from tests.model.trial import API_KEY, NUMBERS, OFTEN, RARELY, TENANT, Trial, pick

PRIORITIES = st.sampled_from(["normal", "high", "low"])
DEADLINES_MS = st.sampled_from([10_000, 45_000, 1_000_000])
KEYS = st.sampled_from(["first", "second"])
BODIES = st.sampled_from(["same", "same", "same", "other"])
CALLERS = st.tuples(TENANT, API_KEY)


class Callers(Trial):
    """Submit, fetch, cancel, retry, erase."""

    @initialize(
        several=st.lists(st.tuples(TENANT, PRIORITIES), min_size=1, max_size=5),
    )
    def begin_with_some_jobs(self, several: list[tuple[str, str]]) -> None:
        for tenant, priority in several:
            self._submit_new(tenant, priority=priority)

    @rule(tenant=TENANT, api_key=API_KEY, repeat=st.booleans())
    def submit(self, *, tenant: str, api_key: str, repeat: bool) -> None:
        self._submit_new(tenant, api_key=api_key, repeat=repeat)

    @rule(tenant=TENANT, api_key=API_KEY, priority=PRIORITIES, size=st.sampled_from([1, 900]))
    def submit_another_kind(self, tenant: str, api_key: str, priority: str, size: int) -> None:
        self._submit_new(tenant, api_key=api_key, priority=priority, size=size)

    @rule(tenant=TENANT, deadline_ms=DEADLINES_MS, repeat=st.booleans())
    def submit_with_a_deadline(self, *, tenant: str, deadline_ms: int, repeat: bool) -> None:
        self._submit_new(tenant, deadline_ms=deadline_ms, repeat=repeat)

    @rule(tenant=TENANT, key=KEYS, body=BODIES, repeat=st.booleans())
    def submit_with_a_key(self, *, tenant: str, key: str, body: str, repeat: bool) -> None:
        self._submit_new(tenant, key=key, body=body, repeat=repeat)

    @precondition(lambda self: self.drafts)
    @rule(number=NUMBERS)
    def submit_an_earlier_job_again(self, number: int) -> None:
        self._submit(pick(self.drafts, number), repeat=False)

    def _submit_new(  # noqa: PLR0913 - a job has that many sides
        self,
        tenant: str,
        *,
        priority: str = "normal",
        size: int = 1,
        deadline_ms: int | None = None,
        key: str | None = None,
        body: str = "",
        api_key: str = "",
        repeat: bool = False,
    ) -> None:
        request: dict[str, object] = {"prompt": "p" * size}
        draft = Draft(
            id=self.new_id("job_"),
            tenant=tenant,
            request=request,
            size=len(json.dumps(request)),
            priority=priority,
            deadline_ms=deadline_ms,
            key=key,
            body=body,
            api_key=api_key,
        )
        self.drafts.append(draft)
        self._submit(draft, repeat=repeat)

    def _submit(self, draft: Draft, *, repeat: bool) -> None:
        def router() -> object:
            given = jobs.Draft(
                id=draft.id,
                tenant=draft.tenant,
                request=draft.request,
                priority=jobs.Priority(draft.priority),
                deadline_seconds=None if draft.deadline_ms is None else draft.deadline_ms / 1000,
            )
            key = Idempotency(draft.key, draft.body) if draft.key else None
            with self.system.asking(draft.tenant, draft.api_key):
                submitted = self.system.queue.submit(given, key)
            return submitted.job.id, submitted.known, submitted.job.created_at

        def rules() -> object:
            job, known = self.model.submit(draft)
            return job.id, known, job.created_at

        self.play(router, rules, repeat=repeat)

    @precondition(lambda self: self.drafts)
    @rule(number=NUMBERS, own=OFTEN, tenant=TENANT)
    def fetch(self, *, number: int, own: bool, tenant: str) -> None:
        draft = pick(self.drafts, number)
        whose = draft.tenant if own else tenant
        self.play(
            lambda: as_told(self.system.queue.fetch(whose, draft.id)),
            lambda: as_ruled(self.model.fetch(whose, draft.id)),
            repeat=True,
        )

    @precondition(lambda self: self.model.jobs)
    @rule(number=NUMBERS, own=OFTEN, tenant=TENANT, repeat=st.booleans())
    def cancel(self, *, number: int, own: bool, tenant: str, repeat: bool) -> None:
        job = self._job(number)
        self._cancel(job, job.tenant if own else tenant, repeat=repeat)

    @precondition(lambda self: self.model.of_place("running"))
    @rule(number=NUMBERS, repeat=st.booleans())
    def cancel_a_running_job(self, *, number: int, repeat: bool) -> None:
        job = pick(self.model.of_place("running"), number)
        self._cancel(job, job.tenant, repeat=repeat)

    def _cancel(self, job: ModelJob, whose: str, *, repeat: bool) -> None:
        self.play(
            lambda: as_told(self.system.queue.cancel(whose, job.id)),
            lambda: as_ruled(self.model.cancel(whose, job.id)),
            repeat=repeat,
        )

    @precondition(lambda self: self.ended("failed", "expired"))
    @rule(number=NUMBERS, stale=RARELY, own=OFTEN, caller=CALLERS, repeat=st.booleans())
    def retry(
        self, *, number: int, stale: bool, own: bool, caller: tuple[str, str], repeat: bool
    ) -> None:
        job = pick(self.ended("failed", "expired"), number)
        tenant, api_key = caller
        whose = job.tenant if own else tenant
        self._retry(job, (whose, api_key), job.version - stale, repeat=repeat)

    @precondition(lambda self: self.model.jobs)
    @rule(number=NUMBERS, version=st.integers(0, 12), own=OFTEN, tenant=TENANT)
    def retry_whatever_it_is(self, *, number: int, version: int, own: bool, tenant: str) -> None:
        job = self._job(number)
        whose = job.tenant if own else tenant
        self._retry(job, (whose, ""), version or job.version, repeat=True)

    def _retry(self, job: ModelJob, caller: tuple[str, str], version: int, *, repeat: bool) -> None:
        whose, api_key = caller

        def router() -> object:
            with self.system.asking(whose, api_key):
                return as_told(self.system.queue.retry(whose, job.id, version).job)

        def rules() -> object:
            return as_ruled(self.model.retry(whose, job.id, version, api_key))

        self.play(router, rules, repeat=repeat)

    @precondition(lambda self: self.ended("failed", "expired"))
    @rule(number=NUMBERS, dead=OFTEN, stale=RARELY, repeat=st.booleans())
    def redrive(self, *, number: int, dead: bool, stale: bool, repeat: bool) -> None:
        ended = self.ended("failed", "expired")
        job = pick([job for job in ended if job.dead and dead] or ended, number)
        whose, version = (job.tenant, job.id), job.version - stale
        self.play(
            lambda: self.system.queue.redrive(*whose, version),
            lambda: self.model.redrive(*whose, version),
            repeat=repeat,
        )

    @precondition(lambda self: self.model.jobs)
    @rule(tenant=TENANT, limit=st.integers(1, 3), state=st.sampled_from([None, *jobs.JobState]))
    def list_page_by_page(self, tenant: str, limit: int, state: jobs.JobState | None) -> None:
        def router() -> object:
            page = self.system.lists.jobs(tenant, None, limit, state)
            read = list(page.jobs)
            while page.cursor is not None:
                page = self.system.lists.jobs(tenant, page.cursor, limit, state)
                assert len(page.jobs) <= limit
                read += page.jobs
            return [as_told(job) for job in read]

        def rules() -> object:
            own = [job for job in self.model.jobs.values() if job.tenant == tenant]
            newest = sorted(own, key=lambda job: -job.number)
            return [as_ruled(job) for job in newest if state in {None, job.state}]

        self.play(router, rules, repeat=False)

    @precondition(lambda self: any(job.dead for job in self.model.jobs.values()))
    @rule(limit=st.integers(1, 2))
    def list_dead_letters_page_by_page(self, limit: int) -> None:
        def router() -> object:
            page = self.system.lists.dead_letters(None, limit)
            read = list(page.jobs)
            while page.cursor is not None:
                page = self.system.lists.dead_letters(page.cursor, limit)
                read += page.jobs
            return [as_told(job) for job in read]

        def rules() -> object:
            dead = [job for job in self.model.jobs.values() if job.dead]
            return [as_ruled(job) for job in sorted(dead, key=lambda job: -job.dead)]

        self.play(router, rules, repeat=False)

    @precondition(lambda self: self.model.of_place("running"))
    @rule(number=NUMBERS, own=OFTEN, tenant=TENANT)
    def erase_by_force(self, *, number: int, own: bool, tenant: str) -> None:
        job = pick(self.model.of_place("running"), number)
        whose = job.tenant if own else tenant
        self.play(
            lambda: self.system.queue.erase(whose, job.id, force=True),
            lambda: self.model.erase(whose, job.id, force=True),
            repeat=True,
        )

    @precondition(lambda self: self.drafts)
    @rule(number=NUMBERS, own=OFTEN, tenant=TENANT, repeat=st.booleans())
    def erase(self, *, number: int, own: bool, tenant: str, repeat: bool) -> None:
        draft = pick(self.drafts, number)
        whose = draft.tenant if own else tenant
        self.play(
            lambda: self.system.queue.erase(whose, draft.id),
            lambda: self.model.erase(whose, draft.id),
            repeat=repeat,
        )

    def ended(self, *states: str) -> list[ModelJob]:
        """Return the jobs that ended so."""
        return [job for job in self.model.of_place("ended") if job.state in states]

    def _job(self, number: int) -> ModelJob:
        return pick(list(self.model.jobs.values()), number)
