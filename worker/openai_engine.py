"""The engine behind any server that speaks the OpenAI HTTP API; alone knows the openai client."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import cast

from openai import (
    APIConnectionError,
    APIError,
    APIStatusError,
    AsyncOpenAI,
    AsyncStream,
    DefaultAsyncHttpxClient,
    Timeout,
)

from chalicelib.jobs import JsonObject
from chalicelib.settings import EngineSettings
from chalicelib.tracing import HEADER
from worker.bounded import bound
from worker.completion import Completion
from worker.engines import EngineFailure, messages_of
from worker.patience import backoff_seconds, retry_after_seconds

CONNECT_SECONDS = 5.0
TRIES = 4
BACKOFF_MOST_SECONDS = 8.0
MODELS_SECONDS = 5.0
LISTED_SECONDS = 60.0
LISTED_MOST = 1000

TOO_MANY_REQUESTS = 429
REQUEST_TIMEOUT = 408
SERVER_ERROR = 500
# Servers differ in how they refuse a field they do not know.
UNKNOWN_FIELD = frozenset({400, 422})

# What no option says over: the job's own, and how it is asked for.
OURS = frozenset({"model", "messages", "stream", "stream_options", "n"})
SAMPLING = ("max_tokens", "temperature", "top_p", "stop", "seed")
WHOLE = frozenset({"max_tokens", "seed"})


class OpenAIEngine:
    """Streams chat completions from one base URL.

    429, 5xx, lost connections and errors told in the stream are tried again, at most ``TRIES``
    times in all, as long as no text came. ``timeout_seconds`` is how long the engine may be silent:
    until the first chunk (all tries together) and between any two.
    """

    def __init__(self, settings: EngineSettings, *, backoff_seconds: float = 0.5) -> None:
        self._model = settings.model
        self._listed: tuple[float, list[str]] | None = None
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

    async def run(
        self, request: JsonObject, tell: Callable[[str], None], traceparent: str | None = None
    ) -> JsonObject:
        """Answer *request*; see Engine. Its ``options`` reach the engine as they are.

        Failures: ``engine_unavailable``, ``engine_rate_limited``, ``engine_refused``,
        ``engine_timeout``, ``engine_interrupted``, ``engine_garbage``, ``result_too_large``.
        """
        try:
            async with asyncio.timeout(self._silence_seconds) as silence:
                asked = _Asked(request, {} if traceparent is None else {HEADER: traceparent})
                return await self._try_repeatedly(asked, tell, silence)
        except TimeoutError:
            detail = f"the engine was silent for {self._silence_seconds:g} seconds"
            # Not again here, where the time is used up; another worker's engine may answer.
            raise EngineFailure("engine_timeout", detail, retry_after_seconds=0) from None

    async def models(self) -> Sequence[str]:
        """Return the model that is set, and those that the engine lists, asked each minute."""
        listed: list[str] = []
        try:
            async with asyncio.timeout(MODELS_SECONDS):
                listed = await self._list()
        except (APIError, TimeoutError, ValueError, RecursionError):
            self._listed = None
        return [self._model, *listed] if self._model else listed

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _try_repeatedly(
        self, asked: "_Asked", tell: Callable[[str], None], silence: asyncio.Timeout
    ) -> JsonObject:
        for tries in count(1):
            completion = Completion(tell)
            try:
                return await self._try(asked, completion, silence)
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
        self, asked: "_Asked", completion: Completion, silence: asyncio.Timeout
    ) -> JsonObject:
        loop = asyncio.get_running_loop()
        try:
            async with await self._open(asked) as stream:
                async for chunk in stream:
                    silence.reschedule(loop.time() + self._silence_seconds)
                    completion.take(chunk)
        except APIError as error:
            # The engine may come back with other models.
            self._listed = None
            raise _failure(error, begun=completion.begun) from None
        except (ValueError, RecursionError):
            # The client's decoder lets bad JSON and bad UTF-8 through as they are; their
            # messages quote the engine's text.
            raise EngineFailure("engine_garbage", "the engine's stream is not JSON") from None
        return completion.result()

    async def _open(self, asked: "_Asked") -> AsyncStream[object]:
        model = asked.request.get("model") or self._model or await self._first_model()
        body = _body(asked.request) | {"model": model, "stream": True}
        counting = body | {"stream_options": {"include_usage": True}}
        if not self._asks_usage:
            return await self._create(body, asked.headers)
        try:
            return await self._create(counting, asked.headers)
        except APIStatusError as error:
            if error.status_code not in UNKNOWN_FIELD:
                raise
        stream = await self._create(body, asked.headers)
        self._asks_usage = False
        return stream

    async def _create(self, body: JsonObject, headers: dict[str, str]) -> AsyncStream[object]:
        # Past the client's own types, which know neither every option nor every engine's answer.
        return await self._client.post(
            "/chat/completions",
            cast_to=object,
            body=body,
            options={"headers": headers},
            stream=True,
            stream_cls=AsyncStream[object],
        )

    async def _first_model(self) -> str:
        listed = await self._list()
        if not listed:
            raise EngineFailure("engine_refused", "no model was named and the engine lists none")
        return listed[0]

    async def _list(self) -> list[str]:
        """Return the ids that the engine lists, asked a while ago at most. Raises APIError."""
        now = asyncio.get_running_loop().time()
        if self._listed is None or now - self._listed[0] > LISTED_SECONDS:
            page = await self._client.get("/models", cast_to=object)
            items = page.get("data") if isinstance(page, dict) else None
            listed = items[:LISTED_MOST] if isinstance(items, list) else []
            named = (item.get("id") for item in listed if isinstance(item, dict))
            self._listed = now, [name for name in named if isinstance(name, str) and name]
        return self._listed[1]


@dataclass(frozen=True)
class _Asked:
    """What the engine is asked, and what the call says beside it."""

    request: JsonObject
    headers: dict[str, str]


def _body(request: JsonObject) -> JsonObject:
    """Return the fields that the request asks for, but for what is the worker's to say."""
    options = request.get("options") or {}
    passed = {name: options[name] for name in options if name not in OURS}
    sampling = {name: request[name] for name in SAMPLING if request.get(name) is not None}
    for name in WHOLE & sampling.keys():
        # JSON Schema counts 5.0 among the integers; engines do not.
        sampling[name] = int(sampling[name])
    return passed | sampling | {"messages": messages_of(request)}


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
