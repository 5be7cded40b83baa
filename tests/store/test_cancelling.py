"""Cancel: what waits ends at once, what runs is asked, what has ended stays as it is."""

from collections.abc import Callable

import pytest
import redis

from chalicelib.errors import JobEnded, JobNotFound, LeaseLost
from chalicelib.inbox import Inbox
from chalicelib.jobs import JobState
from chalicelib.leasing import Claim, JobLeases, Outcome
from chalicelib.queueing import JobQueue
from chalicelib.sweeping import Sweeper
from tests.store.harness import (
    BROKEN,
    CANCELLED,
    DONE,
    FLAKY,
    claim,
    contents,
    end,
    job_id,
    lapse,
    pass_deadline,
    pass_delay,
    request,
    stands,
    submit,
    sweep,
    token,
)  # fmt: skip


def test_waiting_job_is_cancelled_at_once_with_one_event(queue: JobQueue, inbox: Inbox) -> None:
    job = submit(queue)

    cancelled = queue.cancel("acme", job.id)

    (event,) = inbox.page("acme", 0, 10)
    assert (cancelled.state, cancelled.version) == (JobState.CANCELLED, 2)
    assert cancelled.ended_at == event.created_at
    assert event.event_type == "job.cancelled"
    assert event.payload == {"job_id": job.id, "state": "cancelled", "attempt": 0}
    assert stands(queue) == (0, 0)


def test_cancelled_job_is_never_claimed(queue: JobQueue, leases: JobLeases) -> None:
    first, second = submit(queue), submit(queue)

    queue.cancel("acme", first.id)

    assert claim(leases).job.id == second.id
    assert leases.claim(token()) is None


def test_job_that_waits_for_another_attempt_is_cancelled_at_once(
    queue: JobQueue, leases: JobLeases
) -> None:
    job = submit(queue)
    leases.finish(claim(leases), FLAKY)

    cancelled = queue.cancel("acme", job.id)

    assert (cancelled.state, cancelled.retry_at) == (JobState.CANCELLED, None)
    assert stands(queue) == (0, 0)


@pytest.mark.parametrize("before", [0, 1])
def test_cancelling_a_running_job_asks_its_worker_and_counts_as_one_change(
    queue: JobQueue, leases: JobLeases, before: int
) -> None:
    job = submit(queue)
    claimed = claim(leases)
    for _ in range(before):
        queue.cancel("acme", job.id)

    asked = queue.cancel("acme", job.id)

    assert (asked.state, asked.cancel_requested) == (JobState.RUNNING, True)
    assert asked.version == claimed.job.version + 1


def test_worker_hears_of_a_cancel_when_it_writes_next(queue: JobQueue, leases: JobLeases) -> None:
    submit(queue)
    claimed = claim(leases)
    before = leases.extend(claimed), leases.append(claimed, 0, ["a"])

    queue.cancel("acme", claimed.job.id)

    after = leases.extend(claimed), leases.append(claimed, 1, ["b"])
    assert (before, after) == ((False, False), (True, True))


def test_worker_confirms_a_cancel_with_one_event(
    queue: JobQueue, leases: JobLeases, inbox: Inbox
) -> None:
    job = submit(queue)
    claimed = claim(leases)
    queue.cancel("acme", job.id)

    state = leases.finish(claimed, CANCELLED)

    ended = queue.fetch("acme", job.id)
    assert state is ended.state is JobState.CANCELLED
    assert (ended.cancel_requested, ended.result, ended.error) == (False, None, None)
    assert [event.event_type for event in inbox.page("acme", 0, 10)] == ["job.cancelled"]


def test_worker_cannot_cancel_what_nobody_asked_to(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    submit(queue)
    claimed = claim(leases)
    stored = contents(raw)

    with pytest.raises(LeaseLost):
        leases.finish(claimed, CANCELLED)

    assert contents(raw) == stored


def test_complete_result_that_comes_first_wins_over_a_cancel(
    queue: JobQueue, leases: JobLeases
) -> None:
    job = submit(queue)
    claimed = claim(leases)
    queue.cancel("acme", job.id)

    state = leases.finish(claimed, DONE)

    assert state is JobState.SUCCEEDED
    assert queue.fetch("acme", job.id).result == DONE.result


def _fail_for_good(leases: JobLeases, claimed: Claim) -> None:
    leases.finish(claimed, BROKEN)


def _fail_for_now(leases: JobLeases, claimed: Claim) -> None:
    leases.finish(claimed, FLAKY)


def _give_back(leases: JobLeases, claimed: Claim) -> None:
    leases.release(claimed)


@pytest.mark.parametrize(
    ("deed", "state"),
    [
        (_fail_for_good, JobState.FAILED),
        (_fail_for_now, JobState.CANCELLED),
        (_give_back, JobState.CANCELLED),
    ],
)
def test_asked_job_that_does_not_succeed_does_not_run_again(
    queue: JobQueue,
    leases: JobLeases,
    deed: Callable[[JobLeases, Claim], None],
    state: JobState,
) -> None:
    job = submit(queue)
    claimed = claim(leases)
    queue.cancel("acme", job.id)

    deed(leases, claimed)

    assert queue.fetch("acme", job.id).state is state
    assert leases.claim(token()) is None


def test_asked_job_whose_lease_lapses_is_cancelled(
    queue: JobQueue, leases: JobLeases, sweeper: Sweeper, raw: "redis.Redis"
) -> None:
    job = submit(queue)
    lost = claim(leases)
    queue.cancel("acme", job.id)
    lapse(raw, lost)

    assert sweep(sweeper) == ["reclaim"]

    assert queue.fetch("acme", job.id).state is JobState.CANCELLED


def test_job_cancelled_after_it_was_delayed_does_not_return(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis"
) -> None:
    job = submit(queue)
    leases.finish(claim(leases), FLAKY)
    pass_delay(raw, job.id)
    queue.cancel("acme", job.id)

    assert leases.claim(token()) is None


def test_cancelled_job_has_no_deadline_left(
    queue: JobQueue, sweeper: Sweeper, raw: "redis.Redis"
) -> None:
    job = queue.submit(request(deadline_seconds=60)).job
    pass_deadline(raw, job.id)

    queue.cancel("acme", job.id)

    assert sweep(sweeper) == []


def test_cancelling_again_changes_nothing(queue: JobQueue, raw: "redis.Redis") -> None:
    job = submit(queue)
    first = queue.cancel("acme", job.id)
    stored = contents(raw)

    again = queue.cancel("acme", job.id)

    assert again == first
    assert contents(raw) == stored


@pytest.mark.parametrize("outcome", [DONE, BROKEN])
def test_job_that_ended_otherwise_cannot_be_cancelled(
    queue: JobQueue, leases: JobLeases, raw: "redis.Redis", outcome: Outcome
) -> None:
    job = submit(queue)
    end(queue, leases, outcome)
    stored = contents(raw)

    with pytest.raises(JobEnded):
        queue.cancel("acme", job.id)

    assert contents(raw) == stored


def test_another_tenants_job_cannot_be_cancelled(queue: JobQueue, raw: "redis.Redis") -> None:
    job = submit(queue)
    stored = contents(raw)

    with pytest.raises(JobNotFound):
        queue.cancel("umbrella", job.id)
    with pytest.raises(JobNotFound):
        queue.cancel("acme", job_id())

    assert contents(raw) == stored
