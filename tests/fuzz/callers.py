"""Who calls in the fuzzing, and what each may hope for; shared by both of its processes."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

TENANT, STRANGER, BUSY = "acme", "mallory", "busy"
VALID, BY_KEY, HURRIED = "valid", "API key", "hurried"
EXPIRED, REVOKED, NOBODY, FOREIGN = "expired", "revoked", "no token", "foreign"
MAY = frozenset({VALID, BY_KEY, HURRIED})
"""Who may do all there is; ``HURRIED`` not for long."""


@dataclass(frozen=True)
class Plan:
    """What one caller is to send: *cases* to *url* with *token*, which may be empty.

    *secrets* are the tokens that no answer may hold. *known* are the ids and bodies of real things
    by kind, as ``things.Things`` gathers them; ``api_key`` are ids with what was signed.
    """

    caller: str
    url: str
    token: str
    cases: int
    seed: int
    secrets: list[str]
    known: dict[str, list[Any]]

    @property
    def theirs(self) -> list[str]:
        """The ids of what belongs to the tenant of the valid token."""
        keys = [key_id for key_id, _ in self.known.get("api_key", [])]
        things = (self.known.get(kind, []) for kind in ("job", "event", "response"))
        return [*(each for kind in things for each in kind), *keys]


@dataclass(frozen=True)
class Told:
    """What came of a plan: how often each operation answered what, and what must not be.

    *seen* counts by ``"<operation> <status> <code or ->"``.
    """

    seen: dict[str, int]
    failures: list[str]
    known: dict[str, list[Any]]
    seconds: float


def write(path: Path, value: Plan | Told) -> None:
    """Write *value* for the other process."""
    path.write_text(json.dumps(asdict(value)), encoding="utf-8")


def read[T: (Plan, Told)](path: Path, kind: type[T]) -> T:
    """Return what the other process wrote."""
    found: T = kind(**json.loads(path.read_text(encoding="utf-8")))
    return found
