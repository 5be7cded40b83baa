"""What a router tells of jobs and events, as values. Members that are not known are passed over."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from types import UnionType
from typing import Any, Self

from tinyllama.client_errors import NotARouter

NO_ROUTER = "what answers is no router, or an older one: is the address right?"
_TIMES = frozenset({"created_at", "started_at", "ended_at", "deadline_at", "retry_at"})
_UNDER_WAY = frozenset({"queued", "running"})
# What commands and callers count with or look into; an older router may leave them out.
_JOB: Mapping[str, type | UnionType] = {
    "attempt": int,
    "max_attempts": int,
    "eta_seconds": int | float | None,
    "timings": dict,
    "error": dict | None,
    "result": dict | None,
}


@dataclass(frozen=True)
class Job:
    """How a job stood when the router was asked; *document* is all that it told, as it came.

    Times are aware, *eta_seconds* is seconds. What does not apply or is not known is None.
    """

    id: str
    state: str
    version: int
    attempt: int = 0
    max_attempts: int = 0
    priority: str = "normal"
    model: str | None = None
    metadata: Mapping[str, str] | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    deadline_at: datetime | None = None
    retry_at: datetime | None = None
    cancel_requested: bool = False
    position: int | None = None
    eta_seconds: float | None = None
    timings: Mapping[str, int | None] = field(default_factory=dict)
    usage: Mapping[str, int] | None = None
    error: Mapping[str, str] | None = None
    result: Mapping[str, Any] | None = field(default=None, repr=False)
    document: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def ended(self) -> bool:
        """Whether no worker will touch it again by itself."""
        return self.state not in _UNDER_WAY

    @property
    def text(self) -> str | None:
        """What the model said; None unless the job succeeded."""
        text = (self.result or {}).get("text")
        return text if isinstance(text, str) else None

    @classmethod
    def read(cls, told: Any) -> Self:
        """Return the job that a JSON document tells of. Raises NotARouter."""
        require(told, id=str, state=str, version=int)
        found = {each.name: told[each.name] for each in fields(cls) if each.name in told}
        require(found, **{name: kind for name, kind in _JOB.items() if name in found})
        times = {name: moment(found[name]) for name in _TIMES & found.keys()}
        return cls(**{**found, **times, "document": told})


@dataclass(frozen=True)
class Piece:
    """Some of what a job says. With *reset* all pieces before it are void: *attempt* began anew."""

    text: str
    attempt: int
    reset: bool

    def __str__(self) -> str:
        """Return the text alone."""
        return self.text


@dataclass(frozen=True)
class Event:
    """One event of an inbox; *document* is all that was told of it, as it came."""

    id: str
    type: str
    source: str
    time: datetime | None = None
    payload: Any = field(default=None, repr=False)
    delivered: bool = False
    cloudevent: Mapping[str, Any] | None = field(default=None, repr=False)
    document: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def read(cls, told: Any) -> Self:
        """Return the event that a JSON document tells of. Raises NotARouter."""
        require(told, event_id=str, event_type=str, source=str)
        return cls(
            id=told["event_id"],
            type=told["event_type"],
            source=told["source"],
            time=moment(told.get("timestamp")),
            payload=told.get("payload"),
            delivered=bool(told.get("delivered")),
            cloudevent=told.get("cloudevent"),
            document=told,
        )


@dataclass(frozen=True)
class Lease:
    """Events that no other consumer sees until *until*; *token* stands for holding them."""

    token: str
    until: datetime | None
    events: tuple[Event, ...]
    document: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def read(cls, told: Any) -> Self:
        """Return the lease that a JSON document tells of. Raises NotARouter."""
        require(told, lease=str, events=list)
        events = tuple(Event.read(each) for each in told["events"])
        return cls(told["lease"], moment(told.get("until")), events, told)


def require(told: Any, /, **kinds: type | UnionType) -> None:
    """Raise NotARouter unless *told* is an object whose members are of these kinds."""
    if not isinstance(told, dict) or not all(
        isinstance(told.get(name), kind) for name, kind in kinds.items()
    ):
        raise NotARouter(NO_ROUTER)


def moment(text: object) -> datetime | None:
    """Return an RFC 3339 time, None for what is none."""
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
