"""Items of earlier responses that an input names by their ids, as the AI SDK does. Pure."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from chalicelib import limits
from chalicelib.completions import completion
from chalicelib.jobs import Job, JsonObject
from chalicelib.openai_errors import JobFailed, ResponseNotFound
from chalicelib.response_objects import PREFIX, output
from chalicelib.validation import refused

RESPONSES_MOST = 64
"""Of how many responses one input may name items."""

_ID = re.compile(r"(?:msg|fc|rs)_([0-9a-f]{32})(?:_[0-9]{1,3})?")


def resolved(given: list[JsonObject], find: Callable[[str], Job]) -> Iterator[JsonObject]:
    """Yield the items of *given*, those that are named by an id as they were answered.

    *find* returns the job of a response, or raises ResponseNotFound. Raises InvalidBody for an item
    that is not there, and for more than a body may bring.
    """
    room = limits.BODY_BYTES - _bytes(given)
    answers: dict[str, dict[str, JsonObject]] = {}
    for number, item in enumerate(given):
        if item.get("type") != "item_reference":
            yield item
            continue
        where, found = f"/input/{number}", _ID.fullmatch(str(item.get("id")))
        if found and found[1] not in answers and len(answers) < RESPONSES_MOST:
            answers[found[1]] = _answered(find, found[1])
        named = answers.get(found[1], {}).get(found[0]) if found else None
        if named is None:
            raise refused(where, "there is no such item any more: send the item itself")
        room -= _bytes(named)
        if room < 0:
            raise refused(where, f"an input may have {limits.BODY_BYTES} bytes with what it names")
        yield named


def _answered(find: Callable[[str], Job], digits: str) -> dict[str, JsonObject]:
    try:
        job = find(PREFIX + digits)
        return {item["id"]: item for item in output(job, completion(job))}
    except (ResponseNotFound, JobFailed):
        return {}


def _bytes(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())
