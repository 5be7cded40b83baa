"""Questions before what cannot be undone by itself."""

import sys

import typer

from tinyllama.deployment.failures import DeploymentFailed


def confirm(question: str, command: str | None = None) -> None:
    """Ask on the terminal; anything but yes ends the command with exit code 1.

    Raises DeploymentFailed where nobody can be asked; it tells the *command* that does not ask.
    """
    require_terminal(unasked(command) if command else "say --yes to go on without a question")
    typer.confirm(question, abort=True, err=True)


def confirm_by_name(warning: str, name: str, option: str) -> None:
    """Let *name* be typed before data goes. Raises DeploymentFailed where it was not."""
    typer.secho(warning, fg="red", bold=True, err=True)
    require_terminal(f"say {option} as well if that is meant")
    if typer.prompt(f"Type {name} to go on", err=True).strip() != name:
        raise DeploymentFailed("nothing was changed")


def unasked(command: str) -> str:
    """Return how the arguments *command* are run without a question; make could not say --yes."""
    return f"to go on without a question, run .venv/bin/tinyllama {command} --yes"


def require_terminal(otherwise: str) -> None:
    """Raise DeploymentFailed, saying what to do *otherwise*, where nobody can be asked."""
    if not sys.stdin.isatty():
        raise DeploymentFailed(f"there is no terminal to ask on: {otherwise}")
