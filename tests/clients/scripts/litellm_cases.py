"""``litellm``, its function and its Router: settings as they are, but for address and token."""

from typing import Any

import litellm

from tests.clients.scripts.telling import Asked, Seen, run, thrice


def settings(asked: Asked) -> dict[str, Any]:
    """Return how litellm is told of the router."""
    return {
        "model": f"openai/{asked.model}",
        "api_base": asked.base_url,
        "api_key": asked.token,
        "max_tokens": 12,
    }


def chat(asked: Asked) -> Seen:
    """Ask, and wait."""
    return _told(litellm.completion(messages=asked.messages, **settings(asked)))


def stream(asked: Asked) -> Seen:
    """Ask for a stream, and read it to its end."""
    chunks = litellm.completion(messages=asked.messages, stream=True, **settings(asked))
    choices = [choice for chunk in chunks for choice in chunk.choices]
    return {
        "text": "".join(choice.delta.content or "" for choice in choices),
        "finish": choices[-1].finish_reason,
    }


def router(asked: Asked) -> Seen:
    """Ask through litellm's Router, and wait."""
    deployments = [{"model_name": "tiny", "litellm_params": settings(asked)}]
    return _told(litellm.Router(deployments).completion(model="tiny", messages=asked.messages))


def keyed(asked: Asked) -> Seen:
    """Ask through the Router, which says nothing of its tries: a key tells that they are one."""
    headers = {"Idempotency-Key": "one-call"}
    deployments = [{"model_name": "tiny", "litellm_params": settings(asked)}]
    tried = litellm.Router(deployments)
    return _told(tried.completion(model="tiny", messages=asked.messages, extra_headers=headers))


def bad_body(asked: Asked) -> Seen:
    """Ask with a temperature beyond all bounds."""
    answer = litellm.completion(messages=asked.messages, temperature=99, **settings(asked))
    return {"id": answer.id}


def other_model(asked: Asked) -> Seen:
    """Ask a model that the engine does not serve."""
    named = settings(asked) | {"model": "openai/org/none"}
    return {"id": litellm.completion(messages=asked.messages, **named).id}


def _told(answer: Any) -> Seen:
    (choice,) = answer.choices
    return {
        "text": choice.message.content,
        "finish": choice.finish_reason,
        "tokens": answer.usage.completion_tokens,
    }


if __name__ == "__main__":
    run(
        {
            "chat": chat,
            "stream": stream,
            "router": router,
            "expired": chat,
            "foreign": chat,
            "bad_body": bad_body,
            "other_model": other_model,
            "router_other_model": lambda asked: router(
                Asked(asked.base_url, asked.token, "org/none", asked.prompt)
            ),
            "waits_its_turn": thrice(chat),
            "beyond_the_hops": chat,
            "router_beyond_the_hops": keyed,
        }
    )
