"""The secrets of an environment: SecureStrings of the registry, which only people write.

A value comes from a prompt, standard input or a file, and goes to AWS. It is never printed, and
never an argument, which the machine's other users and the shell's history would see.
"""

import sys
from pathlib import Path

import typer
from botocore.exceptions import ClientError

from tinyllama.deployment import aws, registry
from tinyllama.deployment.failures import DeploymentFailed

# https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html
VALUE_BYTES = 4096
PREVIOUS = "previous"
_READERS = "Workers read secrets when they start: restart those that run."


def set_first(name: str, environment: str, source: Path | None) -> None:
    """Write a secret that is not there yet. Raises DeploymentFailed where it is."""
    known = registry.find(registry.require_name(name), environment)
    if known is not None and not known.secret:
        raise DeploymentFailed(
            f"{name} is an id of {environment}, which is no secret: take another name"
        )
    if known is not None:
        raise DeploymentFailed(
            f"{environment} has the secret {name}: tinyllama secrets rotate gives it a new value"
        )
    # What came to be since the look is not overwritten.
    path = registry.folder(environment) + name
    put(path, _value(name, source), Overwrite=False, Tags=registry.tags(environment))
    typer.echo(f"{name} is a secret of {environment} now, in {aws.region()}. {_READERS}")


def rotate(name: str, environment: str, source: Path | None) -> None:
    """Give a secret a new value; the old version stays, labelled ``previous``.

    Raises DeploymentFailed where there is no such secret.
    """
    known = registry.find(registry.require_name(name), environment)
    if known is None or not known.secret:
        raise DeploymentFailed(
            f"there is no secret {name} in {environment}: tinyllama secrets set makes one"
        )
    path = registry.folder(environment) + name
    version = put(path, _value(name, source), Overwrite=True)
    typer.echo(f"{name} of {environment} has a new value, version {version}. {_READERS}")
    label_previous(path, version - 1)
    typer.echo(f"The one before is kept as version {version - 1}, label {PREVIOUS}.")


def show(environment: str) -> None:
    """Print which secrets *environment* has, their versions and dates; no value."""
    found = [p for p in registry.parameters(environment) if p.secret]
    width = max((len(p.name) for p in found), default=0)
    for secret in found:
        changed = f"{secret.changed:%Y-%m-%d %H:%M %Z}".rstrip()
        typer.echo(f"{secret.name:{width}}  version {secret.version}  {changed}")
    if not found:
        typer.echo(f"{environment} has no secrets in {aws.region()}.", err=True)


def put(path: str, value: str, **how: object) -> int:
    """Write the secret at *path* and return its version; *how* is PutParameter's.

    Raises DeploymentFailed with AWS' code alone.
    """
    with aws.told():
        try:
            written = registry.client().put_parameter(
                Name=path, Value=value, Type="SecureString", **how
            )
        except ClientError as error:
            # AWS' message may repeat the value that it refuses.
            code, name = error.response["Error"]["Code"], path.rpartition("/")[2]
            raise DeploymentFailed(f"AWS refused to write the secret {name}: {code}") from None
    return int(written["Version"])


def label_previous(path: str, version: int) -> None:
    """Label a *version* of the secret at *path* as the one before."""
    with aws.told():
        registry.client().label_parameter_version(
            Name=path, ParameterVersion=version, Labels=[PREVIOUS]
        )


def _value(name: str, source: Path | None) -> str:
    """Return the value, without the line's end that a file closes with. Raises DeploymentFailed."""
    if source is None and sys.stdin.isatty():
        value = _asked(name)
    else:
        value = _read(source).removesuffix(b"\n").removesuffix(b"\r")
    if len(value) > VALUE_BYTES:
        raise DeploymentFailed(
            f"the value for {name} is longer than the {VALUE_BYTES} bytes that a parameter holds:"
            " nothing was written"
        )
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise DeploymentFailed(
            f"the value for {name} is no text in UTF-8: encode it, in base64 say"
        ) from None
    if not text.strip():
        raise DeploymentFailed(f"no value came for {name}: nothing was written")
    return text


def _read(source: Path | None) -> bytes:
    """Return what *source* holds, without it standard input, as far as a value may reach."""
    most = VALUE_BYTES + 3
    if source is None:
        return sys.stdin.buffer.read(most)
    try:
        with source.open("rb") as file:
            return file.read(most)
    except OSError as error:
        raise DeploymentFailed(f"{source.name} cannot be read: {error.strerror}") from None


def _asked(name: str) -> bytes:
    """Return what is typed twice, unseen."""
    return str(typer.prompt(f"Value of {name}", hide_input=True, confirmation_prompt=True)).encode()
