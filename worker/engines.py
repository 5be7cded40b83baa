"""What runs the model, as the worker sees it, and the built-in engine that needs no model."""

import asyncio
import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from chalicelib import limits
from chalicelib.carriage import carried_bytes
from chalicelib.jobs import JsonObject

ECHO_CHUNKS = 4
ECHO_PAUSE_SECONDS = 0.002
TOO_LONG = f"the answer is longer than {limits.RESULT_BYTES} bytes"
UNCARRIED = "the answer has more control characters than can be carried"
_SURROGATES = re.compile("[\ud800-\udfff]")
_QUOTES = carried_bytes("")


class EngineFailure(Exception):
    """The engine did not answer; *code* is API, *detail* never holds prompt or output.

    ``retry_after_seconds`` is None where another try is pointless, else the least pause before it.
    """

    def __init__(self, code: str, detail: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.retry_after_seconds = retry_after_seconds


class Engine(Protocol):
    """Runs one request at a time per call; any number of calls may be under way."""

    async def run(
        self, request: JsonObject, tell: Callable[[str], None], traceparent: str | None = None
    ) -> JsonObject:
        """Answer a validated request, telling each piece of text as it comes.

        Returns the job's result: ``text`` (all that was told, joined), ``finish_reason``,
        ``engine``, ``model`` and ``usage`` (``prompt_tokens, completion_tokens, total_tokens``,
        or None); where there is any, ``message`` (the assistant's other members, ``tool_calls``
        say) and ``logprobs``. *traceparent* names the step of the trace that this is. Raises
        EngineFailure. Safe to cancel.
        """
        ...

    async def models(self) -> Sequence[str]:
        """Return the ids of the models that it serves now; none while it is away."""
        ...

    async def close(self) -> None:
        """Give connections back; the engine is not used afterwards."""
        ...


def carried(text: str) -> str:
    """Return *text* with U+FFFD for each lone surrogate, which no UTF-8 carries."""
    return _SURROGATES.sub("\ufffd", text)


class Answer:
    """The text of one answer as it grows; refuses what is longer than a result may be."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._pieces: list[str] = []
        self._bytes = self._carried = 0

    @property
    def begun(self) -> bool:
        """Whether any text was told."""
        return bool(self._pieces)

    @property
    def text(self) -> str:
        """All that was told."""
        return "".join(self._pieces)

    def add(self, piece: str) -> None:
        """Tell *piece*. Raises EngineFailure ``result_too_large`` instead when it is one too many.

        Lone surrogates become U+FFFD.
        """
        if not piece:
            return
        piece = carried(piece)
        self.weigh(piece)
        self._pieces.append(piece)
        self._tell(piece)

    def weigh(self, said: str | JsonObject) -> None:
        """Count what is said beside the text, and is kept elsewhere. Raises as add does."""
        compact = (",", ":")
        text = (
            said
            if isinstance(said, str)
            else json.dumps(said, ensure_ascii=False, separators=compact)
        )
        self._bytes += len(carried(text).encode())
        if self._bytes > limits.RESULT_BYTES:
            raise EngineFailure("result_too_large", TOO_LONG)
        self._carried += carried_bytes(said) - (_QUOTES if isinstance(said, str) else 0)
        if self._carried > limits.RESULT_CARRIED_BYTES:
            raise EngineFailure("result_too_large", UNCARRIED)


def messages_of(request: JsonObject) -> list[JsonObject]:
    """Return the request's messages; a prompt is one message of the user."""
    if "messages" in request:
        return list(request["messages"])
    return [{"role": "user", "content": request["prompt"]}]


class EchoEngine:
    """Answers with the words of the prompt, so that the whole path works before a model does.

    Tokens are words. It says so in every answer: ``"engine": "echo"``.
    """

    async def run(
        self, request: JsonObject, tell: Callable[[str], None], traceparent: str | None = None
    ) -> JsonObject:
        """Answer with the words of the last message's text, at most ``max_tokens`` of them."""
        del traceparent  # there is nobody to hand it on to
        said = [list(_words(message.get("content"))) for message in messages_of(request)]
        words = said[-1] if said else []
        # JSON Schema counts 5.0 among the integers; Python's slices do not.
        kept = words[: int(request.get("max_tokens", len(words)))]
        answer = Answer(tell)
        step = max(1, -(-len(kept) // ECHO_CHUNKS))
        for start in range(0, len(kept), step):
            answer.add((" " if start else "") + " ".join(kept[start : start + step]))
            await asyncio.sleep(ECHO_PAUSE_SECONDS)
        asked = sum(len(each) for each in said)
        return {
            "text": answer.text,
            "finish_reason": "stop" if len(kept) == len(words) else "length",
            "engine": "echo",
            "model": request.get("model", "echo"),
            "usage": {
                "prompt_tokens": asked,
                "completion_tokens": len(kept),
                "total_tokens": asked + len(kept),
            },
        }

    async def models(self) -> Sequence[str]:
        """Return the one name it has; it answers to any."""
        return ["echo"]

    async def close(self) -> None:
        """Hold nothing, give nothing back."""


def _words(content: object) -> Iterable[str]:
    """Give the words of a message's *content*: a text, a list of parts, or nothing."""
    if isinstance(content, str):
        yield from content.split()
    for part in content if isinstance(content, list) else []:
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            yield from part["text"].split()
