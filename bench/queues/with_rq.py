"""rq: the job, and a caller of it. The worker's settings are its command's options."""

import time

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, Retry
from rq.exceptions import DuplicateJobError

from bench.queues.work import Held, read_setup

ERRORS = (RedisError, OSError)


def job(marker: str) -> None:
    """Take the time that the setup asks for."""
    setup = read_setup()
    time.sleep(setup.begin(marker))
    setup.end(marker)


class Caller:
    """Enqueues, and counts what is left."""

    def __init__(self) -> None:
        setup = read_setup()
        self._retry = Retry(max=3) if setup.tuned else None
        self._redis = Redis.from_url(setup.url)
        self._queue = Queue(connection=self._redis)

    def enqueue(self, marker: str, own_id: str | None) -> None:
        """Enqueue one job; None for *own_id* lets the library make one."""
        try:
            self._queue.enqueue(
                job, marker, retry=self._retry, job_id=own_id, unique=own_id is not None
            )
        except DuplicateJobError:
            return  # accepted before

    def held(self) -> Held:
        """Count the jobs that wait or run, and those set aside."""
        lists = ("rq:queue:default", "rq:queue:default:intermediate")
        sets = ("rq:wip:default", "rq:scheduled:default")
        waiting = sum(int(self._redis.llen(name)) for name in lists)
        running = sum(int(self._redis.zcard(name)) for name in sets)
        return Held(waiting + running, int(self._redis.zcard("rq:failed:default")))
