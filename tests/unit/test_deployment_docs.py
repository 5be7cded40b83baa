"""docs/deployment.md names every command and option there is; what all pages show can be pasted."""

import json
import re
import subprocess
import textwrap
from pathlib import Path

import click
import pytest
import typer

from chalicelib.settings import PROJECT
from tinyllama import cli

PAGE = (PROJECT / "docs" / "deployment.md").read_text(encoding="utf-8")
PAGES = [
    *(PROJECT / name for name in ("README.md", "CONTRIBUTING.md", "bootstrap/README.md")),
    PROJECT / "terraform-extras" / "README.md",
    *sorted((PROJECT / "docs").glob("*.md")),
]
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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}/{page.name}")
def test_every_page_names_the_one_region_of_the_stages_as_shipped(page: Path) -> None:
    stages = (PROJECT / "terraform-extras" / "stages").glob("*.tfvars.json")
    shipped = {json.loads(stage.read_text(encoding="utf-8"))["region"] for stage in stages}

    named = set(re.findall(r"\b[a-z]{2}-[a-z]+-[1-9]\b", page.read_text(encoding="utf-8")))

    assert len(shipped) == 1
    assert named <= shipped


def test_what_is_to_be_pasted_into_a_shell_is_sound() -> None:
    blocks = [
        textwrap.dedent(block)
        for page in PAGES
        for block in re.findall(
            r"^ *```sh\n(.*?)^ *```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
        )
        if not block.lstrip().startswith("$ ")  # a dialogue, with the answers
    ]
    apart = "\n".join(f"(\n{block}\n)" for block in blocks)

    run = subprocess.run(
        ["/bin/bash", "-n"], input=apart, capture_output=True, text=True, check=False
    )

    assert len(blocks) > 20
    assert run.returncode == 0, run.stderr


def test_a_place_in_a_page_that_is_linked_to_is_there() -> None:
    links = [
        ((page.parent / target) if target else page, place)
        for page in PAGES
        for target, place in re.findall(
            r"\]\(([^)#:\s]*)#([^)\s]+)\)", page.read_text(encoding="utf-8")
        )
    ]

    assert links
    assert [f"{page.name}#{place}" for page, place in links if place not in _places(page)] == []


def _places(page: Path) -> set[str]:
    """Return the names that GitHub gives to the headings of a page."""
    text = re.sub(
        r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
