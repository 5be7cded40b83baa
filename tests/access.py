"""The store's users: with what the product may do where it is deployed, and what its operator."""

import json
from collections.abc import Sequence

from chalicelib.settings import PROJECT

DEPLOYED, OPERATOR = "deployed", "operator"


def commands(name: str) -> list[str]:
    """Return one of the lists of commands that users of a deployed store are given."""
    listed: list[str] = json.loads(
        (PROJECT / "terraform-extras" / f"{name}.json").read_text(encoding="utf-8")
    )
    return listed


def rules(allowed: Sequence[str]) -> str:
    """Return the access string of a user who may run what is *allowed* on the product's keys."""
    return f"on ~tl:* resetchannels -@all {' '.join(f'+{command}' for command in allowed)}"


def users() -> str:
    """Return the lines of an access list that has these users, and one who may do all."""
    own = commands("store-commands")
    operators = [*own, *commands("store-operator-commands")]
    return (
        "user default on nopass ~* &* +@all\n"
        f"user {DEPLOYED} nopass {rules(own)}\n"
        f"user {OPERATOR} nopass {rules(operators)}\n"
    )
