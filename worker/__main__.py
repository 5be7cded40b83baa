"""`python -m worker`: reads the settings, wires store, engine and worker, obeys signals."""

import argparse
import asyncio
import os
import signal
import socket
import sys
from collections.abc import Sequence

from chalicelib import settings, store
from chalicelib.errors import NotConfigured
from chalicelib.queueing import JobQueue
from worker.engines import EchoEngine, Engine
from worker.loop import Worker, WorkerSettings

EXIT_NOT_CONFIGURED = 2
SIGNALLED = 128


def main(arguments: Sequence[str] | None = None) -> int:
    """Work until SIGTERM or SIGINT, then drain and return 0; 2 when a setting is missing or bad."""
    worker_settings = _parse(arguments)
    try:
        connection = store.connect(settings.required("store_url"))
        queue = JobQueue(connection, settings.queue_settings())
        engine = _engine(settings.engine_settings())
    except NotConfigured as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_NOT_CONFIGURED
    asyncio.run(_work(queue, engine, worker_settings))
    return 0


def _parse(arguments: Sequence[str] | None) -> WorkerSettings:
    parser = argparse.ArgumentParser(
        prog="python -m worker", description="Claim jobs from the store and run the model."
    )
    parser.add_argument(
        "--concurrency", type=_positive, default=4, metavar="N", help="jobs at once (4)"
    )
    parser.add_argument(
        "--name",
        default=f"{socket.gethostname()}:{os.getpid()}",
        help="how the worker is known (host and process id)",
    )
    parser.add_argument(
        "--drain-seconds",
        type=_seconds,
        default=30.0,
        metavar="S",
        help="how long running jobs may go on after SIGTERM (30)",
    )
    parsed = parser.parse_args(arguments)
    return WorkerSettings(parsed.name, parsed.concurrency, parsed.drain_seconds)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError("must be 0 or more")
    return number


def _engine(engine_settings: settings.EngineSettings) -> Engine:
    if engine_settings.url is None:
        return EchoEngine()
    # The client takes half a second to import, which echo has no use for.
    from worker.openai_engine import OpenAIEngine  # noqa: PLC0415

    return OpenAIEngine(engine_settings)


async def _work(queue: JobQueue, engine: Engine, worker_settings: WorkerSettings) -> None:
    worker = Worker(queue, engine, worker_settings)
    loop = asyncio.get_running_loop()
    signalled = False

    def obey(number: int) -> None:
        nonlocal signalled
        if signalled:
            os._exit(SIGNALLED + number)
        signalled = True
        worker.drain()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, obey, number)
    await worker.run()


if __name__ == "__main__":
    sys.exit(main())
