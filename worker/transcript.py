"""The text of a running job on its way to the store, in batches, in order, nothing lost."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

BATCH_CHUNKS = 64
BATCH_SECONDS = 0.2


class Transcript:
    """Takes chunks without waiting and appends them behind the engine's back.

    The first chunk goes at once, what follows at least each ``BATCH_SECONDS``, or as soon as
    ``BATCH_CHUNKS`` wait. Offsets count this attempt's chunks from 0.
    """

    def __init__(self, append: Callable[[int, Sequence[str]], Awaitable[None]]) -> None:
        self._append = append
        self._waiting: deque[str] = deque()
        self._offset = 0
        self._closed = False
        self._some = asyncio.Event()
        self._plenty = asyncio.Event()

    def add(self, chunk: str) -> None:
        """Take the next chunk."""
        self._waiting.append(chunk)
        self._some.set()
        if len(self._waiting) >= BATCH_CHUNKS:
            self._plenty.set()

    def close(self) -> None:
        """Say that no chunk follows; ``pour`` returns once all are stored."""
        self._closed = True
        self._some.set()
        self._plenty.set()

    async def pour(self) -> None:
        """Append batch after batch until closed and empty. Raises what *append* raises."""
        while True:
            await self._some.wait()
            if not self._waiting:
                return
            count = min(BATCH_CHUNKS, len(self._waiting))
            batch = [self._waiting.popleft() for _ in range(count)]
            self._reset()
            await self._append(self._offset, batch)
            self._offset += count
            try:
                async with asyncio.timeout(BATCH_SECONDS):
                    await self._plenty.wait()
            except TimeoutError:
                pass

    def _reset(self) -> None:
        """Wait again for what is no longer there; once closed there is nothing to wait for."""
        if self._closed:
            return
        if not self._waiting:
            self._some.clear()
        if len(self._waiting) < BATCH_CHUNKS:
            self._plenty.clear()
