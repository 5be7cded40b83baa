"""A copy of the project with a stage of the suite's own, deployed from there by its commands."""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib.settings import PROJECT
from tests.emulator.aws import REGION

HERE = Path(__file__).resolve().parent
STAGE = "emu"
# How this machine reaches the package index and Terraform's registry; nothing of the project's.
_MACHINE = re.compile(r"PATH|HOME|PIP_\w+|TF_PLUGIN_DIR|SSL_CERT_\w+|\w+_proxy", re.IGNORECASE)
_COMMAND_SECONDS = 300.0


@dataclass(frozen=True)
class Ran:
    """What a command came to."""

    code: int
    out: str
    err: str

    def document(self) -> dict[str, Any]:
        """Return the JSON it printed; a command that failed fails the test with what it said."""
        assert self.code == 0, self.err[-4000:] + self.out[-2000:]
        told: dict[str, Any] = json.loads(self.out)
        return told


class Project:
    """The project's files in *folder*, a repository of its own, and its stage ``emu``."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        machine = {name: value for name, value in os.environ.items() if _MACHINE.fullmatch(name)}
        self.environment = {
            **machine,
            "NO_PROXY": "127.0.0.1",
            "CHECKPOINT_DISABLE": "1",
            "TF_CLI_ARGS_init": "-backend-config=use_path_style=true",
            **environment,
        }
        _copy(folder)

    @property
    def built(self) -> Path:
        """Where the stage is built."""
        return self.folder / "build" / STAGE

    def write_stage(self, variables: Mapping[str, Any]) -> None:
        """Write the stage's file, for this machine's processor, and let git track all there is."""
        for path in (HERE / "terraform").glob("*.tf"):
            shutil.copy2(path, self.folder / "terraform-extras")
        architecture = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")
        settings = {
            "stage": STAGE,
            "region": REGION,
            "architecture": architecture,
            **variables,
        }
        path = self.folder / "terraform-extras" / "stages" / f"{STAGE}.tfvars.json"
        path.write_text(json.dumps(settings, indent=2), encoding="utf-8")
        self.commit()

    def commit(self) -> None:
        """Let git track the copy as it is: only what git tracks is packaged."""
        who = ("-c", "user.name=tests", "-c", "user.email=tests@localhost")
        for command in (("init", "-q"), ("add", "-A"), (*who, "commit", "-qm", "a copy")):
            run = self.run(["git", *command])
            assert run.code == 0, run.err

    def tinyllama(self, *arguments: str, **environment: str) -> Ran:
        """Run one of the project's commands."""
        return self.python("-m", "tinyllama", *arguments, **environment)

    def python(self, *arguments: str, **environment: str) -> Ran:
        """Run this Python in the copy, on the copy's own modules."""
        return self.run([sys.executable, *arguments], environment)

    def terraform(self, *arguments: str) -> Ran:
        """Run Terraform on the stage, as the commands do."""
        data = self.folder / "build" / ".terraform" / STAGE
        ours = {"TF_DATA_DIR": str(data), "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}
        return self.run(["terraform", f"-chdir={self.built}", *arguments], ours)

    def plan(self) -> dict[str, Any]:
        """Return what Terraform would do, as ``terraform show -json`` tells it."""
        saved = self.folder / "build" / "suite.tfplan"
        planned = self.terraform("plan", "-no-color", f"-out={saved}")
        assert planned.code == 0, planned.out[-2000:] + planned.err
        return self.terraform("show", "-json", str(saved)).document()

    def run(
        self,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        seconds: float = _COMMAND_SECONDS,
    ) -> Ran:
        """Run a command in the copy; one that takes over *seconds* fails, and ends in order."""
        with subprocess.Popen(  # noqa: S603
            command,
            cwd=self.folder,
            env={**self.environment, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                out, err = process.communicate(timeout=seconds)
            except BaseException:
                # Killed, it would leave its own Terraform behind.
                process.terminate()
                try:
                    process.communicate(timeout=30)
                except subprocess.TimeoutExpired:
                    process.kill()
                raise
        return Ran(process.returncode, out, err)


def _copy(folder: Path) -> None:
    """Copy what git tracks, and what it would, as it lies in the tree now."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(listing, cwd=PROJECT, check=True, capture_output=True)  # noqa: S603
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, folder / name)
