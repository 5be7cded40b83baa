"""One claimed job from its engine to its end."""

import asyncio
import traceback
from collections.abc import Sequence
from enum import Enum
from pathlib import PurePath
from time import monotonic
from typing import Any

from chalicelib import limits, signals, tracing
from chalicelib.errors import BodyTooLarge, LeaseLost
from chalicelib.jobs import JobState
from chalicelib.leasing import Claim, Outcome
from worker.engines import Engine, EngineFailure
from worker.leases import RouterOutdated
from worker.measures import Measures
from worker.patience import Patience
from worker.transcript import Transcript
from worker.ways import Way

_TOLD = {JobState.QUEUED: "job.retrying"}
_COUNTED = {JobState.QUEUED: "retried"}
_TOO_LARGE = Outcome(
    error={
        "code": "result_too_large",
        "detail": f"the answer is longer than {limits.RESULT_BYTES} bytes",
    }
)
# By then the router may have been replaced, as an upgrade has it.
_OUTDATED = Outcome(
    error={
        "code": "router_outdated",
        "detail": "the router is of a release that knows no tool calls and no refusals",
    },
    retryable=True,
    retry_after_seconds=60,
)


class Stop(Enum):
    """Why a run stops before its engine has answered."""

    CANCEL = "cancel"
    LOST = "lost"
    RELEASE = "release"


class Run:
    """Runs the engine, stores its text as it comes, records the outcome. Made in an event loop."""

    def __init__(
        self, way: Way, engine: Engine, patience: Patience, claim: Claim, measures: Measures
    ) -> None:
        self.claim = claim
        self._way = way
        self._engine = engine
        self._patience = patience
        self._measures = measures
        self._stopped: asyncio.Future[Stop] = asyncio.get_running_loop().create_future()
        self._trace = tracing.parse(claim.job.traceparent or "")
        self._told: dict[str, object] = self.named | {"attempt": claim.job.attempt}
        self._began = monotonic()
        self._spoke = False

    @property
    def named(self) -> dict[str, object]:
        """What names the job in the log: its id, and the trace of whoever asked for it."""
        trace = self._trace
        traced = {"trace_id": trace.trace_id, "traceparent": str(trace)} if trace else {}
        return {"job_id": self.claim.job.id, **traced}

    def stop(self, why: Stop) -> None:
        """Stop the engine; the first reason counts, and none once the engine has answered."""
        if not self._stopped.done():
            self._stopped.set_result(why)

    async def work(self) -> None:
        """Run the job to its end, or until the lease is lost. Raises only what nobody foresaw."""
        signals.log("job.claimed", **self._told)
        self._measures.job_began()
        try:
            outcome = await self._outcome()
            if outcome is None:
                await self._patience.call(None, self._way.leases.release, self.claim)
                signals.log("job.released", **self._told)
                self._measures.job_over("released")
                return
            state, outcome = await self._finish(outcome)
        except LeaseLost:
            signals.log("lease.lost", **self._told)
            self._measures.job_over("lease_lost")
            return
        self._tell(state, outcome)

    async def _outcome(self) -> Outcome | None:
        """Return how the run ended, None when it is to be given back. Raises LeaseLost."""
        transcript = Transcript(self._append, self._way.batch)
        try:
            async with asyncio.TaskGroup() as group:
                pouring = group.create_task(transcript.pour())
                answering = group.create_task(self._answer(transcript))
                either: set[asyncio.Future[Any]] = {answering, self._stopped}
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                # A complete answer that came first wins, and is stored whole.
                if not answering.done():
                    answering.cancel()
                    pouring.cancel()
        except ExceptionGroup as group_error:
            return self._crashed(group_error.exceptions[0])
        return self._stopping() if answering.cancelled() else answering.result()

    async def _answer(self, transcript: Transcript) -> Outcome:
        def tell(piece: str) -> None:
            transcript.add(piece)
            self._measures.text_said(None if self._spoke else monotonic() - self._began)
            self._spoke = True

        step = str(self._trace.step()) if self._trace else None
        try:
            result = await self._engine.run(self.claim.job.request, tell, step)
        except EngineFailure as failure:
            self._measures.engine_failed(failure.code)
            pause = failure.retry_after_seconds
            return Outcome(
                error={"code": failure.code, "detail": failure.detail},
                retryable=pause is not None,
                retry_after_seconds=min(pause or 0, limits.RETRY_AFTER_MOST_SECONDS),
            )
        finally:
            transcript.close()
        return Outcome(result=result)

    async def _append(self, offset: int, chunks: Sequence[str]) -> None:
        append = self._way.leases.append
        if await self._patience.call(None, append, self.claim, offset, chunks):
            self.stop(Stop.CANCEL)

    def _stopping(self) -> Outcome | None:
        match self._stopped.result():
            case Stop.CANCEL:
                return Outcome(cancelled=True)
            case Stop.RELEASE:
                return None
            case Stop.LOST:
                raise LeaseLost

    def _crashed(self, cause: Exception) -> Outcome:
        """Whatever kind it is: one bad job must not take the others down (style, rule 17)."""
        if isinstance(cause, LeaseLost):
            raise cause from None
        if isinstance(cause, BodyTooLarge):
            return _TOO_LARGE
        told = trace(cause)
        signals.log("job.crashed", signals.Level.ERROR, **self._told, **told)
        detail = f"the worker failed on this job ({told['error']})"
        return Outcome(error={"code": "worker_error", "detail": detail})

    async def _finish(self, outcome: Outcome) -> tuple[JobState, Outcome]:
        """Record *outcome*, or why it cannot be; return the state, and what was recorded."""
        finish = self._way.leases.finish
        try:
            return await self._patience.call(None, finish, self.claim, outcome), outcome
        except BodyTooLarge:
            instead = _TOO_LARGE
        except RouterOutdated:
            instead = _OUTDATED
        return await self._patience.call(None, finish, self.claim, instead), instead

    def _tell(self, state: JobState, outcome: Outcome) -> None:
        told = dict(self._told)
        code = "" if outcome.error is None else outcome.error["code"]
        if code:
            told["code"] = code
        seconds = monotonic() - self._began
        told["milliseconds"] = round(seconds * 1000)
        signals.log(_TOLD.get(state, f"job.{state}"), **told)
        if state is JobState.SUCCEEDED and outcome.result and outcome.result.get("usage"):
            self._measures.tokens_used(outcome.result["usage"])
        self._measures.job_over(_COUNTED.get(state, state), code, seconds)


def trace(error: BaseException) -> dict[str, str]:
    """Name the error's kind and place; its message may hold a prompt or an output."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown"
    return {"error": type(error).__name__, "where": where}
