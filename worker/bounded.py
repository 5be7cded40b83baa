"""How much an engine may send before a worker stops listening: no answer fills its memory."""

from collections.abc import AsyncIterator

import httpx2

# A chunk of a stream is some hundred bytes; an answer told in one piece is a result's bytes,
# escaped.
EVENT_BYTES = 8 * 1024 * 1024
BODY_BYTES = 8 * 1024 * 1024

_BLANK_LINES = (b"\n\n", b"\r\n\r\n", b"\r\r")
_OVERLAP = 3


class SentTooMuch(ValueError):
    """An engine sent more than is read; says nothing of what it sent."""


async def bound(response: httpx2.Response) -> None:
    """Bound *response*, whose body was not read yet: a hook for the engine's client.

    Of a stream of events each may have ``EVENT_BYTES``, of anything else the whole ``BODY_BYTES``;
    reading beyond raises SentTooMuch. A compressed body stays as it is: unpacked it has no bound.
    """
    response.headers.pop("content-encoding", None)
    stream = response.stream
    assert isinstance(stream, httpx2.AsyncByteStream)  # noqa: S101 - an async client's
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    response.stream = _Bounded(stream, events=media_type == "text/event-stream")


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, *, events: bool) -> None:
        self._stream = stream
        self._events = events

    async def __aiter__(self) -> AsyncIterator[bytes]:
        most = EVENT_BYTES if self._events else BODY_BYTES
        held, tail = 0, b""
        async for piece in self._stream:
            held += len(piece)
            if self._events:
                seen = tail + piece
                ended = max(_end(seen, each) for each in _BLANK_LINES)
                held = len(seen) - ended if ended else held
                tail = seen[-_OVERLAP:]
            if held > most:
                raise SentTooMuch
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


def _end(seen: bytes, blank_line: bytes) -> int:
    """Return where the last *blank_line* ends, 0 where there is none."""
    found = seen.rfind(blank_line)
    return 0 if found < 0 else found + len(blank_line)
