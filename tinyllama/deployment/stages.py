"""A stage: one deployed copy of the router, described by one file that Terraform reads too."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any

from chalicelib.settings import LOCAL, PROJECT
from tinyllama.deployment import whole_files
from tinyllama.deployment.failures import DeploymentFailed, Misused

EXTRAS = PROJECT / "terraform-extras"
FOLDER = EXTRAS / "stages"
ARCHITECTURES = ("arm64", "x86_64")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,14}[a-z0-9]")
# The environment of a laptop, and the folder of what comes before all stages.
_TAKEN = (LOCAL, "bootstrap")
_REGION_SAID = '"region": "us-east-1", or another of AWS\''
# As Terraform's variable asks for it.
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[1-9]")
# What stands before a value of the file: a comma where it is not the first, and its name.
_MEMBER = re.compile(r'[\s,]*"(?P<name>[a-z_]+)"\s*:\s*')
_ORIGIN = re.compile(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::[0-9]+)?")


@dataclass(frozen=True)
class Stage:
    """A stage's name and settings: the variables of ``terraform-extras/stages/<name>.tfvars.json``.

    The file is the one source of them, and says at least name and region. Packaging needs two more:
    the *architecture* of the functions, and the one origin whose pages may call the API, None where
    none may.
    """

    name: str
    architecture: str
    cors_origin: str | None
    variables: Mapping[str, Any]

    @property
    def folder(self) -> Path:
        """Where this stage is built: package, Terraform's files and variables."""
        return PROJECT / "build" / self.name

    @property
    def file(self) -> str:
        """The name of the file that describes it."""
        return f"{self.name}.tfvars.json"

    @property
    def region(self) -> str:
        """Where this stage lives. Raises DeploymentFailed where its file does not say."""
        if not self.variables.get("region"):
            raise DeploymentFailed(f"{self.name}.tfvars.json must say {_REGION_SAID}")
        return str(self.variables["region"])


def require_name(name: str, kind: str = "stage") -> str:
    """Return *name* if a stage may have it. Raises Misused, which calls it a *kind*."""
    if not _NAME.fullmatch(name):
        raise Misused(
            f"{name!r} is no {kind}: 2 to 16 lower-case letters, digits and dashes, a letter first"
        )
    return name


def names(folder: Path | None = None) -> list[str]:
    """Return the names of the stages that have a file, sorted."""
    files = (folder or FOLDER).glob("*.tfvars.json")
    return sorted(file.name.partition(".")[0] for file in files)


def meant(name: str, folder: Path | None = None) -> str:
    """Return in brackets which stage *name* may be a slip for, nothing where none is near."""
    near = get_close_matches(name, names(folder), n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def load(name: str, folder: Path | None = None) -> Stage:
    """Return the stage called *name*. Raises DeploymentFailed where it has no sound file."""
    require_name(name)
    folder = folder or FOLDER
    path = folder / f"{name}.tfvars.json"
    try:
        variables = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Misused(
            f"there is no stage {name}{meant(name, folder)}: write {path.name} beside those of"
            f" {', '.join(names(folder))}"
        ) from None
    except OSError as error:
        raise DeploymentFailed(f"{path.name} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise DeploymentFailed(f"{path.name} is not JSON: {error}") from None
    return _stage(name, path.name, variables)


def change(stage: Stage, setting: str, value: Any, folder: Path | None = None) -> Path:
    """Let a stage's file say *value* for *setting*, the rest as it is written; return the file.

    Raises DeploymentFailed where the file cannot be written, or has changed since *stage* was read.
    """
    path = (folder or FOLDER) / f"{stage.name}.tfvars.json"
    if load(stage.name, folder).variables != stage.variables:
        raise DeploymentFailed(f"{path.name} has changed meanwhile: run this again")
    wanted = {**stage.variables, setting: value}
    text = _changed(path.read_text(encoding="utf-8"), setting, value)
    # Laid out as nobody would by hand, it is still the file that Terraform understands.
    if json.loads(text) != wanted:
        text = json.dumps(wanted, indent=2, ensure_ascii=False) + "\n"
    whole_files.replace(path, text)
    return path


def _changed(text: str, setting: str, value: Any) -> str:
    """Return a file's *text* with another *value*: whoever reviews it sees that change alone."""
    written = json.dumps(value, indent=2).replace("\n", "\n  ")
    decoder, place = json.JSONDecoder(), text.index("{") + 1
    while found := _MEMBER.match(text, place):
        _, place = decoder.raw_decode(text, found.end())
        if found["name"] == setting:
            return text[: found.end()] + written + text[place:]
    return f'{text[:place]},\n  "{setting}": {written}{text[place:]}'


def _stage(name: str, file: str, variables: Any) -> Stage:
    if name in _TAKEN:
        raise DeploymentFailed(f"{name} is taken: call the stage otherwise")
    if not isinstance(variables, dict):
        raise DeploymentFailed(f"{file} is not a JSON object of Terraform variables")
    if variables.get("stage") != name:
        raise DeploymentFailed(f'{file} must say "stage": "{name}"')
    if not _REGION.fullmatch(str(variables.get("region"))):
        raise DeploymentFailed(f"{file} must say {_REGION_SAID}")
    architecture = variables.get("architecture", "arm64")
    if architecture not in ARCHITECTURES:
        raise DeploymentFailed(f'{file}: "architecture" is one of {" and ".join(ARCHITECTURES)}')
    origin = variables.get("cors_origin")
    if origin is not None and not _ORIGIN.fullmatch(str(origin)):
        raise DeploymentFailed(f'{file}: "cors_origin" is an origin, https://app.example say')
    return Stage(name, architecture, origin, MappingProxyType(variables))
