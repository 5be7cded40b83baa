"""The worker itself: claims jobs, runs them side by side, gives back what outlasts its drain."""

import asyncio
import secrets
from asyncio import FIRST_COMPLETED
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any, Literal

from chalicelib import signals
from chalicelib.errors import LeaseLost, StoreUnavailable
from chalicelib.leasing import Claim
from chalicelib.model_lists import listable
from worker.engines import Engine
from worker.keeper import LeaseKeeper, News
from worker.measures import Measures
from worker.patience import (
    STORE_MOST_SECONDS,
    Outage,
    Patience,
    TokenUseless,
    backoff_seconds,
)
from worker.run import Run, Stop, trace
from worker.ways import FIRST_POLL_SECONDS, Way

IDLE_SECONDS = 1.0
MODELS_SECONDS = 10.0
POLL_JITTER = 0.2
RELEASE_SECONDS = 3.0
# One for the claim, one for the wait, and room for a finish that retries beside them.
SPARE_THREADS = 4
_STOPS = {News.CANCEL: Stop.CANCEL, News.LOST: Stop.LOST}


@dataclass(frozen=True)
class WorkerSettings:
    """How this process works: its name, how many jobs at once, how long it drains."""

    name: str
    concurrency: int
    drain_seconds: float


class Worker:
    """Works until told to drain, or until its token is refused for good. One per event loop.

    *refused* is the reason then.
    """

    def __init__(
        self,
        way: Way,
        engine: Engine,
        settings: WorkerSettings,
        measures: Measures = Measures(),  # noqa: B008 - holds nothing
    ) -> None:
        self._way = way
        self._engine = engine
        self._settings = settings
        self._measures = measures
        self._draining = asyncio.Event()
        self._running: dict[asyncio.Task[None], Run] = {}
        self._vain_polls = 0
        self._outage = Outage(way.router, self._give_up, measures)
        self._loop: asyncio.AbstractEventLoop | None = None
        self.refused: str | None = None
        self._keeper = LeaseKeeper(way, settings.name, settings.concurrency, self._outage)
        self._executor = ThreadPoolExecutor(
            settings.concurrency + SPARE_THREADS, thread_name_prefix="move"
        )
        self._patience = Patience(self._executor, self._outage)
        # Nobody waits for a claim: where each call is paid, an outage costs no more than idling.
        most = STORE_MOST_SECONDS if way.bell else max(STORE_MOST_SECONDS, way.poll_seconds)
        self._claiming = Patience(self._executor, self._outage, most)

    def drain(self) -> None:
        """Claim nothing more and end once the running jobs did, or the drain time is over."""
        self._draining.set()

    async def run(self) -> None:
        """Work until drained. Waits out a store that is away; needs none to start."""
        self._loop = asyncio.get_running_loop()
        signals.log("worker.started", worker=self._settings.name)
        offering = asyncio.create_task(self._offer_models())
        try:
            with self._keeper:
                await self._claim_until_draining()
                signals.log("worker.draining", worker=self._settings.name, jobs=len(self._running))
                await self._let_running_end()
        finally:
            offering.cancel()
            await asyncio.gather(offering, return_exceptions=True)
            self._executor.shutdown(wait=False, cancel_futures=True)
            await self._engine.close()
        signals.log("worker.stopped", worker=self._settings.name)

    async def _offer_models(self) -> None:
        """Tell, from now on, which models the engine serves."""
        failed = False
        while True:
            try:
                models = listable(await self._engine.models())
            except Exception as error:  # noqa: BLE001 - the loop: no engine's list is to end it
                models = []
                if not failed:
                    signals.log("models.failed", signals.Level.ERROR, **trace(error))
                failed = True
            else:
                failed = False
            self._keeper.offer(models)
            if self._way.offer is not None:
                self._way.offer(models)
            await asyncio.sleep(MODELS_SECONDS)

    def _give_up(self, error: TokenUseless) -> None:
        self.refused = error.kind
        # A renewal that hung may hear of it when all is over.
        with suppress(RuntimeError):
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self.drain)

    async def _claim_until_draining(self) -> None:
        draining = asyncio.ensure_future(self._draining.wait())
        while not self._draining.is_set():
            self._keeper.require_alive()
            if len(self._running) >= self._settings.concurrency:
                await asyncio.wait({draining, *self._running}, return_when=FIRST_COMPLETED)
                continue
            since = monotonic()
            claim = await self._claim()
            if claim is None:
                await self._idle(draining)
            elif self._draining.is_set():
                await self._give_back(claim)
            else:
                self._vain_polls = 0
                self._start(claim, since)

    async def _claim(self) -> Claim | None:
        # The same token for every try: a claim whose answer was lost is answered again.
        token = secrets.token_hex(16)
        try:
            return await self._claiming.call(self._draining, self._way.leases.claim, token)
        except StoreUnavailable:
            # Draining. If the lost answer was a job, its lease lapses and another runs it.
            return None

    async def _give_back(self, claim: Claim) -> None:
        with suppress(StoreUnavailable, LeaseLost):
            await self._patience.call(self._draining, self._way.leases.release, claim)

    async def _idle(self, draining: asyncio.Future[Literal[True]]) -> None:
        """Wait until a job may be ready, a while passed, or it is time to drain."""
        if self._way.bell is None:
            await self._pause(draining)
            return
        waiting = asyncio.ensure_future(
            self._patience.call(self._draining, self._way.bell, IDLE_SECONDS)
        )
        either: set[asyncio.Future[Any]] = {draining, waiting}
        await asyncio.wait(either, return_when=FIRST_COMPLETED)
        waiting.cancel()
        with suppress(StoreUnavailable, asyncio.CancelledError):
            await waiting

    async def _pause(self, draining: asyncio.Future[Literal[True]]) -> None:
        """Wait longer with each poll in vain, but poll at once where a job has ended."""
        self._vain_polls += 1
        first = min(FIRST_POLL_SECONDS, self._way.poll_seconds)
        pause = backoff_seconds(self._vain_polls, first, self._way.poll_seconds, POLL_JITTER)
        running: set[asyncio.Future[Any]] = set(self._running)
        ended, _ = await asyncio.wait(
            running | {draining}, timeout=pause, return_when=FIRST_COMPLETED
        )
        if ended & running:
            self._vain_polls = 0

    def _start(self, claim: Claim, since: float) -> None:
        loop = asyncio.get_running_loop()
        run = Run(self._way, self._engine, self._patience, claim, self._measures)
        task = loop.create_task(run.work(), name=claim.job.id)
        self._running[task] = run
        task.add_done_callback(self._ended)

        def heard(news: News) -> None:
            loop.call_soon_threadsafe(run.stop, _STOPS[news])

        self._keeper.hold(claim, since, heard)

    def _ended(self, task: asyncio.Task[None]) -> None:
        run = self._running.pop(task)
        self._keeper.let_go(run.claim)
        error = None if task.cancelled() else task.exception()
        if task.cancelled() or error is not None:
            # Nothing was recorded: the lease lapses and the job runs again.
            told = trace(error) if error else {}
            level = signals.Level.ERROR
            signals.log("job.abandoned", level, **run.named, **told)
            self._measures.job_over("abandoned")

    async def _let_running_end(self) -> None:
        if not await self._ends_within(self._settings.drain_seconds):
            for run in self._running.values():
                run.stop(Stop.RELEASE)
        if not await self._ends_within(RELEASE_SECONDS):
            for task in self._running:
                task.cancel()
            await asyncio.wait(self._running)

    async def _ends_within(self, seconds: float) -> bool:
        """Return whether every run has ended before *seconds* passed."""
        if not self._running:
            return True
        _, late = await asyncio.wait(self._running, timeout=seconds)
        return not late
