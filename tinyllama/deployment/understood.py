"""What Terraform understood of a stage's settings: it drops a name in an object without a word."""

from collections.abc import Iterator, Mapping
from typing import Any

from tinyllama.deployment.failures import DeploymentFailed


def check(stage: str, given: Mapping[str, Any], understood: Mapping[str, Any]) -> None:
    """Raise DeploymentFailed naming what *given* says and *understood* lacks.

    *understood* holds those settings that are objects, as Terraform's output ``settings`` tells.
    """
    for setting, value in understood.items():
        for name in _dropped(given.get(setting), value, setting):
            raise unread(stage, name)


def unread(stage: str, name: str) -> DeploymentFailed:
    """Return what to raise for the setting *name* of a stage, which nothing reads."""
    return DeploymentFailed(
        f"{stage}.tfvars.json sets {name}, which is no setting: is it spelt right?"
    )


def _dropped(given: Any, understood: Any, name: str) -> Iterator[str]:
    if isinstance(given, dict) and isinstance(understood, dict):
        for key, value in given.items():
            if key not in understood:
                yield f"{name}.{key}"
            else:
                yield from _dropped(value, understood[key], f"{name}.{key}")
    if isinstance(given, list) and isinstance(understood, list):
        for number, (one, other) in enumerate(zip(given, understood, strict=False)):
            yield from _dropped(one, other, f"{name}[{number}]")
