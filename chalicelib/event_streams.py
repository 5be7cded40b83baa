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
# What some readers take for the end of a line, or cannot be written in UTF-8.
_UNSAFE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def told(*ways: Iterable[tuple[str | None, Any]]) -> Reply:
    """Answer the events of the first of *ways* that fits into an answer, else of the last.

    An event is a name (None for a plain message) and its data, JSON or ``DONE``.
    """
    text = ""
    for events in ways:
        text = "".join(_event(name, data) for name, data in events)
        if len(json.dumps(text)) <= _CARRIED_BYTES:
            break
    return Reply(text, 200, HEADERS, MEDIA_TYPE)


def pieces(text: str) -> list[str]:
    """Return *text* in pieces that end with a space or line where they can; none is empty."""
    most = max(_PIECE_CHARS, math.ceil(len(text) / _PIECES)) - 1
    return re.findall(rf"(?s:.{{0,{most}}}\s|.{{1,{most + 1}}})", text)


def _event(name: str | None, data: Any) -> str:
    return (f"event: {name}\n" if name else "") + f"data: {_line(data)}\n\n"


def _line(data: Any) -> str:
    """Return *data* as JSON on one line, whatever a reader takes for a line's end."""
    if data == DONE:
        return DONE
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
