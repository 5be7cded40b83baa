"""The commands that make packages, run as in a clone on a machine that exports nothing."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.infra.runtime_api import REGION

# A name that begins like a version, with everything set; and one with nothing set.
STAGES: dict[str, dict[str, str]] = {
    "v1": {"architecture": "x86_64", "cors_origin": "https://app.example"},
    "dev": {},
}
# Where the machine says how to reach the package index; nothing of the project's.
_INDEX = re.compile(r"PIP_\w+|SSL_CERT_\w+|\w+_proxy", re.IGNORECASE)


def git(folder: Path, *arguments: str) -> str:
    """Run git in *folder* and return what it prints."""
    program = shutil.which("git")
    assert program, "git is missing: apt-get install git"
    run = subprocess.run(  # noqa: S603
        [program, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return run.stdout


def package_by_chalice(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run ``chalice package`` for Terraform in the clone *folder*."""
    command = Path(sys.executable).with_name("chalice")
    return _run(folder, [str(command), "package", "--pkg-format", "terraform", *arguments])


def package_stage(folder: Path, stage: str) -> "subprocess.CompletedProcess[str]":
    """Run ``tinyllama package`` in the clone *folder*."""
    return _run(folder, [sys.executable, "-m", "tinyllama", "package", stage])


def _run(folder: Path, command: list[str]) -> "subprocess.CompletedProcess[str]":
    machine = {name: value for name, value in os.environ.items() if _INDEX.fullmatch(name)}
    return subprocess.run(  # noqa: S603
        command,
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(Path.home()),
            "AWS_DEFAULT_REGION": REGION,
            **machine,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
