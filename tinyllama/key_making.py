"""API keys made, listed, revoked and replaced, as an operator asks for it.

A key is printed once, alone, on standard output, and only after the router has registered it;
whatever else is said goes to standard error.
"""

import json
import shlex
from collections.abc import Mapping
from typing import Any

import typer

from tinyllama import key_terms
from tinyllama.deployment.failures import DeploymentFailed
from tinyllama.key_calls import Unanswered
from tinyllama.key_places import Place
from tinyllama.key_terms import Wanted

_COLUMNS = ("id", "state", "created_at", "expires_at", "revoked_at", "name", "scopes")


def create(place: Place, wanted: Wanted) -> None:
    """Sign a key, register it and print it. Raises DeploymentFailed, having printed nothing."""
    signed = place.sign(wanted)
    try:
        record = place.calls.register(signed)
    except Unanswered as error:
        raise DeploymentFailed(
            f"{error}; should the key be registered all the same, nobody has it:"
            f" {_command(place, f'revoke {wanted.id}', wanted.tenant)} makes sure"
        ) from None
    except DeploymentFailed as error:
        raise DeploymentFailed(f"{error}{_hint(place, str(error))}") from None
    typer.echo(
        f"{wanted.id} of {wanted.tenant} is registered until {_cell(record.get('expires_at'))}."
        " This is the only time that the key is shown:",
        err=True,
    )
    typer.echo(signed)


def show(place: Place, tenant: str | None, *, as_json: bool) -> None:
    """Print the keys of *tenant*, the caller's own without one; never a key itself."""
    found = list(place.calls.keys(tenant))
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    if not found:
        typer.echo("There are no keys.", err=True)
        return
    lines = [_COLUMNS, *(tuple(_cell(record.get(c)) for c in _COLUMNS) for record in found)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


def revoke(place: Place, key_id: str, tenant: str | None, grace_seconds: int) -> None:
    """End a key, at once or after a grace that never lengthens its life."""
    place.calls.revoke(key_id, tenant, grace_seconds)
    when = f"in {grace_seconds / 3600:g} hours at the latest" if grace_seconds else "now"
    typer.echo(f"{key_id} is revoked: it opens nothing from {when}.", err=True)


def rotate(
    place: Place, key_id: str, tenant: str | None, grace_seconds: int, life_seconds: int
) -> None:
    """Print a new key of the same tenant, name and scopes; the old one ends after the grace.

    What the router tells of the old one is checked as if it were asked for, and shown before it
    is signed. Raises DeploymentFailed, with the new key printed or none made.
    """
    wanted = key_terms.like(_active(place, key_id, tenant), tenant, life_seconds)
    typer.echo(f"A key of {wanted.tenant} for {_cell(wanted.scopes)} replaces {key_id}.", err=True)
    create(place, wanted)
    try:
        revoke(place, key_id, wanted.tenant, grace_seconds)
    except DeploymentFailed as error:
        again = _command(place, f"revoke {key_id}", wanted.tenant)
        raise DeploymentFailed(f"the old key still works: {error}; run {again}") from None


def _active(place: Place, key_id: str, tenant: str | None) -> Mapping[str, Any]:
    """Return the record of a key that still opens something. Raises DeploymentFailed."""
    found = next((key for key in place.calls.keys(tenant) if key.get("id") == key_id), None)
    if found is None:
        whose = f"tenant {tenant}" if tenant else "the caller's own tenant (--tenant names another)"
        raise DeploymentFailed(f"there is no key {key_id} of {whose}")
    if found.get("state") != "active":
        state = _cell(found.get("state"))
        raise DeploymentFailed(f"{key_id} is {state}: tinyllama keys create makes another")
    return found


def _hint(place: Place, told: str) -> str:
    """Return what to look at where the router does not know the signing key."""
    if "key_unknown" not in told and "no API keys are set up" not in told:
        return ""
    if place.stage is None:
        return "; is it another user's router, or another folder's?"
    return f"; deploy the stage's signing key first: make deploy STAGE={place.stage}"


def _command(place: Place, deed: str, tenant: str) -> str:
    where = f" --stage {shlex.quote(place.stage)}" if place.stage else ""
    return f"`tinyllama keys {deed} --tenant {shlex.quote(tenant)}{where}`"


def _cell(value: object) -> str:
    text = " ".join(map(str, value)) if isinstance(value, list) else str(value or "-")
    return "".join(letter for letter in text if letter.isprintable())
