"""A call that is sent again is given the job that it had: an answer for each caller, none twice."""

import re
import secrets
from collections.abc import Callable
from typing import Any

import pytest
import redis

from chalicelib import keyspace, limits, visits
from chalicelib.attaching import Attendance, Undelivered, call_of
from chalicelib.store import Store
from chalicelib.visits import Visit
from tests.store.harness import job_id, now_ms

SENT = f"/v1/chat/completions {secrets.token_hex(32)}"


@pytest.fixture
def undelivered(store: Store) -> Undelivered:
    """The jobs that no caller has had."""
    return Undelivered(store)


def asked(undelivered: Undelivered, tenant: str = "acme", sent: str = SENT) -> Attendance:
    """Wait for a new job."""
    return undelivered.attach(tenant, call_of(sent), job_id(), 28, retried=False)


def tried_again(undelivered: Undelivered, tenant: str = "acme", sent: str = SENT) -> Attendance:
    """Send the call again."""
    return undelivered.attach(tenant, call_of(sent), job_id(), 28, retried=True)


def left(undelivered: Undelivered) -> Attendance:
    """Leave a job that nobody waits for."""
    attendance = asked(undelivered)
    undelivered.leave(attendance)
    return attendance


def test_a_retry_is_given_the_job_that_nobody_waits_for(undelivered: Undelivered) -> None:
    first = left(undelivered)

    again = tried_again(undelivered)

    assert (again.job_id, again.known) == (first.job_id, True)
    assert again.waiter != first.waiter


def test_a_first_try_is_never_given_an_earlier_job(undelivered: Undelivered) -> None:
    first = left(undelivered)

    second = asked(undelivered)

    assert (second.job_id != first.job_id, second.known) == (True, False)


def test_a_job_that_somebody_waits_for_is_given_to_nobody_else(undelivered: Undelivered) -> None:
    first = asked(undelivered)

    again = tried_again(undelivered)

    assert (again.job_id != first.job_id, again.known) == (True, False)


def test_who_follows_a_redirect_waits_in_place_of_who_was_redirected(
    undelivered: Undelivered,
) -> None:
    first = asked(undelivered)
    other = tried_again(undelivered)

    followed = undelivered.follow("acme", first.call, first.job_id, 28)

    assert other.job_id != first.job_id
    assert not undelivered.deliver(first)
    assert undelivered.deliver(followed)


def test_the_oldest_job_goes_first_and_each_to_one_retry_only(undelivered: Undelivered) -> None:
    waiting = [asked(undelivered) for _ in range(3)]
    for each in reversed(waiting):
        undelivered.leave(each)

    given = [tried_again(undelivered) for _ in range(4)]

    assert {each.job_id for each in given[:3]} == {each.job_id for each in waiting}
    assert [each.known for each in given] == [True, True, True, False]


def test_the_oldest_is_who_asked_first(undelivered: Undelivered, raw: "redis.Redis") -> None:
    young, old = left(undelivered), left(undelivered)
    raw.hset(old.key, old.job_id, "1 1 gone 0")

    assert tried_again(undelivered).job_id == old.job_id
    assert tried_again(undelivered).job_id == young.job_id


def test_an_answer_that_was_lost_on_its_way_is_told_again_once(undelivered: Undelivered) -> None:
    first = asked(undelivered)
    assert undelivered.deliver(first)

    again = tried_again(undelivered)
    assert undelivered.deliver(again)

    assert (again.job_id, again.known) == (first.job_id, True)
    assert not tried_again(undelivered).known


def test_an_answer_that_was_told_goes_to_no_first_try(undelivered: Undelivered) -> None:
    first = asked(undelivered)
    undelivered.deliver(first)

    assert not asked(undelivered).known


