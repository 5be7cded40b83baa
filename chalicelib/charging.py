"""What bringing something in costs: calls of a tenant and of its API key, and bytes of the tenant.

The keys and terms of ``lua/lib/rates.lua``, and what it answers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import batched

from chalicelib import keyspace, limits, refusals, visits
from chalicelib.bounds import QueueSettings
from chalicelib.errors import RateLimited, RouterError
from chalicelib.refusals import Rate, limited

# The terms of a move that is charged to nobody.
FREE: dict[str, object] = {"rate_quota": 0, "key_quota": 0, "bytes_quota": 0}


def asking_key() -> str:
    """Return the id of the API key on whose behalf moves are made now, ``""`` for none."""
    visit = visits.current()
    return visit.key_id if visit else ""


@dataclass(frozen=True)
class _Quota:
    policy: str
    amount: int
    window_seconds: int = limits.RATE_WINDOW_SECONDS
    unit: str = ""

    def rate(self, left: int, reset_ms: float) -> Rate:
        seconds = math.ceil(reset_ms / 1000)
        return Rate(self.policy, self.amount, left, seconds, self.window_seconds, self.unit)


class Charges:
    """The rates that *settings* ask, in one order. Immutable."""

    def __init__(self, settings: QueueSettings) -> None:
        per_day = settings.tenant_bytes_per_day
        self._quotas = (
            _Quota("default", settings.rate_per_minute),
            _Quota("key", settings.key_rate_per_minute),
            _Quota("bytes", per_day, limits.DAY_SECONDS, "content-bytes"),
        )

    def keys(self, tenant: str) -> tuple[str, str]:
        """Return the buckets of calls: the tenant's, and that of the API key that asks."""
        return keyspace.rate(tenant), keyspace.key_rate(tenant, asking_key())

    def terms(self) -> dict[str, object]:
        """Return what the moves are told; what no API key asks for is under no key's rate.

        Flat: a list within JSON costs a script as much as three commands.
        """
        calls, of_key, size = self._quotas
        return {
            "rate_quota": calls.amount,
            "rate_ms": calls.window_seconds * 1000,
            "key_quota": of_key.amount if asking_key() else 0,
            "bytes_quota": size.amount,
            "bytes_ms": size.window_seconds * 1000,
        }

    def charged(self, told: Sequence[int]) -> tuple[Rate, ...]:
        """Return the rates that were charged, as a move tells them; none for a repeat."""
        pairs = zip(self._quotas, batched(told, 2), strict=False)
        return tuple(quota.rate(left, reset_ms) for quota, (left, reset_ms) in pairs if left >= 0)

    def refused(self, reason: str, *told: int) -> RouterError:
        """Return the failure that a move's *reason* stands for; *told* is what a rate tells."""
        return self._limited(*told) if reason == "rate" else refusals.refused(reason)

    def _limited(self, which: int, pause_ms: int, used_ms: int) -> RateLimited:
        quota = self._quotas[which]
        window_ms = quota.window_seconds * 1000
        left = max(0, math.floor((window_ms - used_ms) * quota.amount / window_ms))
        return limited(quota.rate(left, used_ms), pause_ms)
