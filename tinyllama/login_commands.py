"""``tinyllama login`` and ``logout``: which router commands call, and with which token."""

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from chalicelib.errors import RouterError
from tinyllama import screen
from tinyllama.reaching import Address, ProfileName

if TYPE_CHECKING:
    from tinyllama.client import Client

app = typer.Typer()

_TOKEN_BYTES = 16_384


@app.command()
def login(
    url: Address = None,
    profile: ProfileName = None,
    *,
    token_stdin: Annotated[
        bool, typer.Option("--token-stdin", help="Read the token from standard input.")
    ] = False,
) -> None:
    """Keep a router's address and a token, or API key, for the commands to come.

    Both are tried before they are kept, in a file that is yours alone.
    """
    from tinyllama import listening, profiles  # noqa: PLC0415
    from tinyllama.client import Client, Repeating  # noqa: PLC0415

    name = profile or profiles.DEFAULT
    if not token_stdin:
        _require_terminal()
    address = _usable(url or _asked_address(listening.LAPTOP, from_pipe=token_stdin))
    token = _token(from_pipe=token_stdin)
    with Client(address, token, repeating=Repeating(attempts=3, seconds=10)) as client:
        note = _check(client)
        file = profiles.save(profiles.Profile(name, client.url, token))
    screen.say(f"Signed in to {client.url}; kept in {file}.{note}")
    if name != profiles.DEFAULT:
        screen.say(f"Commands take it with --profile {name}, or TINYLLAMA_PROFILE={name}.")


@app.command()
def logout(profile: ProfileName = None) -> None:
    """Forget a router and its token; the token itself works until it expires or is revoked."""
    from tinyllama import profiles  # noqa: PLC0415

    name = profile or profiles.DEFAULT
    told = "is forgotten" if profiles.remove(name) else "was not there"
    screen.say(f"The profile {name} {told}.")


def _check(client: "Client") -> str:
    """Return what is to be said of a token that works. Raises ClientError for one that does not."""
    from tinyllama.client import ProblemError  # noqa: PLC0415

    client.health()
    try:
        next(client.jobs(limit=1), None)
    except ProblemError as error:
        # It is known then, and opens other routes.
        if error.code != "scope_insufficient":
            raise
        return " It may not read jobs, so commands that wait for an answer will be refused."
    return ""


def _require_terminal() -> None:
    from tinyllama.client import Unusable  # noqa: PLC0415

    if not sys.stdin.isatty():
        raise Unusable("there is no terminal to ask for a token: pipe it in with --token-stdin")


def _usable(address: str) -> str:
    """Return *address* if a token may go there. Raises Unusable before one is asked for."""
    from tinyllama.client import Unusable  # noqa: PLC0415
    from worker.wire import safe_address  # noqa: PLC0415

    try:
        return safe_address(address, "the router's address")
    except RouterError as error:
        meant = _meant(address, safe_address)
        raise Unusable(f"{error.detail}{f': did you mean {meant}?' if meant else ''}") from None


def _meant(address: str, safe: Callable[[str, str], str]) -> str | None:
    """Return *address* with the scheme that it lacks, None where none makes it safe."""
    if "://" in address:
        return None
    for scheme in ("http", "https"):
        with suppress(RouterError):
            return safe(f"{scheme}://{address}", "")
    return None


def _asked_address(usual: str, *, from_pipe: bool) -> str:
    if from_pipe:
        from tinyllama.client import Unusable  # noqa: PLC0415

        raise Unusable("name the router with --url: standard input is the token's")
    return str(typer.prompt("Address of the router", default=usual))


def _token(*, from_pipe: bool) -> str:
    if from_pipe:
        raw = sys.stdin.buffer.read(_TOKEN_BYTES)
        return raw.decode("ascii", "replace").strip()
    return str(typer.prompt("Token or API key", hide_input=True)).strip()
