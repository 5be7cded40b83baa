"""Terraform on what is packaged: its form, its validity, and its own tests without AWS."""

import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chalicelib.settings import PROJECT
from tests.infra.building import git, package_stage
from tests.infra.policy_audit import policies, wildcards
from tinyllama.deployment.binaries import PYTHON
from tinyllama.deployment.stages import EXTRAS

pytestmark = pytest.mark.slow  # a provider of 200 MB is started for every run

CI = os.environ.get("CI") == "true"
FOLDERS = ["terraform-extras", "bootstrap"]


@dataclass(frozen=True)
class Terraform:
    """The program, with nothing of this machine's AWS around it."""

    program: str
    environment: Mapping[str, str]

    def run(self, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run it in *folder*, whatever it answers."""
        return subprocess.run(  # noqa: S603
            [self.program, *arguments],
            cwd=folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def init(self, folder: Path) -> None:
        """Prepare *folder*, with providers of TF_PLUGIN_DIR or of the registry."""
        source = self.environment.get("TF_PLUGIN_DIR")
        options = [f"-plugin-dir={source}"] if source else []
        run = self.run(folder, "init", "-backend=false", "-input=false", "-no-color", *options)
        if run.returncode and not source and not CI:
            pytest.skip(f"the AWS provider cannot be had: {run.stderr.strip()[-200:]}")
        assert run.returncode == 0, run.stdout + run.stderr


Packaged = Callable[[str], Path]


@pytest.fixture(scope="module")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """Terraform; a machine may lack it, but not CI."""
    program = shutil.which("terraform")
    if program is None and not CI:
        pytest.skip("terraform is not on PATH: developer.hashicorp.com/terraform/install")
    assert program, "CI=true, and terraform is not on PATH"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    # Who looks for a mirror of providers passes over folders of this name.
    cache = tmp_path_factory.mktemp("plugins") / ".terraform"
    cache.mkdir()
    # A third of Terraform's time went into sweeping after the provider's description of itself.
    own = {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "GOGC": "800"}
    return Terraform(program, {"TF_PLUGIN_CACHE_DIR": str(cache), **kept, **own})


@pytest.fixture(scope="module")
def packaged(
    terraform: Terraform, repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> Packaged:
    """Package one of the project's own stages, once, and prepare its folder for Terraform."""
    if sys.version_info[:2] != PYTHON:
        pytest.skip("stages are packaged on Python 3.13 alone")
    project = tmp_path_factory.mktemp("stages") / "project"
    shutil.copytree(repository, project, ignore=shutil.ignore_patterns("build"))
    shutil.copytree(EXTRAS / "stages", project / EXTRAS.name / "stages", dirs_exist_ok=True)
    git(project, "add", ".")

    @functools.cache
    def package(name: str) -> Path:
        run = package_stage(project, name)
        assert run.returncode == 0, run.stdout + run.stderr
        terraform.init(project / "build" / name)
        return project / "build" / name

    return package


@pytest.mark.parametrize("folder", FOLDERS)
def test_our_terraform_is_formatted(terraform: Terraform, folder: str) -> None:
    run = terraform.run(PROJECT / folder, "fmt", "-check", "-recursive", "-diff", "-no-color")

    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_a_packaged_stage_is_valid_without_a_warning(
    terraform: Terraform, packaged: Packaged, stage: str
) -> None:
    built = packaged(stage)

    told = json.loads(terraform.run(built, "validate", "-json").stdout)

    assert told["diagnostics"] == []
    assert told["valid"]


def test_dev_passes_all_of_its_own_tests(terraform: Terraform, packaged: Packaged) -> None:
    built = packaged("dev")

    run = terraform.run(built, "test", "-no-color")

    assert run.returncode == 0, run.stdout + run.stderr


def test_prod_as_it_is_and_with_all_switched_on_holds_no_wildcard_that_aws_does_not_force(
    terraform: Terraform, packaged: Packaged
) -> None:
    built = packaged("prod")

    run = terraform.run(built, "test", "-json", "-verbose", "-filter=tests/whole.tftest.hcl")

    lines = [json.loads(line) for line in run.stdout.splitlines()]
    assert run.returncode == 0, _complaints(lines)
    states = {
        line["@testrun"]: line["test_state"] for line in lines if line["type"] == "test_state"
    }
    assert set(states) == {"the_stage_as_it_is", "everything_switched_on"}
    assert [told for state in states.values() for told in wildcards(state)] == []
    assert len(policies(states["everything_switched_on"])) > len(
        policies(states["the_stage_as_it_is"])
    )


def test_the_bootstrap_is_valid_without_a_warning_and_passes_its_own_tests(
    terraform: Terraform, tmp_path: Path
) -> None:
    folder = shutil.copytree(
        PROJECT / "bootstrap",
        tmp_path / "bootstrap",
        ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"),
    )
    terraform.init(folder)

    told = json.loads(terraform.run(folder, "validate", "-json").stdout)
    run = terraform.run(folder, "test", "-json", "-verbose")

    assert told["diagnostics"] == []
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    assert run.returncode == 0, _complaints(lines)
    plans = [line["test_plan"] for line in lines if line["type"] == "test_plan"]
    assert max(len(policies(plan)) for plan in plans) == 3
    assert [wildcard for plan in plans for wildcard in wildcards(plan)] == []


def _complaints(lines: Sequence[Mapping[str, Any]]) -> str:
    found = [line["diagnostic"] for line in lines if line["type"] == "diagnostic"]
    return "\n".join(f"{one['summary']}: {one.get('detail', '')}" for one in found)
