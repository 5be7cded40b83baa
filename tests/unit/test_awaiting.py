"""What who waits is told of workers, and at what time a thing was."""

from datetime import UTC, datetime, timedelta

import pytest

from tinyllama import awaiting, screen


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
