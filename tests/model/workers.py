"""What workers do: claim, die halfway, say something, hold on, end, give back; come too late."""

from collections.abc import Callable
from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from chalicelib import keyspace
from chalicelib.leasing import Claim, Outcome
from tests.model.system import Died
from tests.model.terms import Ending
from tests.model.trial import NUMBERS, RARELY, TENANT, Trial, pick

ENDINGS = {
    "result": Ending(result={"text": "Hello"}),
    "error": Ending(error_code="engine_failed"),
    "retryable": Ending(error_code="engine_busy", retryable=True),
    "cancelled": Ending(cancelled=True),
}
KINDS = st.sampled_from(["result", "error", "retryable", "cancelled"])


class Workers(Trial):
    """A worker knows a job by its claim, and may come back with it at any later time."""

    @precondition(lambda self: self.work_there())
    @rule(repeat=st.booleans())
    def claim(self, *, repeat: bool) -> None:
        self.tokens.append(self.new_id())
        self._claim(self.tokens[-1], repeat=repeat)

    @precondition(lambda self: len(self.model.of_place("ready")) > 1)
    @rule()
    def claim_twice(self) -> None:
        self.claim(repeat=False)
        self.claim(repeat=True)

    @rule()
    def claim_whatever_there_is(self) -> None:
        self.claim(repeat=True)

    @precondition(lambda self: self.model.of_place("ready"))
    @rule(kind=st.sampled_from(["result", "error", "retryable"]), repeat=st.booleans())
    def claim_and_finish(self, *, kind: str, repeat: bool) -> None:
        self.claim(repeat=repeat)
        self.store_and_model_agree()
        if self.live_claims():
            self._finish(self.live_claims()[-1], kind, repeat=repeat)

    @precondition(lambda self: self.model.of_place("ready"))
    @rule(times=st.integers(1, 3))
    def lose_workers(self, times: int) -> None:
        for _ in range(times):
            self.claim(repeat=False)
            self.pass_time(self.model.now.ms + self.terms.lease_ms + 1)
            self.store_and_model_agree()

    @precondition(lambda self: self.tokens)
    @rule(number=NUMBERS)
    def claim_with_an_earlier_token(self, number: int) -> None:
        self._claim(pick(self.tokens, number), repeat=False)

    def _claim(self, token: str, *, repeat: bool) -> None:
        def router() -> object:
            claimed = self.system.leases.claim(token)
            if claimed is None:
                return None
            if claimed not in self.claims:
                self.claims.append(claimed)
            return claimed.job.id, claimed.job.attempt, claimed.job.tenant, claimed.job.request

        def rules() -> object:
            job = self.model.claim(token)
            return job and (job.id, job.attempt, job.tenant, job.request)

        self.play(router, rules, repeat=repeat)

    @precondition(lambda self: self.work_there())
    @rule()
    def claim_and_die_halfway(self) -> None:
        self.tokens.append(self.new_id())

        def router() -> None:
            self.system.store.calls_left = 1
            try:
                self.system.leases.claim(self.tokens[-1])
            except Died:
                pass
            finally:
                self.system.store.calls_left = None

        def rules() -> None:
            self.model.take(self.tokens[-1])

        self.play(router, rules, repeat=True)

    def work_there(self) -> bool:
        """Whether a claim finds anything to hand out or to move."""
        jobs = self.model.jobs.values()
        return any(
            job.place in {"ready", "delayed"} or self.model.lapsed(job) or self.model.overdue(job)
            for job in jobs
        )

    @precondition(lambda self: self.live_claims())
    @rule(number=NUMBERS, back=st.integers(-1, 3), chunks=st.integers(0, 3))
    def append(self, number: int, back: int, chunks: int) -> None:
        self._append(pick(self.live_claims(), number), back, chunks)

    @precondition(lambda self: self.live_claims())
    @rule(number=NUMBERS, repeat=st.booleans())
    def extend(self, *, number: int, repeat: bool) -> None:
        self._extend(pick(self.live_claims(), number), repeat=repeat)

    @precondition(lambda self: self.live_claims())
    @rule(number=NUMBERS, kind=KINDS, repeat=st.booleans())
    def finish(self, *, number: int, kind: str, repeat: bool) -> None:
        self._finish(pick(self.live_claims(), number), kind, repeat=repeat)

    @precondition(lambda self: self.live_claims())
    @rule(number=NUMBERS, after=st.sampled_from([0, 90, 9999]), repeat=st.booleans())
    def finish_for_another_attempt(self, *, number: int, after: int, repeat: bool) -> None:
        self._finish(pick(self.live_claims(), number), "retryable", after, repeat=repeat)

    @precondition(lambda self: any(job.cancel_requested for job in self.model.jobs.values()))
    @rule(kind=st.sampled_from(["cancelled", "result", "retryable"]), repeat=st.booleans())
    def finish_what_is_to_be_cancelled(self, *, kind: str, repeat: bool) -> None:
        flagged = {job.id for job in self.model.jobs.values() if job.cancel_requested}
        claim = next(claim for claim in self.live_claims() if claim.job.id in flagged)
        self._finish(claim, kind, repeat=repeat)

    @precondition(lambda self: self.live_claims())
    @rule(number=NUMBERS, repeat=st.booleans())
    def release(self, *, number: int, repeat: bool) -> None:
        self._release(pick(self.live_claims(), number), repeat=repeat)

    @precondition(lambda self: self.claims)
    @rule(
        number=NUMBERS,
        foreign=RARELY,
        tenant=TENANT,
        deed=st.sampled_from(["append", "extend", "finish", "finish", "release"]),
        kind=KINDS,
    )
    def come_late_or_for_another_tenant(
        self, *, number: int, foreign: bool, tenant: str, deed: str, kind: str
    ) -> None:
        claim = pick(self._overtaken() or self.claims, number)
        if foreign:
            claim = replace(claim, job=replace(claim.job, tenant=tenant))
        deeds: dict[str, Callable[[], None]] = {
            "append": lambda: self._append(claim, 0, 2),
            "extend": lambda: self._extend(claim, repeat=True),
            "finish": lambda: self._finish(claim, kind, repeat=True),
            "release": lambda: self._release(claim, repeat=True),
        }
        deeds[deed]()

    def _append(self, claim: Claim, back: int, chunks: int) -> None:
        job = self.model.jobs.get(claim.job.id)
        offset = max(0, (len(job.chunks) if job else 0) - back)
        said = [f"{claim.job.attempt}.{offset + index} " for index in range(chunks)]
        self.play(
            lambda: self.system.leases.append(claim, offset, said),
            lambda: self.model.append(claim.job.tenant, claim.job.id, claim.token, offset, said),
            repeat=True,
        )

    def _extend(self, claim: Claim, *, repeat: bool) -> None:
        self.play(
            lambda: self.system.leases.extend(claim),
            lambda: self.model.extend(claim.job.tenant, claim.job.id, claim.token),
            repeat=repeat,
        )

    def _finish(self, claim: Claim, kind: str, after: int = 0, *, repeat: bool) -> None:
        ending = ENDINGS[kind]
        error = {"code": ending.error_code, "detail": "as told"} if ending.error_code else None
        outcome = Outcome(
            result=ending.result,
            error=error,
            cancelled=ending.cancelled,
            retryable=ending.retryable,
            retry_after_seconds=after,
        )

        def rules() -> object:
            seen = self._seen_backoff(claim, after) if ending.retryable else None
            whose = claim.job.tenant, claim.job.id
            return self.model.finish(*whose, claim.token, ending._replace(retry_at=seen))

        self.play(lambda: str(self.system.leases.finish(claim, outcome)), rules, repeat=repeat)

    def _seen_backoff(self, claim: Claim, after: int) -> int | None:
        """Return when the store says the job is ready again, if the rules allow that moment."""
        told = self.system.field(keyspace.job(claim.job.id), "retry_at")
        job = self.model.jobs.get(claim.job.id)
        if told is None or job is None or job.place != "running" or job.token != claim.token:
            return None
        pause_ms = int(told) - self.model.now.ms
        whole_ms = min(60_000, 1000 * 2 ** (claim.job.attempt - 1))
        asked_ms = min(after, 3600) * 1000
        assert max(whole_ms / 2, asked_ms) <= pause_ms <= max(whole_ms, asked_ms), pause_ms
        return int(told)

    def _release(self, claim: Claim, *, repeat: bool) -> None:
        self.play(
            lambda: str(self.system.leases.release(claim)),
            lambda: self.model.release(claim.job.tenant, claim.job.id, claim.token),
            repeat=repeat,
        )

    @rule(name=st.sampled_from(["one", "two"]), slots=st.integers(0, 3))
    def beat(self, name: str, slots: int) -> None:
        self.play(
            lambda: self.system.leases.beat(name, slots),
            lambda: self.model.beat(name, slots),
            repeat=True,
        )

    def _overtaken(self) -> list[Claim]:
        """Return claims of jobs that run under a later one."""
        running = {job.id: job.token for job in self.model.of_place("running")}
        return [
            claim
            for claim in self.claims
            if running.get(claim.job.id, claim.token) not in {claim.token, None}
        ]

    def live_claims(self) -> list[Claim]:
        """Return the claims under which jobs run, lapsed ones too while nobody took them back."""
        running = {(job.id, job.token) for job in self.model.of_place("running")}
        return [claim for claim in self.claims if (claim.job.id, claim.token) in running]
