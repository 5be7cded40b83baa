"""The worker's metrics on a port of its own, as Prometheus reads them; alone knows its client."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    start_http_server,
)

from chalicelib import __version__
from chalicelib.errors import NotConfigured
from chalicelib.jobs import JsonObject
from worker.loop import WorkerSettings
from worker.measures import Measures

_PREFIX = "tinyllama_worker_"
_RUN_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800)
_FIRST_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class PrometheusMeasures(Measures):
    """Counts in a registry of its own. *of* is what may be away: ``store`` or ``router``."""

    def __init__(self, settings: WorkerSettings, of: str) -> None:
        self.registry = registry = CollectorRegistry()

        def counter(name: str, says: str, *labels: str) -> Counter:
            return Counter(_PREFIX + name, says, labels, registry=registry)

        def gauge(name: str, says: str, *labels: str) -> Gauge:
            return Gauge(_PREFIX + name, says, labels, registry=registry)

        def histogram(name: str, says: str, bounds: Sequence[float]) -> Histogram:
            return Histogram(_PREFIX + name, says, registry=registry, buckets=bounds)

        about = Info("tinyllama_worker", "The worker itself.", registry=registry)
        about.info({"version": __version__, "name": settings.name})
        gauge("slots", "Jobs it runs at once at most.").set(settings.concurrency)
        self._running = gauge("jobs_running", "Jobs that run now.")
        self._jobs = counter("jobs", "Runs by what they came to.", "outcome", "code")
        self._run_seconds = histogram("run_seconds", "From claim to recorded end.", _RUN_SECONDS)
        self._first_seconds = histogram(
            "first_token_seconds", "From claim to first text.", _FIRST_SECONDS
        )
        self._chunks = counter("text_chunks", "Pieces of text that the engine said.")
        self._tokens = counter("tokens", "Tokens, as the engine counted.", "kind")
        self._failures = counter("engine_failures", "Runs without an answer.", "code")
        self._outages = counter("outages", "Times that it went away.", "of").labels(of)
        self._away = gauge("away", "Whether it is away.", "of").labels(of)

    def job_began(self) -> None:
        """Count it as running."""
        self._running.inc()

    def job_over(self, outcome: str, code: str = "", seconds: float | None = None) -> None:
        """Count it by outcome, and its time where it has one."""
        self._running.dec()
        self._jobs.labels(outcome, code).inc()
        if seconds is not None:
            self._run_seconds.observe(seconds)

    def text_said(self, first_seconds: float | None) -> None:
        """Count the piece."""
        self._chunks.inc()
        if first_seconds is not None:
            self._first_seconds.observe(first_seconds)

    def tokens_used(self, usage: JsonObject) -> None:
        """Count what was read and what was generated."""
        for kind in ("prompt", "completion"):
            self._tokens.labels(kind).inc(usage[f"{kind}_tokens"])

    def engine_failed(self, code: str) -> None:
        """Count it by code."""
        self._failures.labels(code).inc()

    def away(self, *, away: bool) -> None:
        """Tell which it is; count each time it goes."""
        self._away.set(away)
        if away:
            self._outages.inc()


@contextmanager
def serving(measures: PrometheusMeasures, host: str, port: int) -> Iterator[None]:
    """Answer GET with the metrics meanwhile. Raises NotConfigured for a port that is not free."""
    try:
        server, thread = start_http_server(port, host, measures.registry)
    except OSError as error:
        where = f"--metrics-port: cannot listen on {host}, port {port}"
        raise NotConfigured(f"{where} ({error.strerror})") from None
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
