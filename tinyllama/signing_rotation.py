"""How the key that signs a stage's API keys is made, replaced and retired.

The private key goes to Parameter Store first and into the stage's file, as public key, last. So a
private key that the file does not name is a deed that was cut short: whoever repeats it goes on
there, and nothing is made twice or lost.
"""

from datetime import datetime, timedelta
from typing import Any

import typer

from tinyllama import key_terms, signing_parameters
from tinyllama.deployment import asking, stages
from tinyllama.deployment.failures import DeploymentFailed
from tinyllama.deployment.stages import Stage

SETTING = "api_key_jwks"
_MOST_KEYS = 2


def create(stage: Stage) -> None:
    """Make the stage's first signing key. Raises DeploymentFailed where it has one."""
    public = _public_keys(stage)
    held = signing_parameters.find(stage.name)
    if held is not None and _names(public, held.jwk):
        raise DeploymentFailed(
            f"{stage.name} has a signing key:"
            f" tinyllama keys signing-key rotate {stage.name} replaces it"
        )
    _require_room(stage, public)
    held = held or signing_parameters.write_first(stage.name)
    typer.echo(f"The signing key of {stage.name} is in {signing_parameters.path(stage.name)}.")
    _publish(stage, [*public, held.jwk])


def rotate(stage: Stage) -> None:
    """Let another key sign from now on; API keys of the one before go on working.

    Raises DeploymentFailed where there is none to replace, or two are live already.
    """
    public = _public_keys(stage)
    held = signing_parameters.require(stage.name)
    if _names(public, held.jwk):
        _require_room(stage, public)
        held = signing_parameters.write_next(stage.name)
    _require_room(stage, public)
    signing_parameters.label_previous(stage.name, held)
    typer.echo(
        f"The signing key of {stage.name} is version {held.version} of"
        f" {signing_parameters.path(stage.name)}; the one before is labelled previous."
    )
    _publish(stage, [*public, held.jwk])
    typer.echo(
        "API keys that were made before go on working. Once none of them is needed any more:"
        f" tinyllama keys signing-key retire {stage.name}"
    )


def retire(stage: Stage, now: datetime, *, yes: bool) -> None:
    """Take every public key but the current one out of the stage's file.

    Asks first, unless *yes* or no API key of an older one can live any more. Raises
    DeploymentFailed where nobody can be asked, and without a signing key.
    """
    public, held = _public_keys(stage), signing_parameters.require(stage.name)
    others = [key for key in public if key["kid"] != held.jwk["kid"]]
    if not others:
        typer.echo(f"{stage.file} names no signing key but the current one: nothing is to be done.")
        return
    # No API key lives longer, and since then none was signed with an older one.
    if not yes and now - held.since <= timedelta(seconds=key_terms.MOST_SECONDS):
        typer.echo(
            f"API keys made before {held.since:%Y-%m-%d %H:%M %Z} stop working with the next"
            f" deployment. `tinyllama keys list --stage {stage.name} --tenant T` tells those of a"
            " tenant; `keys rotate` replaces one.",
            err=True,
        )
        asking.confirm("Retire the older signing key?", f"keys signing-key retire {stage.name}")
    for key in others:
        typer.echo(f"Dropped: {key['kid']}")
    _publish(stage, [held.jwk])


def _public_keys(stage: Stage) -> list[dict[str, Any]]:
    """Return the public keys that the stage's file names. Raises DeploymentFailed."""
    setting = stage.variables.get(SETTING)
    if setting is None:
        return []
    keys = setting.get("keys") if isinstance(setting, dict) else None
    if not isinstance(keys, list) or not all(
        isinstance(key, dict) and "kid" in key for key in keys
    ):
        raise DeploymentFailed(f'{stage.file}: "{SETTING}" is a JWK set, {{"keys": [...]}}')
    if any("d" in key for key in keys):
        raise DeploymentFailed(
            f'{stage.file}: "{SETTING}" holds a private key (its member d): take that member out,'
            f" run tinyllama keys signing-key rotate {stage.name} and then retire, and deploy;"
            " who has read the file can sign API keys until then"
        )
    return keys


def _names(public: list[dict[str, Any]], jwk: dict[str, str]) -> bool:
    return any(key["kid"] == jwk["kid"] for key in public)


def _require_room(stage: Stage, public: list[dict[str, Any]]) -> None:
    """Raise DeploymentFailed where the stage's file can name no further key."""
    if len(public) >= _MOST_KEYS:
        raise DeploymentFailed(
            f"{stage.file} names two signing keys: once the older one's API keys are replaced,"
            f" tinyllama keys signing-key retire {stage.name}"
        )


def _publish(stage: Stage, public: list[dict[str, Any]]) -> None:
    """Let the stage's file name these keys, and say what is left to do."""
    file = stages.change(stage, SETTING, {"keys": public})
    typer.echo(
        f"{file.name} names {' and '.join(key['kid'] for key in public)}.\n"
        f"Review it, commit it, and run make deploy STAGE={stage.name}: it counts from then on."
    )
