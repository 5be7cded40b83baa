"""docs/deployment.md names commands and options that there are, and leaves none of them out."""

import re

import click
import pytest
import typer

from chalicelib.settings import PROJECT
from tinyllama import cli

PAGE = (PROJECT / "docs" / "deployment.md").read_text(encoding="utf-8")
COMMANDS = sorted(set(re.findall(r"\btinyllama ([a-z][a-z -]*[a-z])(?=[^a-z-]|$)", PAGE)))
ROOT = typer.main.get_command(cli.app)


def _command(words: list[str]) -> click.Command | None:
    """Return the command that *words* begin with."""
    found: object = ROOT
    for word in words:
        further = getattr(found, "commands", {}).get(word)
        if further is None:
            break
        found = further
    return None if found is ROOT or hasattr(found, "commands") else found  # type: ignore[return-value]


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_that_is_named_exists(words: str) -> None:
    assert _command(words.split()) is not None


@pytest.mark.parametrize("name", ["deploy", "verify", "rollback"])
def test_every_option_is_told(name: str) -> None:
    command = _command([name])

    assert command is not None
    options = [option for parameter in command.params for option in parameter.opts]
    assert {option for option in options if option.startswith("--")} <= set(
        re.findall(r"--[a-z-]+", PAGE)
    )


def test_every_make_target_that_is_named_exists() -> None:
    targets = re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE)

    named = re.findall(r"(?:^\s*|`)make ([a-z-]+)", PAGE, re.MULTILINE)

    assert named
    assert set(named) <= set(targets)
