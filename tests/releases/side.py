"""An earlier release's queue and inbox at the other end of a pipe, run in that release's folder.

Reads a call from each line (``[name, argument ...]``, JSON) and answers with a line: what came of
it, or ``{"error": <class>}``. Names no type of today's, for it imports that release's own.
"""

import dataclasses
import importlib
import json
import sys
from collections.abc import Callable
from typing import Any


class Side:
    """The calls. Claims stay here, under their tokens."""

    def __init__(self) -> None:
        load: Callable[[str], Any] = importlib.import_module
        settings = load("chalicelib.settings")
        store = load("chalicelib.store").connect(settings.required("store_url"))
        self._queueing = load("chalicelib.queueing")
        self._event = load("chalicelib.events").Event
        self._queue = self._queueing.JobQueue(store, settings.queue_settings())
        self._inbox = load("chalicelib.inbox").Inbox(store)
        self._claims: dict[str, Any] = {}

    def submit(self, job_id: str, tenant: str, request: Any, key: str | None = None) -> Any:
        """Submit a job: the job, and whether it was known."""
        idempotency = self._queueing.Idempotency(key, "hash") if key else None
        return list(self._queue.submit(job_id, tenant, request, idempotency))

    def fetch(self, tenant: str, job_id: str) -> Any:
        """Fetch a job."""
        return self._queue.fetch(tenant, job_id)

    def claim(self, token: str) -> Any:
        """Claim a job: the job, or None."""
        claim = self._queue.claim(token)
        self._claims[token] = claim
        return claim and claim.job

    def append(self, token: str, offset: int, chunks: list[str]) -> Any:
        """Append under a claim."""
        return self._queue.append(self._claims[token], offset, chunks)

    def extend(self, token: str) -> Any:
        """Renew a claim."""
        return self._queue.extend(self._claims[token])

    def finish(self, token: str, result: Any, error: Any = None) -> Any:
        """Finish a claim's job."""
        outcome = self._queueing.Outcome(result=result, error=error)
        return self._queue.finish(self._claims[token], outcome)

    def beat(self, worker: str) -> Any:
        """Tell that a worker lives."""
        return self._queue.beat(worker)

    def gauge(self) -> Any:
        """Tell how the queue stands."""
        return self._queue.gauge()

    def publish(self, event_id: str, tenant: str, payload: Any) -> Any:
        """Publish an event: its sequence."""
        draft = self._event(event_id, tenant, "order.placed", "shop", payload, 0, 0)
        return self._inbox.publish(draft)[0].sequence

    def page(self, tenant: str, limit: int) -> Any:
        """Page through an inbox: the ids."""
        return [event.id for event in self._inbox.page(tenant, 0, limit)]

    def read(self, tenant: str, event_id: str) -> Any:
        """Read an event."""
        return self._inbox.read(tenant, event_id)

    def acknowledge(self, tenant: str, event_id: str) -> Any:
        """Acknowledge an event."""
        return self._inbox.acknowledge(tenant, event_id)


def _told(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return str(value)


def main() -> None:
    """Answer calls until there are no more."""
    side = Side()
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        try:
            answer = getattr(side, name)(*arguments)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test is told
            answer = {"error": type(error).__name__}
        sys.stdout.write(json.dumps(answer, default=_told) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
