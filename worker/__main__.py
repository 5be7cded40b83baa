"""`python -m worker`: reads the settings, wires way, engine and worker, obeys signals."""

import argparse
import asyncio
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack

from chalicelib import bounds, settings, signals, store
from chalicelib.errors import NotConfigured
from chalicelib.leasing import JobLeases
from worker import engine_key
from worker.engines import EchoEngine, Engine
from worker.loop import Worker, WorkerSettings
from worker.measures import Measures
from worker.ways import POLL_SECONDS, Way, far, near

EXIT_REFUSED = 1
EXIT_NOT_CONFIGURED = 2
SIGNALLED = 128
LEAST_POLL_SECONDS = 0.1
MOST_SLOTS = 1000
NAME_CHARS = 128
MOST_PORT = 65_535
METRICS_HOST = "127.0.0.1"


def main(arguments: Sequence[str] | None = None) -> int:
    """Work until SIGTERM or SIGINT, then drain and return 0; 2 when a setting is missing or bad.

    1 when the router refuses for good a token that cannot change, once it has drained.
    """
    parsed = _parse(arguments)
    worker_settings = WorkerSettings(parsed.name, parsed.concurrency, parsed.drain_seconds)
    measures = Measures()
    with ExitStack() as closing:
        try:
            signals.least()
            way = _over_https(parsed, closing) if parsed.via else _on_the_store(closing)
            engine = _engine(settings.engine_settings())
            if parsed.metrics_port:
                measures = _measured(parsed, worker_settings, closing)
        except NotConfigured as error:
            sys.stderr.write(f"{error}\n")
            return EXIT_NOT_CONFIGURED
        refused = asyncio.run(_work(way, engine, worker_settings, measures))
    if refused is None:
        return 0
    told = f"the router refuses it ({refused}), and it cannot change while the worker runs"
    sys.stderr.write(f"TINYLLAMA_WORKER_TOKEN: {told}\n")
    return EXIT_REFUSED


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m worker", description="Claim jobs from the queue and run the model."
    )
    parser.add_argument(
        "--via", metavar="URL", help="work over HTTPS through the router at URL, not on the store"
    )
    parser.add_argument(
        "--concurrency", type=_slots, default=4, metavar="N", help="jobs at once (4)"
    )
    parser.add_argument(
        "--name",
        type=_name,
        default=f"{re.sub('[^!-~]', '-', socket.gethostname())[:100]}:{os.getpid()}",
        help="how the worker is known (host and process id)",
    )
    parser.add_argument(
        "--drain-seconds",
        type=_seconds,
        default=30.0,
        metavar="S",
        help="how long running jobs may go on after SIGTERM (30)",
    )
    parser.add_argument(
        "--poll-seconds",
        type=_pause,
        metavar="S",
        help=f"with --via: the most between two calls of an idle worker ({POLL_SECONDS:g})",
    )
    parser.add_argument(
        "--metrics-port", type=_port, metavar="N", help="answer Prometheus here (not at all)"
    )
    parser.add_argument(
        "--metrics-host",
        metavar="HOST",
        help=f"with --metrics-port: the address to listen on ({METRICS_HOST})",
    )
    parsed = parser.parse_args(arguments)
    if parsed.metrics_host and not parsed.metrics_port:
        parser.error("--metrics-host goes with --metrics-port")
    if parsed.poll_seconds and not parsed.via:
        parser.error("--poll-seconds goes with --via: a worker on the store does not poll")
    return parsed


def _port(text: str) -> int:
    number = int(text)
    if not 1 <= number <= MOST_PORT:
        raise argparse.ArgumentTypeError(f"must be 1 to {MOST_PORT}")
    return number


def _slots(text: str) -> int:
    number = int(text)
    if not 1 <= number <= MOST_SLOTS:
        raise argparse.ArgumentTypeError(f"must be 1 to {MOST_SLOTS}")
    return number


def _name(text: str) -> str:
    if not re.fullmatch(rf"[!-~]{{1,{NAME_CHARS}}}", text):
        raise argparse.ArgumentTypeError(f"must be 1 to {NAME_CHARS} visible ASCII characters")
    return text


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError("must be 0 or more")
    return number


def _pause(text: str) -> float:
    number = float(text)
    if not LEAST_POLL_SECONDS <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"must be at least {LEAST_POLL_SECONDS:g}")
    return number


def _on_the_store(closing: ExitStack) -> Way:
    if settings.variable("store_url") is None:
        raise NotConfigured(
            "TINYLLAMA_STORE_URL is not set: set it to work on the store, or name a router that is"
            " called over HTTPS, with --via URL"
        )
    where = settings.store_settings()
    connection = store.connect(where.url, where.replicas, where.sign_in)
    closing.callback(connection.close)
    return near(JobLeases(connection, bounds.queue_settings(), bounds.retention_settings()))


def _over_https(parsed: argparse.Namespace, closing: ExitStack) -> Way:
    # The client takes a tenth of a second to import, which the store has no use for.
    from worker.credential import Bearer, Credential  # noqa: PLC0415
    from worker.machine import MachineCredential  # noqa: PLC0415
    from worker.via import Via  # noqa: PLC0415

    now = time.time  # noqa: TID251 - the clock handed out
    source = settings.worker_credential()
    credential: Bearer = (
        MachineCredential(source.client, now) if source.client else Credential(source, now)
    )
    via = Via(parsed.via, credential, parsed.name, parsed.concurrency)
    closing.callback(via.close)
    return far(via, parsed.poll_seconds or POLL_SECONDS, via.router, via.offer)


def _engine(engine_settings: settings.EngineSettings) -> Engine:
    if engine_settings.url is None:
        return EchoEngine()
    engine_settings = engine_key.found(engine_settings)
    # The client takes half a second to import, which echo has no use for.
    from worker.openai_engine import OpenAIEngine  # noqa: PLC0415

    return OpenAIEngine(engine_settings)


def _measured(
    parsed: argparse.Namespace, worker_settings: WorkerSettings, closing: ExitStack
) -> Measures:
    try:
        # Needed by who asks for it alone.
        from worker.metrics import PrometheusMeasures, serving  # noqa: PLC0415
    except ImportError:
        needed = "--metrics-port needs prometheus_client: install it"
        raise NotConfigured(needed) from None
    measures = PrometheusMeasures(worker_settings, "router" if parsed.via else "store")
    host = parsed.metrics_host or METRICS_HOST
    closing.enter_context(serving(measures, host, parsed.metrics_port))
    return measures


async def _work(
    way: Way, engine: Engine, worker_settings: WorkerSettings, measures: Measures
) -> str | None:
    worker = Worker(way, engine, worker_settings, measures)
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
    return worker.refused


if __name__ == "__main__":
    sys.exit(main())
