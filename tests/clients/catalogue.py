"""Which clients there are, and which cases each of them plays."""

from collections.abc import Mapping
from dataclasses import dataclass

MODEL = "org/tiny-llama"
SLOW_SECONDS = 60
REFUSED = ("expired", "foreign", "bad_body", "other_model", "waits_its_turn")
SLOW = ("chat", "stream", "responses", "responses_stream", "background", "router")
"""What takes the engine's minute."""


@dataclass(frozen=True)
class Client:
    """A client's script, the environment that it runs in, and the cases that it plays."""

    script: str
    environment: str
    cases: tuple[str, ...]


_OPENAI = (
    *("chat", "stream", "responses", "responses_stream", "background", "cancel", "models"),
    *("no_model", "unscoped", "absent", "limited", "beyond_the_hops", "restart", *REFUSED),
)
CLIENTS: Mapping[str, Client] = {
    "openai": Client("openai_sync.py", "clients", _OPENAI),
    "openai without threads": Client(
        "openai_async.py",
        "clients",
        (
            *("chat", "stream", "background", "cancel", "models"),
            *("expired", "foreign", "bad_body", "waits_its_turn"),
        ),
    ),
    "openai for Node": Client("openai_node.mjs", "node", _OPENAI),
    "litellm": Client(
        "litellm_cases.py",
        "clients-litellm",
        ("chat", "stream", "router", "router_other_model", *REFUSED),
    ),
    "LangChain": Client("langchain_cases.py", "clients", ("chat", "stream", "tools", *REFUSED)),
    "llm": Client(
        "llm_cases.py",
        "clients",
        ("chat", "stream", "responses", "expired", "foreign", "other_model", "waits_its_turn"),
    ),
    "AI SDK": Client(
        "ai_sdk.mjs", "node", ("chat", "stream", "responses", "responses_stream", *REFUSED)
    ),
}


def tenant(client: str, case: str) -> str:
    """Return the tenant that a client's case is: its jobs are that case's own."""
    return f"{client}-{case}".replace(" ", "-").lower()
