"""API keys made, listed, revoked and replaced, as an operator asks for it.

A key is shown once, alone, on standard output or in a file, and only after the router has
registered it; whatever else is said goes to standard error.
"""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from tinyllama import durations, key_files, key_terms, screen
from tinyllama.deployment.failures import DeploymentFailed
from tinyllama.key_calls import Unanswered
from tinyllama.key_places import Place
from tinyllama.key_terms import Wanted
from tinyllama.told import moment

_COLUMNS = ("id", "state", "created_at", "expires_at", "revoked_at", "name", "scopes")


def create(place: Place, wanted: Wanted, out: Path | None = None) -> None:
    """Sign a key, register it and print it, or write it to *out*, a file that is not there yet.

    Raises DeploymentFailed, having shown nothing.
    """
    if out is not None:
        key_files.require_new(out)
    signed = place.sign(wanted)
    try:
        record = place.calls.register(signed)
    except Unanswered as error:
        raise DeploymentFailed(
            f"{error}; should the key be registered all the same, nobody has it:"
            f" {_command(place, f'revoke {wanted.id}', wanted.tenant)} makes sure"
        ) from error
    except DeploymentFailed as error:
        raise DeploymentFailed(f"{error}{_hint(place, str(error))}") from error
    where = "The only time that it is shown:" if out is None else f"It is kept in {out} alone."
    typer.echo(
        f"{wanted.id} of {wanted.tenant} for {_cell(wanted.scopes)} is registered until"
        f" {_cell(record.get('expires_at'))}. {where}",
        err=True,
    )
    if out is None:
        typer.echo(signed)
        return
    try:
        key_files.write_new(out, signed)
    except OSError as error:
        raise DeploymentFailed(
            f"{out} cannot be written ({error.strerror}), and nobody has the key:"
            f" {_command(place, f'revoke {wanted.id}', wanted.tenant)} ends it"
        ) from None


def show(place: Place, tenant: str | None, *, as_json: bool) -> None:
    """Print the keys of *tenant*, the caller's own without one; never a key itself."""
    found = list(place.calls.keys(tenant))
    if as_json:
        screen.document(found)
        return
    rows = [tuple(_shown(name, record.get(name)) for name in _COLUMNS) for record in found]
    heads = [name.removesuffix("_at") for name in _COLUMNS]
    screen.table(heads, rows, cut=("name", "scopes"))
    if not found:
        screen.say(f"There are no keys of {_whose(tenant)}.")


def _shown(name: str, value: object) -> object:
    if name.endswith("_at"):
        return moment(value) or value
    return _cell(value)


def revoke(place: Place, key_id: str, tenant: str | None, grace_seconds: int) -> None:
    """End a key, at once or after a grace that never lengthens its life."""
    before = _told(place, key_id, tenant)
    try:
        place.calls.revoke(key_id, tenant, grace_seconds)
    except DeploymentFailed as error:
        if "api_key_not_found" in str(error):
            raise DeploymentFailed(f"there is no key {key_id} of {_whose(tenant)}") from error
        raise
    if before.get("state") in {"revoked", "expired"}:
        told = "had ended before: it opens nothing"
    elif grace_seconds:
        told = _ends(_told(place, key_id, tenant), grace_seconds)
    else:
        told = "is revoked: it opens nothing from now on"
    typer.echo(f"{key_id} {told}.", err=True)


def _ends(record: Mapping[str, Any], grace_seconds: int) -> str:
    """Return when a key ends that works on for a grace, by the router's clock."""
    times = [record.get(field) for field in ("expires_at", "revoked_at")]
    ends = min((_cell(each) for each in times if each), default="")
    if record.get("state") == "active" and record.get("revoked_at"):
        return f"works on until {ends} (UTC), then it opens nothing"
    return f"ends within {durations.shown(grace_seconds)}, then it opens nothing"


def _told(place: Place, key_id: str, tenant: str | None) -> Mapping[str, Any]:
    """Return what the router tells of a key; nothing where it tells none: revoking matters more."""
    try:
        return _find(place, key_id, tenant) or {}
    except DeploymentFailed:
        return {}


def rotate(
    place: Place,
    key_id: str,
    tenant: str | None,
    grace_seconds: int,
    life_seconds: int | None = None,
    out: Path | None = None,
) -> None:
    """Show a new key of the same tenant, name and scopes; the old one ends after the grace.

    The new one lives *life_seconds*, without them as long as the old one was to. What the router
    tells of the old one is checked as if it were asked for, and shown before it is signed. Raises
    DeploymentFailed, with the new key shown or none made.
    """
    if out is not None:
        key_files.require_new(out)
    old = _active(place, key_id, tenant)
    life = key_terms.life_of(old) if life_seconds is None else life_seconds
    wanted = key_terms.like(old, tenant, life)
    typer.echo(
        f"A key of {wanted.tenant} for {_cell(wanted.scopes)} replaces {key_id} and lives"
        f" {durations.shown(life)}{', as that one was to' if life_seconds is None else ''}.",
        err=True,
    )
    create(place, wanted, out)
    try:
        revoke(place, key_id, wanted.tenant, grace_seconds)
    except DeploymentFailed as error:
        again = _command(place, f"revoke {key_id}", wanted.tenant)
        raise DeploymentFailed(f"the old key still works: {error}; run {again}") from error


def _active(place: Place, key_id: str, tenant: str | None) -> Mapping[str, Any]:
    """Return the record of a key that still opens something. Raises DeploymentFailed."""
    found = _find(place, key_id, tenant)
    if found is None:
        raise DeploymentFailed(f"there is no key {key_id} of {_whose(tenant)}")
    if found.get("state") != "active":
        state = _cell(found.get("state"))
        raise DeploymentFailed(f"{key_id} is {state}: tinyllama keys create makes another")
    return found


def _find(place: Place, key_id: str, tenant: str | None) -> Mapping[str, Any] | None:
    return next((key for key in place.calls.keys(tenant) if key.get("id") == key_id), None)


def _whose(tenant: str | None) -> str:
    return f"tenant {tenant}" if tenant else "the caller's own tenant (--tenant names another)"


def _hint(place: Place, told: str) -> str:
    """Return what to look at where the router does not know the signing key."""
    if "key_unknown" not in told and "no API keys are set up" not in told:
        return ""
    if place.stage is None:
        return "; is it another user's router, or another folder's?"
    return f"; deploy the stage's signing key first: make deploy STAGE={place.stage}"


def _command(place: Place, deed: str, tenant: str) -> str:
    given = {"--stage": place.stage, "--url": place.url}
    where = "".join(f" {name} {shlex.quote(value)}" for name, value in given.items() if value)
    return f"`tinyllama keys {deed} --tenant {shlex.quote(tenant)}{where}`"


def _cell(value: object) -> str:
    text = " ".join(map(str, value)) if isinstance(value, list) else str(value or "-")
    return "".join(letter for letter in text if letter.isprintable())
