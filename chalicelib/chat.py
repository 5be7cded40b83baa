"""A body of ``POST /v1/chat/completions`` as a job's request. Pure.

Source: https://platform.openai.com/docs/api-reference/chat/create, as openai-python 3.51 types it.
"""

from collections.abc import Mapping

from chalicelib.jobs import Job, JsonObject
from chalicelib.validation import pointer, refused

API = "chat"

SAMPLING = ("model", "temperature", "top_p", "stop", "seed")
"""What a job's request says in members of its own; ``max_tokens`` has two names here."""

_TOKENS = ("max_tokens", "max_completion_tokens")
NOT_THE_ENGINES: Mapping[str, str] = {
    "metadata": "kept with the job, for its caller",
    "moderation": "OpenAI's own check of what is said",
    "prompt_cache_key": "steers OpenAI's cache",
    "prompt_cache_options": "steers OpenAI's cache",
    "prompt_cache_retention": "steers OpenAI's cache",
    "safety_identifier": "names the caller's user to OpenAI; the engine's owner is the caller",
    "service_tier": "what OpenAI charges",
    "store": "a job is kept for its retention, whatever is asked",
    "stream": "how the answer is told: the engine always streams to its worker",
    "stream_options": "how the answer is told",
    "user": "as safety_identifier, which replaced it",
}
"""What concerns the router or OpenAI alone, and why no engine sees it."""

REFUSED: Mapping[str, str] = {"functions": "use tools", "function_call": "use tool_choice"}
"""What OpenAI's API had once, and has instead now."""

STANDARD = frozenset(
    {
        *("audio", "frequency_penalty", "logit_bias", "logprobs", "modalities"),
        *("parallel_tool_calls", "prediction", "presence_penalty", "reasoning_effort"),
        *("response_format", "tool_choice", "tools", "top_logprobs", "verbosity"),
        "web_search_options",
    }
)
"""What OpenAI's API has that is the engine's matter: it is passed on always."""

_NOT_OPTIONS = {"messages", "n", *SAMPLING, *_TOKENS, *NOT_THE_ENGINES}


def job_request(body: JsonObject) -> JsonObject:
    """Return what the job of *body*, sound by its schema, asks; a member of null is none.

    What no member here knows goes into ``options`` unharmed: the engine may know it. Raises
    InvalidBody.
    """
    said = {name: value for name, value in body.items() if value is not None}
    for name, detail in REFUSED.items():
        if name in said:
            raise refused(f"/{name}", detail)
    request = {"messages": said["messages"], **sampling(said)}
    tokens = said.get("max_completion_tokens", said.get("max_tokens"))
    if tokens is not None:
        request["max_tokens"] = tokens
    if options := {name: said[name] for name in said if name not in _NOT_OPTIONS}:
        request["options"] = options
    told = said.get("stream_options", {})
    return request | {
        "openai": {
            "api": API,
            "stream": said.get("stream", False),
            "include_usage": bool(told.get("include_usage")),
        }
    }


def sampling(said: JsonObject) -> JsonObject:
    """Return what *said* holds that every request may have; an empty list of stops is none."""
    kept = {name: said[name] for name in (*SAMPLING, "metadata") if name in said}
    if kept.get("stop") in ([], ""):
        del kept["stop"]
    return kept


def permitted(request: JsonObject, engine_options: frozenset[str] | None) -> JsonObject:
    """Return *request* unless it tells the engine what is not to be passed on.

    That is what OpenAI's API does not have and *engine_options* does not name; None permits all.
    Raises InvalidBody naming the first.
    """
    told = request.get("options", {}).keys() - STANDARD
    if engine_options is not None and told - engine_options:
        first = min(told - engine_options)
        raise refused(pointer((first,)), "is not passed on to the engine here")
    return request


def of(job: Job, api: str) -> JsonObject | None:
    """Return what the door of *api* kept of how *job* was asked for; None for another door's."""
    kept: JsonObject = job.request.get("openai") or {}
    return kept if kept.get("api") == api else None
