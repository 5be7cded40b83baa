"""The soak's verdict: it must be able to fail."""

import random

import pytest

from bench.soak import report
from bench.soak.flatness import trend
from bench.soak.report import Course
from bench.soak.system import Sample

SECONDS = 180


def course(leak_mb_per_second: float, noise_mb: float = 0.0) -> Course:
    """Return a run in which the store weighs 3 MB after a warm-up, plus what it leaks."""
    chance = random.Random(7)  # noqa: S311 - the same noise each time
    samples = []
    for second in range(SECONDS):
        warm = min(second / 40, 1.0)
        store = 3 * warm + leak_mb_per_second * second + chance.uniform(-noise_mb, noise_mb)
        samples.append(Sample(second, {"worker": 60.0, "store": store}, keys=100))
    return Course(samples)


def test_noise_about_a_level_is_flat() -> None:
    noisy = course(leak_mb_per_second=0, noise_mb=0.15)

    assert report.growing(noisy) == []


def test_warm_up_does_not_count() -> None:
    warming = course(leak_mb_per_second=0)

    assert trend(warming.weights("store")).growth == pytest.approx(0, abs=1e-9)


def test_leak_of_a_kilobyte_a_job_is_found() -> None:
    leaking = course(leak_mb_per_second=4.5e-3, noise_mb=0.15)

    (told,) = report.growing(leaking)

    assert told.startswith("store grew by 1")


def test_memory_that_falls_is_no_leak() -> None:
    falling = course(leak_mb_per_second=-5e-3)

    assert report.growing(falling) == []


def test_growth_is_the_rise_over_the_second_half_by_its_mean() -> None:
    rising = trend([(second, 100.0 + second) for second in range(101)])

    assert rising.mean == 175
    assert rising.growth == pytest.approx(50 / 175)


def test_too_short_a_run_is_no_verdict() -> None:
    with pytest.raises(ValueError, match="four samples"):
        trend([(0, 1.0), (1, 1.0)])
