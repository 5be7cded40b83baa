"""What time and upkeep do: leases lapse, deadlines and retention pass, sweeps, a full store."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.model.trial import NUMBERS, Trial, pick


class TimeAndUpkeep(Trial):
    """Time goes to just before, at, or just after something is due, or on by itself."""

    @precondition(lambda self: self.due_moments())
    @rule(which=st.sampled_from([0, 0, 0, 0, 1, 2, 4, 8, 99]), by=st.sampled_from([1, 1, 1, 0, -1]))
    def let_something_become_due(self, which: int, by: int) -> None:
        moments = self.due_moments()
        self._pass_time(moments[min(which, len(moments) - 1)] + by)

    @rule(ms=st.sampled_from([1, 777, 20_000]))
    def let_time_pass(self, ms: int) -> None:
        self._pass_time(self.model.now.ms + ms)

    def _pass_time(self, until: int) -> None:
        self.pass_time(max(until, self.model.now.ms))
        self.tally.moves += 1

    def due_moments(self) -> list[int]:
        """Return when something that is not yet due will be, soonest first."""
        model = self.model
        moments = {until for _, until in model.gone.values()}
        moments |= {until for _, _, until in model.keys.known.values()}
        moments |= {event.remove_at for event in model.inboxes.events}
        moments |= {lease.until for lease in model.inboxes.leases.values()}
        for job in model.jobs.values():
            moments |= {job.leased_until, job.deadline_at or 0, job.retry_at or 0}
            moments.add((job.ended_at or 0) + self.terms.result_ms)
        return sorted(moment for moment in moments if moment > model.now.ms)

    @precondition(lambda self: self.anything_due())
    @rule(repeat=st.booleans())
    def tick(self, *, repeat: bool) -> None:
        self.swept_at = self.model.now.ms
        self.play(self.system.tick, self.model.tick, repeat=repeat)

    def anything_due(self) -> bool:
        """Whether a tick has something to do."""
        model = self.model
        return any(
            model.lapsed(job) or model.overdue(job) or model.removable(job)
            for job in model.jobs.values()
        ) or any(event.remove_at <= model.now.ms for event in model.inboxes.events)

    @precondition(lambda self: self.model.jobs)
    @rule(number=NUMBERS, verb=st.sampled_from(["reclaim", "expire", "remove"]))
    def sweep_one_job_due_or_not(self, number: int, verb: str) -> None:
        job = pick(list(self.model.jobs.values()), number)
        place = self.system.place(job.id)

        def router() -> None:
            self.system.sweeper.do(f"{verb} {place}")

        def rules() -> None:
            if job.id in self.model.jobs:
                getattr(self.model, verb)(job)

        self.play(router, rules, repeat=True)

    @rule(seconds=st.sampled_from([0, 0, 5]))
    def memory_runs_short_or_not(self, seconds: int) -> None:
        def rules() -> None:
            self.model.full_until = self.model.now.ms + seconds * 1000 if seconds else 0

        self.play(lambda: self.system.sweeper.mark_full(seconds), rules, repeat=True)
