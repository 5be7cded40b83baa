"""What runs the model, as the worker sees it, and the built-in engine that needs no model."""

import asyncio
import re
from collections.abc import Callable
from typing import Protocol

from chalicelib import limits
from chalicelib.carriage import carried_bytes
from chalicelib.jobs import JsonObject

ECHO_CHUNKS = 4
ECHO_PAUSE_SECONDS = 0.002
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

    async def run(self, request: JsonObject, tell: Callable[[str], None]) -> JsonObject:
        """Answer a validated request, telling each piece of text as it comes.

        Returns the job's result: ``text`` (all that was told, joined), ``finish_reason``,
        ``engine``, ``model`` and ``usage`` (``prompt_tokens, completion_tokens, total_tokens``,
        or None). Raises EngineFailure. Safe to cancel.
        """
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
        self._bytes += len(piece.encode())
        if self._bytes > limits.RESULT_BYTES:
            raise EngineFailure(
                "result_too_large", f"the answer is longer than {limits.RESULT_BYTES} bytes"
            )
        self._carried += carried_bytes(piece) - _QUOTES
        if self._carried > limits.RESULT_CARRIED_BYTES:
            raise EngineFailure(
                "result_too_large", "the answer has more control characters than can be carried"
            )
        self._pieces.append(piece)
        self._tell(piece)


def messages_of(request: JsonObject) -> list[JsonObject]:
    """Return the request's messages; a prompt is one message of the user."""
    if "messages" in request:
        return list(request["messages"])
    return [{"role": "user", "content": request["prompt"]}]


class EchoEngine:
    """Answers with the words of the prompt, so that the whole path works before a model does.

    Tokens are words. It says so in every answer: ``"engine": "echo"``.
    """

    async def run(self, request: JsonObject, tell: Callable[[str], None]) -> JsonObject:
        """Answer with the last message's words, at most ``max_tokens`` of them."""
        messages = messages_of(request)
        words = str(messages[-1]["content"]).split()
        # JSON Schema counts 5.0 among the integers; Python's slices do not.
        kept = words[: int(request.get("max_tokens", len(words)))]
        answer = Answer(tell)
        step = max(1, -(-len(kept) // ECHO_CHUNKS))
        for start in range(0, len(kept), step):
            answer.add((" " if start else "") + " ".join(kept[start : start + step]))
            await asyncio.sleep(ECHO_PAUSE_SECONDS)
        asked = sum(len(str(message["content"]).split()) for message in messages)
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

    async def close(self) -> None:
        """Hold nothing, give nothing back."""
