"""What bounds a tenant's calls in the model: idempotency keys and rates."""

from dataclasses import dataclass, field

from tests.model.terms import Now, Refused


@dataclass
class Keys:
    """Idempotency keys: what each stands for, and with which body, until when."""

    now: Now
    life_ms: int
    known: dict[tuple[str, str], tuple[str, str, int]] = field(default_factory=dict)

    def look(self, tenant: str, key: str | None, body: str) -> str | None:
        """Return the id that the tenant's key stands for. Refuses another body."""
        if key is None or (tenant, key) not in self.known:
            return None
        known_id, known_body, until = self.known[tenant, key]
        if until < self.now.ms:
            return None
        if known_body != body:
            raise Refused("idempotency_key_reused")
        return known_id

    def keep(self, tenant: str, key: str | None, body: str, new_id: str) -> None:
        """Let the tenant's key stand for *new_id* from now on."""
        if key is not None:
            self.known[tenant, key] = (new_id, body, self.now.ms + self.life_ms)


@dataclass
class Rate:
    """A quota of calls per period, each tenant's own, spread evenly (a leaky bucket)."""

    now: Now
    quota: int
    period_ms: int
    empty_at: dict[str, float] = field(default_factory=dict)

    def require(self, tenant: str) -> None:
        """Refuse when one more call would not fit into the bucket; charges nothing."""
        if self.quota and self._after_one(tenant) > self.now.ms + self.period_ms:
            raise Refused("rate_limited")

    def charge(self, tenant: str) -> None:
        """Pour one call into the tenant's bucket."""
        if self.quota:
            self.empty_at[tenant] = self._after_one(tenant)

    def _after_one(self, tenant: str) -> float:
        start = max(self.empty_at.get(tenant, 0), self.now.ms)
        return start + self.period_ms / self.quota
