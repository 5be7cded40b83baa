"""`Handle.wait(timeout)` is over when it promises, on a clock that naps and routers move."""

from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from tinyllama.calling import Calling
from tinyllama.client import Handle, Job, ProblemError, Repeating, StillRunning

JOB = Job(f"job_{'0' * 32}", "running", 1)


class Clock:
    """A time that passes only where somebody says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def nap(self, seconds: float) -> None:
        self.now += seconds


class Router(HTTPServer):
    """Answers all calls with one status and these headers, each after so many seconds."""

    def __init__(self, clock: Clock, status: int, headers: Mapping[str, str], took: float) -> None:
        class Exchange(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                clock.nap(took)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Stay silent."""

        super().__init__(("127.0.0.1", 0), Exchange)


Routed = Callable[..., Calling]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def routed(clock: Clock) -> Iterator[Routed]:
    """Start routers, and give the way to each."""
    started: list[tuple[Router, Thread, Calling]] = []

    def start(status: int, took: float = 0.0, **headers: str) -> Calling:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        router = Router(clock, status, named, took)
        thread = Thread(target=router.serve_forever, args=(0.01,))
        thread.start()
        patient = Repeating(sleep=clock.nap, clock=clock, chance=lambda: 1.0)
        calling = Calling(f"http://127.0.0.1:{router.server_port}", "t", patient)
        started.append((router, thread, calling))
        return calling

    yield start
    for router, thread, calling in started:
        calling.close()
        router.shutdown()
        thread.join()
        router.server_close()


def test_a_router_that_is_slow_and_asks_for_a_pause_prolongs_no_wait(
    routed: Routed, clock: Clock
) -> None:
    calling = routed(304, 2.5, Retry_After="10")

    with pytest.raises(StillRunning):
        Handle(calling, JOB).wait(timeout=3)

    assert clock.now == 3


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_router_that_is_busy_until_the_time_is_up_ends_no_wait_before_it(
    routed: Routed, clock: Clock, status: int
) -> None:
    calling = routed(status, Retry_After="5")

    with pytest.raises(StillRunning):
        Handle(calling, JOB).wait(timeout=8)

    assert clock.now == 8


@pytest.mark.parametrize("timeout", [3600, None])
def test_a_wait_ends_before_its_time_where_repeating_was_in_vain(
    routed: Routed, clock: Clock, timeout: float | None
) -> None:
    calling = routed(503, Retry_After="5")

    with pytest.raises(ProblemError):
        Handle(calling, JOB).wait(timeout)

    assert clock.now == 5 * (Repeating.attempts - 1)


@pytest.mark.parametrize("took", [0.0, 8.0])
def test_what_no_repetition_mends_is_told_at_once(
    routed: Routed, clock: Clock, took: float
) -> None:
    calling = routed(404, took)

    with pytest.raises(ProblemError):
        Handle(calling, JOB).wait(timeout=8)

    assert clock.now == took


def test_a_call_within_a_time_ends_with_it_and_tells_what_the_router_told_last(
    routed: Routed, clock: Clock
) -> None:
    calling = routed(503, Retry_After="5")

    with pytest.raises(ProblemError):
        calling.call("GET", "/queue", within=8)

    assert clock.now == 8
