"""What an operator does by hand on the store: a tick, the erasure of a tenant."""

import re

import typer

from chalicelib import bounds, settings, store
from chalicelib.erasure import TenantErasure
from chalicelib.store import Store
from tinyllama import local, ticking

_TENANT = re.compile(r"[A-Za-z0-9._:@|/+-]{1,128}")


def tick() -> None:
    """Do what is due once, and print what was found and done. Raises StoreUnavailable."""
    report = ticking.upkeep(_store_url()).tick()
    for name, metric in report.metrics().items():
        unit = {"Seconds": " s", "Percent": " %"}.get(metric.unit, "")
        typer.echo(f"{name:14} {metric.value:g}{unit}")
    if report.marked:
        typer.echo("The store's memory is nearly used up: nothing new is taken.")
    if not report.complete:
        typer.echo("Time ran out before all was done: the next tick goes on.")


def erase_tenant(tenant: str, *, confirmed: bool) -> None:
    """Remove all that is the *tenant*'s, and print what that was. Raises StoreUnavailable."""
    if not _TENANT.fullmatch(tenant):
        raise typer.BadParameter("no tenant has such a name", param_hint="TENANT")
    if not confirmed:
        typer.confirm(
            f"Remove all jobs, results, events and keys of {tenant!r}, for ever?", abort=True
        )
    erased = TenantErasure(
        _connected(), bounds.queue_settings(), bounds.retention_settings()
    ).erase(tenant)
    for kind, count in sorted(erased.counts.items()):
        typer.echo(f"{count:8} {kind}")
    if not erased.clean:
        typer.echo("It was still written to: take its access away and run this again.", err=True)
        raise typer.Exit(1)
    typer.echo(f"Nothing of {tenant!r} is in the store.")


def _connected() -> Store:
    where = settings.store_settings(_store_url())
    return store.connect(where.url, where.replicas, where.sign_in)


def _store_url() -> str:
    """Return the store's address; on a laptop without one, the local system's."""
    address = settings.variable("store_url")
    if address is None and settings.environment() == settings.LOCAL:
        return local.start()
    return address or settings.required("store_url")
