"""How the router stands: its queue, what it has done so far, the store's memory. Changes nothing.

All raise StoreUnavailable when the store is away.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chalicelib import keyspace, limits, records
from chalicelib.scripts import Script
from chalicelib.store import Store

_GAUGE = Script("gauge", "gauging", reads=True)
_MEASURE = Script("measure", "gauging", "counts", reads=True)

_KEYS = (
    keyspace.QUEUE,
    keyspace.AGES,
    keyspace.DELAYED,
    keyspace.LEASED,
    keyspace.DEAD,
    keyspace.WORKERS,
    keyspace.SLOTS,
    keyspace.COUNTERS,
)


@dataclass(frozen=True)
class Gauge:
    """How the queue stands.

    Jobs that are ready, that wait for another attempt, under lease, and in the dead letters; live
    workers and how many jobs they run at once; how long the oldest ready job has waited; jobs
    ended a minute; the mean time of a run (None while nothing was measured); bytes of requests.
    """

    waiting: int
    delayed: int
    leased: int
    dead: int
    workers: int
    slots: int
    oldest_ms: int | None
    per_minute: float
    run_ms: int | None
    bytes: int


@dataclass(frozen=True)
class Measured:
    """How the queue stands, and all that was counted since the store was empty.

    *counts* are by name, a kind after a colon: ``submitted``, ``ended:failed``. A time (``wait``,
    ``run``, ``first_token``) is counted under the least of *bounds_ms* that it does not pass
    (``wait:250``), else ``wait:over``; ``wait:sum`` is in milliseconds. Of the store's memory the
    bytes used and the most there may be, None where it does not tell, 0 for no limit.
    """

    gauge: Gauge
    bounds_ms: Sequence[int]
    counts: Mapping[str, int]
    memory_bytes: int | None
    memory_limit_bytes: int | None


def gauge(store: Store) -> Gauge:
    """Tell how the queue stands."""
    return _gauge(store.run(_GAUGE, _KEYS, (limits.WORKER_SILENT_SECONDS * 1000,)))


def measure(store: Store) -> Measured:
    """Tell how all stands, in one round trip."""
    keys = *_KEYS, keyspace.METRICS
    told, bounds_ms, flat, memory = store.run(
        _MEASURE, keys, (limits.WORKER_SILENT_SECONDS * 1000,)
    )
    counts = {name: int(value) for name, value in records.pairs(flat).items()}
    words = dict(line.split(":", 1) for line in memory.splitlines() if ":" in line)
    used, most = (words.get(name) for name in ("used_memory", "maxmemory"))
    return Measured(
        gauge=_gauge(told),
        bounds_ms=bounds_ms,
        counts=counts,
        memory_bytes=None if used is None else int(used),
        memory_limit_bytes=None if most is None else int(most),
    )


def _gauge(told: Sequence[int]) -> Gauge:
    oldest_ms, per_minute, run_ms, size = told[6:]
    return Gauge(
        waiting=told[0],
        delayed=told[1],
        leased=told[2],
        dead=told[3],
        workers=told[4],
        slots=told[5],
        oldest_ms=_known(oldest_ms),
        per_minute=per_minute / 1000,
        run_ms=_known(run_ms),
        bytes=size,
    )


def _known(number: int) -> int | None:
    return None if number < 0 else number
