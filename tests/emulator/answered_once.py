"""Lets a call that is sent again be answered as it was the first time.

Amazon's programs send a call anew, under the same id, when its reply was lost. Most of Amazon's
services make nothing twice then; the emulator refuses what it has just made.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

type Message = MutableMapping[str, Any]
type Send = Callable[[Message], Awaitable[None]]
type Receive = Callable[[], Awaitable[Message]]
type Application = Callable[[Message, Receive, Send], Awaitable[None]]

_CALL = b"amz-sdk-invocation-id"
_SERVER_ERROR = 500

_log = logging.getLogger("ministack")


class AnsweredOnce:
    """An ASGI application that keeps what *application* answered to each call by its id."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._answers: dict[bytes, asyncio.Future[list[Message]]] = {}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a call, or repeat what was answered to it; a server's error is no answer."""
        call = dict(scope.get("headers", ())).get(_CALL)
        if call is None:
            await self._application(scope, receive, send)
            return
        if known := self._answers.get(call):
            _log.warning("sent again: %s %s", scope["path"], call.decode())
            try:
                answer = await asyncio.shield(known)
            except asyncio.CancelledError:
                if not known.cancelled():
                    raise
            else:
                for message in answer:
                    await send(message)
                return
        await self._answer(call, (scope, receive, send))

    async def _answer(self, call: bytes, asked: tuple[Message, Receive, Send]) -> None:
        scope, receive, send = asked
        done = self._answers[call] = asyncio.get_running_loop().create_future()
        answer: list[Message] = []

        async def keep(message: Message) -> None:
            answer.append(message)
            await send(message)

        try:
            await self._application(scope, receive, keep)
        except BaseException:
            self._forget(call, done)
            raise
        if answer and answer[0].get("status", _SERVER_ERROR) < _SERVER_ERROR:
            done.set_result(answer)
        else:
            self._forget(call, done)

    def _forget(self, call: bytes, done: "asyncio.Future[list[Message]]") -> None:
        done.cancel()
        self._answers.pop(call, None)
