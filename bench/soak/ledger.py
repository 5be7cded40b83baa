"""What was promised under load and what came of it; says at the end which promises failed."""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

_SHOWN = 20


class Ledger:
    """Notes every acknowledged call. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends_due: Counter[str] = Counter()
        self._ends: Counter[str] = Counter()
        self._published: set[str] = set()
        self._acknowledged: set[str] = set()
        self._faults: list[str] = []
        self._seconds: defaultdict[str, list[float]] = defaultdict(list)
        self.calls: Counter[str] = Counter()

    def accepted(self, job_id: str) -> None:
        """Note that a job was stored, or queued again: it owes one end more."""
        with self._lock:
            self._ends_due[job_id] += 1

    def published(self, event_id: str) -> None:
        """Note that an event was stored."""
        with self._lock:
            self._published.add(event_id)

    def seen(self, event_id: str) -> None:
        """Note that an event was delivered: it must not have been acknowledged before."""
        if event_id in self._acknowledged:
            self.fault(f"{event_id} came again after it was acknowledged")

    def acknowledged(self, event_id: str, ended_job: str | None) -> None:
        """Note that an event was acknowledged, the end of *ended_job* if it is one."""
        with self._lock:
            if event_id in self._acknowledged:
                self._faults.append(f"{event_id} was acknowledged twice")
            self._acknowledged.add(event_id)
            if ended_job is not None:
                self._ends[ended_job] += 1

    def fault(self, told: str) -> None:
        """Note a promise that was not kept."""
        with self._lock:
            self._faults.append(told)

    @contextmanager
    def timed(self, call: str) -> Iterator[None]:
        """Note how long a call takes, if it is answered."""
        began = time.perf_counter()
        yield
        took = time.perf_counter() - began
        with self._lock:
            self.calls[call] += 1
            self._seconds[call].append(took)

    def latencies(self) -> dict[str, list[float]]:
        """Return how long the calls since the last look took, in seconds, by call."""
        with self._lock:
            taken = dict(self._seconds)
            self._seconds = defaultdict(list)
        return taken

    @property
    def jobs(self) -> int:
        """How many jobs were stored."""
        return len(self._ends_due)

    @property
    def events(self) -> int:
        """How many events were acknowledged, ends of jobs included."""
        return len(self._acknowledged)

    def outstanding(self) -> int:
        """Return how many ends and published events nobody has acknowledged yet."""
        with self._lock:
            ends = sum((self._ends_due - self._ends).values())
            return ends + len(self._published - self._acknowledged)

    def faults(self) -> list[str]:
        """Return every promise that was not kept, now that all should be settled."""
        with self._lock:
            told = list(self._faults)
            for job_id, due in self._ends_due.items():
                if self._ends[job_id] != due:
                    told.append(f"{job_id} ended {self._ends[job_id]} times, {due} were due")
            told += [f"{job_id} ended, but was never stored" for job_id in self._strangers()]
            told += [f"{each} was lost" for each in sorted(self._published - self._acknowledged)]
        return told

    def _strangers(self) -> list[str]:
        return sorted(self._ends.keys() - self._ends_due.keys())


def shown(faults: list[str]) -> str:
    """Return some of the *faults* as lines."""
    more = [f"… and {len(faults) - _SHOWN} more"] if len(faults) > _SHOWN else []
    return "\n".join([*faults[:_SHOWN], *more])
