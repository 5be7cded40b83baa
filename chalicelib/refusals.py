"""What is refused for want of room or too great a rate, and how a caller hears of a rate."""

import math
from dataclasses import dataclass

from chalicelib import limits
from chalicelib.errors import InboxFull, QueueFull, RateLimited, RouterError, StoreFull


@dataclass(frozen=True)
class Rate:
    """What *policy* leaves of *quota* calls a minute: how many, and seconds until it is all."""

    policy: str
    quota: int
    left: int
    reset_seconds: int


def headers(*rates: Rate) -> dict[str, str]:
    """Tell a caller of *rates*, none for none (draft-ietf-httpapi-ratelimit-headers)."""
    if not rates:
        return {}
    window = limits.RATE_WINDOW_SECONDS
    return {
        "RateLimit": ", ".join(
            f'"{each.policy}";r={each.left};t={each.reset_seconds}' for each in rates
        ),
        "RateLimit-Policy": ", ".join(
            f'"{each.policy}";q={each.quota};w={window}' for each in rates
        ),
    }


def rate(policy: str, quota: int, left: int, reset_ms: int) -> list[Rate]:
    """Return the rate as a move tells it, nothing where none was charged (*left* is negative)."""
    return [] if left < 0 else [Rate(policy, quota, left, math.ceil(reset_ms / 1000))]


def too_often(policy: str, quota: int, pause_ms: int) -> RateLimited:
    """Return the failure of one call too many under *policy*, *pause_ms* before one is allowed."""
    # The next call is allowed when a step of time is over; all are a whole window later.
    reset_ms = pause_ms + limits.RATE_WINDOW_SECONDS * 1000 * (1 - 1 / quota)
    told = headers(Rate(policy, quota, 0, math.ceil(reset_ms / 1000)))
    told |= {"Retry-After": str(max(1, math.ceil(pause_ms / 1000)))}
    whose = "key" if policy.startswith("key") else "tenant"
    return RateLimited(f"this {whose} calls more often than it may", headers=told)


def refused(reason: str) -> RouterError:
    """Return the failure that a move's *reason* stands for, with when to try again."""
    if reason == "inbox":
        return InboxFull("acknowledge events to make room for more")
    again = {"Retry-After": str(limits.RETRY_AFTER_SECONDS)}
    if reason == "memory":
        return StoreFull("what is stored goes on; nothing new is taken", headers=again)
    return QueueFull("the queue is full; what is queued runs first", headers=again)
