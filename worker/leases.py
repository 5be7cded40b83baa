"""What a worker needs of the queue, whichever way leads there."""

from collections.abc import Sequence
from typing import Protocol

from chalicelib.jobs import JobState
from chalicelib.leasing import Claim, Outcome


class RouterOutdated(Exception):
    """The router would leave out of a result what its reader cannot do without."""


class Leases(Protocol):
    """The moves of a worker: on the store (JobLeases) or over HTTPS (Via).

    Thread-safe; each move may be repeated. All raise StoreUnavailable when the store cannot be
    reached, and all but claim raise LeaseLost once the job is no longer this worker's.
    """

    @property
    def lease_seconds(self) -> float:
        """How long a claim or a renewal holds."""
        ...

    def claim(self, token: str) -> Claim | None:
        """Lease the next job, or None; the same token answers the same job."""
        ...

    def append(self, claim: Claim, offset: int, chunks: Sequence[str]) -> bool:
        """Add output, the first chunk of which is the attempt's number *offset*.

        True when a cancel was asked.
        """
        ...

    def extend(self, claim: Claim) -> bool:
        """Renew the lease from now. True when a cancel was asked."""
        ...

    def finish(self, claim: Claim, outcome: Outcome) -> JobState:
        """Record how the run ended, and return the state the job went to.

        Raises RouterOutdated where that cannot be recorded whole; an error always can.
        """
        ...

    def release(self, claim: Claim) -> JobState | None:
        """Give the job back; the attempt costs nothing. Returns its state where that is told."""
        ...
