"""What who waits is told: a time that runs down, and that nobody works."""

from datetime import UTC, datetime, timedelta

import pytest

from tinyllama import awaiting, screen
from tinyllama.awaiting import Outlook, progress
from tinyllama.told import Job


@pytest.mark.parametrize(
    ("job", "words"),
    [
        (Job("job_1", "queued", 1, position=2, eta_seconds=8.6), "Waiting: 2 before it, about 9 s"),
        (Job("job_1", "running", 1, attempt=2, eta_seconds=1), "Running (attempt 2), about 1 s"),
        (Job("job_1", "queued", 1, retry_at=datetime.now(UTC)), "Waiting for another attempt"),
    ],
)
def test_progress_is_told_in_words(job: Job, words: str) -> None:
    assert progress(job).startswith(words)


def test_the_time_to_go_runs_down_between_two_answers_and_is_dropped_once_it_has_passed() -> None:
    now = [0.0]
    outlook = Outlook(Job("job_1", "running", 1, eta_seconds=2.0), lambda: now[0])
    told = []
    for moment in (0.0, 1.0, 2.0, 20.0):
        now[0] = moment
        told.append(outlook.words())

    outlook.look(Job("job_1", "running", 1, eta_seconds=0.0))

    assert told == ["Running, about 2 s to go", "Running, about 1 s to go", "Running", "Running"]
    assert outlook.words() == "Running"


@pytest.mark.parametrize(
    "health",
    [{}, {"checks": []}, {"checks": {"workers:live": []}}, {"checks": {"workers:live": 1}}],
)
def test_a_router_that_tells_of_no_workers_is_not_said_to_have_none(
    health: dict[str, object],
) -> None:
    assert awaiting.live(health) is None


def test_a_time_at_a_terminal_is_the_hour_of_today_or_the_day() -> None:
    now = datetime.now().astimezone()

    assert screen.brief(now.astimezone(UTC)) == now.strftime("%H:%M:%S")
    assert len(screen.brief(now - timedelta(days=1))) in {10, 11}
    assert screen.brief(now - timedelta(days=800)) == f"{now - timedelta(days=800):%Y-%m-%d}"
