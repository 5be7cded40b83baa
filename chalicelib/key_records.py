"""API keys as the store knows them: registered, revoked, expired. A record holds no key.

Each request that shows an API key looks at its record in the same step as the work (``guarding``).
A record outlives its key by a day, so that a revoked key cannot be registered again as long as it
could be used. All moves are safe to repeat and raise StoreUnavailable when the store is away.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib import keyspace, limits, records
from chalicelib.errors import ApiKeyEnded, ApiKeyNotFound, ApiKeysFull, FieldError, InvalidBody
from chalicelib.scripts import Script
from chalicelib.store import Store

if TYPE_CHECKING:  # it brings the cryptography, which no record needs
    from chalicelib.api_keys import ApiKey

_REGISTER = Script("register")
_REVOKE = Script("revoke")
_LIST = Script("list")

_KEPT_MS = limits.BACKSTOP_SECONDS * 1000
_FIELDS = ("tenant", "name", "scopes", "created_at", "expires_at", "revoked_at")


@dataclass(frozen=True)
class KeyRecord:
    """What is known of an API key at the time *now*; times in ms by the store's clock.

    *created_at* is when it was registered, *revoked_at* from when on it is refused, which may lie
    ahead; None for one that nobody has revoked.
    """

    id: str
    tenant: str
    name: str
    scopes: tuple[str, ...]
    created_at: int
    expires_at: int
    revoked_at: int | None
    now: int

    @property
    def state(self) -> str:
        """``active`` as long as it opens anything, then ``revoked`` or ``expired``."""
        if self.revoked_at is not None and self.revoked_at <= min(self.now, self.expires_at):
            return "revoked"
        return "active" if self.now < self.expires_at else "expired"


@dataclass(frozen=True)
class KeyPage:
    """Some API keys; *cursor* is where the next page begins, None after the last."""

    keys: tuple[KeyRecord, ...]
    cursor: int | None


class KeyRecords:
    """The records of API keys. Thread-safe."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def register(self, key: "ApiKey") -> tuple[KeyRecord, bool]:
        """Let *key* open what it says; returns its record, and whether it was registered before.

        Raises ApiKeyEnded for one that was revoked or has expired, ApiKeysFull, and InvalidBody
        for one whose id another key of the tenant has.
        """
        given = {
            "id": key.id,
            "digest": key.digest,
            "tenant": key.tenant,
            "name": key.name,
            "scopes": " ".join(sorted(key.scopes)),
            "expires_at": key.expires_at * 1000,
            "kept_ms": _KEPT_MS,
            "most": limits.API_KEYS_PER_TENANT,
            "most_kept": limits.API_KEYS_REMEMBERED,
        }
        of_tenant = keyspace.api_keys(key.tenant), keyspace.live_api_keys(key.tenant)
        keys = keyspace.api_key(key.tenant, key.id), *of_tenant
        now, verdict, *told = self._store.run(_REGISTER, keys, (json.dumps(given),))
        if verdict == "ended":
            raise ApiKeyEnded("the key was revoked or has expired: have a new one signed")
        if verdict == "full":
            raise ApiKeysFull(
                f"a tenant may have {limits.API_KEYS_PER_TENANT} keys that work, and"
                f" {limits.API_KEYS_REMEMBERED} with those that were revoked"
            )
        if verdict == "another":
            raise InvalidBody(errors=[FieldError("/key", "another key is registered by this id")])
        return _record(key.id, records.pairs(told[0]), now), verdict == "known"

    def revoke(self, tenant: str, key_id: str, grace_seconds: int) -> None:
        """Refuse the tenant's key from now on, or after a grace, which never lengthens its life.

        Raises ApiKeyNotFound for one that is absent or another tenant's.
        """
        keys = keyspace.api_key(tenant, key_id), keyspace.live_api_keys(tenant)
        if not self._store.run(_REVOKE, keys, (grace_seconds * 1000, key_id)):
            raise ApiKeyNotFound

    def list(self, tenant: str, cursor: int, limit: int) -> KeyPage:
        """Return up to *limit* of the tenant's keys, the first to expire first.

        One is told until a day after it has expired, revoked or not.
        """
        # Keys expire at whole seconds: what is left tells how many of that second came before.
        passed = cursor % 1000
        terms = (cursor - passed, passed, limit + 1, _KEPT_MS)
        now, flat = self._store.run(_LIST, (keyspace.api_keys(tenant),), terms)
        ids, ends = flat[::2][:limit], [int(each) for each in flat[1::2]]
        if not ids:
            return KeyPage((), None)
        read = self._store.read(*(("HMGET", keyspace.api_key(tenant, i), *_FIELDS) for i in ids))
        told = [dict(zip(_FIELDS, values, strict=True)) for values in read]
        found = (_record(i, each, now) for i, each in zip(ids, told, strict=True) if each["tenant"])
        last = ends[len(ids) - 1]
        before = passed if last == cursor - passed else 0
        following = last + before + ends[: len(ids)].count(last)
        return KeyPage(tuple(found), following if len(ends) > limit else None)


def _record(key_id: str, told: Mapping[str, str], now: int) -> KeyRecord:
    return KeyRecord(
        id=key_id,
        tenant=told["tenant"],
        name=told["name"],
        scopes=tuple(told["scopes"].split()),
        created_at=int(told["created_at"]),
        expires_at=int(told["expires_at"]),
        revoked_at=int(told["revoked_at"]) if told["revoked_at"] else None,
        now=now,
    )
