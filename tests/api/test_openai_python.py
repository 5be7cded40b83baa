"""The official client for Python, unmodified: through `chalice local` and a worker to an engine."""

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.responses import Response
from pydantic import BaseModel

import tinyllama
from chalicelib.jobs import JsonObject
from chalicelib.settings import PROJECT, child_environment
from tests.servers import Server
from tests.worker.engine_server import EngineServer, Step, events, refuse, stream
from tests.worker.routers import Router

pytestmark = pytest.mark.slow

MESSAGES: Any = [{"role": "user", "content": "Say hello"}]
WEATHER: JsonObject = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


class Llama(BaseModel):
    """What a structured answer is to be."""

    name: str
    woolly: bool


@pytest.fixture(scope="module")
def engine_server() -> Iterator[EngineServer]:
    """An engine that speaks HTTP."""
    server = EngineServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def address(
    valkey: Server,
    own_state: Path,
    engine_server: EngineServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """A router that holds a call for half a second, with a worker of its own."""
    del own_state
    with valkey.client() as direct:
        direct.flushall()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYLLAMA_RELAY_SECONDS", "0.5")
        router = Router(valkey.url, 30)
    settings = {"TINYLLAMA_STORE_URL": valkey.url, "TINYLLAMA_ENGINE_URL": engine_server.url}
    log = tmp_path_factory.mktemp("worker") / "worker.log"
    with log.open("wb") as out:
        worker = subprocess.Popen(
            [sys.executable, "-m", "worker", "--concurrency", "2"],
            cwd=PROJECT,
            env=child_environment(settings),
            stdout=out,
            stderr=out,
        )
    yield f"{router.url}/v1"
    worker.terminate()
    worker.wait()
    router.stop()


@pytest.fixture
def engine(engine_server: EngineServer) -> EngineServer:
    """The engine, with nothing asked of it yet."""
    engine_server.requests.clear()
    engine_server.steps.clear()
    return engine_server


@pytest.fixture
def client(address: str) -> Iterator[OpenAI]:
    """The client, as it comes."""
    with OpenAI(base_url=address, api_key=tinyllama.make_token(sub="acme")) as found:
        yield found


def slow(*pieces: str) -> Step:
    """Answer after more than two of the router's waits."""
    gate = threading.Event()
    threading.Timer(1.4, gate.set).start()
    return stream(*pieces, gate=gate)


def calls(name: str, arguments: str) -> Step:
    """Answer with the call of a function, as engines stream it."""
    opening = {
        "index": 0,
        "id": "call_1",
        "type": "function",
        "function": {"name": name, "arguments": ""},
    }
    more = {"index": 0, "function": {"arguments": arguments}}

    def chunk(delta: JsonObject, finish: str | None = None) -> JsonObject:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "served",
                "choices": [choice]}  # fmt: skip

    return events(
        chunk({"role": "assistant", "tool_calls": [opening]}),
        chunk({"tool_calls": [more]}),
        chunk({}, "tool_calls"),
    )


