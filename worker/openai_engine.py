"""The engine behind any server that speaks the OpenAI HTTP API; alone knows the openai client."""

import asyncio
from collections.abc import Callable
from itertools import count
from typing import Any, cast

from openai import (
    APIConnectionError,
    APIError,
    APIStatusError,
    AsyncOpenAI,
    AsyncStream,
    DefaultAsyncHttpxClient,
    Omit,
    Timeout,
    omit,
)
from openai.types.chat import ChatCompletionChunk

from chalicelib.jobs import JsonObject
from chalicelib.settings import EngineSettings
from worker.bounded import bound
from worker.engines import Answer, EngineFailure, carried, messages_of
from worker.patience import backoff_seconds, retry_after_seconds

CONNECT_SECONDS = 5.0
TRIES = 4
BACKOFF_MOST_SECONDS = 8.0
NAME_CHARS = 256
COUNT_MOST = 2**53 - 1  # beyond it JSON's readers disagree

TOO_MANY_REQUESTS = 429
REQUEST_TIMEOUT = 408
SERVER_ERROR = 500
# Servers differ in how they refuse a field they do not know.
UNKNOWN_FIELD = frozenset({400, 422})


class OpenAIEngine:
    """Streams chat completions from one base URL.

    429, 5xx, lost connections and errors told in the stream are tried again, at most ``TRIES``
    times in all, as long as no text came. ``timeout_seconds`` is how long the engine may be silent:
    until the first chunk (all tries together) and between any two.
    """

    def __init__(self, settings: EngineSettings, *, backoff_seconds: float = 0.5) -> None:
        self._model = settings.model
        self._listed_model: str | None = None
        self._silence_seconds = settings.timeout_seconds
        self._backoff_seconds = backoff_seconds
        self._asks_usage = True
        self._client = AsyncOpenAI(
            base_url=settings.url,
            api_key=settings.api_key or "none",
            # Silence is watched here, where keep-alive comments do not count as an answer.
            timeout=Timeout(None, connect=CONNECT_SECONDS),
            # Tried again here, where a connection that dies before the first text counts too.
            max_retries=0,
            http_client=DefaultAsyncHttpxClient(event_hooks={"response": [bound]}),
            # Unpacked, what is compressed has no bound.
            default_headers={"Accept-Encoding": "identity"},
        )

    async def run(self, request: JsonObject, tell: Callable[[str], None]) -> JsonObject:
        """Answer *request*; see Engine.

        Failures: ``engine_unavailable``, ``engine_rate_limited``, ``engine_refused``,
        ``engine_timeout``, ``engine_interrupted``, ``engine_garbage``, ``result_too_large``.
        """
        try:
            async with asyncio.timeout(self._silence_seconds) as silence:
                return await self._try_repeatedly(request, tell, silence)
        except TimeoutError:
            detail = f"the engine was silent for {self._silence_seconds:g} seconds"
            # Not again here, where the time is used up; another worker's engine may answer.
            raise EngineFailure("engine_timeout", detail, retry_after_seconds=0) from None

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _try_repeatedly(
        self, request: JsonObject, tell: Callable[[str], None], silence: asyncio.Timeout
    ) -> JsonObject:
        for tries in count(1):
            completion = _Completion(tell)
            try:
                return await self._try(request, completion, silence)
            except EngineFailure as failure:
                if failure.retry_after_seconds is None or completion.begun or tries == TRIES:
                    raise
                pause = backoff_seconds(tries, self._backoff_seconds, BACKOFF_MOST_SECONDS)
                pause = max(pause, failure.retry_after_seconds)
                if asyncio.get_running_loop().time() + pause >= cast("float", silence.when()):
                    raise
            await asyncio.sleep(pause)
        raise AssertionError  # pragma: no cover - count() has no end

    async def _try(
        self, request: JsonObject, completion: "_Completion", silence: asyncio.Timeout
    ) -> JsonObject:
        loop = asyncio.get_running_loop()
        try:
            async with await self._open(request) as stream:
                async for chunk in stream:
                    silence.reschedule(loop.time() + self._silence_seconds)
                    completion.take(chunk)
        except APIError as error:
            # The engine may come back with another model.
            self._listed_model = None
            raise _failure(error, begun=completion.begun) from None
        except ValueError:
            # The client's decoder lets bad JSON and bad UTF-8 through as they are; their
            # messages quote the engine's text.
            raise EngineFailure("engine_garbage", "the engine's stream is not JSON") from None
        return completion.result()

    async def _open(self, request: JsonObject) -> AsyncStream[ChatCompletionChunk]:
        model = request.get("model") or self._model or await self._first_model()
        if not self._asks_usage:
            return await self._create(request, model, usage=False)
        try:
            return await self._create(request, model, usage=True)
        except APIStatusError as error:
            if error.status_code not in UNKNOWN_FIELD:
                raise
        stream = await self._create(request, model, usage=False)
        self._asks_usage = False
        return stream

    async def _create(
        self, request: JsonObject, model: str, *, usage: bool
    ) -> AsyncStream[ChatCompletionChunk]:
        return await self._client.chat.completions.create(
            model=model,
            messages=cast("Any", messages_of(request)),
            stream=True,
            stream_options={"include_usage": True} if usage else omit,
            max_tokens=_whole(request.get("max_tokens")),
            temperature=request.get("temperature", omit),
            top_p=request.get("top_p", omit),
            stop=request.get("stop", omit),
            seed=_whole(request.get("seed")),
        )

    async def _first_model(self) -> str:
        if self._listed_model is None:
            page: object = await self._client.models.list()
            models = getattr(page, "data", None)
            name = getattr(models[0], "id", None) if isinstance(models, list) and models else None
            if not isinstance(name, str):
                raise EngineFailure(
                    "engine_refused", "no model was named and the engine lists none"
                )
            self._listed_model = name
        return self._listed_model


