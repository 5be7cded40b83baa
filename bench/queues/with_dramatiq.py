"""dramatiq: the broker, and a caller of it."""

import time

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.errors import BrokerError
from redis.exceptions import RedisError

from bench.queues.work import Held, read_setup

SETUP = read_setup()
ERRORS = (BrokerError, RedisError, OSError)

# A busy worker's consumer of delayed messages goes on sending heartbeats, however long its jobs.
TUNED = {"heartbeat_timeout": 10_000, "maintenance_chance": 1_000_000}

broker = RedisBroker(url=SETUP.url, **(TUNED if SETUP.tuned else {}))
dramatiq.set_broker(broker)


@dramatiq.actor
def job(marker: str) -> None:
    """Take the time that the setup asks for."""
    time.sleep(SETUP.begin(marker))
    SETUP.end(marker)


class Caller:
    """Enqueues, and counts what is left."""

    def enqueue(self, marker: str, own_id: str | None) -> None:
        """Enqueue one job; None for *own_id* lets the library make one."""
        message = job.message(marker)
        broker.enqueue(message if own_id is None else message.copy(message_id=own_id))

    def held(self) -> Held:
        """Count the jobs that wait or run, and those set aside."""
        count = broker.client.hlen
        kept = int(count("dramatiq:default.msgs")) + int(count("dramatiq:default.DQ.msgs"))
        return Held(kept, int(count("dramatiq:default.XQ.msgs")))
