"""The engine's front: holds an answer back where a prompt says so, and does what needs a mind.

A random model calls no tools and keeps to no schema: the door does. All else goes to its server.
"""

import http.client
import json
import time
import urllib.parse

from chalicelib.jobs import JsonObject
from tests.worker.engine_server import Exchange, Step, delta, usage

SLOWLY = "slowly"
"""The word by which a prompt asks to be answered late."""

_READ_BYTES = 65536
_SECONDS = 120


def slowed(engine_url: str, seconds: float) -> Step:
    """Answer as the engine at *engine_url* does, so many *seconds* later if the prompt says so."""

    def step(exchange: Exchange) -> None:
        if SLOWLY in json.dumps(exchange.body["messages"]):
            time.sleep(seconds)
        if exchange.body.get("tools"):
            _call_tool(exchange)
        elif exchange.body.get("response_format"):
            _keep_to_schema(exchange)
        else:
            _forward(exchange, engine_url)

    return step


def _forward(exchange: Exchange, engine_url: str) -> None:
    address = urllib.parse.urlsplit(engine_url)
    connection = http.client.HTTPConnection(address.netloc, timeout=_SECONDS)
    try:
        body = json.dumps(exchange.body)
        headers = {"Content-Type": "application/json"}
        connection.request("POST", f"{address.path}/chat/completions", body, headers)
        answer = connection.getresponse()
        exchange.send_response(answer.status)
        exchange.send_header("Content-Type", answer.getheader("Content-Type", ""))
        exchange.end_headers()
        while piece := answer.read1(_READ_BYTES):
            exchange.wfile.write(piece)
    finally:
        connection.close()


def _call_tool(exchange: Exchange) -> None:
    """Call the first tool, with its first parameter; then repeat what the tool has told."""
    exchange.begin()
    last = exchange.body["messages"][-1]
    if last["role"] == "tool":
        exchange.event(delta(f"I hear of {last['content']}"))
        exchange.event(delta(None, "stop"))
    else:
        for fragment in _fragments(exchange.body["tools"][0]["function"]):
            exchange.event(_called(fragment))
        exchange.event(delta(None, "tool_calls"))
    _end(exchange)


def _keep_to_schema(exchange: Exchange) -> None:
    """Say the object that is asked for: a text for each member of it."""
    schema = exchange.body["response_format"]["json_schema"]["schema"]
    exchange.begin()
    exchange.event(delta(json.dumps(dict.fromkeys(schema["properties"], "Lima"))))
    exchange.event(delta(None, "stop"))
    _end(exchange)


def _end(exchange: Exchange) -> None:
    if exchange.body.get("stream_options"):
        exchange.event(usage(3, 2, 5))
    exchange.wfile.write(b"data: [DONE]\n\n")


def _fragments(function: JsonObject) -> list[JsonObject]:
    (name, *_) = function["parameters"]["properties"]
    opening = {"index": 0, "id": "call_1", "type": "function"}
    return [
        opening | {"function": {"name": function["name"], "arguments": ""}},
        {"index": 0, "function": {"arguments": f'{{"{name}": '}},
        {"index": 0, "function": {"arguments": '"Lima"}'}},
    ]


def _called(fragment: JsonObject) -> JsonObject:
    chunk = delta(None)
    chunk["choices"][0]["delta"] = {"tool_calls": [fragment]}
    return chunk
