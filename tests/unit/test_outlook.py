"""How a job's progress is told: in words, with a time that runs down."""

from datetime import UTC, datetime

import pytest

from tinyllama.outlook import Outlook, progress
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


@pytest.mark.parametrize("eta_seconds", [float("nan"), float("-inf")])
def test_an_estimate_that_is_no_time_is_not_told(eta_seconds: float) -> None:
    assert progress(Job("job_1", "running", 1, eta_seconds=eta_seconds)) == "Running"