class _Completion:
    """One streamed completion. The client checks no types, so everything is checked here."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._answer = Answer(tell)
        self._finish_reason: str | None = None
        self._model: str | None = None
        self._usage: JsonObject | None = None
        self._chunks = 0

    @property
    def begun(self) -> bool:
        return self._answer.begun

    def take(self, chunk: object) -> None:
        choices = getattr(chunk, "choices", None)
        if not isinstance(choices, list):
            raise EngineFailure("engine_garbage", "the engine's stream is no chat completion")
        self._chunks += 1
        self._model = _name(getattr(chunk, "model", None)) or self._model
        self._usage = _usage(getattr(chunk, "usage", None)) or self._usage
        for choice in choices[:1]:
            piece = getattr(getattr(choice, "delta", None), "content", None)
            if not isinstance(piece, str | None):
                raise EngineFailure("engine_garbage", "the engine's stream is no chat completion")
            self._answer.add(piece or "")
            reason = _name(getattr(choice, "finish_reason", None))
            self._finish_reason = reason or self._finish_reason

    def result(self) -> JsonObject:
        if not self._chunks:
            raise EngineFailure("engine_garbage", "the engine's answer is not a stream of events")
        if self._finish_reason is None:
            raise EngineFailure(
                "engine_interrupted", "the engine's stream ended early", retry_after_seconds=0
            )
        return {
            "text": self._answer.text,
            "finish_reason": self._finish_reason,
            "engine": "openai",
            "model": self._model,
            "usage": self._usage,
        }


def _whole(number: float | None) -> int | Omit:
    """Return the number without the fraction that JSON Schema lets an integer have (5.0)."""
    return omit if number is None else int(number)


def _name(value: object) -> str | None:
    return carried(value[:NAME_CHARS]) if isinstance(value, str) and value else None


def _usage(value: object) -> JsonObject | None:
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    counts = {name: getattr(value, name, None) for name in names}
    fine = (type(number) is int and 0 <= number <= COUNT_MOST for number in counts.values())
    return counts if all(fine) else None


def _failure(error: APIError, *, begun: bool) -> EngineFailure:
    """Name the failure. The client's messages echo the engine's body, so none is passed on."""
    if isinstance(error, APIStatusError):
        status = error.status_code
        detail = f"the engine answered {status}"
        if status == TOO_MANY_REQUESTS:
            code = "engine_rate_limited"
        elif status >= SERVER_ERROR or status == REQUEST_TIMEOUT:
            code = "engine_unavailable"
        else:
            return EngineFailure("engine_refused", detail)
        pause = retry_after_seconds(error.response.headers.get("retry-after"))
        return EngineFailure(code, detail, retry_after_seconds=pause)
    if begun or not isinstance(error, APIConnectionError):
        return EngineFailure(
            "engine_interrupted", "the engine's stream broke off", retry_after_seconds=0
        )
    return EngineFailure(
        "engine_unavailable", "the engine cannot be reached", retry_after_seconds=0
    )
