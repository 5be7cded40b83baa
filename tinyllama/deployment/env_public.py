"""``.env_public``: the ids of one stage as variables, for shells, newman, pytest and `smoke`.

The router never reads it. It is not tracked, for it tells of one's own account; CI makes one
from the registry.
"""

import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

import typer
from dotenv import dotenv_values

from chalicelib.settings import PREFIX, PROJECT, foreign_variable
from tinyllama.deployment import registry, stages, whole_files
from tinyllama.deployment.failures import DeploymentFailed

FILE = PROJECT / ".env_public"
# Shells and python-dotenv agree on all but these.
_UNREADABLE = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029'\\]")
_HEADER = """\
# The ids of the stage {stage}: no secrets. Written by `tinyllama env sync {stage}` and by each
# deployment, so changes are lost. The router does not read it; `tinyllama smoke` does, and a
# shell by `set -a; . ./.env_public`.
"""


def sync(
    stage_name: str,
    ids: Mapping[str, str] | None = None,
    *,
    github: bool = False,
    file: Path | None = None,
) -> None:
    """Write the ids of a stage to *file*, whole or not at all; for *github*, to GITHUB_ENV as well.

    They are *ids*, or else what the registry holds now. Raises DeploymentFailed where there are
    none, where one cannot be told in a line, or outside a workflow to *github*.
    """
    stages.require_name(stage_name)
    file = file or FILE
    steps = _steps_environment() if github else None
    found = registry.ids(stage_name) if ids is None else ids
    if not found:
        raise DeploymentFailed(f"there are no ids of {stage_name}: deploy it first")
    variables = _variables(found)
    lines = [f"{name}={shlex.quote(value)}\n" for name, value in variables.items()]
    whole_files.replace(file, _HEADER.format(stage=stage_name) + "".join(lines))
    typer.echo(f"{len(variables)} ids of {stage_name} are in {file.name}.")
    if steps is not None:
        _append(steps, "".join(f"{name}={value}\n" for name, value in variables.items()))
        typer.echo("The job's further steps have them too.")


def read(file: Path | None = None) -> dict[str, str]:
    """Return what *file* holds by id, in lower case; nothing without it."""
    file = file or FILE
    if not file.is_file():
        return {}
    found = dotenv_values(file, interpolate=False, encoding="utf-8")
    return {name.removeprefix(PREFIX).lower(): value for name, value in found.items() if value}


def _variables(ids: Mapping[str, str]) -> dict[str, str]:
    """Return ids by their variables' names, sorted. Raises DeploymentFailed naming one that fails.

    No message repeats a value.
    """
    variables: dict[str, str] = {}
    for name, value in ids.items():
        variable = PREFIX + registry.require_name(name).upper()
        if variable in variables:
            raise DeploymentFailed(f"two ids would be the variable {variable}: rename one")
        if _UNREADABLE.search(value):
            raise DeploymentFailed(
                f"the id {name} holds a line's end, a control character, ' or \\: no file of"
                " variables carries that"
            )
        variables[variable] = value
    return dict(sorted(variables.items()))


def _steps_environment() -> Path:
    given = foreign_variable("GITHUB_ENV")
    if given is None:
        raise DeploymentFailed(
            "GITHUB_ENV is not set: --github is for a step of a GitHub workflow, leave it out here"
        )
    return Path(given)


def _append(file: Path, text: str) -> None:
    """Add *text* on lines of its own. A value is one line, so it can set no other variable."""
    try:
        with file.open("a+b") as opened:
            if opened.tell():
                opened.seek(-1, os.SEEK_END)
                text = text if opened.read(1) == b"\n" else f"\n{text}"
            opened.write(text.encode())
    except OSError as error:
        raise DeploymentFailed(f"GITHUB_ENV cannot be appended to: {error.strerror}") from None
