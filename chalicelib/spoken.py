"""What a model says beside its text, checked: tool calls and log probabilities. Pure."""

import sys
from collections.abc import Callable
from typing import Any

from chalicelib import limits
from chalicelib.jobs import JsonObject

_MOST_BYTE = 255
# OpenAI's word for "very unlikely"; some engines write null, which is their infinity.
_LEAST_LOGPROB = -9999.0


def tool_call(value: object) -> JsonObject:
    """Return *value* as ``{"id", "type", "function": {"name", "arguments"}}``, all of it texts.

    Whatever an engine calls its type, it is ``function``. Arguments are as the model wrote them,
    JSON or not. Raises ValueError for anything else.
    """
    match value:
        case {
            "id": str(call_id),
            "type": str(kind),
            "function": {"name": str(name), "arguments": str(arguments), **extra},
            **more,
        } if not extra and not more:
            if all(0 < len(each) <= limits.CALL_NAME_CHARS for each in (call_id, kind, name)):
                function = {"name": name, "arguments": arguments}
                return {"id": call_id, "type": "function", "function": function}
    raise ValueError("not a tool call")


def logprob(value: object) -> JsonObject:
    """Return a token's ``{"token", "logprob", "bytes", "top_logprobs"}`` and nothing else.

    ``logprob`` is a float, -9999 for null or less; ``bytes`` is a list or None, ``top_logprobs``
    items of the same without their own. Raises ValueError for anything else.
    """
    match value:
        case {"top_logprobs": top}:
            pass
        case _:
            top = None
    return _probability(value) | {"top_logprobs": _list(top, _probability) or []}


def _probability(value: object) -> JsonObject:
    match value:
        case {"token": str(token), "logprob": number, **more}:
            return {
                "token": token,
                "logprob": _likelihood(number),
                "bytes": _list(more.get("bytes"), _byte),
            }
    raise ValueError("not a token's probability")


def _likelihood(value: object) -> float:
    if value is None:
        return _LEAST_LOGPROB
    if isinstance(value, int | float) and type(value) is not bool and value <= sys.float_info.max:
        return float(max(value, _LEAST_LOGPROB))
    raise ValueError("not a probability")


def _byte(value: object) -> int:
    if type(value) is int and 0 <= value <= _MOST_BYTE:
        return value
    raise ValueError("not a byte")


def _list(value: object, item: Callable[[object], Any]) -> list[Any] | None:
    if value is None:
        return None
    if not isinstance(value, list):
        raise ValueError("not a list")  # noqa: TRY004 - one error for whatever is wrong
    return [item(each) for each in value]
