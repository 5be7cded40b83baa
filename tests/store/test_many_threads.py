"""One queue, many threads: each job runs once, and nothing depends on the client's clock."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from chalicelib.inbox import Inbox
from chalicelib.jobs import JobState
from chalicelib.leasing import JobLeases
from chalicelib.queueing import JobQueue
from tests.store.harness import DONE, claim, draft, now_ms, stands, submit, token

THREADS = 16
JOBS = 500


@pytest.mark.slow
def test_many_threads_run_each_job_once(
    queue: JobQueue, leases: JobLeases, inbox: Inbox, raw: "redis.Redis"
) -> None:
    with ThreadPoolExecutor(THREADS) as threads:
        jobs = list(threads.map(lambda _: submit(queue).id, range(JOBS)))

    def run_until_empty(_: int) -> list[str]:
        ran = []
        while claimed := leases.claim(token()):
            leases.append(claimed, 0, ["Hello"])
            leases.finish(claimed, DONE)
            ran.append(claimed.job.id)
        return ran

    with ThreadPoolExecutor(THREADS) as threads:
        ran = [job for some in threads.map(run_until_empty, range(THREADS)) for job in some]

    told = Counter(event.payload["job_id"] for event in inbox.page("acme", 0, JOBS + 1))
    assert Counter(ran) == told == Counter(jobs)
    assert {queue.fetch("acme", job).state for job in jobs} == {JobState.SUCCEEDED}
    assert stands(queue) == (0, 0)
    del raw


def test_nothing_depends_on_the_clients_clock(
    queue: JobQueue,
    leases: JobLeases,
    inbox: Inbox,
    raw: "redis.Redis",
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(time, "time", lambda: 1.0)
    monkeypatch.setattr(time, "time_ns", lambda: 1_000_000_000)
    before = now_ms(raw)

    job = submit(queue)
    claimed = claim(leases)
    leases.extend(claimed)
    leases.append(claimed, 0, ["a"])
    other = leases.claim(token())
    leases.finish(claimed, DONE)
    event = inbox.publish(draft()).event
    leases.beat("worker", 1)

    ended = queue.fetch("acme", job.id)
    moments = [ended.created_at, ended.started_at, ended.first_token_at, ended.ended_at]
    assert other is None
    assert all(before <= moment <= now_ms(raw) for moment in [*moments, event.created_at] if moment)
    assert None not in moments
    assert queue.gauge().workers == 1
