"""A deployment refuses before it builds, and never lets data go without being told to."""

import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.aws_answers import AwsAnswers
from tests.elsewhere import BuiltElsewhere
from tinyllama.deployment import asking, deploying
from tinyllama.deployment.deploying import Consent, losses
from tinyllama.deployment.failures import DeploymentFailed
from tinyllama.deployment.terraform import Change, Plan

REGION = "us-east-1"
BUCKET = f"tinyllama-tfstate-123456789012-{REGION}"
AGREED = Consent(plan=True, data_loss=False)


class Terminal(io.StringIO):
    """Standard input where somebody types."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BuiltElsewhere]:
    """The stage dev of moto's account; nobody is at the terminal, all programs are there."""
    for name in ("terraform", "git"):
        (tmp_path / name).touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # given back afterwards
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    with mock_aws():
        yield BuiltElsewhere("dev", "arm64", None, {"region": REGION}, tmp_path)


def _deploy(stage: BuiltElsewhere, consent: Consent = AGREED) -> str:
    """Return why the deployment did not come to its packaging."""

    def build(_stage: Any) -> Any:
        raise AssertionError("it was built")

    with pytest.raises(DeploymentFailed) as raised:
        deploying.deploy(stage, consent, plan_only=False, as_json=False, build=build)
    return str(raised.value)


def test_without_a_terminal_and_consent_nothing_is_built(stage: BuiltElsewhere) -> None:
    told = _deploy(stage, Consent(plan=False, data_loss=False))

    assert told == (
        "there is no terminal to ask on: to go on without a question, run"
        " .venv/bin/tinyllama deploy dev --yes"
    )


def test_a_missing_program_is_told_before_anything_is_built(stage: BuiltElsewhere) -> None:
    (stage.where / "terraform").unlink()

    told = _deploy(stage)

    assert told.startswith("terraform is not on PATH: install it from https://")


def test_another_region_than_the_stages_is_refused(
    stage: BuiltElsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")

    told = _deploy(stage)

    assert told.startswith("AWS_REGION is eu-west-1, the stage's region is us-east-1: unset it")


def test_a_stage_without_a_region_is_refused(stage: BuiltElsewhere) -> None:
    told = _deploy(BuiltElsewhere("dev", "arm64", None, {}, stage.where))

    assert told.startswith('dev.tfvars.json must say "region"')


def test_missing_credentials_are_told(tmp_path: Path, stage: BuiltElsewhere) -> None:
    with pytest.MonkeyPatch.context() as surroundings:
        for name in [n for n in os.environ if n.startswith("AWS_") and "REGION" not in n]:
            surroundings.delenv(name)
        for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
            surroundings.setenv(name, str(tmp_path / "none"))
        surroundings.setenv("AWS_EC2_METADATA_DISABLED", "true")
        told = _deploy(stage)

    assert told.startswith("no AWS credentials were found: run aws configure")


def test_an_account_without_a_bucket_for_the_state_is_sent_to_bootstrap(
    stage: BuiltElsewhere,
) -> None:
    told = _deploy(stage)

    assert told.startswith(f"there is no bucket {BUCKET} for the state: make bootstrap")


def test_a_role_that_may_not_look_at_the_bucket_is_not_stopped_by_that(
    stage: BuiltElsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(_stage: Any) -> Any:
        raise DeploymentFailed("it came as far as the packaging")

    with AwsAnswers(403, "AccessDenied") as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        with pytest.raises(DeploymentFailed, match="as far as the packaging"):
            deploying.deploy(stage, AGREED, plan_only=False, as_json=False, build=build)


def test_what_holds_data_and_goes_is_found_in_a_plan(tmp_path: Path) -> None:
    changes = (
        Change("aws_memorydb_cluster.queue[0]", "aws_memorydb_cluster", "replace"),
        Change("aws_cognito_user_pool.people[0]", "aws_cognito_user_pool", "update"),
        Change("aws_s3_bucket.artifacts", "aws_s3_bucket", "delete"),
        Change("aws_lambda_permission.tick", "aws_lambda_permission", "replace"),
    )

    lost = losses(Plan(tmp_path, changes, empty=False))

    assert lost == ["aws_memorydb_cluster.queue[0]", "aws_s3_bucket.artifacts"]


def test_data_does_not_go_without_a_terminal_to_ask_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())

    with pytest.raises(DeploymentFailed, match="say --lose-data as well if that is meant"):
        asking.confirm_by_name("This plan DESTROYS a store", "dev", "--lose-data")


def test_data_does_not_go_for_a_mere_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("yes\n"))

    with pytest.raises(DeploymentFailed, match="nothing was changed"):
        asking.confirm_by_name("This plan DESTROYS a store", "dev", "--lose-data")


def test_data_goes_where_the_stages_name_is_typed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("dev\n"))

    asking.confirm_by_name("This plan DESTROYS a store", "dev", "--lose-data")

    assert "This plan DESTROYS a store" in capsys.readouterr().err
