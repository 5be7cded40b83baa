"""Which clients there are, and which cases each of them plays."""

from collections.abc import Mapping
from dataclasses import dataclass

MODEL = "org/tiny-llama"
SLOW_SECONDS = 60
REFUSED = ("expired", "foreign", "bad_body", "other_model", "waits_its_turn")
SLOW = (
    *("chat", "stream", "responses", "responses_stream", "background", "followed", "router"),
    *("beyond_the_hops", "router_beyond_the_hops", "restart"),
)
"""What takes the engine's minute."""


@dataclass(frozen=True)
class Client:
    """A client's script, the environment that it runs in, and the cases that it plays."""

    script: str
    environment: str
    cases: tuple[str, ...]


_OPENAI = (
    *("chat", "stream", "responses", "responses_stream", "background", "followed", "cancel"),
    *("tools", "models", "no_model", "unscoped", "absent", "limited", "stream_other_model"),
    *("beyond_the_hops", "restart", *REFUSED),
)
_ASYNC = (
    *("chat", "stream", "background", "cancel", "models"),
    *("expired", "foreign", "bad_body", "waits_its_turn"),
)
_LITELLM = (
    *("chat", "stream", "router", "router_other_model"),
    *("beyond_the_hops", "router_beyond_the_hops", *REFUSED),
)
_LANGCHAIN = ("chat", "stream", "tools", "structured", "beyond_the_hops", *REFUSED)
_LLM = ("chat", "stream", "responses", "expired", "foreign", "other_model", "waits_its_turn")
_AI_SDK = (
    *("chat", "stream", "responses", "responses_stream", "tools", "beyond_the_hops"),
    *REFUSED,
)
CLIENTS: Mapping[str, Client] = {
    "openai": Client("openai_sync.py", "clients", (*_OPENAI, "structured", "conversation")),
    "openai without threads": Client("openai_async.py", "clients", _ASYNC),
    "openai for Node": Client("openai_node.mjs", "node", _OPENAI),
    "litellm": Client("litellm_cases.py", "clients-litellm", _LITELLM),
    "LangChain": Client("langchain_cases.py", "clients", _LANGCHAIN),
    "llm": Client("llm_cases.py", "clients", _LLM),
    "AI SDK": Client("ai_sdk.mjs", "node", _AI_SDK),
}


def tenant(client: str, case: str) -> str:
    """Return the tenant that a client's case is: its jobs are that case's own."""
    return f"{client}-{case}".replace(" ", "-").lower()
