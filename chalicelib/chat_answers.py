"""A job as a ``chat.completion``, or as the events of its stream.

Source: https://platform.openai.com/docs/api-reference/chat/object and chat-streaming.
"""

from collections.abc import Iterator
from typing import Any

from chalicelib import chat, event_streams, openai_errors
from chalicelib.completions import Completion, completion, model, own_id
from chalicelib.errors import JobNotFound
from chalicelib.event_streams import pieces
from chalicelib.jobs import Job, JsonObject
from chalicelib.openai_errors import JobFailed
from chalicelib.routing import Reply


def completed(job: Job) -> Reply:
    """Answer with what an ended *job* came to, in the form that was asked for.

    Raises JobFailed where there is no answer; a stream tells that itself. Raises JobNotFound for a
    job of another door.
    """
    asked = chat.of(job, chat.API)
    if asked is None:
        raise JobNotFound(f"there is no job {job.id}")
    if not asked["stream"]:
        return Reply(_object(job, completion(job)))
    ways = (_events(job, asked, split=True), _events(job, asked, split=False))
    return event_streams.told(*(map(event_streams.event, events) for events in ways))


def _object(job: Job, found: Completion) -> JsonObject:
    message = {"role": "assistant", "content": found.content, "refusal": None, **found.message}
    return {
        "id": own_id("chatcmpl-", job),
        "object": "chat.completion",
        "created": job.created_at // 1000,
        "model": model(job),
        "choices": [
            {
                "index": 0,
                "message": message,
                "logprobs": found.logprobs,
                "finish_reason": found.finish,
            }
        ],
        "usage": found.usage,
        "system_fingerprint": None,
    }


def _events(job: Job, asked: JsonObject, *, split: bool) -> Iterator[Any]:
    try:
        found = completion(job)
    except JobFailed as error:
        # The status is 200 as it is for every stream: whoever reads one looks for this.
        yield {"error": openai_errors.member(error)}
        return
    usage = {"usage": None} if asked["include_usage"] else {}
    for choice in _choices(found, split=split):
        yield _chunk(job, [choice]) | usage
    if asked["include_usage"]:
        yield _chunk(job, []) | {"usage": found.usage}
    yield event_streams.DONE


def _chunk(job: Job, choices: list[JsonObject]) -> JsonObject:
    return {
        "id": own_id("chatcmpl-", job),
        "object": "chat.completion.chunk",
        "created": job.created_at // 1000,
        "model": model(job),
        "choices": choices,
        "system_fingerprint": None,
    }


def _choices(found: Completion, *, split: bool) -> Iterator[JsonObject]:
    """Yield the choice of each chunk: the role, what was said (*split* in pieces), why it ended."""
    empty = "" if found.content is not None else None
    yield _choice({"role": "assistant", "content": empty, "refusal": None})
    for delta in _deltas(found) if split else [_delta(found)]:
        yield _choice(delta)
    # With the last, so that readers who gather them find each token's once.
    yield _choice({}, found.finish) | {"logprobs": found.logprobs}


def _choice(delta: JsonObject, finish: str | None = None) -> JsonObject:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}


def _delta(found: Completion) -> JsonObject:
    calls = found.message.get("tool_calls") or []
    indexed = [{"index": index, **call} for index, call in enumerate(calls)]
    called = {"tool_calls": indexed} if calls else {}
    return found.message | {"content": found.content} | called


def _deltas(found: Completion) -> Iterator[JsonObject]:
    """Yield what readers put together again: text in pieces, of any member that is one."""
    calls = found.message.get("tool_calls") or []
    texts = (name for name in found.message if name != "tool_calls")
    for name in texts:
        yield from ({name: piece} for piece in pieces(found.message[name]))
    yield from ({"content": piece} for piece in pieces(found.text))
    for index, call in enumerate(calls):
        opening = {**call, "index": index, "function": call["function"] | {"arguments": ""}}
        yield {"tool_calls": [opening]}
        for piece in pieces(call["function"]["arguments"]):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
