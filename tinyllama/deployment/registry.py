"""The registry: an environment's ids, the parameters below ``/tinyllama/<environment>/``."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import typer
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.settings import LOCAL
from tinyllama.deployment import aws, stages
from tinyllama.deployment.failures import DeploymentFailed, Misused

SERVICE = "tinyllama"
# PutParameter is throttled from three calls a second on.
_ATTEMPTS = 10
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")


@dataclass(frozen=True)
class Parameter:
    """What the registry holds under a name; a secret's *value* is None, for nobody asked for it."""

    name: str
    value: str | None
    version: int
    changed: datetime

    @property
    def secret(self) -> bool:
        """Whether it is a SecureString."""
        return self.value is None


class Deed(StrEnum):
    """What a copy does with a name, in the words that it prints."""

    CREATE = "create"
    CHANGE = "change"
    SAME = "same"
    LEAVE = "leave"
    SECRET = "secret"  # noqa: S105 - a word


@dataclass(frozen=True)
class Step:
    """One name of a copy: what is done with it, and both values, None where there is none."""

    name: str
    deed: Deed
    value: str | None
    old: str | None


def folder(environment: str) -> str:
    """Return the path of an environment's parameters. Raises DeploymentFailed for a bad name."""
    if environment == LOCAL:
        raise Misused("the local environment has no registry: name a deployed one")
    return f"/tinyllama/{stages.require_name(environment, 'environment')}/"


def tags(environment: str) -> list[dict[str, str]]:
    """Return the tags of a parameter that a command makes: the same as Terraform's."""
    return [{"Key": "Environment", "Value": environment}, {"Key": "Service", "Value": SERVICE}]


def work_where(*environments: str) -> None:
    """Work in the one region that the files of *environments*' stages name, else in the shell's.

    An environment may have no file, on a machine that deploys it not; where it is looked for is
    told then. Raises DeploymentFailed for a bad name, and where two files, or file and shell, name
    two regions.
    """
    for environment in environments:
        folder(environment)
    known = stages.names()
    regions = {name: stages.load(name).region for name in environments if name in known}
    if len(set(regions.values())) > 1:
        told = ", ".join(f"{name} lives in {region}" for name, region in regions.items())
        raise DeploymentFailed(f"{told}: ids are copied within one region")
    for region in set(regions.values()):
        aws.work_in(region)
    for name in environments:
        if name not in regions:
            _tell_region(name)


def _tell_region(environment: str) -> None:
    """Tell where an environment without a file is looked for. Raises DeploymentFailed."""
    fact = f"here is no file of a stage {environment}{stages.meant(environment)}"
    try:
        where = aws.region()
    except DeploymentFailed as error:
        raise DeploymentFailed(f"t{fact}, and {error}") from None
    typer.echo(f"T{fact}: this is about {where}.", err=True)


def client() -> Any:
    """Return a client of the Parameter Store that waits where it is throttled."""
    return aws.client("ssm", _ATTEMPTS)


def parameters(environment: str) -> list[Parameter]:
    """Return all that *environment* holds, by name; secrets are not decrypted."""
    above = folder(environment)
    with aws.told():
        pages = client().get_paginator("get_parameters_by_path").paginate(Path=above)
        found = [_parameter(above, entry) for page in pages for entry in page["Parameters"]]
    return sorted(found, key=lambda parameter: parameter.name)


def ids(environment: str) -> dict[str, str]:
    """Return the ids of *environment* by name, without its secrets."""
    return {p.name: p.value for p in parameters(environment) if p.value is not None}


def show(environment: str, *, as_json: bool) -> None:
    """Print the ids of *environment*; of secrets only that they are there."""
    found = parameters(environment)
    if as_json:
        typer.echo(json.dumps({p.name: p.value for p in found if not p.secret}, indent=2))
        return
    width = max((len(p.name) for p in found), default=0)
    for parameter in found:
        told = "(a secret)" if parameter.value is None else parameter.value
        typer.echo(f"{parameter.name:{width}}  {told}")
    if not found:
        typer.echo(
            f"{environment} has no ids in {aws.region()}: deploy it, or copy another's", err=True
        )


def find(name: str, environment: str) -> Parameter | None:
    """Return what *environment* holds under *name*, not decrypted; None without it."""
    above, ssm = folder(environment), client()
    with aws.told():
        try:
            found = ssm.get_parameter(Name=above + name, WithDecryption=False)
        except ssm.exceptions.ParameterNotFound:
            return None
    return _parameter(above, found["Parameter"])


