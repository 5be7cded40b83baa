"""A job's progress in words: how far it is, and about how long it still takes."""

from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tinyllama.client import Job


class Outlook:
    """A job's progress in words; the time that it still takes runs down between two answers."""

    def __init__(self, job: "Job", clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self.look(job)

    def look(self, job: "Job") -> None:
        """Take note of how the job stands now."""
        self._job, self._at = job, self._clock()

    def words(self) -> str:
        """Return how far the job is, as of now."""
        return progress(self._job, self._clock() - self._at)


def progress(job: "Job", passed_seconds: float = 0.0) -> str:
    """Return in words how far a job is, so long after it was asked for.

    How long it still takes is an estimate: nothing is said of it once it has passed.
    """
    left = 0.0 if job.eta_seconds is None else job.eta_seconds - passed_seconds
    eta = f", about {left:.0f} s to go" if left >= 1 else ""
    if job.state == "running":
        again = f" (attempt {job.attempt})" if job.attempt > 1 else ""
        return f"Running{again}{eta}"
    if job.retry_at is not None:
        return f"Waiting for another attempt{eta}"
    before = "" if job.position is None else f": {job.position} before it"
    return f"Waiting{before}{eta}"
