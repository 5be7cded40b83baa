"""What is deployed: ``build/<stage>`` with the code of functions and worker, and Terraform's files.

1. Look: this Python, the generated files, the paths, what git tracks.
2. Copy the tracked files aside, and let Chalice package the copy: no cache, no stray file, and
   nothing of this machine's environment but the way to the package index.
3. Pack anew with bytecode, so that the same input makes the same bytes.
4. Adapt Chalice's Terraform document, lay ours beside it, and put the whole in place at once.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import typer

from chalicelib import settings
from tinyllama.deployment import archive, binaries, checks, gateway, sources, swapping
from tinyllama.deployment.failures import DeploymentFailed
from tinyllama.deployment.stages import EXTRAS, Stage

ZIP_BYTES = 9_000_000
_CHALICE = "from chalice.cli import main; raise SystemExit(main())"
# How this machine reaches the package index; nothing else of it may change what is built.
_INDEX = re.compile(r"PIP_\w+|SSL_CERT_\w+|REQUESTS_CA_BUNDLE|\w+_proxy", re.IGNORECASE)
_MACHINE = ("PATH", "HOME", "TMPDIR")
# Chalice asks for one and writes none: Terraform has the stage's.
_REGION = "us-east-1"
# What the functions never import: cryptography asks for them to be built, not to run.
_UNUSED = ("cffi", "pycparser", "jsonschema/tests", "jsonschema/benchmarks")


def package(stage: Stage) -> Path:
    """Build *stage* into its folder, whole or not at all, and return the folder.

    The same tracked files, stage and index make the same bytes. Raises DeploymentFailed with what
    to do where anything is not fit to be deployed.
    """
    project = settings.PROJECT
    checks.python()
    checks.generated()
    checks.routes()
    shipped = sources.tracked(project, sources.FUNCTIONS)
    worker = sources.tracked(project, sources.WORKER)
    terraform = sources.tracked(project, [sources.TERRAFORM])
    with tempfile.TemporaryDirectory() as aside, swapping.replaced(stage.folder) as new:
        typer.echo(f"Packaging {stage.name} for {stage.architecture}: about 20 seconds ...")
        typer.echo(f"  from {sources.version(project)}")
        copy = Path(aside).resolve() / "functions"
        sources.copy(project, shipped, copy)
        _chalice(stage, copy)
        _pack_functions(stage, copy / "out" / "deployment.zip", new / "deployment.zip")
        _pack_worker(project, worker, new / "worker.zip")
        _write_terraform(stage, copy / "out" / "chalice.tf.json", terraform, new)
    typer.echo(f"{stage.folder} is ready")
    return stage.folder


def _chalice(stage: Stage, copy: Path) -> None:
    """Let Chalice package *copy* into its folder ``out``."""
    config = copy / ".chalice" / "config.json"
    changed = json.loads(config.read_text(encoding="utf-8"))
    changed.setdefault("stages", {}).setdefault(stage.name, {})
    changed["stages"][stage.name] |= {
        "lambda_architecture": stage.architecture,
        "api_gateway_stage": stage.name,
    }
    config.write_text(json.dumps(changed), encoding="utf-8")
    run = subprocess.run(  # noqa: S603 - no shell, our own words
        [sys.executable, "-c", _CHALICE, "package", "--pkg-format", "terraform",
         "--stage", stage.name, "out"],
        cwd=copy,
        env=_environment(stage),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    told = run.stdout + run.stderr
    # Chalice only warns of a requirement that it could not have, and ends well.
    missing = re.search(
        r"Could not install dependencies:\s*((?:^\S+==\S+\s*)+)", told, re.MULTILINE
    )
    if missing or "Could not install dependencies" in told:
        names = ", ".join(missing[1].split()) if missing else "a requirement"
        raise DeploymentFailed(
            f"{names} has no wheel for {stage.architecture} and Python 3.13: pin a version that has"
        )
    if run.returncode:
        raise DeploymentFailed(f"chalice package failed: {_reason(told)}")


def _environment(stage: Stage) -> dict[str, str]:
    machine = settings.child_environment({})
    kept = {n: v for n, v in machine.items() if n in _MACHINE or _INDEX.fullmatch(n)}
    origin = {"TINYLLAMA_CORS_ORIGIN": stage.cors_origin} if stage.cors_origin else {}
    return (
        kept
        | origin
        | {
            "AWS_DEFAULT_REGION": _REGION,
            "PYTHONDONTWRITEBYTECODE": "1",
            "TINYLLAMA_ENV": stage.name,
        }
    )


def _reason(told: str) -> str:
    """Return the first line of the error that ended Chalice, or else the last of all it said."""
    errors: list[str] = re.findall(r"^[\w.]+(?:Error|Exception): (.+)", told, re.MULTILINE)
    lines = [line for line in told.splitlines() if line.strip()]
    return (errors or lines or ["it says nothing"])[-1]


def _pack_functions(stage: Stage, packed: Path, target: Path) -> None:
    with tempfile.TemporaryDirectory() as aside:
        tree = Path(aside).resolve()
        archive.unpack(packed, tree)
        for name in _UNUSED:
            shutil.rmtree(tree / name, ignore_errors=True)
        binaries.check(tree, stage.architecture)
        archive.compile_modules(tree)
        archive.write(tree, target)
    size = target.stat().st_size
    if size > ZIP_BYTES:
        raise DeploymentFailed(
            f"the functions' zip holds {size:,} bytes, {ZIP_BYTES:,} are the most: every byte"
            " lengthens their starts"
        )
    typer.echo(f"  deployment.zip  {size:,} bytes")


def _pack_worker(project: Path, names: Sequence[str], target: Path) -> None:
    with tempfile.TemporaryDirectory() as aside:
        sources.copy(project, names, Path(aside))
        archive.write(Path(aside), target)
    typer.echo(f"  worker.zip      {target.stat().st_size:,} bytes")


def _write_terraform(stage: Stage, chalice: Path, names: Sequence[str], folder: Path) -> None:
    document = json.loads(chalice.read_text(encoding="utf-8"))
    patch = json.loads((EXTRAS / "merge.json").read_text(encoding="utf-8"))
    _write_json(gateway.adapted(document, patch, stage.cors_origin), folder / "chalice.tf.json")
    _write_json(dict(stage.variables), folder / "stage.auto.tfvars.json")
    ours = [PurePosixPath(name).relative_to(sources.TERRAFORM) for name in names]
    sources.copy(EXTRAS, [str(name) for name in ours if _is_laid_beside(name)], folder)


def _is_laid_beside(name: PurePosixPath) -> bool:
    """Whether a file of ours is read by Terraform, rather than by people or by this module."""
    if len(name.parts) > 1:
        return name.parts[0] in ("templates", "tests")
    return name.suffix in (".tf", ".json") and name.name != "merge.json"


def _write_json(value: object, target: Path) -> None:
    target.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")
