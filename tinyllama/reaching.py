"""How commands reach a router: the options that name it, and what is said where that fails."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from tinyllama import screen

if TYPE_CHECKING:
    from tinyllama.access import Access
    from tinyllama.client import Client


def _profiles(incomplete: str) -> list[str]:
    from tinyllama import profiles  # noqa: PLC0415 - a shell asks on Tab alone

    return [name for name in profiles.names() if name.startswith(incomplete)]


ProfileName = Annotated[
    str | None,
    typer.Option(
        "--profile",
        help="Which profile of `tinyllama login`; else TINYLLAMA_PROFILE's.",
        autocompletion=_profiles,
    ),
]
Address = Annotated[
    str | None, typer.Option("--url", help="The router's address; else the profile's.")
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON for scripts.")]

_SHORTEST_TOLD_SECONDS = 1.0
_REFUSED_TOKEN = frozenset({401, 403})


@contextmanager
def router(profile: str | None, url: str | None) -> Iterator["Client"]:
    """Give the router that is meant. A refused token and a silent address are said more of."""
    from tinyllama import access  # noqa: PLC0415 - HTTP, which a command's help does without
    from tinyllama.client import Client, ProblemError, Repeating, Unreachable  # noqa: PLC0415

    found = access.find(url, None, profile)
    patience = Repeating(attempts=4, told=_tell_pause)
    # Not None: the client would look for a token again.
    with Client(found.url, found.token or "", repeating=patience) as client:
        try:
            yield client
        except ProblemError as error:
            if error.status in _REFUSED_TOKEN:
                error.add_note(_about(found, client.url))
            raise
        except Unreachable as error:
            if error.maybe_done:
                error.add_note("It may be done all the same: look before you repeat it.")
            error.add_note(
                "`tinyllama up` starts one on this machine; --url or `tinyllama login` names one."
            )
            raise


def expired_at(token: str | Callable[[], str] | None, now: float) -> datetime | None:
    """Return when a token expired, by what it says itself; None if it does not say so."""
    if not isinstance(token, str):
        return None
    claims = token.removeprefix("tlk_").split(".")[1:2]
    try:
        told = json.loads(base64.urlsafe_b64decode(f"{claims[0]}==="))["exp"]
        return datetime.fromtimestamp(float(told), UTC) if float(told) <= now else None
    except (ValueError, LookupError, TypeError, OverflowError, OSError, RecursionError):
        return None


def _about(found: "Access", root: str) -> str:
    """Return which token was refused, when it expired and how to have another."""
    ended = expired_at(found.token, time.time())  # noqa: TID251 - the wall clock of its expiry
    when = "" if ended is None else f", which expired at {screen.cell(ended)}"
    return (
        f"{root} was called with {found.by}{when}. `tinyllama login` keeps another;"
        " on a laptop `tinyllama token` prints one."
    )


def _tell_pause(seconds: float) -> None:
    if seconds >= _SHORTEST_TOLD_SECONDS:
        screen.say(f"No good answer yet: trying again in {seconds:.0f} s.")
