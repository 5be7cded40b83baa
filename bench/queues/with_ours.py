"""Ours: a caller of the queue. Its worker is the product's, with an engine that takes its time."""

import secrets

from bench.queues.work import Held, read_setup
from chalicelib import store
from chalicelib.errors import RouterError
from chalicelib.jobs import Draft
from chalicelib.queueing import Idempotency, JobQueue
from chalicelib.settings import queue_settings

ERRORS = (RouterError,)
TENANT = "bench"


class Caller:
    """Enqueues as the router's API does, and counts what is left."""

    def __init__(self) -> None:
        connection = store.connect(read_setup().url)
        self._queue = JobQueue(connection, queue_settings())

    def enqueue(self, marker: str, own_id: str | None) -> None:
        """Enqueue one job; *own_id* is the caller's Idempotency-Key, None for a caller without.

        Each call stands for a request over HTTP, for which the API makes an id of its own.
        """
        draft = Draft(f"job_{secrets.token_hex(16)}", TENANT, {"prompt": marker})
        self._queue.submit(draft, Idempotency(own_id, marker) if own_id else None)

    def held(self) -> Held:
        """Count the jobs that wait or run, and the dead letters."""
        gauge = self._queue.gauge()
        return Held(gauge.waiting + gauge.delayed + gauge.leased, gauge.dead)
