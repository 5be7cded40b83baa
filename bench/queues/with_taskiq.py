"""taskiq: the broker of taskiq-redis that acknowledges, and a caller of it."""

import asyncio
from typing import Any

from redis import Redis
from redis.exceptions import RedisError
from taskiq.exceptions import TaskiqError
from taskiq_redis import RedisStreamBroker

from bench.queues.work import LONGEST_JOB_SECONDS, Held, read_setup

SETUP = read_setup()
ERRORS = (TaskiqError, RedisError, OSError)

TUNED: dict[str, Any] = {
    "idle_timeout": LONGEST_JOB_SECONDS * 1000,
    "unacknowledged_lock_timeout": 10.0,
}

broker = RedisStreamBroker(SETUP.url, **(TUNED if SETUP.tuned else {}))


@broker.task(task_name="job")
async def job(marker: str) -> None:
    """Take the time that the setup asks for."""
    await asyncio.sleep(SETUP.begin(marker))
    SETUP.end(marker)


class Caller:
    """Enqueues, and counts what is left."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._runner.run(broker.startup())
        self._redis = Redis.from_url(SETUP.url)

    def enqueue(self, marker: str, own_id: str | None) -> None:
        """Enqueue one job; None for *own_id* lets the library make one."""
        kicker = job.kicker() if own_id is None else job.kicker().with_task_id(own_id)
        self._runner.run(kicker.kiq(marker))

    def held(self) -> Held:
        """Count the jobs that wait or are not acknowledged."""
        groups = self._redis.xinfo_groups("taskiq")
        return Held(sum(group["pending"] + (group["lag"] or 0) for group in groups), 0)
