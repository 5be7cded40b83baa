"""Zip files for Lambda and the worker: the same files make the same bytes, bytecode included."""

import subprocess
import sys
import zipfile
from pathlib import Path

from tinyllama.deployment.failures import DeploymentFailed

# The earliest time that a zip can tell.
_TIME = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644 << 16
_UNIX = 3


def unpack(archive: Path, folder: Path) -> None:
    """Unpack *archive* into *folder*, without the bytecode that somebody's Python left in it."""
    with zipfile.ZipFile(archive) as packed:
        for name in packed.namelist():
            if "__pycache__" not in name.split("/") and not name.endswith(".pyc"):
                packed.extract(name, folder)


def compile_modules(folder: Path) -> None:
    """Put bytecode beside every module of *folder*, which Python takes without asking the source.

    A zip rounds times, and Lambda's folder cannot be written: bytecode that is checked against
    times would be made anew at every start. Raises DeploymentFailed for a module that does not
    compile.
    """
    # In a process of its own and in one order: what else is in memory changes the bytes.
    run = subprocess.run(  # noqa: S603 - no shell, our own words
        [sys.executable, "-I", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash",
         "-s", str(folder), "-j", "1", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    if run.returncode:
        raise DeploymentFailed(f"a module does not compile: {run.stdout.strip()}")


def write(folder: Path, target: Path) -> None:
    """Pack all files of *folder* into the zip *target*."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    with zipfile.ZipFile(target, "w") as archive:
        for name in sorted(files):
            if files[name].is_file():
                entry = zipfile.ZipInfo(name, _TIME)
                entry.external_attr = _MODE
                entry.create_system = _UNIX
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, files[name].read_bytes(), compresslevel=9)
