"""What is refused for want of room or too great a rate, and how a caller hears of a rate."""

import math
from dataclasses import dataclass

from chalicelib import limits
from chalicelib.errors import (
    InboxFull,
    QueueFull,
    RateLimited,
    RouterError,
    StoreFull,
    TooManyJobs,
)


@dataclass(frozen=True)
class Rate:
    """What *policy* leaves of *quota*: how much, and seconds until it is all.

    Calls a minute, or *unit* (the draft's ``qu``) in *window_seconds*.
    """

    policy: str
    quota: int
    left: int
    reset_seconds: int
    window_seconds: int = limits.RATE_WINDOW_SECONDS
    unit: str = ""

    @property
    def terms(self) -> str:
        """What holds, whatever is left."""
        unit = f';qu="{self.unit}"' if self.unit else ""
        return f'"{self.policy}";q={self.quota}{unit};w={self.window_seconds}'


def headers(*rates: Rate) -> dict[str, str]:
    """Tell a caller of *rates*, none for none (draft-ietf-httpapi-ratelimit-headers)."""
    if not rates:
        return {}
    return {
        "RateLimit": ", ".join(
            f'"{each.policy}";r={each.left};t={each.reset_seconds}' for each in rates
        ),
        "RateLimit-Policy": ", ".join(each.terms for each in rates),
    }


def rate(policy: str, quota: int, left: int, reset_ms: int) -> list[Rate]:
    """Return the rate as a move tells it, nothing where none was charged (*left* is negative)."""
    return [] if left < 0 else [Rate(policy, quota, left, math.ceil(reset_ms / 1000))]


def too_often(policy: str, quota: int, pause_ms: int) -> RateLimited:
    """Return the failure of one call too many under *policy*, *pause_ms* before one is allowed."""
    # The next call is allowed when a step of time is over; all are a whole window later.
    reset_ms = pause_ms + limits.RATE_WINDOW_SECONDS * 1000 * (1 - 1 / quota)
    return limited(Rate(policy, quota, 0, math.ceil(reset_ms / 1000)), pause_ms)


def limited(rate: Rate, pause_ms: float) -> RateLimited:
    """Return the failure of a call that *rate* does not allow for *pause_ms*."""
    told = headers(rate) | {"Retry-After": str(max(1, math.ceil(pause_ms / 1000)))}
    whose = "key" if rate.policy.startswith("key") else "tenant"
    what = "brings in more" if rate.unit else "calls more often"
    return RateLimited(f"this {whose} {what} than it may", headers=told)


def refused(reason: str) -> RouterError:
    """Return the failure that a move's *reason* stands for, with when to try again."""
    if reason == "inbox":
        return InboxFull("acknowledge events to make room for more")
    again = {"Retry-After": str(limits.RETRY_AFTER_SECONDS)}
    if reason == "memory":
        return StoreFull("what is stored goes on; nothing new is taken", headers=again)
    if reason in {"jobs", "key-jobs"}:
        whose = "tenant" if reason == "jobs" else "key"
        detail = f"this {whose} has as many jobs under way as it may; one that ends makes room"
        return TooManyJobs(detail, headers=again)
    return QueueFull("the queue is full; what is queued runs first", headers=again)
