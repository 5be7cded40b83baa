"""Engines for tests in a browser: one that speaks at the pace of a small model."""

import asyncio
import re
from collections.abc import Callable

from chalicelib.jobs import JsonObject
from tests.worker.doubles import Scripted


def speaking(text: str, pause_seconds: float) -> Scripted:
    """Return an engine that answers any request with *text*, with a pause before each word."""
    words = re.findall(r"\s*\S+", text)

    async def say(_request: JsonObject, tell: Callable[[str], None]) -> JsonObject:
        for word in words:
            await asyncio.sleep(pause_seconds)
            tell(word)
        usage = {
            "prompt_tokens": 31,
            "completion_tokens": len(words),
            "total_tokens": 31 + len(words),
        }
        told = {"finish_reason": "stop", "engine": "openai", "model": "tinyllama-1.1b-chat"}
        return {"text": "".join(words), "usage": usage, **told}

    return Scripted(say)
