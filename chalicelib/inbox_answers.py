"""How events look from outside: published, paged, read and leased."""

from typing import TYPE_CHECKING

from chalicelib import refusals
from chalicelib.answers import applied, moment, next_page
from chalicelib.calls import Call
from chalicelib.events import Event
from chalicelib.jobs import JsonObject
from chalicelib.routing import Reply

if TYPE_CHECKING:  # these bring redis, which the authorizer never needs
    from chalicelib.inbox import Page, Published
    from chalicelib.inbox_leases import InboxLease
    from chalicelib.patience import Awaited


def published(told: "Published") -> Reply:
    """Answer a publish: 201, or 200 for a repeat."""
    event = told.event
    body = {
        "status": "accepted",
        "event_id": event.id,
        "timestamp": moment(event.created_at),
        "message": "the event was accepted before" if told.known else "the event is in the inbox",
        "event_type": event.event_type,
        "payload": event.payload,
        "source": event.source,
        "delivered": event.delivered,
    }
    if told.known:
        return Reply(body, 200, {"Idempotency-Replayed": "true"})
    return Reply(body, 201, refusals.headers(*told.rates))


def page(call: Call, told: "Awaited[Page]", limit: int) -> Reply:
    """Answer a page of an inbox, with a link to the next one where there may be one."""
    asked = {"type": call.query["type"]} if "type" in call.query else {}
    headers = next_page(told.value.cursor, limit, asked) | applied(call, waited=told.waited)
    return Reply({"events": [_event(event) for event in told.value]}, headers=headers)


def one(event: Event) -> Reply:
    """Answer one event."""
    return Reply(_event(event))


def leased(call: Call, told: "Awaited[InboxLease]") -> Reply:
    """Answer a lease with the events that it holds."""
    lease = told.value
    events = [_event(event) for event in lease.events]
    body = {"lease": lease.token, "until": moment(lease.until_ms), "events": events}
    return Reply(body, headers=applied(call, waited=told.waited))


def extended(token: str, until_ms: int) -> Reply:
    """Answer until when a lease holds now."""
    return Reply({"lease": token, "until": moment(until_ms)})


def _event(event: Event) -> JsonObject:
    return {
        "event_id": event.id,
        "event_type": event.event_type,
        "source": event.source,
        "timestamp": moment(event.created_at),
        "payload": event.payload,
        "delivered": event.delivered,
        "cloudevent": event.attributes,
    }
