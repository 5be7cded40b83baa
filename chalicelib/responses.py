"""A body of ``POST /v1/responses`` as a job's request, and what came before it. Pure.

Source: https://platform.openai.com/docs/api-reference/responses/create, as openai-python 3.51
types it. Engines know chats: a response is one, said otherwise.
"""

import json
from collections.abc import Mapping
from typing import Any

from chalicelib import chat, limits
from chalicelib.completions import completion
from chalicelib.jobs import Job, JobState, JsonObject
from chalicelib.response_inputs import messages
from chalicelib.validation import refused

API = "responses"

REFUSED: Mapping[str, str] = {
    "context_management": "nothing is left out of a conversation here: send what is to be read",
    "conversation": "conversations are not kept: use previous_response_id or send the input whole",
    "function_call": "is of older chats: use tool_choice",
    "functions": "is of older chats: use tools",
    "image": "there are no images from here",
    "max_completion_tokens": "is a chat's: use max_output_tokens",
    "max_tokens": "is a chat's: use max_output_tokens",
    "messages": "is a chat's: use input",
    "n": "a response is one answer",
    "prompt": "prompt templates are not kept here: send instructions and input",
    "response_format": "is a chat's: use text.format",
}
"""What cannot be had or has another name, and what can instead."""

ECHOED = (
    "include", "max_output_tokens", "max_tool_calls", "parallel_tool_calls", "previous_response_id",
    "prompt_cache_key", "reasoning", "safety_identifier", "service_tier", "temperature",
    "tool_choice", "top_logprobs", "top_p", "truncation", "user",
)  # fmt: skip
"""What a response repeats of its request, beside what its messages and options hold."""

# How an answer is told or what only OpenAI does; text, tools and reasoning are said otherwise.
_NOT_OPTIONS = {
    *("access_programs", "background", "input", "instructions", "previous_response_id"),
    *("text", "tools", "include", "max_output_tokens", "max_tool_calls"),
    *("reasoning", "tool_choice", "truncation", "top_logprobs", *REFUSED),
    *(*chat.SAMPLING, *chat.NOT_THE_ENGINES),
}
_LOGPROBS = "message.output_text.logprobs"
_FUNCTION = ("name", "description", "parameters", "strict")
_FORMAT = ("name", "description", "schema", "strict")


def at_once(body: JsonObject | None) -> bool:
    """Whether *body*, None behind a redirect, is to be answered before its job has ended.

    A stream is not: its events come when there is an end to tell.
    """
    return bool(body and body.get("background") and not body.get("stream"))


def job_request(body: JsonObject, previous: Job | None) -> JsonObject:
    """Return what the job of *body*, sound by its schema, asks; a member of null is none.

    *previous* is the response that it goes on with. What no member here knows goes to the engine
    unharmed. Raises InvalidBody for what no engine behind this router does.
    """
    said = {name: value for name, value in body.items() if value is not None}
    for name, detail in REFUSED.items():
        if name in said:
            raise refused(f"/{name}", detail)
    request = {"messages": _messages(said, previous), **chat.sampling(said)}
    if "max_output_tokens" in said:
        request["max_tokens"] = said["max_output_tokens"]
    if options := _options(said):
        request["options"] = options
    return request | {
        "openai": {
            "api": API,
            "stream": said.get("stream", False),
            "background": said.get("background", False),
            "instructed": "instructions" in said,
            "echo": {name: said[name] for name in ECHOED if name in said},
        }
    }


def _messages(said: JsonObject, previous: Job | None) -> list[JsonObject]:
    """Return the whole conversation. Only this response's instructions count, as OpenAI's do."""
    before = _before(previous) if previous else []
    instructions = said.get("instructions")
    first = [{"role": "system", "content": instructions}] if instructions is not None else []
    whole = [*first, *before, *messages(said["input"])]
    if previous and len(json.dumps(whole, ensure_ascii=False).encode()) > limits.BODY_BYTES:
        raise refused(
            "/previous_response_id",
            f"leads on from a conversation that is too long: it may have {limits.BODY_BYTES} bytes",
        )
    return whole


def _before(previous: Job) -> list[JsonObject]:
    asked = chat.of(previous, API)
    if asked is None or not previous.state.ended:
        raise refused("/previous_response_id", "the response has not come to its end yet")
    if previous.state is not JobState.SUCCEEDED:
        raise refused("/previous_response_id", "the response has no answer to go on from")
    found = completion(previous)
    answer: JsonObject = {"role": "assistant", "content": found.content}
    if calls := found.message.get("tool_calls"):
        answer["tool_calls"] = calls
    return [*previous.request["messages"][1 if asked["instructed"] else 0 :], answer]


def _options(said: JsonObject) -> JsonObject:
    """Return what else the engine is told, in a chat's words."""
    options = {name: said[name] for name in said if name not in _NOT_OPTIONS}
    text = said.get("text", {})
    told = {
        "tools": [_tool(tool, n) for n, tool in enumerate(said.get("tools", []))] or None,
        "tool_choice": _choice(said["tool_choice"]) if "tool_choice" in said else None,
        "response_format": _response_format(text.get("format") or {}),
        "verbosity": text.get("verbosity"),
        "reasoning_effort": said.get("reasoning", {}).get("effort"),
        "top_logprobs": said.get("top_logprobs"),
        "logprobs": _LOGPROBS in said.get("include", []) or "top_logprobs" in said or None,
    }
    return options | {name: value for name, value in told.items() if value is not None}


def _tool(tool: JsonObject, number: int) -> JsonObject:
    if tool.get("type") != "function":
        raise refused(
            f"/tools/{number}/type", "must be function: this router has no tools of its own"
        )
    if not isinstance(tool.get("name"), str):
        raise refused(f"/tools/{number}/name", "must be a string")
    function = {name: tool[name] for name in _FUNCTION if tool.get(name) is not None}
    return {"type": "function", "function": function}


def _choice(choice: Any) -> Any:
    if isinstance(choice, str):
        return choice
    if choice.get("type") != "function" or not isinstance(choice.get("name"), str):
        raise refused("/tool_choice", "must be auto, none, required or name a function")
    return {"type": "function", "function": {"name": choice["name"]}}


def _response_format(wanted: JsonObject) -> JsonObject | None:
    kind = wanted.get("type", "text")
    if kind == "json_schema":
        schema = {name: wanted[name] for name in _FORMAT if wanted.get(name) is not None}
        return {"type": kind, "json_schema": schema}
    if kind in {"text", "json_object"}:
        return None if kind == "text" else {"type": kind}
    raise refused("/text/format/type", "must be one of text, json_object, json_schema")