def ended(client: OpenAI, response_id: str) -> Response:
    """Poll a response until it has ended, as programs do."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = client.responses.retrieve(response_id)
        if found.status not in {"queued", "in_progress"}:
            return found
        time.sleep(0.1)
    raise AssertionError("the response does not end")


def test_a_slow_chat_is_answered_over_redirects_with_one_job(
    client: OpenAI, engine: EngineServer
) -> None:
    engine.steps.append(slow("Hello", " world"))

    raw = client.chat.completions.with_raw_response.create(model="tiny", messages=MESSAGES)

    told = raw.parse()
    assert told.choices[0].message.content == "Hello world"
    assert {each.status_code for each in raw.http_response.history} == {307}
    assert len(engine.requests) == 1


def test_a_call_of_a_function_comes_back_and_its_result_goes_in(
    client: OpenAI, engine: EngineServer
) -> None:
    tools: Any = [{"type": "function", "function": {"name": "weather", "parameters": WEATHER}}]
    engine.steps.extend([calls("weather", '{"city": "Graz"}'), stream("It rains")])

    first = client.chat.completions.create(model="tiny", messages=MESSAGES, tools=tools)
    said: Any = first.choices[0].message.to_dict()
    (call,) = said["tool_calls"]
    result: Any = {"role": "tool", "tool_call_id": call["id"], "content": "rain"}
    last = client.chat.completions.create(
        model="tiny", messages=[*MESSAGES, said, result], tools=tools
    )

    assert first.choices[0].finish_reason == "tool_calls"
    assert json.loads(call["function"]["arguments"]) == {"city": "Graz"}
    assert last.choices[0].message.content == "It rains"
    assert engine.requests[0]["tools"] == tools
    assert engine.requests[1]["messages"][2] == result


def test_a_structured_answer_is_parsed(client: OpenAI, engine: EngineServer) -> None:
    engine.steps.append(stream('{"name": "Lima", ', '"woolly": true}'))

    told = client.chat.completions.parse(model="tiny", messages=MESSAGES, response_format=Llama)

    assert told.choices[0].message.parsed == Llama(name="Lima", woolly=True)
    assert engine.requests[0]["response_format"]["json_schema"]["name"] == "Llama"


def test_a_stream_is_read_and_counted(client: OpenAI, engine: EngineServer) -> None:
    engine.steps.append(slow("Grüße\u2028an", " das Lama"))

    with client.chat.completions.stream(
        model="tiny", messages=MESSAGES, stream_options={"include_usage": True}
    ) as told:
        said = [event.delta for event in told if event.type == "content.delta"]
        final = told.get_final_completion()

    assert "".join(said) == "Grüße\u2028an das Lama"
    assert final.choices[0].message.content == "Grüße\u2028an das Lama"
    assert final.usage is not None
    assert final.usage.total_tokens == 5


def test_calls_of_functions_are_streamed(client: OpenAI, engine: EngineServer) -> None:
    engine.steps.append(calls("weather", '{"city": "Graz"}'))
    tool = openai.pydantic_function_tool(Llama)

    with client.chat.completions.stream(model="tiny", messages=MESSAGES, tools=[tool]) as told:
        final = told.get_final_completion()

    found = final.choices[0].message.tool_calls
    assert found
    assert found[0].function.arguments == '{"city": "Graz"}'


def test_a_failed_job_is_an_error_that_is_not_tried_again(
    client: OpenAI, engine: EngineServer
) -> None:
    engine.steps.append(refuse(404))

    with pytest.raises(openai.UnprocessableEntityError) as failure:
        client.chat.completions.create(model="tiny", messages=MESSAGES)

    assert failure.value.code == "job_failed"
    assert len(engine.requests) == 1


def test_a_stream_tells_a_failed_job(client: OpenAI, engine: EngineServer) -> None:
    engine.steps.append(refuse(404))

    with pytest.raises(openai.APIError) as failure:
        list(client.chat.completions.create(model="tiny", messages=MESSAGES, stream=True))

    assert failure.value.code == "job_failed"


def test_each_refusal_is_the_error_that_programs_know(address: str, client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as bad:
        client.chat.completions.create(model="tiny", messages=MESSAGES, n=2)
    with pytest.raises(openai.NotFoundError) as absent:
        client.responses.retrieve(f"resp_{'0' * 32}")
    token = tinyllama.make_token(sub="acme", scope="jobs:read")
    with (
        OpenAI(base_url=address, api_key=token) as other,
        pytest.raises(openai.PermissionDeniedError) as denied,
    ):
        other.chat.completions.create(model="tiny", messages=MESSAGES)

    assert (bad.value.param, bad.value.code) == ("n", "invalid_body")
    assert absent.value.code == "response_not_found"
    assert denied.value.code == "scope_insufficient"


def test_a_slow_response_is_answered_and_gone_on_from(client: OpenAI, engine: EngineServer) -> None:
    engine.steps.extend([slow("My name", " is Lima"), stream("Lima, ", "still")])

    first = client.responses.create(model="tiny", input="Who are you?", instructions="Be brief")
    second = client.responses.create(model="tiny", input="And?", previous_response_id=first.id)

    assert first.output_text == "My name is Lima"
    assert second.output_text == "Lima, still"
    assert engine.requests[1]["messages"] == [
        {"role": "user", "content": "Who are you?"},
        {"role": "assistant", "content": "My name is Lima"},
        {"role": "user", "content": "And?"},
    ]


def test_a_response_is_parsed_and_calls_functions(client: OpenAI, engine: EngineServer) -> None:
    engine.steps.extend(
        [calls("weather", '{"city": "Graz"}'), stream('{"name":"Lima",', '"woolly":true}')]
    )
    tool: Any = {"type": "function", "name": "weather", "parameters": WEATHER, "strict": True}

    first = client.responses.create(model="tiny", input="Rain?", tools=[tool])
    call = first.output[0]
    assert call.type == "function_call"
    given: Any = [
        {"role": "user", "content": "Rain?"},
        call.to_dict(),
        {"type": "function_call_output", "call_id": call.call_id, "output": "rain"},
    ]
    last = client.responses.parse(model="tiny", input=given, tools=[tool], text_format=Llama)

    assert last.output_parsed == Llama(name="Lima", woolly=True)
    assert engine.requests[0]["tools"][0]["function"]["name"] == "weather"
    assert engine.requests[1]["messages"][2]["tool_call_id"] == "call_1"
    assert engine.requests[1]["response_format"]["type"] == "json_schema"


def test_a_response_is_streamed(client: OpenAI, engine: EngineServer) -> None:
    engine.steps.append(slow("Hello", " world"))

    with client.responses.stream(model="tiny", input="Say hello") as told:
        said = [event.delta for event in told if event.type == "response.output_text.delta"]
        final = told.get_final_response()

    assert "".join(said) == final.output_text == "Hello world"


def test_one_in_the_background_is_polled_followed_and_deleted(
    client: OpenAI, engine: EngineServer
) -> None:
    engine.steps.append(slow("Hello", " world"))

    first = client.responses.create(model="tiny", input="Say hello", background=True)
    whole = list(client.responses.retrieve(first.id, stream=True))
    rest = list(client.responses.retrieve(first.id, stream=True, starting_after=3))
    last = ended(client, first.id)
    client.responses.delete(first.id)

    assert first.status in {"queued", "in_progress"}
    assert first.output == []
    assert [event.sequence_number for event in rest] == list(range(4, len(whole)))
    assert last.output_text == "Hello world"
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(first.id)


def test_one_in_the_background_is_cancelled(client: OpenAI, engine: EngineServer) -> None:
    engine.steps.append(slow("Hello", " world"))
    first = client.responses.create(model="tiny", input="Say hello", background=True)
    deadline = time.monotonic() + 10
    while not engine.requests and time.monotonic() < deadline:
        time.sleep(0.05)

    told = client.responses.cancel(first.id)

    assert told.status == "cancelled"
    assert client.responses.retrieve(first.id).status == "cancelled"


def test_the_asynchronous_client_is_answered_as_well(address: str, engine: EngineServer) -> None:
    engine.steps.extend([slow("Hello", " world"), slow("Hello", " again"), stream("And", " now")])

    async def ask() -> tuple[str | None, str, str]:
        key = tinyllama.make_token(sub="acme")
        async with AsyncOpenAI(base_url=address, api_key=key) as client:
            whole = await client.chat.completions.create(model="tiny", messages=MESSAGES)
            chunks = await client.chat.completions.create(
                model="tiny", messages=MESSAGES, stream=True
            )
            said = [chunk.choices[0].delta.content or "" async for chunk in chunks]
            response = await client.responses.create(model="tiny", input="Say hello")
            return whole.choices[0].message.content, "".join(said), response.output_text

    assert asyncio.run(ask()) == ("Hello world", "Hello again", "And now")
