"""Jobs as the doors of the OpenAI API submit them, at any place of their life."""

from typing import Any

from chalicelib import chat, responses
from chalicelib.jobs import Job, JobState, JsonObject

HEX = "0f8fad5bd9cb469fa16570867728950e"
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
USAGE = {"prompt_tokens": 12, "completion_tokens": 9, "total_tokens": 21}
ERROR = {"code": "engine_unavailable", "detail": "the engine did not answer"}


def result(text: str = "Hello to you", **more: Any) -> JsonObject:
    """Return what a worker found."""
    plain = {"text": text, "finish_reason": "stop", "engine": "openai", "model": "tiny"}
    return plain | {"usage": USAGE} | more


def job(request: JsonObject, state: JobState = JobState.SUCCEEDED, **more: Any) -> Job:
    """Return a job of *request* in *state*, with a result where it has one."""
    told: dict[str, Any] = {
        "id": f"job_{HEX}",
        "tenant": "acme",
        "state": state,
        "version": 3,
        "attempt": 1,
        "max_attempts": 3,
        "request": {name: value for name, value in request.items() if name != "metadata"},
        "metadata": request.get("metadata"),
        "model": request.get("model"),
        "created_at": 1_769_860_800_123,
        "ended_at": 1_769_860_801_456 if state.ended else None,
        "result": result() if state is JobState.SUCCEEDED else None,
        "error": ERROR if state is JobState.FAILED else None,
    }
    return Job(**{**told, **more})


def chatted(body: JsonObject | None = None, **more: Any) -> Job:
    """Return a job of the chat door."""
    asked = {"messages": [{"role": "user", "content": "Hi"}], **(body or {})}
    return job(chat.job_request(asked), **more)


def responded(body: JsonObject | None = None, **more: Any) -> Job:
    """Return a job of the responses' door."""
    return job(responses.job_request({"input": "Hi", **(body or {})}, None), **more)
