"""How often an idle worker over HTTPS asks, and what that costs."""

import re
import time

import pytest

from chalicelib.queueing import JobQueue
from chalicelib.settings import PROJECT
from tests.worker.doubles import Flaky, Gated, Reach, work
from tests.worker.harness import ended, submit, wait_for
from worker.engines import EchoEngine
from worker.leases import Leases
from worker.loop import POLL_JITTER
from worker.patience import backoff_seconds
from worker.ways import FIRST_POLL_SECONDS, POLL_SECONDS, far


class Counted(Flaky):
    """Leases that note when they are asked for a job."""

    def __init__(self, leases: Leases, poll_seconds: float) -> None:
        super().__init__(far(leases, poll_seconds), "none", 0)
        self.asked: list[float] = []

    def claim(self, token: str):  # type: ignore[no-untyped-def]  # as Flaky's
        self.asked.append(time.monotonic())
        return super().claim(token)


def test_an_idle_worker_asks_ever_more_seldom_up_to_the_set_maximum() -> None:
    pauses = [
        [
            backoff_seconds(tries, FIRST_POLL_SECONDS, POLL_SECONDS, POLL_JITTER)
            for tries in range(1, 9)
        ]
        for _ in range(200)
    ]

    for whole, seen in zip([1, 2, 4, 8, 10, 10, 10, 10], zip(*pauses, strict=True), strict=True):
        assert whole * (1 - POLL_JITTER) <= min(seen) < max(seen) <= whole
        assert max(seen) - min(seen) > whole * POLL_JITTER / 2


@pytest.mark.slow
def test_an_idle_worker_makes_no_more_calls_than_its_interval_allows(
    reach: Reach, queue: JobQueue
) -> None:
    counted = Counted(reach().leases, poll_seconds=0.5)

    work(counted.way, EchoEngine(), lambda: time.sleep(2))

    assert 4 <= len(counted.asked) <= 2 / (0.5 * (1 - POLL_JITTER)) + 1
    assert queue.gauge().waiting == 0


@pytest.mark.slow
def test_a_worker_that_gets_work_asks_at_once_for_as_much_as_it_has_room_for(
    reach: Reach, queue: JobQueue
) -> None:
    ids = [submit(queue, number) for number in range(3)]
    counted = Counted(reach().leases, poll_seconds=60)
    engine = Gated()

    def meanwhile() -> None:
        wait_for(lambda: queue.gauge().leased == 2)
        engine.gate.set()
        wait_for(lambda: all(ended(queue, job_id) for job_id in ids))

    began = time.monotonic()
    work(counted.way, engine, meanwhile, concurrency=2)

    assert time.monotonic() - began < 2
    assert len(counted.asked) <= 5


@pytest.mark.slow
def test_a_worker_asks_at_once_when_a_job_of_its_ends(reach: Reach, queue: JobQueue) -> None:
    first = submit(queue, 1)
    counted = Counted(reach().leases, poll_seconds=60)
    engine = Gated()
    took = 0.0

    def meanwhile() -> None:
        nonlocal took
        engine.begun.wait(5)
        wait_for(lambda: len(counted.asked) == 2)  # the second found nothing
        second = submit(queue, 2)
        began = time.monotonic()
        engine.gate.set()
        wait_for(lambda: ended(queue, first) and ended(queue, second))
        took = time.monotonic() - began

    work(counted.way, engine, meanwhile, concurrency=2)

    assert took < FIRST_POLL_SECONDS * (1 - POLL_JITTER)


def test_the_docs_state_the_interval_and_what_polling_costs() -> None:
    """Prices as the page names them; the test holds the arithmetic."""
    page = (PROJECT / "docs" / "workers.md").read_text(encoding="utf-8")

    def monthly(seconds: float) -> float:
        polls = 30 * 24 * 3600 / (seconds * (1 - POLL_JITTER / 2))
        return polls * (3.50e-6 + 0.20e-6 + 0.010 * 0.25 * 0.0000166667)

    stated = dict(re.findall(r"\| `--poll-seconds ([0-9.]+)`.*\| ([0-9.]+) USD \|", page))

    assert f"{POLL_SECONDS:g}" in stated
    assert stated == {text: f"{monthly(float(text)):.2f}" for text in stated}
