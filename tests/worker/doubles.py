"""Engines and queues that do what a test says, and a worker that runs while a test looks on."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence

from chalicelib.errors import StoreUnavailable
from chalicelib.jobs import JsonObject
from chalicelib.queueing import Claim, JobQueue, Outcome
from chalicelib.store import Store
from tests.worker.harness import queue_settings
from worker.engines import Engine
from worker.loop import Worker, WorkerSettings


class Scripted:
    """An engine that does what the test says."""

    def __init__(
        self, deed: Callable[[JsonObject, Callable[[str], None]], Awaitable[JsonObject]]
    ) -> None:
        self._deed = deed
        self.cancelled = threading.Event()
        self.closed = False

    async def run(self, request: JsonObject, tell: Callable[[str], None]) -> JsonObject:
        try:
            return await self._deed(request, tell)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise

    async def close(self) -> None:
        self.closed = True


class Gated(Scripted):
    """An engine that has begun once ``begun`` is set, and answers once ``gate`` is."""

    def __init__(self, *, first: str = "", rest: str = "done") -> None:
        super().__init__(self._answer)
        self._first = first
        self._rest = rest
        self.begun = threading.Event()
        self.gate = threading.Event()

    async def _answer(self, _: JsonObject, tell: Callable[[str], None]) -> JsonObject:
        if self._first:
            tell(self._first)
        self.begun.set()
        # Threads open the gate, so it cannot be asyncio's.
        while not self.gate.is_set():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        if self._rest:
            tell(self._rest)
        return result(self._first + self._rest)


class Flaky(JobQueue):
    """The real queue on a store that is away for the first *times* calls of a move.

    With *late* the call arrives and only its answer is lost.
    """

    def __init__(
        self, store: Store, move: str, times: int, *, late: bool = False, lease: float = 30
    ) -> None:
        super().__init__(store, queue_settings(lease))
        self._move = move
        self.left = times
        self._late = late
        self.tokens: list[str] = []

    def _through[T](self, move: str, call: Callable[[], T]) -> T:
        if move != self._move or self.left == 0:
            return call()
        self.left -= 1
        if self._late:
            call()
        raise StoreUnavailable

    def claim(self, token: str) -> Claim | None:
        self.tokens.append(token)
        return self._through("claim", lambda: JobQueue.claim(self, token))

    def wait(self, seconds: float) -> None:
        self._through("wait", lambda: JobQueue.wait(self, seconds))

    def append(self, claim: Claim, offset: int, chunks: Sequence[str]) -> None:
        self._through("append", lambda: JobQueue.append(self, claim, offset, chunks))

    def extend(self, claim: Claim) -> None:
        self._through("extend", lambda: JobQueue.extend(self, claim))

    def finish(self, claim: Claim, outcome: Outcome) -> None:
        self._through("finish", lambda: JobQueue.finish(self, claim, outcome))

    def beat(self, worker: str) -> None:
        self._through("beat", lambda: JobQueue.beat(self, worker))


def result(text: str) -> JsonObject:
    return {"text": text, "finish_reason": "stop", "engine": "fake", "model": "m", "usage": None}


def work(
    queue: JobQueue,
    engine: Engine,
    meanwhile: Callable[[], object],
    *,
    concurrency: int = 4,
    drain_seconds: float = 5,
) -> None:
    """Run a worker until *meanwhile*, called in a thread of its own, returned and it drained."""

    async def main() -> None:
        settings = WorkerSettings("test-worker", concurrency, drain_seconds)
        worker = Worker(queue, engine, settings)
        working = asyncio.create_task(worker.run())
        try:
            await asyncio.to_thread(meanwhile)
        finally:
            worker.drain()
            await working

    asyncio.run(main())
