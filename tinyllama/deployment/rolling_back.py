"""Back to the release before: its versions are still there, and the alias names them again.

Gateway, network and store stay as they are; the next deployment goes forward again.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import typer

from tinyllama.deployment import asking, aws, health, registry
from tinyllama.deployment.failures import DeploymentFailed
from tinyllama.deployment.functions import ALIAS, API, Functions
from tinyllama.deployment.releases import Release, current, releases
from tinyllama.deployment.stages import Stage


@dataclass(frozen=True)
class Move:
    """From which version to which one function goes."""

    key: str
    function: str
    before: int
    after: int


def roll_back(stage: Stage, to: int | None, *, yes: bool, as_json: bool) -> None:
    """Let callers of *stage* reach an earlier release, and print how it fares.

    *to* is the API's version in that release, None for the one before what is live. Again is fine,
    also after an interruption. Raises DeploymentFailed where there is none, and where the API is
    not healthy afterwards.
    """
    aws.work_in(stage.region)
    functions = Functions(stage.name)
    live = _live(functions)
    known = releases({key: functions.versions(name) for key, name in functions.names.items()})
    target = _before(known, live) if to is None else _named(known, to)
    moves = [
        Move(key, name, live[key], target.numbers[key]) for key, name in functions.names.items()
    ]
    _tell(stage, target, moves, _differing(functions, moves))
    if not yes:
        version = f" --to {to}" if to is not None else ""
        asking.confirm("Let callers reach these versions?", f"rollback {stage.name}{version}")
    _carry_out(functions, moves)
    found = _health(stage)
    typer.echo(found.sentence, err=as_json)
    if as_json:
        changed = {m.function: {"from": m.before, "to": m.after} for m in moves}
        typer.echo(
            json.dumps(
                {"stage": stage.name, "functions": changed, "health": found.status}, indent=2
            )
        )
    else:
        typer.echo(f"make deploy STAGE={stage.name} goes forward again.")


def _live(functions: Functions) -> dict[str, int]:
    found: dict[str, int] = {}
    for key, name in functions.names.items():
        alias = functions.alias(name)
        if alias is None:
            raise DeploymentFailed(f"{name} has no alias {ALIAS}: deploy the stage first")
        found[key] = alias.number
    return found


def _before(known: list[Release], live: Mapping[str, int]) -> Release:
    """Return the newest release before the one that is live."""
    now = current(known, live)
    older = known if now is None else known[: known.index(now)]
    older = [release for release in older if release.number < live[API]] if now is None else older
    if not older:
        raise DeploymentFailed(
            f"there is no release before version {live[API]} of the API: deploy the code you want"
        )
    return older[-1]


def _named(known: list[Release], number: int) -> Release:
    found = [release for release in known if release.number == number]
    if not found:
        there = ", ".join(str(n) for n in sorted({release.number for release in known})) or "none"
        raise DeploymentFailed(f"there is no release with the API's version {number}, but {there}")
    return found[-1]


def _differing(functions: Functions, moves: list[Move]) -> list[str]:
    """Return the names of the settings that change with the moves: versions keep their own."""
    names: set[str] = set()
    for move in moves:
        now = functions.settings(move.function, move.before)
        then = functions.settings(move.function, move.after)
        names |= {name for name in now.keys() | then.keys() if now.get(name) != then.get(name)}
    return sorted(names)


def _tell(stage: Stage, target: Release, moves: list[Move], differing: list[str]) -> None:
    typer.echo(
        f"{stage.name}, back to what was published {target.published:%Y-%m-%d %H:%M} UTC:", err=True
    )
    for move in moves:
        change = "stays" if move.before == move.after else f"-> {move.after}"
        typer.echo(f"  {move.function}  {move.before} {change}", err=True)
    if differing:
        typer.echo(f"Settings go back too: {', '.join(differing)}", err=True)


def _carry_out(functions: Functions, moves: list[Move]) -> None:
    # The API last: by its version the next run knows what was live.
    for move in sorted(moves, key=lambda move: move.key == API):
        functions.point(move.function, move.after)
    functions.wait()


def _health(stage: Stage) -> health.Health:
    endpoint = registry.find("api_url", stage.name)
    if endpoint is None or endpoint.value is None:
        raise DeploymentFailed(
            f"the versions are live, but the registry of {stage.name} does not tell the API's"
            " address, so its health is unknown: call GET /health yourself"
        )
    return health.wait_for(endpoint.value)
