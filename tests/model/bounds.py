"""What bounds a tenant's calls in the model: idempotency keys and rates."""

from dataclasses import dataclass, field

from tests.model.terms import Now, Refused, Terms


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
    """A quota per period, of each one's own, spread evenly (a leaky bucket)."""

    now: Now
    quota: int
    period_ms: int
    empty_at: dict[str, float] = field(default_factory=dict)

    def require(self, whose: str, cost: int = 1) -> None:
        """Refuse when *cost* more would not fit into the bucket; charges nothing."""
        if self.quota and self._after(whose, cost) > self.now.ms + self.period_ms:
            raise Refused("rate_limited")

    def charge(self, whose: str, cost: int = 1) -> None:
        """Pour *cost* into the bucket, a second bucket's worth above its brim at most."""
        if self.quota:
            brim = self.now.ms + 2 * self.period_ms
            self.empty_at[whose] = min(self._after(whose, cost), brim)

    def _after(self, whose: str, cost: int) -> float:
        start = max(self.empty_at.get(whose, 0), self.now.ms)
        return start + self.period_ms / self.quota * cost


class Rates:
    """What is charged for what comes in: the tenant's calls, its API key's, the tenant's bytes."""

    def __init__(self, now: Now, terms: Terms) -> None:
        self._calls = Rate(now, terms.rate_quota, terms.rate_ms)
        self._calls_of_key = Rate(now, terms.key_quota, terms.rate_ms)
        self._bytes = Rate(now, terms.bytes_quota, terms.bytes_ms)

    def require(self, tenant: str, api_key: str, size: int) -> None:
        """Refuse what one of the rates does not allow; charges none then."""
        self._calls.require(tenant)
        if api_key:
            self._calls_of_key.require(f"{tenant} {api_key}")
        self._bytes.require(tenant, size)

    def charge(self, tenant: str, api_key: str, size: int) -> None:
        """Charge them all."""
        self._calls.charge(tenant)
        if api_key:
            self._calls_of_key.charge(f"{tenant} {api_key}")
        self._bytes.charge(tenant, size)

    def owe(self, tenant: str, size: int) -> None:
        """Charge bytes that came in unasked."""
        self._bytes.charge(tenant, size)
