"""The project's files as git knows them: which of them ship, and none that git does not know."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tinyllama.deployment import tools
from tinyllama.deployment.failures import DeploymentFailed

FUNCTIONS = (
    *("app.py", "chalicelib", "vendor", ".chalice"),
    *("requirements.txt", "constraints.txt"),
)
WORKER = ("worker", "chalicelib", "constraints.txt")
TERRAFORM = "terraform-extras"


def tracked(project: Path, paths: Sequence[str]) -> list[str]:
    """Return the tracked files of *paths* that are there, sorted, relative to *project*.

    Raises DeploymentFailed without git, outside a clone, for an untracked file that no
    ``.gitignore`` names, and for a symbolic link.
    """
    strangers = _listed(project, ["--others", "--exclude-standard"], paths)
    if strangers:
        raise DeploymentFailed(
            f"git does not track {', '.join(strangers[:5])}, which would ship:"
            " git add it, or move it away"
        )
    found = [name for name in _listed(project, ["--cached"], paths) if (project / name).exists()]
    for name in found:
        if (project / name).is_symlink():
            raise DeploymentFailed(f"{name} is a symbolic link, which cannot ship: copy its target")
    return found


def copy(project: Path, names: Sequence[str], target: Path) -> None:
    """Copy the files *names* of *project* to the same places under *target*."""
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(project / name, target / name)


def version(project: Path) -> str:
    """Return the commit of *project*, and whether its files are no longer that commit's."""
    command = [tools.find("git"), "describe", "--always", "--dirty", "--exclude=*", "--abbrev=12"]
    run = subprocess.run(command, cwd=project, capture_output=True, check=False)  # noqa: S603 - no shell, our own words
    commit, _, dirty = run.stdout.decode().strip().partition("-")
    changed = ", with changes that are in no commit" if dirty else ""
    return f"commit {commit}{changed}" if commit else "no commit"


def _listed(project: Path, which: Sequence[str], paths: Sequence[str]) -> list[str]:
    git = tools.find("git")
    run = subprocess.run(  # noqa: S603 - no shell, our own words
        [git, "ls-files", "-z", *which, "--", *paths], cwd=project, capture_output=True, check=False
    )
    if run.returncode:
        raise DeploymentFailed(
            f"git cannot list the project's files, so nobody knows what would ship:"
            f" package in a clone ({run.stderr.decode(errors='replace').strip()})"
        )
    return sorted(set(filter(None, run.stdout.decode().split("\0"))))
