"""What must hold before anything is packaged."""

import sys

from tinyllama import compile_schemas, contract
from tinyllama.deployment.binaries import PYTHON
from tinyllama.deployment.failures import DeploymentFailed


def python(version: tuple[int, int] = sys.version_info[:2]) -> None:
    """Raise DeploymentFailed unless this Python is the functions'; it chooses their wheels."""
    if version != PYTHON:
        raise DeploymentFailed(
            "the functions run on Python {}.{}, and this is {}.{}: install it and run make".format(
                *PYTHON, *version
            )
        )


def generated() -> None:
    """Raise DeploymentFailed naming the first generated file that is not what its sources say."""
    for source, target in (
        (compile_schemas.source, compile_schemas.TARGET),
        (contract.source, contract.TARGET),
    ):
        if not target.is_file() or target.read_text(encoding="utf-8") != source():
            raise DeploymentFailed(f"{target.name} is stale: run make fmt, and commit it")
