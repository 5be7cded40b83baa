"""What an event is, and whom the router's own come from. Pure: no clock, no I/O."""

from dataclasses import dataclass
from typing import Any

ROUTER_SOURCE = "tinyllama-router"


@dataclass(frozen=True)
class Event:
    """A fact published to one tenant's inbox.

    ``sequence`` orders an inbox; ``created_at`` is milliseconds since the epoch by the store's
    clock; ``delivered`` is true once somebody acknowledged the event. ``attributes`` are those of
    a CloudEvent beside type, source and data (its own ``id``, ``time``, ``subject`` …), if it was
    one.
    """

    id: str
    tenant: str
    event_type: str
    source: str
    payload: Any
    created_at: int
    sequence: int
    delivered: bool = False
    attributes: dict[str, Any] | None = None
