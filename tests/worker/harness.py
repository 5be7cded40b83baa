"""How the worker's tests submit, wait and look."""

import json
import os
import secrets
import signal
import threading
import time
from collections.abc import Callable, Sequence

from chalicelib.bounds import QueueSettings
from chalicelib.jobs import Draft, Job, JsonObject
from chalicelib.queueing import JobQueue
from tests import leaks
from worker.__main__ import main

PATIENCE_SECONDS = 20.0
PROMPT = f"a b c {secrets.token_hex(8)}"


def queue_settings(lease_seconds: float = 30, max_attempts: int = 3) -> QueueSettings:
    """Return settings under which a lease outlives the test unless told otherwise."""
    return QueueSettings(lease_seconds, max_attempts, queue_length=10_000)


def submit(queue: JobQueue, number: int = 1, tenant: str = "tenant", prompt: str = PROMPT) -> str:
    """Submit a job and return its id."""
    job_id = f"job_{number:032x}"
    leaks.LEDGER.note("a prompt", prompt)
    queue.submit(Draft(job_id, tenant, {"prompt": prompt}))
    return job_id


def wait_for[T](look: Callable[[], T | None], seconds: float = PATIENCE_SECONDS) -> T:
    """Return what *look* sees once it is true. Fails after *seconds*."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
    return seen


def ended(queue: JobQueue, job_id: str, tenant: str = "tenant") -> Job | None:
    """Return the job once it has ended."""
    job = queue.fetch(tenant, job_id)
    return job if job.state.ended else None


def run_until_ended(
    queue: JobQueue, job_id: str, arguments: Sequence[str], number: int = signal.SIGTERM
) -> int:
    """Run the worker's command here, signal it once the job has ended, return its exit code."""

    def meanwhile() -> None:
        wait_for(lambda: ended(queue, job_id))
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=meanwhile)
    thread.start()
    code = main(arguments)
    thread.join()
    return code


def log_lines(written: str) -> Sequence[JsonObject]:
    """Return the JSON lines that were logged."""
    return [json.loads(line) for line in written.splitlines()]
