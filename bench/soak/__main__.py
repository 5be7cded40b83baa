"""The router under a mixed load for a while: its memory stays flat, nothing is lost.

    .venv/bin/python -m bench.soak --minutes 3

A store, the HTTP API (``chalice local``), two workers (one on the store, one over HTTPS) and a
tick, with everything kept for some seconds only, so that what is removed must weigh nothing.
Callers and consumers use both the moves themselves and the API, at a modest, steady pace. At the
end every job must have ended as often as it was queued, every event been acknowledged once, the
store hold nothing but what is kept for ever, and no memory have grown in the second half by more
than the bounds in ``report``. Exits 1 on a promise not kept.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import plots
from bench.soak import report
from bench.soak.doors import Door, StoreDoor
from bench.soak.http_door import HttpDoor
from bench.soak.ledger import Ledger, shown
from bench.soak.load import Caller, Consumer
from bench.soak.report import Course
from bench.soak.system import QUEUE, RETENTION, System, token

SETTLE_SECONDS = 30.0
SAMPLE_SECONDS = 1.0


@dataclass(frozen=True)
class Pace:
    """How often a caller begins something, and a consumer looks."""

    caller_seconds: float
    consumer_seconds: float


CALLERS = 4
TENANTS = 2
# The local API takes 44 ms for each request, whatever it does.
PACES = {"store": Pace(1.5, 0.7), "API": Pace(5.0, 2.5)}


def doors(system: System) -> dict[str, Door]:
    """Return the ways in, by name; a tenant is named after its way."""
    tokens = {name: token(name) for name in (f"API-{number}" for number in range(TENANTS))}
    return {
        "store": StoreDoor(system.server.url, QUEUE, RETENTION),
        "API": HttpDoor(system.url, tokens),
    }


@contextmanager
def load(system: System, ledger: Ledger) -> Iterator[None]:
    """Let callers and consumers work; at the end, wait until what they began is settled."""
    stop = threading.Event()
    threads = []
    for way, door in doors(system).items():
        pace = PACES[way]
        for number in range(CALLERS):
            caller = Caller(way, door, f"{way}-{number % TENANTS}", ledger)
            told = stop, pace.caller_seconds, 2 * number
            threads.append(threading.Thread(target=caller.run, args=told, daemon=True))
        for number in range(TENANTS):
            consumer = Consumer(way, door, f"{way}-{number}", ledger)
            pause = pace.consumer_seconds
            threads.append(threading.Thread(target=consumer.run, args=(stop, pause), daemon=True))
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        deadline = time.monotonic() + SETTLE_SECONDS
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if any(thread.is_alive() for thread in threads):
            ledger.fault(f"not all was settled {SETTLE_SECONDS:g} s after the load")


def observe(system: System, ledger: Ledger, seconds: float, leak_bytes: int) -> Course:
    """Sample each second for so many *seconds*; with *leak_bytes* the store leaks that a second."""
    course = Course()
    began = time.monotonic()
    ledger.latencies()
    while (second := time.monotonic() - began) < seconds:
        course.samples.append(system.sample(second))
        course.latencies.append(ledger.latencies())
        if leak_bytes:
            system.weigh_down(leak_bytes)
        time.sleep(SAMPLE_SECONDS)
    return course


def told(course: Course, ledger: Ledger, faults: Sequence[str], command: str) -> str:
    """Return the results as Markdown."""
    minutes = course.samples[-1].second / 60
    verdict = "every promise kept" if not faults else f"{len(faults)} promises not kept"
    return "\n".join(
        [
            "# Soak",
            "",
            f"`{command}`: {minutes:.1f} minutes, {ledger.jobs:,} jobs stored,",
            f"{ledger.events:,} events acknowledged, {sum(ledger.calls.values()):,} calls timed.",
            "",
            f"**{verdict.capitalize()}.** Looked for: a job that ended more or less often than it",
            "was queued, an event that was lost or came again after its acknowledgement, a wrong",
            "answer, a key that nothing accounts for once retention is over, memory that grows.",
            "",
            *report.memory_table(course, ledger.jobs),
            "",
            "![Memory, keys and latencies over the run](../../docs/images/soak.svg)",
            "",
            "Everything is kept for some seconds, but a lease on events is remembered for ten",
            "minutes: until then the keys grow.",
            "",
            *report.latency_table(course),
            "",
        ]
    )


def main() -> int:
    """Run, write the results, judge."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--leak-bytes", type=int, default=0, help="a leak a second, to be found")
    parser.add_argument("--results", type=Path, help="where the page of figures goes")
    parser.add_argument("--image", type=Path, help="where the picture goes")
    parsed = parser.parse_args()
    ledger = Ledger()
    with (
        tempfile.TemporaryDirectory(prefix="tl-") as folder,
        System(Path(folder)) as system,
    ):
        with load(system, ledger):
            course = observe(system, ledger, parsed.minutes * 60, parsed.leak_bytes)
        left = system.await_removal()
    faults = [*ledger.faults(), *(f"left over: {key}" for key in left), *report.growing(course)]
    text = told(course, ledger, faults, f".venv/bin/python -m bench.soak {' '.join(sys.argv[1:])}")
    print(text)
    print(shown(faults) or "flat, and nothing lost")
    if parsed.results:
        parsed.results.write_text(text, encoding="utf-8")
    if parsed.image:
        plots.write(parsed.image, report.charts(course), height=180)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
