"""The tick: what time brings is done even where no worker claims, and the router is measured.

Any number of ticks may run at once.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from redis import ResponseError

from chalicelib import keyspace, limits, signals
from chalicelib.bounds import QueueSettings, RetentionSettings
from chalicelib.errors import StoreUnavailable
from chalicelib.gauging import Gauge
from chalicelib.moves import JobMoves
from chalicelib.queueing import JobQueue
from chalicelib.scripts import Script
from chalicelib.signals import Metric
from chalicelib.store import Store
from chalicelib.sweeping import Sweeper

_TRIM = Script("trim", "workers")

_BATCH = 64
# What frees memory comes first: the rest may need some.
_VERBS = ("remove", "forget", "reclaim", "expire", "adopt")
_FAILED = "failed"
_ERROR_CHARS = 200


@dataclass(frozen=True)
class Report:
    """What one tick found and did.

    *memory_share* of the store is from 0 to 1, None where it has no limit or does not tell;
    *marked* is whether nothing new is taken because of it. *done* counts by verb, *failed* what
    could not be done; *complete* is false when time ran out before all was done.
    """

    gauge: Gauge
    memory_share: float | None
    marked: bool
    done: Mapping[str, int]
    failed: int
    complete: bool

    def metrics(self) -> dict[str, Metric]:
        """Return the report as CloudWatch is told of it."""
        gauge = self.gauge
        measured = {
            "QueueDepth": Metric(gauge.waiting),
            "DelayedJobs": Metric(gauge.delayed),
            "RunningJobs": Metric(gauge.leased),
            "OldestJobAge": Metric((gauge.oldest_ms or 0) / 1000, "Seconds"),
            "LiveWorkers": Metric(gauge.workers),
            "JobsPerMinute": Metric(gauge.per_minute),
            "DeadLetters": Metric(gauge.dead),
            "Reclaimed": Metric(self.done["reclaim"]),
            "Expired": Metric(self.done["expire"]),
            "Removed": Metric(self.done["remove"]),
            "Forgotten": Metric(self.done["forget"]),
            "Adopted": Metric(self.done["adopt"]),
            "FailedMoves": Metric(self.failed),
        }
        if self.memory_share is not None:
            measured["StoreMemory"] = Metric(round(100 * self.memory_share, 2), "Percent")
        return measured


class Upkeep:
    """Does what is due. Thread-safe; *clock* counts seconds and never goes back."""

    def __init__(
        self,
        store: Store,
        queue: QueueSettings,
        retention: RetentionSettings,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._queue = JobQueue(store, queue, retention)
        self._sweeper = Sweeper(JobMoves(store, queue, retention))
        self._clock = clock

    def tick(self, budget_seconds: float = limits.TICK_BUDGET_SECONDS) -> Report:
        """Mark a store that is nearly full, do what is due, tell how the queue stands.

        What cannot be done is logged and keeps nothing else waiting. What is still due after
        *budget_seconds* is left to the next tick. Raises StoreUnavailable, logged.
        """
        deadline = self._clock() + budget_seconds
        try:
            share = self._store.memory_share()
            marked = share is not None and share >= limits.MEMORY_SHARE
            self._sweeper.mark_full(limits.MEMORY_MARK_SECONDS if marked else 0)
            self._trim()
            done, failed, complete = self._sweep(deadline)
            return Report(self._queue.gauge(), share, marked, done, failed, complete)
        except StoreUnavailable as error:
            signals.log("tick.failed", signals.Level.ERROR, code=error.code, detail=error.detail)
            raise

    def _trim(self) -> None:
        keys = (
            keyspace.WORKERS,
            keyspace.SLOTS,
            keyspace.COUNTERS,
            keyspace.WAITERS,
            keyspace.MODELS,
        )
        self._store.run(_TRIM, keys, (limits.WORKER_SILENT_SECONDS * 1000,))

    def _sweep(self, deadline: float) -> tuple[Mapping[str, int], int, bool]:
        """Return the counts by verb, how much failed, and whether nothing was left for later."""
        done = Counter(dict.fromkeys(_VERBS, 0))
        passed_over: set[str] = set()
        failed = 0
        # What failed stays due, and must not hide what comes after it.
        while due := self._due(passed_over):
            for each in due:
                if self._clock() >= deadline:
                    return done, failed, False
                deed = self._try(each)
                if deed in _VERBS:
                    done[deed] += 1
                else:
                    passed_over.add(each)
                    failed += deed == _FAILED
        return done, failed, True

    def _due(self, passed_over: Collection[str]) -> list[str]:
        listed = self._sweeper.due(_BATCH + len(passed_over))
        # Of one kind the oldest stays first: jobs of 0.1.0 are adopted in their order.
        return sorted((each for each in listed if each not in passed_over), key=_rank)

    def _try(self, due: str) -> str:
        try:
            return self._sweeper.do(due)
        except ResponseError as error:
            # One record that no script can read: the rest is not to wait for it.
            told = str(error)[:_ERROR_CHARS]
            signals.log("tick.move_failed", signals.Level.ERROR, due=due, error=told)
            return _FAILED


def _rank(due: str) -> int:
    return _VERBS.index(due.partition(" ")[0])
