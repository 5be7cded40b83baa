"""The local system's own tick: it needs no worker, and keeps nothing from ending."""

import os
import secrets
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from chalicelib import settings
from chalicelib.errors import NotConfigured
from chalicelib.gauging import Gauge
from chalicelib.jobs import Draft, JobState
from chalicelib.queueing import JobQueue
from chalicelib.store import connect
from chalicelib.upkeep import Report, Upkeep
from tests.store.harness import SETTINGS
from tests.store.test_local import END_SECONDS, System, client, until
from tests.store.test_local import system as system  # noqa: PLC0414 - a fixture
from tinyllama.ticking import Ticker

_GAUGE = Gauge(0, 0, 0, 0, 0, 0, None, 0.0, None, 0)


class _Held(Upkeep):
    """A tick that lasts until the test lets it go."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.let_go = threading.Event()

    def tick(self, budget_seconds: float = 0) -> Report:
        del budget_seconds
        self.begun.release()
        self.let_go.wait()
        return Report(_GAUGE, None, marked=False, done={}, failed=0, complete=True)


@pytest.fixture
def held() -> Iterator[_Held]:
    upkeep = _Held()
    yield upkeep
    upkeep.let_go.set()


def test_a_tick_that_lasts_is_not_joined_by_another(held: _Held) -> None:
    ticker = Ticker(held, period_seconds=1)

    began = time.monotonic()
    for now in (0, 0.5, 1, 5, 100):
        ticker.tend(now)

    assert time.monotonic() - began < 1
    assert held.begun.acquire(timeout=5)
    assert not held.begun.acquire(timeout=0.1)


def test_a_tick_comes_once_in_its_period(held: _Held) -> None:
    held.let_go.set()
    ticker = Ticker(held, period_seconds=10)

    begun = 0
    for now in (0, 1, 9.9, 10, 11, 20):
        ticker.tend(now)
        begun += held.begun.acquire(timeout=0.2)
        for thread in threading.enumerate():
            if thread.name == "tick":
                thread.join()

    assert begun == 3


@pytest.mark.slow
def test_what_is_due_is_done_though_no_worker_runs(system: System) -> None:
    user = system.user(worker="off", TINYLLAMA_TICK_SECONDS="0.2")
    url = system.url(user)
    store = connect(url)
    draft = Draft(f"job_{secrets.token_hex(16)}", "acme", {"prompt": "x"}, deadline_seconds=0.5)
    JobQueue(store, SETTINGS).submit(draft)
    store.close()

    with client(url) as direct:
        expired = until(
            lambda: direct.hget(f"tl:{{p0}}:job:{draft.id}", "state") == JobState.EXPIRED, 5
        )

    assert expired
    assert until(lambda: "tick: expire 1" in system.home.keeper_log.read_text(), 5)


@pytest.mark.slow
def test_a_tick_under_way_does_not_keep_the_local_system_from_ending(system: System) -> None:
    user = system.user(worker="off", TINYLLAMA_TICK_SECONDS="0.1")
    system.url(user)
    os.kill(system.ward("store").pid, signal.SIGSTOP)
    time.sleep(0.5)  # a tick has begun by now, and waits for its answer

    user.kill()

    assert until(lambda: not system.everything(), END_SECONDS)


def test_a_bad_period_of_the_tick_is_told_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINYLLAMA_TICK_SECONDS", "soon")

    with pytest.raises(NotConfigured, match="TINYLLAMA_TICK_SECONDS must be a number"):
        settings.tick_seconds()
