"""The commands ``tinyllama keys``: what each takes, and which module does it."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from chalicelib.scopes import SCOPES

app = typer.Typer()
keys_app = typer.Typer(no_args_is_help=True, help="API keys, and the key that signs them.")
signing_app = typer.Typer(no_args_is_help=True, help="The key that signs a stage's API keys.")
app.add_typer(keys_app, name="keys")
keys_app.add_typer(signing_app, name="signing-key")

StageName = Annotated[str, typer.Argument(help="A file of terraform-extras/stages, dev say.")]
OfStage = Annotated[
    str | None, typer.Option("--stage", help="Whose API; else the router on this machine.")
]
Address = Annotated[
    str | None, typer.Option("--url", help="Its address, where it is not the usual one.")
]
KeyId = Annotated[str, typer.Argument(help="The key's id: key_ and 32 digits.")]
OfTenant = Annotated[str | None, typer.Option("--tenant", help="Whose; else the caller's own.")]
Life = Annotated[str, typer.Option("--expires-in", help="How long it lives: 30m, 12h, 90d.")]
Grace = Annotated[str, typer.Option("--grace", help="How long the old one goes on working.")]
Out = Annotated[
    Path | None,
    typer.Option("--out", help="A new file for the key, yours alone; else standard output."),
]
Scopes = Annotated[
    list[str],
    typer.Option(
        "--scope",
        help=f"What it may do; several by spaces or commas, or again: {', '.join(sorted(SCOPES))}.",
    ),
]

_clock = time.time  # noqa: TID251 - the wall clock that a key's expiry is about


@signing_app.command("create")
def create_signing_key(stage: StageName) -> None:
    """Make a stage's first signing key."""
    from tinyllama import signing_rotation  # noqa: PLC0415
    from tinyllama.deployment import aws, stages, turn  # noqa: PLC0415

    with turn.alone(stages.load(stage)) as found:
        aws.work_in(found.region)
        signing_rotation.create(found)


@signing_app.command("rotate")
def rotate_signing_key(stage: StageName) -> None:
    """Let another key sign from now on; API keys made before go on working."""
    from tinyllama import signing_rotation  # noqa: PLC0415
    from tinyllama.deployment import aws, stages, turn  # noqa: PLC0415

    with turn.alone(stages.load(stage)) as found:
        aws.work_in(found.region)
        signing_rotation.rotate(found)


@signing_app.command("retire")
def retire_signing_key(
    stage: StageName,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take older public keys out of a stage: API keys that they read stop working."""
    from tinyllama import signing_rotation  # noqa: PLC0415
    from tinyllama.deployment import aws, stages, turn  # noqa: PLC0415

    with turn.alone(stages.load(stage)) as found:
        aws.work_in(found.region)
        signing_rotation.retire(found, datetime.now(UTC), yes=yes)


@keys_app.command("create")
def create_key(  # noqa: PLR0913 - one for each option
    tenant: Annotated[str, typer.Option(help="Whose jobs and events it opens.")],
    name: Annotated[str, typer.Option(help="What it is for, as `keys list` shows it.")],
    scope: Scopes,
    expires_in: Life = "90d",
    stage: OfStage = None,
    url: Address = None,
    *,
    out: Out = None,
) -> None:
    """Make an API key; it is shown once, alone on standard output or in a file."""
    from tinyllama import key_making, key_terms  # noqa: PLC0415
    from tinyllama.key_places import reached  # noqa: PLC0415

    wanted = key_terms.wanted(tenant, name, " ".join(scope), expires_in)
    with reached(stage, url, _clock) as place:
        key_making.create(place, wanted, out)


@keys_app.command("list")
def list_keys(
    tenant: OfTenant = None,
    stage: OfStage = None,
    url: Address = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document for scripts.")] = False,
) -> None:
    """Print a tenant's API keys; never the keys themselves."""
    from tinyllama import key_making, key_terms  # noqa: PLC0415
    from tinyllama.key_places import reached  # noqa: PLC0415

    whose = key_terms.whose(tenant)
    with reached(stage, url, _clock) as place:
        key_making.show(place, whose, as_json=as_json)


@keys_app.command("revoke")
def revoke_key(
    key_id: KeyId,
    tenant: OfTenant = None,
    grace: Grace = "0m",
    stage: OfStage = None,
    url: Address = None,
) -> None:
    """Let an API key open nothing any more, at once or after a grace."""
    from tinyllama import key_making, key_terms  # noqa: PLC0415
    from tinyllama.key_places import reached  # noqa: PLC0415

    wanted, whose = key_terms.key_id(key_id), key_terms.whose(tenant)
    seconds = key_terms.grace_seconds(grace)
    with reached(stage, url, _clock) as place:
        key_making.revoke(place, wanted, whose, seconds)


@keys_app.command("rotate")
def rotate_key(  # noqa: PLR0913 - one for each option
    key_id: KeyId,
    tenant: OfTenant = None,
    grace: Grace = "24h",
    expires_in: Annotated[
        str | None,
        typer.Option(help="How long the new one lives; else as long as the old one was to."),
    ] = None,
    stage: OfStage = None,
    url: Address = None,
    *,
    out: Out = None,
) -> None:
    """Replace an API key: a new one like it, shown once; the old one ends after a grace."""
    from tinyllama import key_making, key_terms  # noqa: PLC0415
    from tinyllama.key_places import reached  # noqa: PLC0415

    life = None if expires_in is None else key_terms.life_seconds(expires_in)
    seconds = key_terms.grace_seconds(grace)
    wanted, whose = key_terms.key_id(key_id), key_terms.whose(tenant)
    with reached(stage, url, _clock) as place:
        key_making.rotate(place, wanted, whose, seconds, life, out)
