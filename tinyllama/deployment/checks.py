"""What must hold before anything is packaged."""

import re
import sys
from collections.abc import Iterable

from tinyllama import compile_schemas, contract
from tinyllama.deployment.binaries import PYTHON
from tinyllama.deployment.failures import DeploymentFailed

# The service's own health check answers there behind a custom domain
# (docs.aws.amazon.com/apigateway, "Amazon API Gateway important notes").
_RESERVED = ("/ping", "/sping")
# A plain part of a path, or a variable.
_PART = re.compile(r"[A-Za-z0-9._:-]*|\{[A-Za-z0-9._:-]+\+?\}")


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


def routes() -> None:
    """Check the paths that ``app.py`` serves. Raises as paths does."""
    import app  # noqa: PLC0415 - wires the whole API, which no other command needs

    paths(app.app.routes)


def paths(routed: Iterable[str]) -> None:
    """Raise DeploymentFailed naming the first path that API Gateway keeps, or cannot take."""
    variables: dict[str, str] = {}
    for path in sorted(routed):
        if path in _RESERVED:
            raise DeploymentFailed(
                f"the path {path} is kept by API Gateway for itself: name the route otherwise"
            )
        place = ""
        for part in path.split("/")[1:]:
            if not _PART.fullmatch(part):
                raise DeploymentFailed(
                    f"the path {path} holds what API Gateway takes for no resource, {part}:"
                    " name the route otherwise"
                )
            if part.startswith("{") and variables.setdefault(place, part) != part:
                raise DeploymentFailed(
                    f"in {place} API Gateway takes one variable, {variables[place]} or {part}:"
                    " call it alike in every route"
                )
            place += f"/{part}"
