"""A job as a ``response`` object, as it stands or at its end, no larger than is carried. Pure.

Source: https://platform.openai.com/docs/api-reference/responses/object.
"""

from typing import Any

from chalicelib import chat, limits, responses
from chalicelib.carriage import carried_bytes
from chalicelib.completions import Completion, completion, model, own_id
from chalicelib.jobs import Job, JobState, JsonObject
from chalicelib.openai_errors import JobFailed, job_failed

PREFIX = "resp_"
_STATUSES = {
    JobState.QUEUED: "queued",
    JobState.RUNNING: "in_progress",
    JobState.SUCCEEDED: "completed",
    JobState.FAILED: "failed",
    JobState.EXPIRED: "failed",
    JobState.CANCELLED: "cancelled",
}
_FAILURES = {JobState.FAILED, JobState.EXPIRED}
_CUT_SHORT = {"length": "max_output_tokens", "content_filter": "content_filter"}
# What clients' types ask of every response, where its request said nothing.
_UNSAID: JsonObject = {
    "include": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "service_tier": "default",
    # Whatever was asked: a job is kept for its retention.
    "store": True,
    "temperature": None,
    "tool_choice": "auto",
    "top_logprobs": None,
    "top_p": None,
    "truncation": "disabled",
    "user": None,
}
UNECHOED: JsonObject = {"instructions": None, "tools": []}
"""What stands for the largest of what was asked where that is not repeated."""

# What is left out one after the other of a response that is too large, the least missed first.
_LEFT_OUT: tuple[JsonObject, ...] = (
    *({name: nothing} for name, nothing in UNECHOED.items()),
    {"text": {}, **{name: _UNSAID[name] for name in _UNSAID if name != "previous_response_id"}},
)
# Lambda carries 6 MiB, and this is not all of its answer.
_CARRIED_BYTES = limits.RESULT_CARRIED_BYTES + 768 * 1024


def response(job: Job) -> JsonObject:
    """Return *job* as a response. ``output`` is empty while it has none.

    One that is too large to be carried repeats less of what was asked.
    """
    whole = _whole(job)
    for less in _LEFT_OUT:
        if carried_bytes(whole) <= _CARRIED_BYTES:
            break
        whole |= less
    return whole


def _whole(job: Job) -> JsonObject:
    asked = chat.of(job, responses.API) or {}
    found = _answer(job)
    short = _CUT_SHORT.get(found.finish) if found else None
    failed = job_failed(job).detail if job.state in _FAILURES else None
    ended = job.ended_at // 1000 if found and not short and job.ended_at else None
    return {
        "id": own_id(PREFIX, job),
        "object": "response",
        "created_at": job.created_at // 1000,
        "completed_at": ended,
        "status": "incomplete" if short else _STATUSES[job.state],
        "background": asked.get("background", False),
        "error": {"code": "server_error", "message": failed} if failed else None,
        "incomplete_details": {"reason": short} if short else None,
        "instructions": job.request["messages"][0]["content"] if asked.get("instructed") else None,
        "metadata": job.metadata or {},
        "model": model(job),
        "output": output(job, found) if found else [],
        "text": _text(job.request.get("options", {})),
        "tools": [_tool(tool) for tool in job.request.get("options", {}).get("tools", [])],
        "usage": _usage(found) if found else None,
        **_UNSAID,
        **asked.get("echo", {}),
    }


def output(job: Job, found: Completion) -> list[JsonObject]:
    """Return the items of what the model answered: its thoughts, its message, its calls."""
    status = "incomplete" if found.finish in _CUT_SHORT else "completed"
    items: list[JsonObject] = []
    if thoughts := found.message.get("reasoning_content") or found.message.get("reasoning"):
        said = [{"type": "reasoning_text", "text": str(thoughts)}]
        items.append({"id": own_id("rs_", job), "type": "reasoning", "summary": [],
                      "content": said, "status": status})  # fmt: skip
    if parts := _parts(found):
        items.append({"id": own_id("msg_", job), "type": "message", "role": "assistant",
                      "content": parts, "status": status})  # fmt: skip
    for number, call in enumerate(found.message.get("tool_calls") or []):
        function = call["function"]
        items.append({"id": own_id("fc_", job) + f"_{number}", "type": "function_call",
                      "call_id": call["id"], "name": function["name"],
                      "arguments": function["arguments"], "status": status})  # fmt: skip
    return items


def _answer(job: Job) -> Completion | None:
    try:
        return completion(job)
    except JobFailed:
        return None


def _parts(found: Completion) -> list[JsonObject]:
    parts: list[JsonObject] = []
    if found.content is not None:
        tokens = [_logprob(token) for token in (found.logprobs or {}).get("content") or []]
        parts.append({"type": "output_text", "text": found.content, "annotations": [],
                      "logprobs": tokens})  # fmt: skip
    if refusal := found.message.get("refusal"):
        parts.append({"type": "refusal", "refusal": refusal})
    return parts


def _logprob(token: JsonObject) -> JsonObject:
    told = {"token": token["token"], "logprob": token["logprob"], "bytes": token.get("bytes") or []}
    others = token.get("top_logprobs")
    return told if others is None else told | {"top_logprobs": [_logprob(each) for each in others]}


def _text(options: JsonObject) -> JsonObject:
    wanted = options.get("response_format") or {"type": "text"}
    form = {"type": wanted["type"], **wanted.get("json_schema", {})}
    return {"format": form} | (
        {"verbosity": options["verbosity"]} if "verbosity" in options else {}
    )


def _tool(tool: JsonObject) -> JsonObject:
    return {"type": "function", "parameters": None, "strict": None,
            **tool["function"]}  # fmt: skip


def _usage(found: Completion) -> JsonObject:
    counted: dict[str, Any] = found.usage
    return {
        "input_tokens": counted["prompt_tokens"],
        "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": 0},
        "output_tokens": counted["completion_tokens"],
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": counted["total_tokens"],
    }
