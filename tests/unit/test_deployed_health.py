"""A deployment ends well only if its API answers, and within a time."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.unit.health_server import HealthServer
from tinyllama.deployment import health
from tinyllama.deployment.failures import DeploymentFailed

PASS = {"status": "pass", "version": "1.2.3"}
Serve = Callable[..., HealthServer]


class Time:
    """Seconds that pass when somebody pauses, and no others."""

    def __init__(self) -> None:
        self.now = 0.0

    def clock(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def serve() -> Iterator[Serve]:
    started: list[HealthServer] = []

    def start(*answers: tuple[int, dict[str, Any]]) -> HealthServer:
        started.append(HealthServer(*answers))
        return started[-1]

    yield start
    for server in started:
        server.stop()


def _wait(url: str, time: Time | None = None) -> health.Health:
    passing = time or Time()
    return health.wait_for(url, passing.clock, passing.pause)


def test_a_sound_api_is_told_with_its_version(serve: Serve) -> None:
    server = serve((200, PASS))

    found = _wait(server.url + "/")

    assert server.paths == ["/dev/health"]
    assert found.sentence == "healthy: 1.2.3 answers, and a worker is live"


def test_an_api_without_a_worker_is_sound_and_says_what_is_missing(serve: Serve) -> None:
    server = serve((200, PASS | {"status": "warn"}))

    found = _wait(server.url)

    assert "no worker is live, so prompts wait for one" in found.sentence


def test_an_api_that_comes_late_is_waited_for(serve: Serve) -> None:
    server = serve((403, {"message": "Forbidden"}), (502, {}), (200, PASS))

    found = _wait(server.url)

    assert found.status == "pass"
    assert len(server.paths) == 3


def test_a_store_that_is_not_reached_is_named_after_the_time_is_over(serve: Serve) -> None:
    server, time = serve((503, {"status": "fail"})), Time()

    with pytest.raises(DeploymentFailed, match="does not reach its store"):
        _wait(server.url, time)

    assert 80 < time.now <= 90


def test_what_the_gateway_says_is_told(serve: Serve) -> None:
    server = serve((500, {"message": "Internal server error"}))

    with pytest.raises(DeploymentFailed, match="it answers 500 Internal server error"):
        _wait(server.url)


def test_an_address_where_nobody_listens_is_told(serve: Serve) -> None:
    server = serve((200, PASS))
    server.stop()

    with pytest.raises(DeploymentFailed, match="not reached"):
        _wait(server.url)


def test_an_address_that_is_none_is_told() -> None:
    with pytest.raises(DeploymentFailed, match="not reached"):
        _wait("https://api.example:port")
