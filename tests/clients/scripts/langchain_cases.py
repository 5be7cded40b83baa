"""LangChain's ``ChatOpenAI``: settings as they are, but for address and token."""

from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, SecretStr

from tests.clients.scripts.telling import Asked, Seen, run, thrice


def model(asked: Asked) -> ChatOpenAI:
    """Return a model with its defaults."""
    return ChatOpenAI(
        model=asked.model,
        base_url=asked.base_url,
        api_key=SecretStr(asked.token),
        max_completion_tokens=12,
    )


def chat(asked: Asked) -> Seen:
    """Ask, and wait."""
    answer = model(asked).invoke(asked.prompt)
    counted = answer.usage_metadata
    assert counted
    return {
        "text": answer.text,
        "finish": answer.response_metadata["finish_reason"],
        "tokens": counted["output_tokens"],
    }


def stream(asked: Asked) -> Seen:
    """Ask for a stream, and read it to its end."""
    chunks = list(model(asked).stream(asked.prompt))
    finishes = [chunk.response_metadata.get("finish_reason") for chunk in chunks]
    return {
        "text": "".join(chunk.text for chunk in chunks),
        "finish": next(filter(None, reversed(finishes))),
    }


class Weather(BaseModel):
    """What the model is to say."""

    town: str


def weather(town: str) -> str:
    """Tell the weather of a town."""
    return f"rain in {town}"


def tools(asked: Asked) -> Seen:
    """Let the model call a tool, and tell it what came of it."""
    bound = model(asked).bind_tools([tool(weather)], strict=True)
    first = bound.invoke(asked.prompt)
    (call,) = first.tool_calls
    told = tool(weather).invoke(call)
    second = bound.invoke([("user", asked.prompt), first, told])
    return {"name": call["name"], "arguments": call["args"], "text": second.text}


def structured(asked: Asked) -> Seen:
    """Ask for an object of a schema."""
    return {"town": dict(model(asked).with_structured_output(Weather).invoke(asked.prompt))["town"]}


def bad_body(asked: Asked) -> Seen:
    """Ask with a temperature beyond all bounds."""
    return {"text": model(asked).bind(temperature=99).invoke(asked.prompt).text}


def other_model(asked: Asked) -> Seen:
    """Ask a model that the engine does not serve."""
    return {"text": model(asked).bind(model="org/none").invoke(asked.prompt).text}


if __name__ == "__main__":
    run(
        {
            "chat": chat,
            "stream": stream,
            "tools": tools,
            "expired": chat,
            "foreign": chat,
            "bad_body": bad_body,
            "other_model": other_model,
            "waits_its_turn": thrice(chat),
            "beyond_the_hops": chat,
            "structured": structured,
        }
    )
