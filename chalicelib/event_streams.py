"""Server-sent events in one body: what a stream would tell one by one, told at once.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html. API Gateway hands an answer
on when it is whole, so no event comes before the last, and ``X-Streaming: buffered`` says so.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib import limits
from chalicelib.routing import Reply

MEDIA_TYPE = "text/event-stream; charset=utf-8"
HEADERS: Mapping[str, str] = {"X-Streaming": "buffered"}
DONE = "[DONE]"

# So that no event is large and no body is mostly frames.
_PIECE_CHARS = 24
_PIECES = 256
# Lambda carries 6 MiB, and this is not all of its answer.
_CARRIED_BYTES = limits.RESULT_CARRIED_BYTES + 512 * 1024


def told(*ways: Iterable[str]) -> Reply:
    """Answer the events of the first of *ways* that fits into an answer, else of the last."""
    text = ""
    for events in ways:
        text = "".join(events)
        if _carried_bytes(text) <= _CARRIED_BYTES:
            break
    return Reply(text, 200, HEADERS, MEDIA_TYPE)


def event(data: Any, name: str | None = None) -> str:
    """Return one event, a plain message without *name*; *data* are JSON or ``DONE``.

    They are on one line and all ASCII: some readers take U+2028 and the like for a line's end.
    """
    line = DONE if data == DONE else json.dumps(data, separators=(",", ":"))
    return (f"event: {name}\n" if name else "") + f"data: {line}\n\n"


def pieces(text: str) -> list[str]:
    """Return *text* in pieces that end with a space or line where they can; none is empty."""
    most = max(_PIECE_CHARS, math.ceil(len(text) / _PIECES)) - 1
    return re.findall(rf"(?s:.{{0,{most}}}\s|.{{1,{most + 1}}})", text)


def _carried_bytes(text: str) -> int:
    """Return how long events, which are ASCII, are as a JSON string."""
    return len(text) + sum(map(text.count, '"\\\n'))
