"""Celery: the app, and a caller of it."""

import time

from celery import Celery
from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import RedisError

from bench.queues.work import LONGEST_JOB_SECONDS, Held, read_setup

SETUP = read_setup()
ERRORS = (OperationalError, RedisError, OSError)

app = Celery("bench", broker=SETUP.url)
app.conf.broker_connection_retry_on_startup = True
if SETUP.tuned:
    app.conf.task_acks_late = True
    app.conf.task_reject_on_worker_lost = True
    app.conf.worker_prefetch_multiplier = 1
    app.conf.broker_transport_options = {
        "visibility_timeout": LONGEST_JOB_SECONDS,
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
    }


@app.task(name="job")
def job(marker: str) -> None:
    """Take the time that the setup asks for."""
    time.sleep(SETUP.begin(marker))
    SETUP.end(marker)


class Caller:
    """Enqueues, and counts what is left."""

    def __init__(self) -> None:
        self._redis = Redis.from_url(SETUP.url)

    def enqueue(self, marker: str, own_id: str | None) -> None:
        """Enqueue one job; None for *own_id* lets the library make one."""
        job.apply_async((marker,), task_id=own_id)

    def held(self) -> Held:
        """Count the jobs that wait or are not acknowledged."""
        return Held(int(self._redis.llen("celery")) + int(self._redis.hlen("unacked")), 0)
