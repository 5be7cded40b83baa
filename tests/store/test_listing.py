"""Lists of jobs: a tenant's own, newest first, a page at a time, filtered."""

from collections import Counter
from typing import Any

import pytest
import redis

from chalicelib import limits
from chalicelib.jobs import Draft, Job, JobState
from chalicelib.leasing import JobLeases
from chalicelib.listing import JobLists
from chalicelib.queueing import JobQueue
from chalicelib.store import Store
from tests.store.harness import (
    BROKEN,
    DONE,
    claim,
    end,
    job_id,
    pass_retention,
    submit,
    sweep,
    sweeper_of,
)  # fmt: skip


@pytest.fixture
def lists(store: Store) -> JobLists:
    """The lists of the queue."""
    return JobLists(store)


def _ids(jobs: tuple[Job, ...]) -> list[str]:
    return [job.id for job in jobs]


def _pages(
    lists: JobLists, limit: int, state: JobState | None = None, model: str | None = None
) -> list[list[str]]:
    """Return the ids on every page, from the first to the last."""
    pages, cursor = [], None
    while True:
        page = lists.jobs("acme", cursor, limit, state, model)
        pages.append(_ids(page.jobs))
        if (cursor := page.cursor) is None:
            return pages


def _submit(queue: JobQueue, model: str) -> str:
    return queue.submit(Draft(job_id(), "acme", {"prompt": "a", "model": model})).job.id


def test_own_jobs_are_listed_newest_first(queue: JobQueue, lists: JobLists) -> None:
    jobs = [submit(queue).id for _ in range(5)]
    submit(queue, "umbrella")

    page = lists.jobs("acme", None, 10)

    assert _ids(page.jobs) == jobs[::-1]
    assert page.cursor is None


def test_tenant_without_jobs_has_an_empty_list(queue: JobQueue, lists: JobLists) -> None:
    submit(queue, "umbrella")

    assert lists.jobs("acme", None, 10).jobs == ()


@pytest.mark.parametrize("limit", [1, 2, 3, 49, 50, 51])
def test_pages_hold_every_job_once(queue: JobQueue, lists: JobLists, limit: int) -> None:
    jobs = [submit(queue).id for _ in range(6)]

    pages = _pages(lists, limit)

    assert [job for page in pages for job in page] == jobs[::-1]
    assert all(len(page) <= limit for page in pages)


def test_jobs_that_come_while_paging_shift_no_page(queue: JobQueue, lists: JobLists) -> None:
    jobs = [submit(queue).id for _ in range(4)]
    first = lists.jobs("acme", None, 2)
    submit(queue)

    second = lists.jobs("acme", first.cursor, 2)

    assert _ids(first.jobs) + _ids(second.jobs) == jobs[::-1]


def test_listed_job_is_the_job_without_request_and_result(
    queue: JobQueue, leases: JobLeases, lists: JobLists
) -> None:
    metadata = {"order": "7"}
    asked = {"prompt": "a secret", "model": "m", "metadata": metadata}
    queue.submit(Draft(job_id(), "acme", asked))
    ended = end(queue, leases)

    (listed,) = lists.jobs("acme", None, 10).jobs

    assert (listed.request, listed.result) == ({}, None)
    assert (listed.id, listed.state, listed.version) == (ended.id, ended.state, ended.version)
    assert (listed.model, listed.metadata, listed.ended_at) == ("m", metadata, ended.ended_at)


def test_list_can_be_of_one_state(queue: JobQueue, leases: JobLeases, lists: JobLists) -> None:
    jobs = [submit(queue).id for _ in range(4)]
    leases.finish(claim(leases), DONE)
    leases.finish(claim(leases), BROKEN)
    claim(leases)

    listed = {state: _pages(lists, 10, state) for state in JobState}

    assert listed[JobState.SUCCEEDED] == [jobs[0:1]]
    assert listed[JobState.FAILED] == [jobs[1:2]]
    assert listed[JobState.RUNNING] == [jobs[2:3]]
    assert listed[JobState.QUEUED] == [jobs[3:4]]
    assert listed[JobState.CANCELLED] == [[]]


def test_list_can_be_of_one_model(queue: JobQueue, leases: JobLeases, lists: JobLists) -> None:
    small, large = _submit(queue, "small"), _submit(queue, "large")
    submit(queue)
    end(queue, leases)

    assert _pages(lists, 10, model="large") == [[large]]
    assert _pages(lists, 10, JobState.SUCCEEDED, "small") == [[small]]
    assert _pages(lists, 10, JobState.SUCCEEDED, "large") == [[]]


def test_filtered_pages_hold_every_job_once(queue: JobQueue, lists: JobLists) -> None:
    wanted = []
    for number in range(30):
        job = _submit(queue, "a" if number % 3 else "b")
        wanted += [job] if number % 3 == 0 else []

    pages = _pages(lists, 3, model="b")

    assert [job for page in pages for job in page] == wanted[::-1]


def test_filter_looks_at_so_many_jobs_and_says_where_to_go_on(
    queue: JobQueue, lists: JobLists, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "JOB_LOOKS", 10)
    wanted = _submit(queue, "b")
    for _ in range(25):
        _submit(queue, "a")

    pages = _pages(lists, 5, model="b")

    assert pages == [[], [], [wanted]]


def test_filter_that_nothing_passes_costs_no_more_than_the_longest_page(
    queue: JobQueue, lists: JobLists, raw: "redis.Redis"
) -> None:
    for _ in range(limits.PAGE_EVENTS_MAX + 50):
        _submit(queue, "a")

    def cost(limit: int, model: str | None) -> int:
        before = Counter(_calls(raw))
        lists.jobs("acme", None, limit, model=model)
        return (Counter(_calls(raw)) - before)["cmdstat_hmget"]

    assert cost(1, "none") == cost(limits.PAGE_EVENTS_MAX, None) == limits.PAGE_EVENTS_MAX


def _calls(raw: "redis.Redis") -> dict[str, int]:
    """Return how often each command was called."""
    told: Any = raw.info("commandstats")
    return {name: stat["calls"] for name, stat in told.items()}


def test_retried_job_keeps_its_place_in_the_list(
    queue: JobQueue, leases: JobLeases, lists: JobLists
) -> None:
    jobs = [submit(queue).id for _ in range(3)]
    failed = end(queue, leases, BROKEN)

    queue.retry("acme", failed.id, failed.version)

    assert _ids(lists.jobs("acme", None, 10).jobs) == jobs[::-1]


def test_removed_jobs_shorten_no_page(
    store: Store, queue: JobQueue, leases: JobLeases, lists: JobLists, raw: "redis.Redis"
) -> None:
    jobs = [submit(queue).id for _ in range(6)]
    for _ in range(3):
        pass_retention(raw, end(queue, leases).id)
    sweep(sweeper_of(store))

    assert _pages(lists, 2)[0] == [jobs[5], jobs[4]]
    assert [job for page in _pages(lists, 2) for job in page] == jobs[:2:-1]
