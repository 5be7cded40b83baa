"""The text on its way: in batches, in order, nothing lost, nothing later than promised."""

import asyncio
import time
from collections.abc import Sequence

import pytest

from chalicelib.errors import LeaseLost
from worker.transcript import BATCH_BYTES, PIECE_CHARS, Batch, Transcript
from worker.ways import FAR_BATCH, NEAR_BATCH


def poured(batch: Batch, told: Sequence[str]) -> list[tuple[int, list[str]]]:
    """Return the batches that come of *told* in one breath, with their offsets."""
    batches: list[tuple[int, list[str]]] = []

    async def append(offset: int, chunks: Sequence[str]) -> None:
        await asyncio.sleep(0)
        batches.append((offset, list(chunks)))

    async def main() -> None:
        transcript = Transcript(append, batch)
        pouring = asyncio.create_task(transcript.pour())
        for number, chunk in enumerate(told):
            transcript.add(chunk)
            if number % 50 == 0:
                await asyncio.sleep(0.001)
        transcript.close()
        await pouring

    asyncio.run(main())
    return batches


@pytest.mark.parametrize("batch", [NEAR_BATCH, FAR_BATCH], ids=["near", "far"])
def test_many_chunks_go_in_bounded_batches_in_order_without_a_gap(batch: Batch) -> None:
    told = [f"{number} " for number in range(3000)]

    batches = poured(batch, told)

    assert max(len(chunks) for _, chunks in batches) <= batch.chunks
    assert [chunk for _, chunks in batches for chunk in chunks] == told
    sizes = [len(chunks) for _, chunks in batches]
    assert [offset for offset, _ in batches] == [sum(sizes[:n]) for n in range(len(sizes))]


def test_no_batch_is_larger_than_its_bytes_however_large_a_chunk() -> None:
    told = ["é" * 10_000, "x", "😀" * (3 * PIECE_CHARS + 7), "", "end"]

    batches = poured(FAR_BATCH, told)

    assert "".join(chunk for _, chunks in batches for chunk in chunks) == "".join(told)
    assert max(len("".join(chunks).encode()) for _, chunks in batches) <= BATCH_BYTES


@pytest.mark.parametrize("batch", [Batch(0.2, 64), Batch(0.4, 64)], ids=["short", "long"])
def test_the_first_chunk_goes_at_once_and_what_follows_within_a_batchs_time(batch: Batch) -> None:
    seen: list[tuple[float, int]] = []
    began = time.monotonic()

    async def append(_: int, chunks: Sequence[str]) -> None:
        seen.append((time.monotonic() - began, len(chunks)))

    async def main() -> None:
        transcript = Transcript(append, batch)
        pouring = asyncio.create_task(transcript.pour())
        for _ in range(5):
            transcript.add("x")
            await asyncio.sleep(0.02)
        await asyncio.sleep(batch.seconds + 0.1)
        transcript.close()
        await pouring

    asyncio.run(main())

    assert [count for _, count in seen] == [1, 4]
    assert seen[0][0] < 0.1
    assert batch.seconds <= seen[1][0] < batch.seconds + 0.15


def test_a_full_batch_does_not_wait_for_its_time() -> None:
    batch = Batch(seconds=5, chunks=10)
    began = time.monotonic()

    batches = poured(batch, ["x"] * 100)

    assert [len(chunks) for _, chunks in batches[1:-1]] == [10] * (len(batches) - 2)
    assert time.monotonic() - began < 2


def test_a_pour_ends_with_the_lease() -> None:
    async def append(_: int, __: Sequence[str]) -> None:
        raise LeaseLost

    async def main() -> None:
        transcript = Transcript(append, NEAR_BATCH)
        transcript.add("x")
        await transcript.pour()

    with pytest.raises(LeaseLost):
        asyncio.run(main())