def test_an_answer_that_was_told_comes_after_those_that_were_not(undelivered: Undelivered) -> None:
    told, waiting = asked(undelivered), asked(undelivered)
    undelivered.deliver(told)
    undelivered.leave(waiting)

    assert tried_again(undelivered).job_id == waiting.job_id
    assert tried_again(undelivered).job_id == told.job_id


def test_of_answers_that_were_told_the_latest_is_told_again(
    undelivered: Undelivered, raw: "redis.Redis"
) -> None:
    early, late = asked(undelivered), asked(undelivered)
    for each in (late, early):
        undelivered.deliver(each)
    since, until, rest = str(raw.hget(early.key, early.job_id)).split(maxsplit=2)
    raw.hset(early.key, early.job_id, f"{since} {int(until) - 1000} {rest}")

    assert tried_again(undelivered).job_id == late.job_id
    assert tried_again(undelivered).job_id == early.job_id


def test_an_answer_is_told_again_for_ten_seconds_only(
    undelivered: Undelivered, raw: "redis.Redis"
) -> None:
    first = asked(undelivered)
    undelivered.deliver(first)
    since, until, rest = str(raw.hget(first.key, first.job_id)).split(maxsplit=2)
    kept_ms = int(raw.pttl(first.key))
    raw.hset(first.key, first.job_id, f"{since} {now_ms(raw)} {rest}")

    later = tried_again(undelivered)

    assert 9_000 < int(until) - now_ms(raw) <= limits.TOLD_SECONDS * 1000
    assert kept_ms <= limits.TOLD_SECONDS * 1000
    assert not later.known
    assert raw.hkeys(first.key) == [later.job_id]


def test_an_answer_that_was_told_shortens_no_other_ones_hour(
    undelivered: Undelivered, raw: "redis.Redis"
) -> None:
    left(undelivered)
    told = asked(undelivered)

    undelivered.deliver(told)

    assert int(raw.pttl(told.key)) > 3_590_000


def test_a_retry_that_left_before_it_told_is_followed_by_another(undelivered: Undelivered) -> None:
    first = asked(undelivered)
    undelivered.deliver(first)
    again = tried_again(undelivered)
    undelivered.leave(again)

    assert tried_again(undelivered).job_id == first.job_id


def test_a_job_that_there_is_not_is_given_to_nobody(
    undelivered: Undelivered, raw: "redis.Redis"
) -> None:
    first = asked(undelivered)

    undelivered.withdraw(first)

    assert not raw.exists(first.key)


def test_an_answer_goes_to_who_waits_for_it_last(undelivered: Undelivered) -> None:
    first = left(undelivered)
    again = tried_again(undelivered)

    assert not undelivered.deliver(first)
    assert undelivered.deliver(again)


def test_a_wait_that_was_overtaken_frees_nothing(undelivered: Undelivered) -> None:
    first = left(undelivered)
    again = tried_again(undelivered)

    undelivered.leave(first)

    assert tried_again(undelivered).job_id != again.job_id


@pytest.mark.parametrize(
    ("tenant", "sent"), [("globex", SENT), ("acme", SENT.replace("chat/completions", "responses"))]
)
def test_another_tenants_or_paths_call_is_another(
    undelivered: Undelivered, tenant: str, sent: str
) -> None:
    left(undelivered)

    assert not tried_again(undelivered, tenant, sent).known


def test_another_api_keys_call_is_another(undelivered: Undelivered, raw: "redis.Redis") -> None:
    for key_id in ("one", "two"):
        ends: dict[Any, Any] = {"ends_at": now_ms(raw) + 60_000, "digest": "d"}
        raw.hset(keyspace.api_key("acme", key_id), mapping=ends)

    def by(key_id: str, deed: Callable[[Undelivered], Attendance]) -> Attendance:
        with visits.serving(Visit("acme", key_id, key_digest="d")):
            return deed(undelivered)

    mine = by("one", left)

    assert not by("two", tried_again).known
    assert by("one", tried_again).job_id == mine.job_id


