"""Random moves of several tenants, workers and consumers, on the store and on the model."""

import sys

from chalicelib import keyspace
from tests.model.agreement import same
from tests.model.callers import Callers
from tests.model.consumers import Consumers
from tests.model.upkeep import TimeAndUpkeep
from tests.model.workers import Workers

# What the store keeps for ever, whoever came by.
_KEPT = {
    keyspace.SEQUENCE,
    keyspace.JOBS_BELL,
    keyspace.COUNTERS,
    keyspace.METRICS,
    keyspace.WORKERS,
    keyspace.SLOTS,
    keyspace.MODELS,
}


class Machine(Callers, Workers, Consumers, TimeAndUpkeep):
    """All rules together."""

    def teardown(self) -> None:
        if sys.exception() is None:
            super().teardown()
            self._end_everything()
            self._leave_nothing()

    def _end_everything(self) -> None:
        for job in list(self.model.jobs.values()):
            if job.place != "ended":
                self._cancel(job, job.tenant, repeat=False)
        self.pass_time(self.model.now.ms + self.terms.lease_ms + 1)
        self.tick(repeat=True)
        self.agreement.check()
        for event in self.model.inboxes.events:
            self.system.inbox.acknowledge(event.tenant, str(event.id))
            self.model.inboxes.acknowledge(event.tenant, str(event.id))
        self.agreement.check(everything=True)

    def _leave_nothing(self) -> None:
        """See that tenants whose everything has ended and been removed leave no key behind."""
        # Until all has been kept for long enough, and no tenant owes anything.
        for _ in range(13 if self.terms.bytes_quota else 3):
            self.pass_time(self.model.now.ms + self.terms.event_ms + 1)
            self.tick(repeat=False)
        self.agreement.check()
        stored = self.system.contents()
        same(stored.keys() - _KEPT, set(), "what is left behind by tenants that are idle")
        counters = stored[keyspace.COUNTERS].held.keys() if keyspace.COUNTERS in stored else set()
        same(counters & {"clock", "bytes"}, set(), "what counters remember of idle tenants")
