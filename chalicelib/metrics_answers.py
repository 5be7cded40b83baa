"""What Prometheus is told: how the queue stands, and what was done so far."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from chalicelib import __version__, exposition, settings
from chalicelib.exposition import Family, counter, gauge, histogram
from chalicelib.jobs import JobState
from chalicelib.routing import Reply, RouteNotFound

if TYPE_CHECKING:  # it brings redis, which the authorizer never needs
    from chalicelib.gauging import Measured

# There the numbers of all tenants together are CloudWatch's alone.
PRODUCTION = frozenset({"prod", "production"})

_COUNTERS = {
    "jobs_submitted": ("submitted", "Jobs that were taken."),
    "jobs_rerun": ("rerun", "Ended jobs that a caller or the operator sent back into the queue."),
    "jobs_dead_lettered": ("dead", "Jobs that failed because no attempt was left."),
    "attempts": ("attempts", "Runs of a job that a worker began."),
    "attempts_retried": ("retried", "Attempts that failed and gave the job another one."),
    "leases_reclaimed": ("reclaimed", "Jobs that were taken back from a worker that fell silent."),
    "events_published": ("published", "Events that callers published; ends of jobs come on top."),
    "events_acknowledged": ("acknowledged", "Events that were taken out of an inbox."),
}
_TIMES = {
    "job_wait_seconds": ("wait", "From a job's submission to the start of its first attempt."),
    "job_first_token_seconds": ("first_token", "From an attempt's start to its first text."),
    "job_run_seconds": ("run", "From an attempt's start to its result."),
}


def require_offered() -> None:
    """Raise RouteNotFound in production, which tells its numbers to CloudWatch alone."""
    if settings.environment() in PRODUCTION:
        raise RouteNotFound


def metrics(measured: "Measured") -> Reply:
    """Answer in Prometheus' text format."""
    return Reply(exposition.text(families(measured)), content_type=exposition.MEDIA_TYPE)


def families(measured: "Measured") -> Iterator[Family]:
    """Yield every family there is; what was never counted is 0."""
    yield gauge("tinyllama_info", "The router's release; always 1.", {__version__: 1}, "version")
    yield from _gauges(measured)
    counts = measured.counts
    for name, (what, told) in _COUNTERS.items():
        yield counter(f"tinyllama_{name}_total", told, {"": counts.get(what, 0)})
    ended = {str(state): counts.get(f"ended:{state}", 0) for state in JobState if state.ended}
    yield counter("tinyllama_jobs_ended_total", "Jobs that ended.", ended, "state")
    refused = _by_kind(counts, "refused")
    told = "Answers that refused a call; what is told without the store's help may be missing."
    yield counter("tinyllama_refusals_total", told, refused, "code")
    for name, (what, told) in _TIMES.items():
        yield _time(f"tinyllama_{name}", told, measured, what)


def _gauges(measured: "Measured") -> Iterator[Family]:
    queue = measured.gauge
    depth = {"ready": queue.waiting, "delayed": queue.delayed, "running": queue.leased}
    plain: Mapping[str, tuple[float | None, str]] = {
        "queue_oldest_seconds": (
            (queue.oldest_ms or 0) / 1000,
            "How long the oldest ready job has waited; 0 where none waits.",
        ),
        "queue_request_bytes": (queue.bytes, "Bytes of the requests of jobs that have not ended."),
        "dead_letters": (queue.dead, "Jobs among the dead letters."),
        "workers_live": (queue.workers, "Workers that live."),
        "workers_slots": (queue.slots, "How many jobs they run at once."),
        "store_memory_bytes": (measured.memory_bytes, "Memory that the store uses."),
        "store_memory_limit_bytes": (
            measured.memory_limit_bytes,
            "Memory that the store may use; 0 for no limit.",
        ),
    }
    told = "Jobs that are ready, wait for another attempt, or run."
    yield gauge("tinyllama_queue_jobs", told, depth, "state")
    for name, (value, told) in plain.items():
        if value is not None:
            yield gauge(f"tinyllama_{name}", told, {"": value})


def _time(name: str, told: str, measured: "Measured", what: str) -> Family:
    found = _by_kind(measured.counts, what)
    marks = [*(str(bound) for bound in measured.bounds_ms), "over"]
    counts = [found.get(mark, 0) for mark in marks]
    bounds = [bound / 1000 for bound in measured.bounds_ms]
    return histogram(name, told, bounds, counts, found.get("sum", 0) / 1000)


def _by_kind(counts: Mapping[str, int], what: str) -> dict[str, int]:
    start = f"{what}:"
    found = {name: count for name, count in counts.items() if name.startswith(start)}
    return {name.removeprefix(start): found[name] for name in sorted(found)}