def get(name: str, environment: str) -> None:
    """Print one id of *environment*. Raises DeploymentFailed where it is none, or a secret."""
    found = find(require_name(name), environment)
    if found is None:
        raise DeploymentFailed(
            f"there is no id {name} in {environment}: tinyllama registry list --env {environment}"
            " tells those there are"
        )
    if found.value is None:
        raise DeploymentFailed(f"{name} is a secret of {environment}: secrets are not printed")
    typer.echo(found.value)


def copy(source: str, target: str, *, dry_run: bool, overwrite: bool) -> None:
    """Give *target* the ids of *source*, and print what that does to each.

    An id that the target has with another value is changed only to *overwrite*; secrets stay
    where they are. Raises DeploymentFailed naming every id that AWS refused.
    """
    if folder(source) == folder(target):
        raise Misused(f"{source} cannot be copied to itself: name another with --to")
    wanted, held = parameters(source), parameters(target)
    if not wanted:
        raise DeploymentFailed(f"{source} has no ids to copy: deploy it first")
    steps = list(plan(wanted, held, overwrite=overwrite))
    failed = [] if dry_run else _carry_out(steps, target)
    _tell(steps, {p.name for p in held} - {p.name for p in wanted}, dry_run=dry_run)
    if failed:
        raise DeploymentFailed(
            f"these ids of {target} were not written, all others were: {', '.join(failed)}"
        )


def plan(
    wanted: Iterable[Parameter], held: Iterable[Parameter], *, overwrite: bool
) -> Iterator[Step]:
    """Yield what a copy does with each name of the source."""
    there = {parameter.name: parameter for parameter in held}
    for parameter in wanted:
        other = there.get(parameter.name)
        old = other.value if other else None
        if parameter.secret or (other and other.secret):
            deed = Deed.SECRET
        elif other is None:
            deed = Deed.CREATE
        elif old == parameter.value:
            deed = Deed.SAME
        else:
            deed = Deed.CHANGE if overwrite else Deed.LEAVE
        yield Step(parameter.name, deed, parameter.value, old)


def require_name(name: str) -> str:
    """Return *name* if a parameter of the router may have it. Raises DeploymentFailed."""
    if not _NAME.fullmatch(name):
        raise DeploymentFailed(f"{name!r} is no name: letters, digits and '_', a letter first")
    return name


def _carry_out(steps: Iterable[Step], target: str) -> list[str]:
    """Write what is to be created or changed; return what was refused, each with AWS' reason."""
    ssm, above, failed = client(), folder(target), []
    # Whatever came to be since the look is not overwritten by a creation.
    ways: dict[Deed, dict[str, Any]] = {
        Deed.CREATE: {"Overwrite": False, "Tags": tags(target)},
        Deed.CHANGE: {"Overwrite": True},
    }
    for step in steps:
        if step.deed not in ways:
            continue
        named = {"Name": above + step.name, "Value": step.value, "Type": "String"}
        try:
            ssm.put_parameter(**named, **ways[step.deed])
        except ClientError as error:
            failed.append(f"{step.name} ({error.response['Error']['Code']})")
        except BotoCoreError as error:
            failed.append(f"{step.name} ({type(error).__name__})")
    return failed


def _tell(steps: Iterable[Step], others: set[str], *, dry_run: bool) -> None:
    told = {
        Deed.CREATE: "{0.value}",
        Deed.CHANGE: "{0.old} -> {0.value}",
        Deed.SAME: "",
        Deed.LEAVE: "it has {0.old}, not {0.value}: --overwrite changes it",
        Deed.SECRET: "secrets are not copied: tinyllama secrets set",
    }
    steps = list(steps)
    width = max(len(step.name) for step in steps)
    for step in steps:
        line = f"{step.deed:6}  {step.name:{width}}  {told[step.deed].format(step)}"
        typer.echo(line.rstrip())
    for name in sorted(others):
        typer.echo(f"{'only':6}  {name:{width}}  the source has none: it stays")
    if dry_run:
        typer.echo("Nothing was written: this was a dry run.")


def _parameter(above: str, entry: Mapping[str, Any]) -> Parameter:
    value = None if entry["Type"] == "SecureString" else str(entry["Value"])
    name = str(entry["Name"]).removeprefix(above)
    return Parameter(name, value, int(entry["Version"]), entry["LastModifiedDate"])
