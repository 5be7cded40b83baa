"""Both releases at random on one store: nothing lost, nothing doubled, no byte stays counted."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from chalicelib import keyspace
from chalicelib.store import Store
from tests.releases.conftest import OldSide
from tests.releases.mixture import LEASE_SECONDS, TENANTS, Mixture, end_retention

pytestmark = pytest.mark.slow

STEPS = 1000


@pytest.fixture
def hasty(old_code: Path, variables: dict[str, str]) -> Iterator[OldSide]:
    """The old release with leases that lapse soon."""
    told = {"PYTHONPATH": str(old_code), "TINYLLAMA_LEASE_SECONDS": str(LEASE_SECONDS)}
    side = OldSide(old_code, variables | told)
    yield side
    side.close()


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_two_releases_do_nothing_is_lost_or_doubled(
    store: Store, hasty: OldSide, raw: "redis.Redis", seed: int
) -> None:
    mixture = Mixture(store, hasty, raw, seed)

    for _ in range(STEPS):
        mixture.step()
    mixture.drain()

    told, pending = mixture.ends_told(), mixture.pending()
    once = {job_id for job_id in mixture.jobs if job_id not in mixture.erased}
    assert {each: told[each] for each in once} == {each: 1 + mixture.retried[each] for each in once}
    assert all(1 <= told[each] <= 1 + mixture.retried[each] for each in mixture.erased)
    assert pending == mixture.events.keys() - mixture.acknowledged
    end_retention(raw)
    report = mixture.upkeep.tick()
    for tenant in TENANTS:
        assert list(mixture.inbox.page(tenant, 0, 200)) == []
        assert not raw.exists(keyspace.tenant_counts(tenant), keyspace.jobs(tenant))
    assert report.gauge.bytes == 0
    forever = {key for key in raw.scan_iter() if raw.ttl(key) == -1}
    known = {keyspace.SEQUENCE, keyspace.COUNTERS, keyspace.METRICS, keyspace.JOBS_BELL}
    assert forever <= known
