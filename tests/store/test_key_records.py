"""API keys in the store: what a record lets through, and how it ends."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import redis

from chalicelib import keyspace, limits, visits
from chalicelib.api_keys import ApiKey
from chalicelib.bounds import RetentionSettings
from chalicelib.erasure import TenantErasure
from chalicelib.errors import (
    ApiKeyEnded,
    ApiKeyNotFound,
    ApiKeysFull,
    InvalidBody,
    RouterError,
    StoreUnavailable,
    TokenRejected,
)  # fmt: skip
from chalicelib.key_records import KeyRecord, KeyRecords
from chalicelib.queueing import JobQueue
from chalicelib.store import Store
from chalicelib.visits import Visit
from tests.store.harness import SETTINGS, contents, now_ms, request
from tests.store.harness import key as signed

DAY_MS = 24 * 3600 * 1000


@pytest.fixture
def keys(store: Store) -> KeyRecords:
    return KeyRecords(store)


def pass_time(raw: "redis.Redis", key: ApiKey, ms: int) -> None:
    """Leave the store as it is *ms* later, as far as the key is concerned."""
    record, index = keyspace.api_key(key.tenant, key.id), keyspace.api_keys(key.tenant)
    for field in ("expires_at", "ends_at", "revoked_at", "created_at"):
        if told := raw.hget(record, field):
            raw.hset(record, field, int(told) - ms)
    raw.pexpireat(record, raw.pexpiretime(record) - ms)
    raw.zincrby(index, -ms, key.id)
    if raw.zscore(keyspace.live_api_keys(key.tenant), key.id):
        raw.zincrby(keyspace.live_api_keys(key.tenant), -ms, key.id)


def only(keys: KeyRecords, tenant: str = "acme") -> KeyRecord:
    """Return the one key that the tenant has."""
    (found,) = keys.list(tenant, 0, 10).keys
    return found


def opens(store: Store, key: ApiKey) -> bool:
    """Whether a request that shows the key is served."""
    with visits.serving(Visit(key.tenant, key.id, key_digest=key.digest)):
        try:
            JobQueue(store, SETTINGS).submit(request(key.tenant))
        except TokenRejected as refusal:
            return refusal.code != "key_revoked"
    return True


def test_a_registered_key_is_told_as_it_was_signed(keys: KeyRecords, raw: "redis.Redis") -> None:
    key = signed(raw)

    record, known = keys.register(key)

    assert not known
    assert (record.id, record.tenant, record.name) == (key.id, "acme", "shop")
    assert (record.scopes, record.revoked_at) == (("a:b", "jobs:read"), None)
    assert (record.expires_at, record.state) == (key.expires_at * 1000, "active")
    assert 0 <= now_ms(raw) - record.created_at < 25_000
    assert replace(only(keys), now=0) == replace(record, now=0)


def test_a_key_opens_from_its_registration_on(
    keys: KeyRecords, store: Store, raw: "redis.Redis"
) -> None:
    key = signed(raw)
    before = opens(store, key)

    keys.register(key)

    assert (before, opens(store, key)) == (False, True)


def test_registering_again_answers_the_same_and_changes_nothing(
    keys: KeyRecords, raw: "redis.Redis"
) -> None:
    key = signed(raw)
    first, _ = keys.register(key)
    stored = contents(raw)

    again, known = keys.register(key)

    assert known
    assert replace(again, now=first.now) == first
    assert contents(raw) == stored


@pytest.mark.parametrize("revoked", [False, True])
def test_another_key_is_not_taken_for_the_one_whose_id_it_bears(
    keys: KeyRecords, store: Store, raw: "redis.Redis", *, revoked: bool
) -> None:
    key = signed(raw)
    another = replace(key, digest="e" * 64)
    keys.register(key)
    if revoked:
        keys.revoke(key.tenant, key.id, 0)
    stored = contents(raw)

    with pytest.raises(InvalidBody) as refusal:
        keys.register(another)

    assert [error.pointer for error in refusal.value.errors] == ["/key"]
    assert contents(raw) == stored
    assert (opens(store, key), opens(store, another)) == (not revoked, False)


def test_the_same_id_is_two_keys_to_two_tenants(
    keys: KeyRecords, store: Store, raw: "redis.Redis"
) -> None:
    ours = signed(raw)
    theirs = replace(ours, tenant="umbrella")
    keys.register(ours)
    keys.register(theirs)

    keys.revoke("umbrella", theirs.id, 0)

    assert (opens(store, ours), opens(store, theirs)) == (True, False)


def test_a_record_lives_until_a_day_after_its_key(keys: KeyRecords, raw: "redis.Redis") -> None:
    key = signed(raw)

    keys.register(key)
    keys.revoke(key.tenant, key.id, 0)

    record = keyspace.api_key(key.tenant, key.id)
    assert raw.pexpiretime(record) == key.expires_at * 1000 + DAY_MS


def test_a_key_with_the_latest_expiry_there_is_can_be_registered_listed_and_revoked(
    keys: KeyRecords, store: Store, raw: "redis.Redis"
) -> None:
    key = replace(signed(raw), expires_at=253_402_300_799)

    keys.register(key)
    served = opens(store, key)
    keys.revoke(key.tenant, key.id, limits.KEY_GRACE_SECONDS)

    assert served
    assert only(keys).expires_at == 253_402_300_799_000


def test_an_expired_key_is_not_registered_by_the_stores_clock(
    keys: KeyRecords, raw: "redis.Redis"
) -> None:
    with pytest.raises(ApiKeyEnded):
        keys.register(signed(raw, seconds=0))

    assert contents(raw) == {}


def test_a_key_stops_opening_when_it_expires_by_the_stores_clock(
    keys: KeyRecords, store: Store, raw: "redis.Redis"
) -> None:
    key = signed(raw)
    keys.register(key)
    before = opens(store, key)

    pass_time(raw, key, 3_600_001)

    assert (before, opens(store, key)) == (True, False)
    assert only(keys).state == "expired"


@pytest.mark.parametrize("state", ["expired", "revoked"])
def test_an_ended_key_is_not_registered_again(
    keys: KeyRecords, store: Store, raw: "redis.Redis", state: str
) -> None:
    key = signed(raw)
    keys.register(key)
    if state == "revoked":
        keys.revoke(key.tenant, key.id, 0)
    else:
        pass_time(raw, key, 3_600_001)
        key = replace(key, expires_at=key.expires_at - 3601)
    stored = contents(raw)

    with pytest.raises(ApiKeyEnded):
        keys.register(key)

    assert (only(keys).state, opens(store, key)) == (state, False)
    assert {**contents(raw), **stored} == contents(raw)


def test_a_revoked_key_stops_opening_at_once(
    keys: KeyRecords, store: Store, raw: "redis.Redis"
) -> None:
    key = signed(raw)
    keys.register(key)

    keys.revoke(key.tenant, key.id, 0)

    assert not opens(store, key)
    found = only(keys)
    assert found.state == "revoked"
    assert found.revoked_at is not None
    assert found.revoked_at <= found.now


def test_a_key_in_its_grace_opens_until_that_is_over(
    keys: KeyRecords, store: Store, raw: "redis.Redis"
) -> None:
    key = signed(raw)
    keys.register(key)

    keys.revoke(key.tenant, key.id, 60)

    found = only(keys)
    assert found.revoked_at is not None
    assert 35_000 < found.revoked_at - found.now <= 60_000
    assert (found.state, opens(store, key)) == ("active", True)
    pass_time(raw, key, 60_001)
    assert (only(keys).state, opens(store, key)) == ("revoked", False)


def test_a_key_in_its_grace_is_not_registered_anew(keys: KeyRecords, raw: "redis.Redis") -> None:
    key = signed(raw)
    keys.register(key)
    keys.revoke(key.tenant, key.id, 60)

    with pytest.raises(ApiKeyEnded):
        keys.register(key)


@pytest.mark.parametrize(("first", "second", "left"), [(60, 30, 30), (30, 60, 30), (0, 60, 0)])
def test_a_later_grace_never_lengthens_a_life(
    keys: KeyRecords, raw: "redis.Redis", first: int, second: int, left: int
) -> None:
    key = signed(raw)
    keys.register(key)
    keys.revoke(key.tenant, key.id, first)

    keys.revoke(key.tenant, key.id, second)

    found = only(keys)
    assert found.revoked_at is not None
    assert left * 1000 - 25_000 < found.revoked_at - found.now <= left * 1000


def test_a_grace_never_lengthens_a_life_beyond_the_keys_own(
    keys: KeyRecords, store: Store, raw: "redis.Redis"
) -> None:
    key = signed(raw)
    keys.register(key)

    keys.revoke(key.tenant, key.id, 3700)

    pass_time(raw, key, 3_600_001)
    assert (only(keys).state, opens(store, key)) == ("expired", False)
    pass_time(raw, key, 200_000)
    assert only(keys).state == "expired"


def test_revoking_again_changes_nothing(keys: KeyRecords, raw: "redis.Redis") -> None:
    key = signed(raw)
    keys.register(key)
    keys.revoke(key.tenant, key.id, 0)
    stored = contents(raw)

    keys.revoke(key.tenant, key.id, 0)

    assert contents(raw) == stored


def test_revoking_an_expired_key_changes_nothing(keys: KeyRecords, raw: "redis.Redis") -> None:
    key = signed(raw)
    keys.register(key)
    pass_time(raw, key, 3_600_001)
    stored = contents(raw)

    keys.revoke(key.tenant, key.id, 0)

    assert contents(raw) == stored
    assert (only(keys).state, only(keys).revoked_at) == ("expired", None)


def test_a_key_that_is_absent_or_anothers_is_not_found_alike(
    keys: KeyRecords, store: Store, raw: "redis.Redis"
) -> None:
    key = signed(raw, "umbrella")
    keys.register(key)
    refusals: list[dict[str, object]] = []

    for key_id in (key.id, f"key_{0:032x}"):
        with pytest.raises(ApiKeyNotFound) as refusal:
            keys.revoke("acme", key_id, 0)
        refusals.append(refusal.value.problem("request"))

    assert refusals[0] == refusals[1]
    assert opens(store, key)


def test_a_key_is_revoked_although_the_store_is_full(
    keys: KeyRecords, store: Store, raw: "redis.Redis"
) -> None:
    key = signed(raw)
    keys.register(key)
    raw.config_set("maxmemory", 1)
    try:
        with pytest.raises(StoreUnavailable):
            keys.register(signed(raw))
        keys.revoke(key.tenant, key.id, 0)
    finally:
        raw.config_set("maxmemory", 0)

    assert not opens(store, key)


def test_a_page_ends_at_its_limit_and_the_next_goes_on_there(
    keys: KeyRecords, raw: "redis.Redis"
) -> None:
    made = [signed(raw, seconds=seconds) for seconds in (60, 70, 70, 70, 70, 70, 80)]
    base = made[0].expires_at
    made = [replace(key, expires_at=base + (0, 9, 9, 9, 9, 9, 20)[i]) for i, key in enumerate(made)]
    for key in reversed(made):
        keys.register(key)
    seen: list[str] = []
    cursor: int | None = 0
    sizes: list[int] = []

    while cursor is not None and len(sizes) < 9:
        page = keys.list("acme", cursor, 2)
        seen += [each.id for each in page.keys]
        sizes.append(len(page.keys))
        cursor = page.cursor

    tied = sorted(key.id for key in made[1:6])
    assert seen == [made[0].id, *tied, made[6].id]
    assert sizes == [2, 2, 2, 1]


def test_a_page_passes_over_nothing_when_what_came_before_is_gone(
    keys: KeyRecords, raw: "redis.Redis"
) -> None:
    first, second, third, last = (signed(raw) for _ in range(4))
    tied = [replace(key, expires_at=first.expires_at) for key in (first, second, third)]
    last = replace(last, expires_at=first.expires_at + 60)
    for key in (*tied, last):
        keys.register(key)
    page = keys.list("acme", 0, 2)
    for key in tied:
        pass_time(raw, key, 3_600_001 + DAY_MS)

    following = keys.list("acme", page.cursor or 0, 2)

    assert [each.id for each in following.keys] == [last.id]


def test_a_list_tells_a_key_until_a_day_after_it_expired_and_forgets_it_then(
    keys: KeyRecords, raw: "redis.Redis"
) -> None:
    key, other = signed(raw), signed(raw)
    keys.register(key)
    keys.register(other)
    pass_time(raw, key, 3_600_000 + DAY_MS - 5000)
    shortly_before = {each.id for each in keys.list("acme", 0, 10).keys}

    pass_time(raw, key, 5001)

    assert shortly_before == {key.id, other.id}
    assert [each.id for each in keys.list("acme", 0, 10).keys] == [other.id]
    assert raw.zrange(keyspace.api_keys("acme"), 0, -1) == [other.id]


def test_a_list_leaves_out_what_has_lost_its_record(keys: KeyRecords, raw: "redis.Redis") -> None:
    key, other = signed(raw), signed(raw)
    keys.register(key)
    keys.register(other)

    raw.delete(keyspace.api_key("acme", key.id))

    assert [each.id for each in keys.list("acme", 0, 10).keys] == [other.id]


def test_a_tenant_has_as_many_keys_that_work_as_it_may(
    keys: KeyRecords, raw: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "API_KEYS_PER_TENANT", 2)
    first, second, third = (signed(raw) for _ in range(3))
    keys.register(first)
    keys.register(second)
    keys.revoke("acme", first.id, 60)  # it works on for so long

    with pytest.raises(ApiKeysFull):
        keys.register(third)

    assert keys.register(second)[1]
    assert keys.register(signed(raw, "umbrella"))[1] is False


@pytest.mark.parametrize("end", ["revoked", "revoked twice", "out of grace", "expired"])
def test_a_key_that_has_ended_leaves_its_place_and_is_listed_on(
    keys: KeyRecords, raw: "redis.Redis", monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    monkeypatch.setattr(limits, "API_KEYS_PER_TENANT", 1)
    first, second = signed(raw), signed(raw, seconds=7200)
    keys.register(first)
    if end != "expired":
        keys.revoke("acme", first.id, 0 if end == "revoked" else 60)
    if end == "revoked twice":
        keys.revoke("acme", first.id, 0)
    if end == "out of grace":
        pass_time(raw, first, 60_001)
    if end == "expired":
        pass_time(raw, first, 3_600_001)

    keys.register(second)

    assert [each.id for each in keys.list("acme", 0, 10).keys] == [first.id, second.id]
    assert raw.zrange(keyspace.live_api_keys("acme"), 0, -1) == [second.id]
    with pytest.raises(ApiKeysFull):
        keys.register(signed(raw))


def test_a_tenant_has_as_many_keys_that_are_remembered_as_it_may(
    keys: KeyRecords, raw: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "API_KEYS_REMEMBERED", 2)
    for key in (signed(raw), signed(raw)):
        keys.register(key)
        keys.revoke("acme", key.id, 0)

    with pytest.raises(ApiKeysFull):
        keys.register(signed(raw))

    assert len(keys.list("acme", 0, 10).keys) == 2


def test_room_is_made_by_keys_that_are_kept_no_more(
    keys: KeyRecords, raw: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "API_KEYS_REMEMBERED", 1)
    first, second = signed(raw), signed(raw)
    keys.register(first)
    pass_time(raw, first, 3_600_001 + DAY_MS)

    _, known = keys.register(second)

    assert not known
    assert raw.zrange(keyspace.api_keys("acme"), 0, -1) == [second.id]


def _at_once(*calls: Callable[[], object]) -> None:
    """Make all calls at the same time; a refusal is an answer, too."""
    ready = threading.Barrier(len(calls))

    def call(each: Callable[[], object]) -> None:
        ready.wait()
        try:
            each()
        except RouterError as error:
            assert isinstance(error, ApiKeyEnded | ApiKeyNotFound | ApiKeysFull)  # noqa: PT017

    with ThreadPoolExecutor(len(calls)) as pool:
        list(pool.map(call, calls))


def test_a_key_that_is_registered_while_it_is_revoked_stays_revoked(
    keys: KeyRecords, store: Store, raw: "redis.Redis"
) -> None:
    made = [signed(raw) for _ in range(20)]
    for key in made:
        keys.register(key)

    for key in made:
        _at_once(
            lambda key=key: keys.register(key),  # type: ignore[misc]
            lambda key=key: keys.revoke(key.tenant, key.id, 0),  # type: ignore[misc]
            lambda key=key: keys.register(key),  # type: ignore[misc]
        )

    assert [opens(store, key) for key in made] == [False] * 20
    assert {each.state for each in keys.list("acme", 0, 100).keys} == {"revoked"}


def test_no_race_takes_a_tenant_beyond_its_keys(
    keys: KeyRecords, raw: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "API_KEYS_PER_TENANT", 5)
    made = [signed(raw) for _ in range(12)]

    _at_once(*(lambda key=key: keys.register(key) for key in made))

    assert len(keys.list("acme", 0, 100).keys) == 5


def test_keys_of_an_erased_tenant_are_gone_and_open_nothing(
    operators: Store, raw: "redis.Redis"
) -> None:
    keys = KeyRecords(operators)
    ours, theirs = signed(raw), signed(raw, "umbrella")
    for key in (ours, theirs):
        keys.register(key)
        with visits.serving(Visit(key.tenant, key.id, 100, 100, key.digest)):
            JobQueue(operators, replace(SETTINGS, rate_per_minute=10)).submit(request(key.tenant))

    erased = TenantErasure(operators, SETTINGS, RetentionSettings()).erase("umbrella")

    assert erased.clean
    assert [each for each in contents(raw) if "umbrella" in each] == []
    assert (opens(operators, ours), opens(operators, theirs)) == (True, False)
