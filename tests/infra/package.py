"""What ``chalice package`` made, read for the tests."""

import json
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol


class BuildStage(Protocol):
    """Builds a stage in a folder, the shared repository unless told, and returns what came."""

    def __call__(self, stage: str, folder: Path = ...) -> "Package": ...


@dataclass(frozen=True)
class Package:
    """The folder that was written: code, and the Terraform that deploys it."""

    folder: Path

    @property
    def zip(self) -> Path:
        """The code of all functions."""
        return self.folder / "deployment.zip"

    @cached_property
    def names(self) -> list[str]:
        """The names of all files in the zip."""
        with zipfile.ZipFile(self.zip) as archive:
            return archive.namelist()

    @cached_property
    def terraform(self) -> dict[str, Any]:
        """The Terraform document."""
        document: dict[str, Any] = json.loads((self.folder / "chalice.tf.json").read_text())
        return document

    @cached_property
    def swagger(self) -> dict[str, Any]:
        """The API as the gateway is told of it."""
        document: dict[str, Any] = json.loads(self.terraform["locals"]["chalice_api_swagger"])
        return document
