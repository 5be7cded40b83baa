"""``openai`` for Python, as a program calls it: settings as they are, but for address and token."""

import json
import time

import openai
from openai.types.chat import (
    ChatCompletionMessageFunctionToolCallParam,
    ChatCompletionMessageParam,
)
from openai.types.responses import Response
from pydantic import BaseModel

from tests.clients.scripts.telling import Asked, Seen, run, thrice

POLL_SECONDS = 1.0
POLLS_MOST = 300
RUNNING = {"queued", "in_progress"}


def client(asked: Asked) -> openai.OpenAI:
    """Return a client with its defaults."""
    return openai.OpenAI(base_url=asked.base_url, api_key=asked.token)


def messages(asked: Asked) -> list[ChatCompletionMessageParam]:
    """Return the prompt as a chat."""
    return [{"role": "user", "content": asked.prompt}]


def chat(asked: Asked) -> Seen:
    """Ask, and wait."""
    answer = client(asked).chat.completions.create(
        model=asked.model, messages=messages(asked), max_tokens=12
    )
    (choice,) = answer.choices
    assert answer.usage
    return {
        "text": choice.message.content,
        "finish": choice.finish_reason,
        "tokens": answer.usage.completion_tokens,
        "model": answer.model,
    }


def retried(asked: Asked) -> Seen:
    """Ask, and wait; tell how often the client had to try again."""
    raw = client(asked).chat.completions.with_raw_response.create(
        model=asked.model, messages=messages(asked), max_tokens=12
    )
    (choice,) = raw.parse().choices
    return {"text": choice.message.content, "retries": raw.retries_taken}


