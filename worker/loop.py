"""The worker itself: claims jobs, runs them side by side, records how each ended."""

import asyncio
import secrets
import traceback
from asyncio import FIRST_COMPLETED
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePath
from time import monotonic
from typing import Any, Literal

from chalicelib import signals
from chalicelib.errors import LeaseLost, StoreUnavailable
from chalicelib.queueing import Claim, JobQueue, Outcome
from worker.engines import Engine, EngineFailure
from worker.leases import LeaseKeeper
from worker.patience import Outage, Patience
from worker.transcript import Transcript

IDLE_SECONDS = 1.0
# One for the claim, one for the wait, and room for a finish that retries beside them.
SPARE_THREADS = 4


@dataclass(frozen=True)
class WorkerSettings:
    """How this process works: its name, how many jobs at once, how long it drains."""

    name: str
    concurrency: int
    drain_seconds: float


class Worker:
    """Works until told to drain. One per process and event loop."""

    def __init__(self, queue: JobQueue, engine: Engine, settings: WorkerSettings) -> None:
        self._queue = queue
        self._engine = engine
        self._settings = settings
        self._draining = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        self._finishing: set[str] = set()
        self._outage = Outage()
        self._keeper = LeaseKeeper(queue, settings.name, self._outage)
        self._executor = ThreadPoolExecutor(
            settings.concurrency + SPARE_THREADS, thread_name_prefix="move"
        )
        self._patience = Patience(self._executor, self._outage)

    def drain(self) -> None:
        """Claim nothing more and end once the running jobs did, or the drain time is over."""
        self._draining.set()

    async def run(self) -> None:
        """Work until drained. Waits out a store that is away; needs none to start."""
        signals.log("worker.started", worker=self._settings.name)
        try:
            with self._keeper:
                await self._claim_until_draining()
                signals.log("worker.draining", worker=self._settings.name, jobs=len(self._running))
                await self._let_running_end()
        finally:
            self._executor.shutdown(wait=False, cancel_futures=True)
            await self._engine.close()
        signals.log("worker.stopped", worker=self._settings.name)

    async def _claim_until_draining(self) -> None:
        draining = asyncio.ensure_future(self._draining.wait())
        while not draining.done():
            if not self._keeper.alive:
                raise RuntimeError("the lease keeper has ended")
            if len(self._running) >= self._settings.concurrency:
                await asyncio.wait({draining, *self._running}, return_when=FIRST_COMPLETED)
                continue
            since = monotonic()
            claim = await self._claim()
            if claim is None:
                await self._idle(draining)
            else:
                self._start(claim, since)

    async def _claim(self) -> Claim | None:
        # The same token for every try: a claim whose answer was lost is answered again.
        token = secrets.token_hex(16)
        try:
            return await self._patience.call(self._draining, self._queue.claim, token)
        except StoreUnavailable:
            # Draining. If the lost answer was a job, its lease lapses and another runs it.
            return None

    async def _idle(self, draining: asyncio.Future[Literal[True]]) -> None:
        """Wait until a job may be ready, a while passed, or it is time to drain."""
        waiting = asyncio.ensure_future(
            self._patience.call(self._draining, self._queue.wait, IDLE_SECONDS)
        )
        either: set[asyncio.Future[Any]] = {draining, waiting}
        await asyncio.wait(either, return_when=FIRST_COMPLETED)
        waiting.cancel()
        with suppress(StoreUnavailable, asyncio.CancelledError):
            await waiting

    def _start(self, claim: Claim, since: float) -> None:
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._work(claim), name=claim.job.id)
        self._running.add(task)
        task.add_done_callback(self._ended)

        def lost() -> None:
            loop.call_soon_threadsafe(self._lose, claim, task)

        self._keeper.hold(claim, since, lost)

    def _lose(self, claim: Claim, task: asyncio.Task[None]) -> None:
        """Stop a run whose lease is gone. One that is finishing hears it from the finish."""
        if claim.token not in self._finishing and task.cancel():
            signals.log("lease.lost", job_id=claim.job.id, attempt=claim.job.attempt)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Nothing was recorded: the lease lapses and the job runs again.
            signals.log("job.abandoned", job_id=task.get_name(), **_trace(error))

    async def _let_running_end(self) -> None:
        if not self._running:
            return
        _, late = await asyncio.wait(self._running, timeout=self._settings.drain_seconds)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)

    async def _work(self, claim: Claim) -> None:
        """Run the job and record its outcome, unless the lease is lost on the way."""
        job, began = claim.job, monotonic()
        told: dict[str, object] = {"job_id": job.id, "attempt": job.attempt}
        signals.log("job.claimed", **told)
        try:
            outcome = await self._outcome(claim)
            self._finishing.add(claim.token)
            await self._patience.call(None, self._queue.finish, claim, outcome)
        except LeaseLost:
            signals.log("lease.lost", **told)
            return
        finally:
            self._finishing.discard(claim.token)
            self._keeper.let_go(claim)
        told["milliseconds"] = round((monotonic() - began) * 1000)
        if outcome.error is None:
            signals.log("job.succeeded", **told)
        else:
            signals.log("job.failed", code=outcome.error["code"], **told)

    async def _outcome(self, claim: Claim) -> Outcome:
        """Run the engine and store the text as it comes. Raises LeaseLost."""

        async def append(offset: int, chunks: Sequence[str]) -> None:
            await self._patience.call(None, self._queue.append, claim, offset, chunks)

        transcript = Transcript(append)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(transcript.pour())
                try:
                    result = await self._engine.run(claim.job.request, transcript.add)
                    return Outcome(result=result)
                except EngineFailure as failure:
                    return Outcome(error={"code": failure.code, "detail": failure.detail})
                finally:
                    transcript.close()
        except ExceptionGroup as group_error:
            # Whatever kind it is: one bad job must not take the others down (style, rule 17).
            cause = group_error.exceptions[0]
            if isinstance(cause, LeaseLost):
                raise cause from None
            told = _trace(cause)
            signals.log("job.crashed", job_id=claim.job.id, attempt=claim.job.attempt, **told)
            detail = f"the worker failed on this job ({told['error']})"
            return Outcome(error={"code": "worker_error", "detail": detail})


def _trace(error: BaseException) -> dict[str, str]:
    """Name the error's kind and place; its message may hold a prompt or an output."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown"
    return {"error": type(error).__name__, "where": where}
