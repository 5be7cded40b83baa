"""The text of a running job on its way to the store, in batches, in order, nothing lost."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

BATCH_BYTES = 64 * 1024
# No character takes more than four bytes in UTF-8, so that a piece is never more than a batch.
PIECE_CHARS = BATCH_BYTES // 4


@dataclass(frozen=True)
class Batch:
    """When a batch goes: after *seconds*, with *chunks* of them, or with ``BATCH_BYTES``."""

    seconds: float
    chunks: int


class Transcript:
    """Takes chunks without waiting and appends them behind the engine's back.

    The first chunk goes at once, what follows as *batch* says. Offsets count this attempt's
    chunks from 0; a chunk longer than ``PIECE_CHARS`` counts as several.
    """

    def __init__(
        self, append: Callable[[int, Sequence[str]], Awaitable[None]], batch: Batch
    ) -> None:
        self._append = append
        self._batch = batch
        self._waiting: deque[str] = deque()
        self._bytes = 0
        self._offset = 0
        self._closed = False
        self._some = asyncio.Event()
        self._plenty = asyncio.Event()

    def add(self, chunk: str) -> None:
        """Take the next chunk."""
        for start in range(0, len(chunk), PIECE_CHARS):
            piece = chunk[start : start + PIECE_CHARS]
            self._waiting.append(piece)
            self._bytes += len(piece.encode())
        self._ring()

    def close(self) -> None:
        """Say that no chunk follows; ``pour`` returns once all are stored."""
        self._closed = True
        self._ring()

    async def pour(self) -> None:
        """Append batch after batch until closed and empty. Raises what *append* raises."""
        while True:
            await self._some.wait()
            if not self._waiting:
                return
            batch = self._take()
            self._some.clear()
            self._plenty.clear()
            self._ring()
            await self._append(self._offset, batch)
            self._offset += len(batch)
            try:
                async with asyncio.timeout(self._batch.seconds):
                    await self._plenty.wait()
            except TimeoutError:
                pass

    def _take(self) -> list[str]:
        batch: list[str] = []
        room = BATCH_BYTES
        while self._waiting and len(batch) < self._batch.chunks:
            size = len(self._waiting[0].encode())
            if size > room:
                break
            room -= size
            batch.append(self._waiting.popleft())
        self._bytes -= BATCH_BYTES - room
        return batch

    def _ring(self) -> None:
        """Wake who waits for something, or for plenty; once closed nothing is waited for."""
        if self._waiting or self._closed:
            self._some.set()
        if len(self._waiting) >= self._batch.chunks or self._bytes >= BATCH_BYTES or self._closed:
            self._plenty.set()