def stream(asked: Asked) -> Seen:
    """Ask for a stream, and read it to its end."""
    chunks = list(
        client(asked).chat.completions.create(
            model=asked.model,
            messages=messages(asked),
            max_tokens=12,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    deltas = [choice for chunk in chunks for choice in chunk.choices]
    assert chunks[-1].usage
    return {
        "text": "".join(choice.delta.content or "" for choice in deltas),
        "finish": deltas[-1].finish_reason,
        "tokens": chunks[-1].usage.completion_tokens,
    }


class Weather(BaseModel):
    """What the model is to say."""

    town: str


def structured(asked: Asked) -> Seen:
    """Ask for an object of a schema."""
    answer = client(asked).chat.completions.parse(
        model=asked.model, messages=messages(asked), response_format=Weather
    )
    found = answer.choices[0].message.parsed
    assert found
    return {"town": found.town}


def tools(asked: Asked) -> Seen:
    """Let the model call a tool in a stream, and tell it what came of it."""
    api, said = client(asked), messages(asked)
    tool = openai.pydantic_function_tool(Weather, name="weather")
    with api.chat.completions.stream(model=asked.model, messages=said, tools=[tool]) as stream:
        message = stream.get_final_completion().choices[0].message
    assert message.tool_calls
    (call,) = message.tool_calls
    called: ChatCompletionMessageFunctionToolCallParam = {
        "id": call.id,
        "type": "function",
        "function": {"name": call.function.name, "arguments": call.function.arguments},
    }
    told: list[ChatCompletionMessageParam] = [
        {"role": "assistant", "tool_calls": [called]},
        {"role": "tool", "tool_call_id": call.id, "content": "rain in Lima"},
    ]
    last = api.chat.completions.create(model=asked.model, messages=[*said, *told], tools=[tool])
    return {
        "name": call.function.name,
        "arguments": json.loads(call.function.arguments),
        "text": last.choices[0].message.content,
    }


def responses(asked: Asked) -> Seen:
    """Ask for a response, and wait."""
    return _told(
        client(asked).responses.create(model=asked.model, input=asked.prompt, max_output_tokens=12)
    )


def responses_stream(asked: Asked) -> Seen:
    """Ask for a response's stream, read it, and read its second half again."""
    api = client(asked)
    events = list(
        api.responses.create(
            model=asked.model, input=asked.prompt, max_output_tokens=12, stream=True
        )
    )
    last = events[-1]
    assert isinstance(
        last,
        openai.types.responses.ResponseCompletedEvent
        | openai.types.responses.ResponseIncompleteEvent,
    ), last.type
    middle = events[len(events) // 2].sequence_number
    again = list(api.responses.retrieve(last.response.id, stream=True, starting_after=middle))
    return {
        **_told(last.response),
        "text": "".join(
            event.delta for event in events if event.type == "response.output_text.delta"
        ),
        "numbers": [event.sequence_number for event in events],
        "again": [event.sequence_number for event in again],
        "after": middle,
    }


def background(asked: Asked) -> Seen:
    """Ask for a response in the background, and look until it is there; then erase it."""
    api = client(asked)
    first = api.responses.create(
        model=asked.model, input=asked.prompt, max_output_tokens=12, background=True
    )
    last = _await(api, first)
    api.responses.delete(last.id)
    try:
        api.responses.retrieve(last.id)
    except openai.NotFoundError as error:
        gone = error.code
    else:
        gone = None
    return {**_told(last), "first": first.status, "gone": gone}


def followed(asked: Asked) -> Seen:
    """Ask for a response in the background, and read along from its first event on."""
    api = client(asked)
    first = api.responses.create(
        model=asked.model, input=asked.prompt, max_output_tokens=12, background=True
    )
    events = list(api.responses.retrieve(first.id, stream=True))
    pieces = [event.delta for event in events if event.type == "response.output_text.delta"]
    return {"text": "".join(pieces), "first": first.status}


def conversation(asked: Asked) -> Seen:
    """Go on from a response."""
    api = client(asked)
    first = api.responses.create(model=asked.model, input=asked.prompt, max_output_tokens=4)
    second = api.responses.create(
        model=asked.model, input="And?", max_output_tokens=4, previous_response_id=first.id
    )
    assert first.usage
    assert second.usage
    return {
        "previous": second.previous_response_id == first.id,
        "longer_by": second.usage.input_tokens - first.usage.input_tokens,
    }


def cancel(asked: Asked) -> Seen:
    """Ask for a response in the background, and call it off."""
    api = client(asked)
    first = api.responses.create(model=asked.model, input=asked.prompt, background=True)
    called_off = api.responses.cancel(first.id)
    last = _await(api, called_off)
    return {"status": last.status, "same": first.id == last.id, "output": len(last.output)}


def models(asked: Asked) -> Seen:
    """List the models, and look one up."""
    api = client(asked)
    return {
        "listed": [model.id for model in api.models.list()],
        "one": api.models.retrieve(asked.model).id,
    }


def no_model(asked: Asked) -> Seen:
    """Look up a model that there is not."""
    return {"one": client(asked).models.retrieve("org/none").id}


def bad_body(asked: Asked) -> Seen:
    """Ask with a temperature beyond all bounds."""
    return {
        "id": client(asked)
        .chat.completions.create(model=asked.model, messages=messages(asked), temperature=99)
        .id
    }


def absent(asked: Asked) -> Seen:
    """Look up a response that there is not."""
    return {"id": client(asked).responses.retrieve("resp_" + "0" * 32).id}


def other_model(asked: Asked) -> Seen:
    """Ask a model that the engine does not serve."""
    answer = client(asked).chat.completions.create(model="org/none", messages=messages(asked))
    return {"id": answer.id}


def stream_other_model(asked: Asked) -> Seen:
    """Ask for the stream of a model that the engine does not serve."""
    chunks = client(asked).chat.completions.create(
        model="org/none", messages=messages(asked), stream=True
    )
    return {"chunks": len(list(chunks))}


def limited(asked: Asked) -> Seen:
    """Ask until it is too often."""
    once = client(asked).with_options(max_retries=0)
    for _ in range(6):
        once.chat.completions.create(model=asked.model, messages=messages(asked), max_tokens=1)
    return {}


def _await(api: openai.OpenAI, response: Response) -> Response:
    for _ in range(POLLS_MOST):
        if response.status not in RUNNING:
            break
        time.sleep(POLL_SECONDS)
        response = api.responses.retrieve(response.id)
    return response


def _told(response: Response) -> Seen:
    assert response.usage
    return {
        "text": response.output_text,
        "status": response.status,
        "tokens": response.usage.output_tokens,
    }


if __name__ == "__main__":
    run(
        {
            "chat": chat,
            "stream": stream,
            "responses": responses,
            "responses_stream": responses_stream,
            "background": background,
            "cancel": cancel,
            "models": models,
            "no_model": no_model,
            "expired": chat,
            "foreign": chat,
            "unscoped": chat,
            "bad_body": bad_body,
            "absent": absent,
            "other_model": other_model,
            "limited": limited,
            "waits_its_turn": thrice(chat),
            "beyond_the_hops": retried,
            "restart": retried,
            "structured": structured,
            "tools": tools,
            "followed": followed,
            "conversation": conversation,
            "stream_other_model": stream_other_model,
        }
    )
