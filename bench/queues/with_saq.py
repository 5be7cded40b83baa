"""saq: its worker's settings, and a caller of it."""

import asyncio
from typing import Any

from redis.exceptions import RedisError
from saq import Queue, Status

from bench.queues.work import LONGEST_JOB_SECONDS, Held, read_setup

SETUP = read_setup()
ERRORS = (RedisError, OSError)

HEARTBEAT_SECONDS = 10
PULSE_SECONDS = 2.0
SWEEP_SECONDS = 1
TUNED = {"retries": 3, "timeout": LONGEST_JOB_SECONDS, "heartbeat": HEARTBEAT_SECONDS}

queue = Queue.from_url(SETUP.url)


async def job(context: dict[str, Any], *, marker: str) -> None:
    """Take the time that the setup asks for; tuned, tell now and then that it is alive."""
    left = SETUP.begin(marker)
    while left > 0:
        await asyncio.sleep(min(left, PULSE_SECONDS))
        left -= PULSE_SECONDS
        if SETUP.tuned:
            await context["job"].update()
    SETUP.end(marker)


settings = {"queue": queue, "functions": [job]} | (
    {"timers": {"sweep": SWEEP_SECONDS}} if SETUP.tuned else {}
)


class Caller:
    """Enqueues, and counts what is left."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._runner.run(queue.connect())

    def enqueue(self, marker: str, own_id: str | None) -> None:
        """Enqueue one job; None for *own_id* lets the library make one."""
        options: dict[str, Any] = dict(TUNED) if SETUP.tuned else {}
        if own_id is not None:
            options["key"] = own_id
        self._runner.run(queue.enqueue("job", marker=marker, **options))

    def held(self) -> Held:
        """Count the jobs that wait or run, and the records of failed ones."""
        return self._runner.run(self._held())

    async def _held(self) -> Held:
        kept = [job.status async for job in queue.iter_jobs()]
        failed = sum(status in (Status.ABORTED, Status.FAILED) for status in kept)
        return Held(len(kept) - failed - kept.count(Status.COMPLETE), failed)
