"""The command line: all commands in groups; ``token``, ``up``, ``demo``, ``tick`` are here.

What calls a router is in ``infer_command``, ``job_commands``, ``inbox_commands``,
``router_commands`` and ``login_commands``, what is about keys in ``key_commands``, what deploys in
``tinyllama.deployment.commands``.
"""

import io
import re
import sys
from typing import Annotated

import typer
from typer.core import TyperGroup

from chalicelib import __version__
from chalicelib.errors import NotConfigured, RouterError
from chalicelib.scopes import SCOPES
from tinyllama import (
    exits,
    inbox_commands,
    infer_command,
    job_commands,
    key_commands,
    login_commands,
    router_commands,
)
from tinyllama.client_errors import ClientError
from tinyllama.deployment import commands
from tinyllama.deployment.failures import DeploymentFailed, Misused

_MOST_SECONDS = 999_999_999  # over thirty years; a token's times have to be times

CALLERS, KEYS = "For callers", "Keys and tokens"
MACHINE, DEPLOYMENT = "This machine", "Deployment"


class Commands(TyperGroup):
    """All commands; what is wrong with an option is told without pydantic's words before it."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = error.message.removeprefix("Value error, ")
            raise


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # they print local variables: tokens, prompts
    help="A serverless front door for a model of your own.",
    epilog=exits.EXPLAINED,
)
tokens, machine = typer.Typer(), typer.Typer()


def _add(part: typer.Typer, panel: str) -> None:
    """Add commands under the heading *panel* of the help."""
    for command in part.registered_commands:
        command.rich_help_panel = panel
    for group in part.registered_groups:
        group.rich_help_panel = panel
    app.add_typer(part)


def _tell_version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(f"tinyllama {__version__}")
        raise typer.Exit


@app.callback()
def every_command(
    version: Annotated[  # noqa: FBT002 - a flag
        bool,
        typer.Option("--version", help="Show the version.", callback=_tell_version, is_eager=True),
    ] = False,
) -> None:
    """Take what goes before any command."""


@tokens.command()
def token(
    sub: Annotated[str, typer.Option(help="Who calls; also the tenant.")] = "dev",
    scope: Annotated[
        list[str] | None,
        typer.Option(help=f"Scopes, by spaces or commas; else all: {', '.join(sorted(SCOPES))}."),
    ] = None,
    aud: Annotated[str | None, typer.Option(help="Whom the token is for.")] = None,
    expires_in: Annotated[
        str, typer.Option(help="Until when it works: seconds, or 45s, 30m, 12h, 90d.")
    ] = "3600",
) -> None:
    """Print a development token for the router on this machine."""
    # The cryptography, which the others do without.
    from tinyllama import devkeys, durations, key_terms  # noqa: PLC0415

    scopes = devkeys.SCOPES if scope is None else key_terms.require_scopes(" ".join(scope))
    plain = re.fullmatch("[0-9]{1,12}", expires_in)
    seconds = int(expires_in) if plain else durations.seconds("--expires-in", expires_in)
    if not 0 < seconds <= _MOST_SECONDS:
        raise Misused(f"--expires-in is 1 to {_MOST_SECONDS} seconds, not {expires_in}")
    named = key_terms.require_tenant(sub)
    typer.echo(devkeys.make_token(aud=aud, sub=named, scope=" ".join(scopes), expires_in=seconds))


@machine.command()
def up(
    port: Annotated[int, typer.Option(help="Where to serve; if it is taken, a free one.")] = 8000,
) -> None:
    """Run the whole router on this machine until Ctrl-C."""
    from tinyllama import system  # noqa: PLC0415

    system.up(port)


@machine.command()
def demo() -> None:
    """Show a prompt, its answer and its event, then stop everything."""
    from tinyllama import system  # noqa: PLC0415

    system.demo()


@machine.command()
def tick() -> None:
    """Do what is due in the store, once; for a schedule of your own."""
    from tinyllama import operating  # noqa: PLC0415

    operating.tick()


@machine.command()
def erase_tenant(
    tenant: Annotated[str, typer.Argument(help="Whose everything is removed.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,  # noqa: FBT002
) -> None:
    """Remove a tenant's jobs, events and keys, and every trace of them."""
    from tinyllama import operating  # noqa: PLC0415

    operating.erase_tenant(tenant, confirmed=yes)


for part in (infer_command, job_commands, inbox_commands, router_commands, login_commands):
    _add(part.app, CALLERS)
_add(key_commands.app, KEYS)
_add(tokens, KEYS)
_add(machine, MACHINE)
_add(commands.app, DEPLOYMENT)


def main() -> None:
    """Run the command line; a failure is told in sentences, and its exit code is of ``exits``."""
    for stream in (sys.stdout, sys.stderr):
        # What a model says need not fit the terminal's character set.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app(prog_name="tinyllama")
    except ClientError as error:
        exits.tell(error)
        raise SystemExit(exits.code_of(error)) from None
    except DeploymentFailed as error:
        raise SystemExit(exits.tell_in_a_sentence(error)) from None
    except ModuleNotFoundError as error:
        # An installation without the clone has what callers need; see pyproject.toml.
        typer.echo(f"tinyllama: {error.name} is missing: only a clone can do this", err=True)
        raise SystemExit(exits.Exit.USAGE) from None
    except RouterError as error:
        typer.echo(f"tinyllama: {error.detail or error.title}", err=True)
        wrong = isinstance(error, NotConfigured)
        raise SystemExit(exits.Exit.USAGE if wrong else exits.Exit.FAILED) from None
