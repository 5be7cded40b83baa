"""arq: its worker's settings, and a caller of it."""

import asyncio
from typing import Any

from arq import create_pool
from arq.connections import RedisSettings
from redis.exceptions import RedisError

from bench.queues.work import LONGEST_JOB_SECONDS, Held, read_setup

SETUP = read_setup()
ERRORS = (RedisError, OSError)


async def job(_context: dict[str, Any], marker: str) -> None:
    """Take the time that the setup asks for."""
    await asyncio.sleep(SETUP.begin(marker))
    SETUP.end(marker)


class WorkerSettings:
    """What the command ``arq`` reads. A job's key ends ``job_timeout`` + 10 s after its start."""

    functions = (job,)
    redis_settings = RedisSettings.from_dsn(SETUP.url)
    if SETUP.tuned:
        job_timeout = LONGEST_JOB_SECONDS


class Caller:
    """Enqueues, and counts what is left."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._pool = self._runner.run(create_pool(WorkerSettings.redis_settings))

    def enqueue(self, marker: str, own_id: str | None) -> None:
        """Enqueue one job; None for *own_id* lets the library make one."""
        self._runner.run(self._pool.enqueue_job("job", marker, _job_id=own_id))

    def held(self) -> Held:
        """Count the jobs that wait or run."""
        return Held(self._runner.run(self._pool.zcard("arq:queue")), 0)
