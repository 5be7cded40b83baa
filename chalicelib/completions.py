"""What the model of a job answered, in the words of the OpenAI API. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.jobs import Job, JobState, JsonObject
from chalicelib.openai_errors import job_failed

_FINISHES = {"stop", "length", "tool_calls", "content_filter"}
_NO_COUNT: Mapping[str, int] = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


@dataclass(frozen=True)
class Completion:
    """A model's answer.

    *finish* is one of four reasons that clients know. *message* holds the members of the
    assistant's message but role and content. *usage* is of zeros where the engine did not count:
    some clients read it unasked.
    """

    text: str
    finish: str
    message: JsonObject
    logprobs: JsonObject | None
    usage: JsonObject

    @property
    def content(self) -> str | None:
        """The message's content: None where the model called tools or refused instead."""
        instead = ("tool_calls", "refusal")
        return None if not self.text and any(map(self.message.get, instead)) else self.text


def completion(job: Job) -> Completion:
    """Return what the model of an ended *job* answered. Raises JobFailed where it did not."""
    result = job.result
    if job.state is not JobState.SUCCEEDED or result is None:
        raise job_failed(job)
    message: JsonObject = result.get("message", {})
    told = str(result["finish_reason"])
    called = "tool_calls" if message.get("tool_calls") else "stop"
    return Completion(
        text=result["text"],
        finish=told if told in _FINISHES else called,
        message=message,
        logprobs=result.get("logprobs"),
        usage=dict(result.get("usage") or _NO_COUNT),
    )


def model(job: Job) -> str:
    """Return the model that answered, else the one that was asked for, else what ran it."""
    result = job.result or {}
    return str(result.get("model") or job.model or result.get("engine") or "default")


def own_id(prefix: str, job: Job) -> str:
    """Return the id of *job* as an OpenAI object of that *prefix* has it."""
    return prefix + job.id.removeprefix("job_")