def test_a_reply_that_was_lost_changes_nothing(undelivered: Undelivered) -> None:
    old, new = left(undelivered), job_id()

    first = undelivered.attach("acme", call_of(SENT), new, 28, retried=True)
    again = undelivered.attach("acme", call_of(SENT), new, 28, retried=True)

    assert first == again
    assert first.job_id == old.job_id
    assert undelivered.deliver(first)
    assert undelivered.deliver(first)


def test_a_new_job_is_told_as_new_to_a_repeat(undelivered: Undelivered) -> None:
    new = job_id()

    told = [undelivered.attach("acme", call_of(SENT), new, 28, retried=True) for _ in range(2)]

    assert [(each.job_id, each.known) for each in told] == [(new, False)] * 2


def test_only_the_latest_jobs_of_a_call_are_kept(
    undelivered: Undelivered, raw: "redis.Redis"
) -> None:
    jobs = [left(undelivered).job_id for _ in range(limits.UNDELIVERED + 3)]

    (key,) = raw.keys(keyspace.undelivered("acme", "*"))

    kept = set(raw.hkeys(key))
    assert len(kept) == limits.UNDELIVERED
    assert jobs[-1] in kept


def test_what_was_told_gives_way_to_what_was_not(
    undelivered: Undelivered, raw: "redis.Redis"
) -> None:
    jobs = [left(undelivered).job_id for _ in range(limits.UNDELIVERED - 1)]
    told = asked(undelivered)
    undelivered.deliver(told)

    new = asked(undelivered)

    assert set(raw.hkeys(told.key)) == {*jobs, new.job_id}


def test_what_is_waited_for_gives_way_to_nothing(
    undelivered: Undelivered, raw: "redis.Redis"
) -> None:
    waiting = [asked(undelivered) for _ in range(limits.UNDELIVERED)]

    new = asked(undelivered)

    assert set(raw.hkeys(new.key)) == {each.job_id for each in waiting}
    undelivered.leave(new)
    assert undelivered.deliver(new)


def test_what_nobody_asks_for_again_goes_an_hour_after_the_last_change(
    undelivered: Undelivered, raw: "redis.Redis"
) -> None:
    first = left(undelivered)
    raw.pexpire(first.key, 1000)

    undelivered.leave(first)

    assert 3_590_000 < int(raw.pttl(first.key)) <= limits.UNDELIVERED_SECONDS * 1000


def test_a_wait_by_a_clock_that_ran_ahead_keeps_nobody_out(
    undelivered: Undelivered, raw: "redis.Redis"
) -> None:
    first = asked(undelivered)
    ahead = now_ms(raw) + 3_600_000
    raw.hset(first.key, first.job_id, f"{ahead} {ahead} {first.waiter} 0")

    assert tried_again(undelivered).job_id == first.job_id


def test_a_wait_ends_by_itself(undelivered: Undelivered, raw: "redis.Redis") -> None:
    first = asked(undelivered)
    since, until, waiter, _ = str(raw.hget(first.key, first.job_id)).split()
    assert int(until) - int(since) == 28_000
    raw.hset(first.key, first.job_id, f"{since} {now_ms(raw)} {waiter} 0")

    assert tried_again(undelivered).job_id == first.job_id


def test_a_key_of_the_store_holds_no_body(undelivered: Undelivered, raw: "redis.Redis") -> None:
    attendance = asked(undelivered)

    assert keyspace.owner(attendance.key) == "acme"
    assert re.fullmatch(r"[0-9a-f]{64}", attendance.call)
    assert SENT.split()[1] not in str(raw.keys())


@pytest.mark.parametrize("tenant", ["acme", "a:b", "arn:aws:x/y"])
def test_a_tenant_with_colons_owns_what_is_its(undelivered: Undelivered, tenant: str) -> None:
    attendance = asked(undelivered, tenant)

    assert keyspace.owner(attendance.key) == tenant
