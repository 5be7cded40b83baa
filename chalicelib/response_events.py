"""The events that a response is told in, one after the other, each with its number.

Source: https://platform.openai.com/docs/api-reference/responses-streaming. An ended job always
tells the same events, so that a reader may go on after any of them. What was asked is repeated
by the last event alone.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.event_streams import pieces
from chalicelib.jobs import Job, JsonObject
from chalicelib.response_objects import UNECHOED, response

_LAST = {"completed": "completed", "incomplete": "incomplete", "failed": "failed"}
_EMPTIED: Mapping[str, JsonObject] = {
    "message": {"content": []},
    "function_call": {"arguments": ""},
}


def events(job: Job) -> list[JsonObject]:
    """Return all events of an ended *job*, numbered from 0."""
    return [{**event, "sequence_number": number} for number, event in enumerate(_told(job))]


def _told(job: Job) -> Iterator[JsonObject]:
    whole = response(job)
    begun = whole | {"status": "in_progress", "output": [], "usage": None, "error": None}
    begun |= {"incomplete_details": None, "completed_at": None, **UNECHOED}
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for index, item in enumerate(whole["output"]):
        yield from _item(index, item)
    # The API has no event for a cancelled one: its readers are told a failure.
    last = _LAST.get(whole["status"], "failed")
    yield {"type": f"response.{last}", "response": whole}


def _item(index: int, item: JsonObject) -> Iterator[JsonObject]:
    """Yield how an item begins, grows and ends."""
    place = {"item_id": item["id"], "output_index": index}
    begun = item | _EMPTIED.get(item["type"], {}) | {"status": "in_progress"}
    yield {"type": "response.output_item.added", "output_index": index, "item": begun}
    if item["type"] == "message":
        for number, part in enumerate(item["content"]):
            yield from _part(place | {"content_index": number}, part)
    elif item["type"] == "function_call":
        said = item["arguments"]
        yield from _grown("response.function_call_arguments", place, said)
        yield {"type": "response.function_call_arguments.done", **place, "arguments": said,
               "name": item["name"]}  # fmt: skip
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def _part(place: JsonObject, part: JsonObject) -> Iterator[JsonObject]:
    refusal = part["type"] == "refusal"
    kind, member = ("response.refusal", "refusal") if refusal else ("response.output_text", "text")
    more: JsonObject = {} if refusal else {"logprobs": []}
    begun = part | {member: "", **more}
    yield {"type": "response.content_part.added", **place, "part": begun}
    for event in _grown(kind, place, part[member]):
        yield event | more
    told = {"logprobs": part["logprobs"]} if more else {}
    yield {"type": f"{kind}.done", **place, member: part[member], **told}
    yield {"type": "response.content_part.done", **place, "part": part}


def _grown(kind: str, place: dict[str, Any], text: str) -> Iterator[JsonObject]:
    for piece in pieces(text):
        yield {"type": f"{kind}.delta", **place, "delta": piece}
