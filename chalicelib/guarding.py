"""What a visit adds to a move: the keys and terms of ``lua/lib/guard.lua``, and what it answers."""

import json
from collections.abc import Sequence
from typing import Any

from chalicelib import keyspace, limits, refusals
from chalicelib.errors import TokenRejected
from chalicelib.visits import Visit


def keys(visit: Visit) -> tuple[str, ...]:
    """Return the keys that come after a move's own."""
    tenant, key_id = visit.tenant, visit.key_id
    return (
        keyspace.api_key(tenant, key_id),
        keyspace.requests(tenant),
        keyspace.key_requests(tenant, key_id),
    )


def terms(visit: Visit) -> str:
    """Return what comes after a move's own arguments; asked for once per try, since it charges."""
    quota, key_quota = visit.charge()
    told = {
        "keyed": bool(visit.key_id),
        "digest": visit.key_digest,
        "quota": quota,
        "key_quota": key_quota,
        "window_ms": limits.RATE_WINDOW_SECONDS * 1000,
    }
    return json.dumps(told)


def admitted(visit: Visit, answer: Sequence[Any]) -> Any:
    """Return what the move itself answered.

    Raises TokenRejected ``key_revoked``, RateLimited; nothing was done then, nor is it when more is
    asked during the same visit.
    """
    verdict, *told = answer
    if verdict != "done":
        visit.spare()
    if verdict == "revoked":
        raise TokenRejected("key_revoked")
    quotas = {"requests": visit.quota, "key-requests": visit.key_quota}
    if verdict == "rate":
        policy, pause_ms = told
        raise refusals.too_often(policy, quotas[policy], pause_ms)
    left, reset_ms, key_left, key_reset_ms = told[:4]
    visit.rates += refusals.rate("requests", quotas["requests"], left, reset_ms)
    visit.rates += refusals.rate("key-requests", quotas["key-requests"], key_left, key_reset_ms)
    # A move that answers nothing leaves the list shorter.
    return told[4] if len(told) > 4 else None  # noqa: PLR2004 - the four numbers above
