"""The commands ``tinyllama events`` and ``tinyllama inbox``: publish, look, lease, acknowledge."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from tinyllama import screen
from tinyllama.reaching import Address, AsJson, ProfileName, router

if TYPE_CHECKING:
    from tinyllama.client import Client, Event

app = typer.Typer()
events_app = typer.Typer(no_args_is_help=True, help="Events: publish.")
inbox_app = typer.Typer(no_args_is_help=True, help="Your inbox: list, lease, ack, release, follow.")
app.add_typer(events_app, name="events")
app.add_typer(inbox_app, name="inbox")

OfType = Annotated[str | None, typer.Option("--type", help="Events of this type alone.")]
Count = Annotated[int, typer.Option(min=1, max=200, help="The most events to lease.")]
Seconds = Annotated[int, typer.Option(min=1, max=43_200, help="How long the lease holds.")]
LeaseToken = Annotated[str | None, typer.Option("--lease", help="The lease's token.")]
EventIds = Annotated[list[str] | None, typer.Argument(help="Events' ids: evt_ and 32 digits.")]

WholeLease = Annotated[bool, typer.Option("--all", help="All that the lease holds.")]

_WAIT_SECONDS = 20
# Until the event is in hand: who is ended in the long poll may be leased one after that.
_TAKE_SECONDS = 30
# How long a reader may take for what one event prints; given back where the command ends sooner.
_HOLD_SECONDS = 300
_COLUMNS = ("id", "type", "source", "time", "payload")


@events_app.command("publish")
def publish_event(  # noqa: PLR0913 - one for each option
    event_type: Annotated[str, typer.Argument(metavar="TYPE", help="What happened.")],
    payload: Annotated[
        str | None, typer.Option(help="JSON; - reads standard input. null without it.")
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Read it from a file.")] = None,
    source: Annotated[str, typer.Option(help="Who tells of it.")] = "command-line",
    idempotency_key: Annotated[
        str | None, typer.Option(help="The same key within a day is the same event.")
    ] = None,
    *,
    as_json: AsJson = False,
    profile: ProfileName = None,
    url: Address = None,
) -> None:
    """Put an event into your inbox and print its id."""
    from tinyllama import given  # noqa: PLC0415

    told = given.payload(payload, file)
    with router(profile, url) as client:
        event = client.publish(event_type, told, source=source, idempotency_key=idempotency_key)
    if as_json:
        screen.document(event.document)
    else:
        screen.line(event.id)


@inbox_app.command("list")
def list_inbox(
    event_type: OfType = None,
    limit: Annotated[int, typer.Option(min=1, help="The most to list.")] = 50,
    *,
    as_json: AsJson = False,
    profile: ProfileName = None,
    url: Address = None,
) -> None:
    """List events that nobody has acknowledged or leased, the oldest first."""
    with router(profile, url) as client:
        found = list(client.inbox(event_type=event_type, limit=limit))
    if as_json:
        screen.document([event.document for event in found])
    else:
        _show(found)


@inbox_app.command("lease")
def lease_events(
    count: Count = 10,
    seconds: Seconds = 60,
    *,
    wait: Annotated[int, typer.Option(min=0, max=25, help="Wait so long for one.")] = 0,
    as_json: AsJson = False,
    profile: ProfileName = None,
    url: Address = None,
) -> None:
    """Lease the oldest events: no other consumer sees them until the lease ends.

    Its token goes to standard error, with --json into the document.
    """
    with router(profile, url) as client:
        lease = client.lease(count, seconds=seconds, wait_seconds=wait)
    if as_json:
        screen.document(lease.document)
        return
    _show(lease.events)
    if lease.events:
        until = screen.cell(lease.until)
        screen.say(
            f"Leased until {until}:"
            f" `tinyllama inbox ack --all --lease {lease.token}` takes them out."
        )


@inbox_app.command("ack")
def acknowledge_events(
    event_ids: EventIds = None,
    lease: LeaseToken = None,
    *,
    whole: WholeLease = False,
    profile: ProfileName = None,
    url: Address = None,
) -> None:
    """Take events out of the inbox: those named, or --all of a lease; again is fine."""
    events = _selected(event_ids, lease, whole=whole)
    with router(profile, url) as client:
        if whole:
            client.acknowledge(all_of=lease)
        else:
            client.acknowledge(*events, lease=lease)
    screen.say("Acknowledged.")


@inbox_app.command("release")
def release_events(
    lease: Annotated[str, typer.Option("--lease", help="The lease's token.")],
    event_ids: EventIds = None,
    *,
    whole: WholeLease = False,
    profile: ProfileName = None,
    url: Address = None,
) -> None:
    """Give leased events back, --all or those named: others see them at once."""
    events = _selected(event_ids, lease, whole=whole)
    with router(profile, url) as client:
        if whole:
            client.release(all_of=lease)
        else:
            client.release(*events, lease=lease)
    screen.say("Given back.")


@inbox_app.command("follow")
def follow_inbox(
    event_type: OfType = None,
    *,
    ack: Annotated[
        bool, typer.Option("--ack", help="Lease each, and acknowledge it once it is printed.")
    ] = False,
    as_json: AsJson = False,
    profile: ProfileName = None,
    url: Address = None,
) -> None:
    """Print events as they come until Ctrl-C; with --json one document in a line.

    With --ack several followers share the inbox, and an event comes to one of them at least once.
    """
    from tinyllama.client import Unusable  # noqa: PLC0415

    if ack and event_type is not None:
        raise Unusable("a lease takes events of every type: --ack cannot go with --type")

    def show(event: "Event") -> None:
        if as_json:
            screen.record(event.document)
        else:
            screen.row(_row(event))

    with router(profile, url) as client:
        if ack:
            consume(client, show)
        for event in client.follow(event_type=event_type):
            show(event)


def consume(client: "Client", show: Callable[["Event"], None]) -> NoReturn:
    """Show each event of the inbox and those that come, and acknowledge it then; without end.

    One whose showing fails is given back, one that took longer than its lease comes again. One that
    is no longer held when it arrives is not shown: it may be another's by then.
    """
    from tinyllama.client import ProblemError  # noqa: PLC0415

    while True:
        try:
            _consume_one(client, show)
        except ProblemError as error:
            if error.code != "lease_lost":
                raise


def _consume_one(client: "Client", show: Callable[["Event"], None]) -> None:
    """Wait for an event, show and acknowledge it. Raises ProblemError, ``lease_lost`` too."""
    from tinyllama.client import ClientError  # noqa: PLC0415

    # One at a time: no other waits, and lapses, while a reader is slow with this one.
    lease = client.lease(1, seconds=_TAKE_SECONDS, wait_seconds=_WAIT_SECONDS)
    for event in lease.events:
        try:
            client.extend(lease, _HOLD_SECONDS)
            show(event)
        except BaseException:
            with suppress(ClientError):
                client.release(event, lease=lease)
            raise
        client.acknowledge(event, lease=lease)


def _selected(event_ids: list[str] | None, lease: str | None, *, whole: bool) -> list[str]:
    """Return the events that are named. Raises Unusable where neither they nor --all are."""
    from tinyllama.client import Unusable  # noqa: PLC0415

    if whole and (event_ids or lease is None):
        raise Unusable("--all is for all that a lease holds: name it with --lease, and no events")
    if not whole and not event_ids:
        raise Unusable("name events, or all that a lease holds with --all --lease")
    return event_ids or []


def _row(event: "Event") -> tuple[object, ...]:
    return event.id, event.type, event.source, event.time, screen.compact(event.payload)


def _show(events: Iterable["Event"]) -> None:
    rows = list(map(_row, events))
    screen.table(_COLUMNS, rows, cut=("type", "source", "payload"))
    if not rows:
        screen.say("The inbox has no event to give.")
