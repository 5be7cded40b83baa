"""Engines and leases that do what a test says, and a worker that runs while a test looks on."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from chalicelib.errors import StoreUnavailable
from chalicelib.jobs import JobState, JsonObject
from chalicelib.leasing import Claim, Outcome
from chalicelib.settings import WorkerCredential
from worker.credential import Credential
from worker.engines import Engine
from worker.loop import Worker, WorkerSettings
from worker.via import Via
from worker.ways import Way


@dataclass(frozen=True)
class Reach:
    """Makes a way to the queue whose leases are so long; *short_seconds* is the least it bears."""

    make: Callable[[float], Way]
    short_seconds: float

    def __call__(self, lease_seconds: float = 30) -> Way:
        return self.make(lease_seconds)

    def short(self) -> Way:
        """Return a way whose leases are as short as it bears."""
        return self.make(self.short_seconds)


@contextmanager
def via(
    url: str,
    token: str = "token",  # noqa: S107
    now: Callable[[], float] = time.monotonic,
) -> Iterator[Via]:
    """Give the moves over HTTP through the router at *url*."""
    credential = Credential(WorkerCredential(token, None), time.time)
    leases = Via(url, credential, "test-worker", 4, now)
    try:
        yield leases
    finally:
        leases.close()


class Scripted:
    """An engine that does what the test says."""

    def __init__(
        self, deed: Callable[[JsonObject, Callable[[str], None]], Awaitable[JsonObject]]
    ) -> None:
        self._deed = deed
        self.cancelled = threading.Event()
        self.closed = False
        self.served: Sequence[str] = []
        self.traceparents: list[str | None] = []

    async def models(self) -> Sequence[str]:
        return self.served

    async def run(
        self, request: JsonObject, tell: Callable[[str], None], traceparent: str | None = None
    ) -> JsonObject:
        self.traceparents.append(traceparent)
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


class Flaky:
    """Another's leases on a store that is away for the first *times* calls of a move.

    With *late* the call arrives and only its answer is lost.
    """

    def __init__(self, way: Way, move: str, times: int, *, late: bool = False) -> None:
        self._way = way
        self._leases = way.leases
        self.move = move
        self.left = times
        self._late = late
        self.tokens: list[str] = []

    @property
    def way(self) -> Way:
        """The way that leads through here."""
        bell, beat = self._way.bell, self._way.beat
        return replace(
            self._way,
            leases=self,
            bell=bell and (lambda seconds: self._through("bell", lambda: bell(seconds))),
            beat=beat and (lambda *about: self._through("beat", lambda: beat(*about))),
        )

    @property
    def lease_seconds(self) -> float:
        return self._leases.lease_seconds

    def _through[T](self, move: str, call: Callable[[], T]) -> T:
        if move != self.move or self.left == 0:
            return call()
        self.left -= 1
        if self._late:
            call()
        raise StoreUnavailable

    def claim(self, token: str) -> Claim | None:
        self.tokens.append(token)
        return self._through("claim", lambda: self._leases.claim(token))

    def append(self, claim: Claim, offset: int, chunks: Sequence[str]) -> bool:
        return self._through("append", lambda: self._leases.append(claim, offset, chunks))

    def extend(self, claim: Claim) -> bool:
        return self._through("extend", lambda: self._leases.extend(claim))

    def finish(self, claim: Claim, outcome: Outcome) -> JobState:
        return self._through("finish", lambda: self._leases.finish(claim, outcome))

    def release(self, claim: Claim) -> JobState | None:
        return self._through("release", lambda: self._leases.release(claim))


def result(text: str) -> JsonObject:
    return {"text": text, "finish_reason": "stop", "engine": "fake", "model": "m", "usage": None}


def work(
    way: Way,
    engine: Engine,
    meanwhile: Callable[[], object],
    *,
    concurrency: int = 4,
    drain_seconds: float = 5,
) -> None:
    """Run a worker until *meanwhile*, called in a thread of its own, returned and it drained."""

    async def main() -> None:
        settings = WorkerSettings("test-worker", concurrency, drain_seconds)
        worker = Worker(way, engine, settings)
        working = asyncio.create_task(worker.run())
        try:
            await asyncio.to_thread(meanwhile)
        finally:
            worker.drain()
            await working

    asyncio.run(main())
