"""One streamed chat completion, put together piece by piece. The engine's words: all is checked."""

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from chalicelib import limits
from chalicelib.carriage import result_bytes, result_carried_bytes
from chalicelib.jobs import JsonObject
from chalicelib.spoken import logprob, tool_call
from worker.engines import TOO_LONG, UNCARRIED, Answer, EngineFailure, carried

NAME_CHARS = 256
COUNT_MOST = 2**53 - 1  # beyond it JSON's readers disagree

# Members of the assistant's message that are texts, as engines name them.
_TEXTS = ("refusal", "reasoning_content", "reasoning")
_LOGPROBS = ("content", "refusal")


class Completion:
    """What one engine said so far. Raises EngineFailure for what is none, or is too much.

    Text is told as it comes; the rest is kept, and counts with it.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._answer = Answer(tell)
        self._finish_reason: str | None = None
        self._model: str | None = None
        self._usage: JsonObject | None = None
        self._chunks = 0
        self._texts: dict[str, list[str]] = {}
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._logprobs: dict[str, list[JsonObject]] | None = {}

    @property
    def begun(self) -> bool:
        """Whether any text was told."""
        return self._answer.begun

    def take(self, chunk: object) -> None:
        """Take the next event of the stream, as its JSON was read."""
        told = _object(chunk)
        if "choices" not in told:
            raise _garbage()
        self._chunks += 1
        self._model = _name(told.get("model")) or self._model
        self._usage = _usage(told.get("usage")) or self._usage
        for choice in _items(told["choices"])[:1]:
            delta = _object(choice.get("delta"))
            self._answer.add(_text(delta.get("content")))
            self._take_message(delta)
            self._take_logprobs(choice.get("logprobs"))
            self._finish_reason = _name(choice.get("finish_reason")) or self._finish_reason

    def result(self) -> JsonObject:
        """Return the job's result. Raises EngineFailure for a stream that ended early, too."""
        if not self._chunks:
            raise EngineFailure("engine_garbage", "the engine's answer is not a stream of events")
        if self._finish_reason is None:
            raise EngineFailure(
                "engine_interrupted", "the engine's stream ended early", retry_after_seconds=0
            )
        result: JsonObject = {
            "text": self._answer.text,
            "finish_reason": self._finish_reason,
            "engine": "openai",
            "model": self._model,
            "usage": self._usage,
        }
        if message := self._message():
            result["message"] = message
        if self._logprobs:
            result["logprobs"] = self._logprobs
        # With names and brackets it may be more than was counted on the way.
        if result_bytes(result) > limits.RESULT_BYTES:
            raise EngineFailure("result_too_large", TOO_LONG)
        if result_carried_bytes(result) > limits.RESULT_CARRIED_BYTES:
            raise EngineFailure("result_too_large", UNCARRIED)
        return result

    def _message(self) -> JsonObject:
        message: JsonObject = {name: "".join(said) for name, said in self._texts.items()}
        if self._calls:
            try:
                message["tool_calls"] = [tool_call(call.whole()) for call in self._calls]
            except ValueError:
                raise _garbage() from None
        return message

    def _take_message(self, delta: Mapping[str, Any]) -> None:
        for name in _TEXTS:
            if piece := _text(delta.get(name)):
                self._answer.weigh(piece)
                self._texts.setdefault(name, []).append(carried(piece))
        # The form before tools, which no job asks for: to go on would be to drop it unseen.
        if any(_object(delta.get("function_call")).values()):
            raise _garbage()
        items = _items(delta.get("tool_calls"))
        for position, item in enumerate(items):
            self._call_of(item, position if len(items) > 1 else None).take(item, self._answer)

    def _call_of(self, item: Mapping[str, Any], position: int | None) -> "_Call":
        """Return the call that *item* goes on with, a new one where it begins one.

        Some engines leave the index out, and are read by the *position* among several, else as
        going on with the last call; some give all calls the same.
        """
        told = item.get("index")
        if not (told is None or (type(told) is int and 0 <= told <= COUNT_MOST)):
            raise _garbage()
        index = position if told is None else told
        last = self._calls[-1] if self._calls else None
        found = last if index is None else self._by_index.get(index)
        if found is None or found.ended_by(item, indexed=told is not None):
            found = self._begin()
        if index is not None:
            self._by_index[index] = found
        return found

    def _begin(self) -> "_Call":
        if len(self._calls) == limits.TOOL_CALLS:
            detail = f"the answer has more than {limits.TOOL_CALLS} tool calls"
            raise EngineFailure("result_too_large", detail)
        self._calls.append(_Call())
        return self._calls[-1]

    def _take_logprobs(self, told: object) -> None:
        """Keep what can be read; where anything cannot, no likelihood is kept, but the answer."""
        if self._logprobs is None:
            return
        try:
            read = {name: _likelihoods(told, name) for name in _LOGPROBS}
        except (ValueError, EngineFailure):
            self._logprobs = None
            return
        for name, entries in read.items():
            for entry in entries:
                self._answer.weigh(entry)
                self._logprobs.setdefault(name, []).append(entry)


