"""Whether the code that runs on AWS is the code that was built."""

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import typer

from tinyllama.deployment import aws
from tinyllama.deployment.failures import DeploymentFailed
from tinyllama.deployment.functions import ALIAS, Functions, Version
from tinyllama.deployment.stages import Stage


@dataclass(frozen=True)
class Finding:
    """What runs in one function; *fault* says how it differs from what was built, None if not.

    *live* is the version that callers reach, None without an alias; hashes are SHA-256 in base64.
    """

    function: str
    live: int | None
    latest_sha256: str | None
    live_sha256: str | None
    fault: str | None


def built_sha256(folder: Path) -> str:
    """Return the hash of the built zip as Lambda tells it. Raises DeploymentFailed without one."""
    try:
        with (folder / "deployment.zip").open("rb") as packed:
            digest = hashlib.file_digest(packed, "sha256").digest()
    except FileNotFoundError:
        raise DeploymentFailed(
            f"there is no build to compare with: make package STAGE={folder.name}"
        ) from None
    return base64.b64encode(digest).decode()


def compare(functions: Functions, sha256: str, architecture: str) -> list[Finding]:
    """Return for each function whether it runs what has *sha256*, as $LATEST and as its alias.

    On the processor that it was built for, and with no layers beside it.
    """
    return [_look(functions, name, sha256, architecture) for name in functions.names.values()]


def restore(functions: Functions, stage: Stage, findings: list[Finding]) -> list[str]:
    """Give what was built to each function that runs something else; return their names."""
    code = (stage.folder / "deployment.zip").read_bytes()
    changed = [finding.function for finding in findings if finding.fault and finding.latest_sha256]
    for name in changed:
        typer.secho(f"{name} was changed on AWS: it gets the build back", fg="red", err=True)
        functions.restore(name, code, stage.architecture)
    return changed


def show(findings: list[Finding], *, err: bool = False) -> None:
    """Print a line for each function."""
    width = max(len(finding.function) for finding in findings)
    for finding in findings:
        word = "fail" if finding.fault else "pass"
        told = (
            finding.fault
            or f"$LATEST and version {finding.live}, which {ALIAS} names, are the build"
        )
        typer.echo(f"{word}  {finding.function:{width}}  {told}", err=err)


def verify(stage: Stage, *, as_json: bool) -> None:
    """Print whether each function of *stage* runs what was built; exit with 1 where one does not.

    Raises DeploymentFailed where there is no build, or nothing deployed.
    """
    aws.work_in(stage.region)
    sha256 = built_sha256(stage.folder)
    findings = compare(Functions(stage.name), sha256, stage.architecture)
    if all(finding.latest_sha256 is None for finding in findings):
        raise DeploymentFailed(
            f"there is no function {findings[0].function} in {stage.region}:"
            f" make deploy STAGE={stage.name}"
        )
    if as_json:
        typer.echo(json.dumps(document(sha256, findings), indent=2))
    else:
        show(findings)
    if any(finding.fault for finding in findings):
        raise typer.Exit(1)


def document(sha256: str, findings: list[Finding]) -> dict[str, Any]:
    """Return *findings* for scripts."""
    same = not any(finding.fault for finding in findings)
    return {"same": same, "built_sha256": sha256, "functions": [asdict(f) for f in findings]}


def _look(functions: Functions, name: str, sha256: str, architecture: str) -> Finding:
    latest = functions.version(name)
    if latest is None:
        return Finding(name, None, None, None, "there is no such function")
    alias = functions.alias(name)
    if alias is None:
        return Finding(name, None, latest.sha256, None, f"it has no alias {ALIAS}")
    live = functions.version(name, alias.number)
    named = f"version {alias.number}, which {ALIAS} names,"
    faults = [
        *_faults("$LATEST", latest, sha256, architecture),
        *_faults(named, live, sha256, architecture),
    ]
    if alias.others:
        faults.append(f"{ALIAS} sends a share of the calls to version {', '.join(alias.others)}")
    live_sha256 = None if live is None else live.sha256
    return Finding(name, alias.number, latest.sha256, live_sha256, "; ".join(faults) or None)


def _faults(named: str, found: Version | None, sha256: str, architecture: str) -> Iterator[str]:
    if found is None or found.sha256 != sha256:
        yield f"{named} is another build"
        return
    if found.architecture != architecture:
        yield f"{named} runs on {found.architecture}, not on {architecture}"
    if found.layers:
        yield f"{named} has layers beside the build"
