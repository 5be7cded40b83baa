"""Terraform itself, on stages that need no provider; and what is told when it cannot go on."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chalicelib.settings import PROJECT
from tests.aws_answers import AwsAnswers
from tests.elsewhere import BuiltElsewhere
from tinyllama.deployment.failures import DeploymentFailed
from tinyllama.deployment.terraform import Backend, Change, Terraform

pytestmark = pytest.mark.slow  # each starts Terraform, some several times

MAIN = """
variable "stage" {
  type = string
  validation {
    condition     = var.stage != "wrong"
    error_message = "The stage is another."
  }
}
variable "size" {
  type    = number
  default = 1
}
resource "terraform_data" "plain" { input = var.size }
resource "terraform_data" "kept" { triggers_replace = var.size }
output "endpoint_url" { value = "https://${var.stage}.example" }
"""
S3 = 'terraform {\n  backend "s3" {}\n}\n'
CREATED = (
    Change("terraform_data.kept", "terraform_data", "create"),
    Change("terraform_data.plain", "terraform_data", "create"),
)


@dataclass(frozen=True)
class Built:
    """A stage's built folder with a configuration of the tests' own."""

    stage: BuiltElsewhere

    def set(self, **variables: Any) -> None:
        """Give the stage these settings and no others."""
        (self.stage.folder / "stage.auto.tfvars.json").write_text(json.dumps(variables))

    def write(self, name: str, text: str) -> None:
        """Lay a file into the folder."""
        (self.stage.folder / name).write_text(text)

    def ready(self) -> Terraform:
        """Return Terraform after its init, with the state in the folder."""
        terraform = Terraform(self.stage)
        terraform.init(None)
        return terraform


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Built:
    if shutil.which("terraform") is None and os.environ.get("CI") != "true":
        pytest.skip("terraform is not on PATH")
    monkeypatch.setenv("CHECKPOINT_DISABLE", "1")
    for name in ("TF_PLUGIN_DIR", "TF_CLI_ARGS_init"):
        monkeypatch.delenv(name, raising=False)
    found = Built(BuiltElsewhere("dev", "arm64", None, {"region": "us-east-1"}, tmp_path))
    found.stage.folder.mkdir()
    found.write("main.tf", MAIN)
    found.set(stage="dev")
    return found


def test_a_first_plan_tells_what_it_creates(built: Built) -> None:
    terraform = built.ready()

    plan = terraform.plan()

    assert tuple(sorted(plan.changes, key=lambda change: change.address)) == CREATED
    assert plan.counts == {"add": 2, "change": 0, "destroy": 0}
    assert not plan.empty


def test_a_plan_tells_its_outputs_without_the_names_that_terraform_drops(built: Built) -> None:
    built.write(
        "object.tf",
        'variable "alarms" { type = object({ email = optional(string) }) }\n'
        'output "settings" { value = { alarms = var.alarms } }\n',
    )
    built.set(stage="dev", alarms={"emial": "x@example.com"})
    terraform = built.ready()

    told = terraform.planned_outputs(terraform.plan())

    assert told["settings"] == {"alarms": {"email": None}}
    assert told["endpoint_url"] == "https://dev.example"


def test_what_was_applied_is_not_planned_again(built: Built) -> None:
    terraform = built.ready()
    terraform.apply(terraform.plan())

    plan = terraform.plan()

    assert plan.empty
    assert plan.changes == ()
    assert terraform.outputs() == {"endpoint_url": "https://dev.example"}


def test_what_is_replaced_counts_as_added_and_destroyed(built: Built) -> None:
    terraform = built.ready()
    terraform.apply(terraform.plan())
    built.set(stage="dev", size=2)

    plan = terraform.plan()

    assert plan.counts == {"add": 1, "change": 1, "destroy": 1}
    assert [change.address for change in plan.changes if change.destroys] == ["terraform_data.kept"]


def test_a_change_of_outputs_alone_is_a_change(built: Built) -> None:
    terraform = built.ready()
    terraform.apply(terraform.plan())
    built.set(stage="prod")

    plan = terraform.plan()

    assert (plan.changes, plan.empty) == ((), False)


def test_working_files_survive_the_folder_and_a_plan_does_not_survive_its_apply(
    built: Built,
) -> None:
    terraform = built.ready()
    plan = terraform.plan()

    terraform.apply(plan)

    assert not plan.file.exists()
    assert terraform.data.parent == built.stage.folder.parent / ".terraform"
    assert terraform.log.is_file()
    assert not (built.stage.folder / ".terraform").exists()


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({}, "dev.tfvars.json must set stage"),
        ({"stage": "wrong"}, "dev.tfvars.json: stage is not as it must be: The stage is another"),
        ({"stage": "dev", "size": "x"}, "dev.tfvars.json: size is not as it must be"),
        ({"stage": "dev", "sise": 2}, "dev.tfvars.json sets sise, which is no setting"),
    ],
)
def test_a_wrong_setting_is_named(built: Built, variables: dict[str, Any], sentence: str) -> None:
    built.set(**variables)
    terraform = built.ready()

    with pytest.raises(DeploymentFailed) as raised:
        terraform.plan()

    assert str(raised.value).startswith(sentence)


def test_who_holds_the_lock_of_the_state_is_told(built: Built) -> None:
    terraform = built.ready()
    terraform.apply(terraform.plan())
    lock = {"ID": "8d1b-77", "Who": "ann@laptop", "Created": "2026-11-20T10:00:00Z"}
    built.write(".terraform.tfstate.lock.info", json.dumps(lock))

    with (built.stage.folder / "terraform.tfstate").open("r+") as state:
        fcntl.lockf(state, fcntl.LOCK_EX)
        with pytest.raises(DeploymentFailed) as raised:
            terraform.plan()

    assert "is locked by ann@laptop since 2026-11-20 10:00:00" in str(raised.value)
    assert "terraform -chdir=build/dev force-unlock 8d1b-77" in str(raised.value)


def test_a_configuration_file_that_is_not_there_is_done_without(
    built: Built, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", "/nowhere/terraformrc")

    built.ready().plan()

    assert "terraformrc" not in capfd.readouterr().err


def test_what_is_told_leaves_the_output_to_scripts(
    built: Built, capfd: pytest.CaptureFixture[str]
) -> None:
    terraform = built.ready()

    terraform.show(terraform.plan())

    told = capfd.readouterr()
    assert told.out == ""
    assert "Plan: 2 to add, 0 to change, 0 to destroy." in told.err


def test_another_workspace_is_not_deployed_to(
    built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TF_WORKSPACE", "another")
    terraform = built.ready()

    terraform.apply(terraform.plan())

    assert (built.stage.folder / "terraform.tfstate").is_file()


def test_a_variable_of_the_shells_is_no_setting_of_the_stages(
    built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    terraform = built.ready()
    terraform.apply(terraform.plan())
    monkeypatch.setenv("TF_VAR_size", "2")

    plan = terraform.plan()

    assert plan.empty


def test_a_provider_that_cannot_be_had_is_told(
    built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built.write(
        "versions.tf",
        'terraform {\n required_providers {\n aws = {\n source = "hashicorp/aws"\n }\n }\n}\n',
    )
    monkeypatch.setenv("TF_PLUGIN_DIR", str(tmp_path))

    with pytest.raises(DeploymentFailed, match="TF_PLUGIN_DIR name"):
        built.ready()


def test_an_old_terraform_is_refused(built: Built, tmp_path: Path) -> None:
    program = tmp_path / "terraform"
    program.write_text('#!/bin/sh\necho \'{"terraform_version": "1.10.5"}\'\n')
    program.chmod(0o755)

    with pytest.raises(DeploymentFailed, match=r"1\.10\.5 is too old: install 1\.11 or later"):
        Terraform(built.stage, str(program))


def test_a_stage_that_is_not_built_is_told(built: Built) -> None:
    shutil.rmtree(built.stage.folder)

    with pytest.raises(DeploymentFailed, match="make package STAGE=dev"):
        built.ready()


def test_the_state_lies_in_the_bucket_of_account_and_region(built: Built) -> None:
    backend = Backend.of(built.stage, "123456789012")

    told = backend.arguments()

    assert "-backend-config=bucket=tinyllama-tfstate-123456789012-us-east-1" in told
    assert "-backend-config=key=dev/terraform.tfstate" in told
    assert "-backend-config=dynamodb_table=tinyllama-tflock" in told


@pytest.fixture
def far_state(built: Built, monkeypatch: pytest.MonkeyPatch) -> Terraform:
    """Terraform with its state in S3; the address is the test's."""
    built.write("backend.tf", S3)
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    # What one adds by this variable counts: the emulator's addresses need it.
    monkeypatch.setenv(
        "TF_CLI_ARGS_init", "-backend-config=max_retries=1 -backend-config=use_path_style=true"
    )
    return Terraform(built.stage)


