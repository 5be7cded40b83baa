"""The two ways to the queue, each with the pace that suits it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf

from chalicelib.leasing import JobLeases
from worker.leases import Leases
from worker.transcript import Batch

POLL_SECONDS = 10.0
FIRST_POLL_SECONDS = 1.0
# With the time of two calls, a cancel is told within a second.
NEAR_RENEWAL_SECONDS = 0.7
NEAR_BATCH = Batch(seconds=0.2, chunks=64)
FAR_BATCH = Batch(seconds=1.0, chunks=1024)


@dataclass(frozen=True)
class Way:
    """How a worker reaches the queue, and how often it calls.

    Leases are renewed each third of a lease, or each *renewal_seconds* if that is sooner. *bell*
    blocks for some seconds until a job may be ready; without one the worker polls, at most
    *poll_seconds* apart. *beat* tells that the worker lives, its slots and its models; without it
    the moves do, and *offer* takes the models for them. *router* is the address that is called,
    None on the store.
    """

    leases: Leases
    batch: Batch
    renewal_seconds: float = inf
    bell: Callable[[float], None] | None = None
    beat: Callable[[str, int, Sequence[str] | None], None] | None = None
    offer: Callable[[Sequence[str]], None] | None = None
    poll_seconds: float = POLL_SECONDS
    router: str | None = None


def near(leases: JobLeases) -> Way:
    """Return the way of a worker that reaches the store."""
    return Way(leases, NEAR_BATCH, NEAR_RENEWAL_SECONDS, leases.wait, leases.beat)


def far(
    leases: Leases,
    poll_seconds: float = POLL_SECONDS,
    router: str | None = None,
    offer: Callable[[Sequence[str]], None] | None = None,
) -> Way:
    """Return the way of a worker that pays for each call, to the address *router*."""
    return Way(leases, FAR_BATCH, poll_seconds=poll_seconds, router=router, offer=offer)