class _Call:
    """A tool call as it grows."""

    def __init__(self) -> None:
        self.id = self._name = ""
        self._arguments: list[str] = []

    def ended_by(self, item: Mapping[str, Any], *, indexed: bool) -> bool:
        """Return whether *item*, of the same place in the stream, is of another call.

        Another id is; so is a name, unless it is a piece, or repeated by an engine that counts.
        """
        named = carried(_text(item.get("id")))
        if named and self.id:
            return named != self.id
        name = carried(_text(_object(item.get("function")).get("name")))
        other = name != self._name
        if indexed:
            return bool(name and other and self._arguments)
        return bool(name and (self._arguments or (self._name and other)))

    def take(self, item: Mapping[str, Any], answer: Answer) -> None:
        function = _object(item.get("function"))
        self.id = self.id or carried(_text(item.get("id")))
        name, arguments = carried(_text(function.get("name"))), _text(function.get("arguments"))
        # Whole as a rule, and by some engines with every piece.
        if name and name != self._name:
            answer.weigh(name)
            self._name += name
        if arguments:
            answer.weigh(arguments)
            self._arguments.append(carried(arguments))

    def whole(self) -> JsonObject:
        function = {"name": self._name, "arguments": "".join(self._arguments)}
        # Its answer is to name it, whatever the engine forgot.
        made = f"call_{secrets.token_hex(12)}"
        return {"id": self.id or made, "type": "function", "function": function}


def _likelihoods(told: object, name: str) -> list[JsonObject]:
    """Return what *told* says of *name*. Raises ValueError or EngineFailure."""
    return [_sound(logprob(item)) for item in _items(_object(told).get(name))]


def _sound(entry: JsonObject) -> JsonObject:
    """Return a token's probability without lone surrogates, of which tokens are full."""
    top = [each | {"token": carried(each["token"])} for each in entry["top_logprobs"]]
    return entry | {"token": carried(entry["token"]), "top_logprobs": top}


def _garbage() -> EngineFailure:
    return EngineFailure("engine_garbage", "the engine's stream is no chat completion")


def _object(value: object) -> Mapping[str, Any]:
    """Return the object that *value* is, an empty one for null."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _garbage()
    return value


def _items(value: object) -> list[Mapping[str, Any]]:
    """Return the objects of the list that *value* is, none for null."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise _garbage()
    return [_object(item) for item in value]


def _text(value: object) -> str:
    """Return the text that *value* is, an empty one for null."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _garbage()
    return value


def _name(value: object) -> str | None:
    return carried(value[:NAME_CHARS]) if isinstance(value, str) and value else None


def _usage(value: object) -> JsonObject | None:
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    told = value if isinstance(value, dict) else {}
    counts = {name: told.get(name) for name in names}
    fine = (type(number) is int and 0 <= number <= COUNT_MOST for number in counts.values())
    return counts if all(fine) else None