@pytest.fixture
def credentials(far_state: Terraform, monkeypatch: pytest.MonkeyPatch) -> None:
    del far_state
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


def _init(terraform: Terraform, built: Built) -> str:
    with pytest.raises(DeploymentFailed) as raised:
        terraform.init(Backend.of(built.stage, "123456789012"))
    return str(raised.value)


@pytest.mark.usefixtures("credentials")
def test_a_missing_bucket_sends_to_bootstrap(
    far_state: Terraform,
    built: Built,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with AwsAnswers(404, "NoSuchBucket") as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        told = _init(far_state, built)

    assert told.startswith("there is no bucket for the state: make bootstrap")


@pytest.mark.usefixtures("credentials")
def test_a_role_that_may_not_list_the_bucket_can_deploy(
    far_state: Terraform, built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    with AwsAnswers(403, "AccessDenied") as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        far_state.init(Backend.of(built.stage, "123456789012"))

    assert "has been successfully initialized" in far_state.log.read_text()


@pytest.mark.usefixtures("credentials")
def test_an_endpoint_that_is_not_reached_is_told(
    far_state: Terraform, built: Built, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{closed_port}")

    told = _init(far_state, built)

    assert told.startswith("AWS is not reached: check the network")


def test_no_credentials_are_told(far_state: Terraform, built: Built) -> None:
    told = _init(far_state, built)

    assert told.startswith("AWS takes no credentials of yours")


APPLY = """
import sys
from pathlib import Path
from tests.aws_answers import AwsAnswers
from tests.elsewhere import BuiltElsewhere
from tinyllama.deployment.failures import DeploymentFailed
from tinyllama.deployment.terraform import Terraform
stage = BuiltElsewhere("dev", "arm64", None, {"region": "us-east-1"}, Path(sys.argv[1]))
terraform = Terraform(stage)
try:
    terraform.apply(terraform.plan())
except DeploymentFailed as error:
    sys.exit(f"TOLD: {error}")
"""
SLOW = """
resource "terraform_data" "slow" {
  depends_on = [terraform_data.plain]
  provisioner "local-exec" { command = "touch ../begun && exec sleep 60" }
}
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_apply_keeps_its_state_and_frees_its_lock(
    built: Built, tmp_path: Path, number: signal.Signals
) -> None:
    built.write("slow.tf", SLOW)
    built.ready()
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", APPLY, str(tmp_path)],
        cwd=PROJECT,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        for _ in range(300):
            if (tmp_path / "begun").exists():
                break
            time.sleep(0.1)
        process.send_signal(number)
        _, told = process.communicate(timeout=30)

    assert process.returncode == 1
    assert "TOLD: terraform apply was interrupted: it kept its state" in told
    built.write("slow.tf", "")
    assert built.ready().plan().counts["add"] == 0  # both plain resources are in the state
