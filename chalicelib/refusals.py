"""What is refused for want of room or too great a rate, and how a caller hears of a rate."""

import math
from dataclasses import dataclass

from chalicelib import limits
from chalicelib.errors import InboxFull, QueueFull, RateLimited, RouterError, StoreFull


@dataclass(frozen=True)
class Rate:
    """One tenant's calls a minute: how many in all, how many left, seconds until all are."""

    quota: int
    left: int
    reset_seconds: int

    @property
    def headers(self) -> dict[str, str]:
        """How a caller hears of it (draft-ietf-httpapi-ratelimit-headers)."""
        return {
            "RateLimit": f'"default";r={self.left};t={self.reset_seconds}',
            "RateLimit-Policy": f'"default";q={self.quota};w={limits.RATE_WINDOW_SECONDS}',
        }


def refused(reason: str, pause_ms: int = 0, *, quota: int = 0) -> RouterError:
    """Return the failure that a move's *reason* stands for, with when to try again."""
    if reason == "rate":
        pause = {"Retry-After": str(max(1, math.ceil(pause_ms / 1000)))}
        # The next call is allowed when a step of time is over; all are a whole window later.
        reset_ms = pause_ms + limits.RATE_WINDOW_SECONDS * 1000 * (1 - 1 / quota)
        told = pause | Rate(quota, 0, math.ceil(reset_ms / 1000)).headers
        return RateLimited("this tenant calls more often than it may", headers=told)
    if reason == "inbox":
        return InboxFull("acknowledge events to make room for more")
    again = {"Retry-After": str(limits.RETRY_AFTER_SECONDS)}
    if reason == "memory":
        return StoreFull("what is stored goes on; nothing new is taken", headers=again)
    return QueueFull("the queue is full; what is queued runs first", headers=again)


def rate(quota: int, left: int, reset_ms: int) -> Rate | None:
    """Return the rate as a move tells it; None where none was charged (*left* is negative)."""
    return None if left < 0 else Rate(quota, left, math.ceil(reset_ms / 1000))
