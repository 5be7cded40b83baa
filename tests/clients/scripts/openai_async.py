"""``openai`` for Python without threads: settings as they are, but for address and token."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import openai
from openai.types.responses import Response

from tests.clients.scripts.openai_sync import POLL_SECONDS, POLLS_MOST, RUNNING, messages
from tests.clients.scripts.telling import Asked, Seen, asked, raised, tell


def client(given: Asked) -> openai.AsyncOpenAI:
    """Return a client with its defaults."""
    return openai.AsyncOpenAI(base_url=given.base_url, api_key=given.token)


async def chat(given: Asked) -> Seen:
    """Ask, and wait."""
    answer = await client(given).chat.completions.create(
        model=given.model, messages=messages(given), max_tokens=12
    )
    assert answer.usage
    (choice,) = answer.choices
    return {
        "text": choice.message.content,
        "finish": choice.finish_reason,
        "tokens": answer.usage.completion_tokens,
    }


async def thrice(given: Asked) -> Seen:
    """Ask three times, one after the other."""
    return [await chat(given) for _ in range(3)][-1]


async def stream(given: Asked) -> Seen:
    """Ask for a stream, and read it to its end."""
    found = await client(given).chat.completions.create(
        model=given.model, messages=messages(given), max_tokens=12, stream=True
    )
    choices = [choice async for chunk in found for choice in chunk.choices]
    return {
        "text": "".join(choice.delta.content or "" for choice in choices),
        "finish": choices[-1].finish_reason,
    }


async def background(given: Asked) -> Seen:
    """Ask for a response in the background, and look until it is there."""
    api = client(given)
    first = await api.responses.create(
        model=given.model, input=given.prompt, max_output_tokens=12, background=True
    )
    last = await _await(api, first)
    return {"first": first.status, "status": last.status, "text": last.output_text}


async def cancel(given: Asked) -> Seen:
    """Ask for a response in the background, and call it off."""
    api = client(given)
    first = await api.responses.create(model=given.model, input=given.prompt, background=True)
    last = await _await(api, await api.responses.cancel(first.id))
    return {"status": last.status, "same": first.id == last.id}


async def models(given: Asked) -> Seen:
    """List the models, and look one up."""
    api = client(given)
    listed = [model.id async for model in api.models.list()]
    return {"listed": listed, "one": (await api.models.retrieve(given.model)).id}


async def bad_body(given: Asked) -> Seen:
    """Ask with a temperature beyond all bounds."""
    answer = await client(given).chat.completions.create(
        model=given.model, messages=messages(given), temperature=99
    )
    return {"id": answer.id}


async def _await(api: openai.AsyncOpenAI, response: Response) -> Response:
    for _ in range(POLLS_MOST):
        if response.status not in RUNNING:
            break
        await asyncio.sleep(POLL_SECONDS)
        response = await api.responses.retrieve(response.id)
    return response


async def _run(name: str, case: Callable[[Asked], Awaitable[Seen]], given: Asked) -> None:
    began = time.monotonic()
    try:
        seen = await case(given)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what a user sees
        seen = raised(error)
    tell(name, began, seen)


CASES = {
    "chat": chat,
    "stream": stream,
    "background": background,
    "cancel": cancel,
    "models": models,
    "expired": chat,
    "foreign": chat,
    "bad_body": bad_body,
    "waits_its_turn": thrice,
}


async def main() -> None:
    """Run what is asked for, all at the same time."""
    await asyncio.gather(*(_run(name, CASES[name], given) for name, given in asked().items()))


if __name__ == "__main__":
    asyncio.run(main())
