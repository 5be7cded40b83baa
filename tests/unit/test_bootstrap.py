"""What comes before the first stage is looked for first: nothing is made twice, nothing unasked."""

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from moto import mock_aws
from urllib3 import HTTPResponse

from tests.elsewhere import BuiltElsewhere
from tinyllama.deployment import bootstrapping
from tinyllama.deployment.failures import DeploymentFailed

REGION = "eu-west-1"
BUCKET = f"tinyllama-tfstate-123456789012-{REGION}"
ROLE = f"tinyllama-gateway-logs-{REGION}"

# Answers like a Terraform that has nothing to do.
TERRAFORM = """#!/bin/sh
case "$1" in
  version) echo '{"terraform_version": "1.11.4"}' ;;
  plan) exit 0 ;;
esac
"""


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BuiltElsewhere]:
    """Moto's empty account, and a Terraform that finds nothing to change."""
    program = tmp_path / "bin" / "terraform"
    program.parent.mkdir()
    program.write_text(TERRAFORM)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # given back afterwards
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    with mock_aws():
        yield BuiltElsewhere("bootstrap", "arm64", None, {"region": REGION}, tmp_path / "build")


def _give_gateway(role: str) -> None:
    change = {"op": "replace", "path": "/cloudwatchRoleArn", "value": role}
    boto3.client("apigateway").update_account(patchOperations=[change])


def _laid(stage: BuiltElsewhere, name: str) -> Any:
    return json.loads((stage.folder / name).read_text())


def test_an_empty_account_has_nothing_to_take_over(stage: BuiltElsewhere) -> None:
    bootstrapping.bootstrap(stage, yes=True)

    told = _laid(stage, "bootstrap.auto.tfvars.json")
    assert told == {
        "region": REGION,
        "adopt_bucket": False,
        "adopt_lock_table": False,
        "adopt_gateway_role": False,
        "gateway_logs": True,
    }


def test_what_is_there_already_is_taken_over(stage: BuiltElsewhere) -> None:
    where = {"LocationConstraint": REGION}
    boto3.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
    boto3.client("dynamodb").create_table(
        TableName="tinyllama-tflock",
        KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    role = boto3.client("iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument="{}")
    _give_gateway(role["Role"]["Arn"])

    bootstrapping.bootstrap(stage, yes=True)

    told = _laid(stage, "bootstrap.auto.tfvars.json")
    assert told == {
        "region": REGION,
        "adopt_bucket": True,
        "adopt_lock_table": True,
        "adopt_gateway_role": True,
        "gateway_logs": True,
    }


def test_another_role_of_the_gateway_stays_and_is_told(
    stage: BuiltElsewhere, capsys: pytest.CaptureFixture[str]
) -> None:
    arn = f"arn:aws:iam::123456789012:role/another-{ROLE}"
    _give_gateway(arn)

    bootstrapping.bootstrap(stage, yes=True)

    assert not _laid(stage, "bootstrap.auto.tfvars.json")["gateway_logs"]
    assert f"API Gateway writes its logs by {arn}, which stays." in capsys.readouterr().out


def test_another_accounts_bucket_of_that_name_is_not_taken_over(stage: BuiltElsewhere) -> None:
    asked: list[str] = []

    def answer(request: AWSPreparedRequest, **_more: object) -> AWSResponse | None:
        """Answer as S3 does where the owner is not the one that was named."""
        owner = request.headers.get("x-amz-expected-bucket-owner")
        asked.append(owner.decode() if isinstance(owner, bytes) else str(owner))
        nothing = HTTPResponse(io.BytesIO(), preload_content=False)
        return AWSResponse(request.url, 403, {}, nothing) if owner else None

    boto3.client("s3", region_name="us-east-1").create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    session = boto3.session.Session(region_name=REGION)
    session.events.register_first("before-send.s3.HeadBucket", answer)
    boto3.DEFAULT_SESSION = session

    with pytest.raises(DeploymentFailed, match=f"{BUCKET} belongs to another account"):
        bootstrapping.bootstrap(stage, yes=True)

    assert asked == ["123456789012"]
    assert not stage.folder.exists()


def test_each_account_and_region_has_a_state_of_its_own(stage: BuiltElsewhere) -> None:
    bootstrapping.bootstrap(stage, yes=True)

    path = _laid(stage, "backend.tf.json")["terraform"]["backend"]["local"]["path"]
    assert path == str(stage.folder.parent / ".terraform" / f"{BUCKET}.tfstate")


def test_without_a_terminal_and_consent_nothing_is_looked_for(stage: BuiltElsewhere) -> None:
    with pytest.raises(DeploymentFailed) as raised:
        bootstrapping.bootstrap(stage, yes=False)

    assert str(raised.value) == (
        "there is no terminal to ask on: to go on without a question, run"
        f" .venv/bin/tinyllama bootstrap --region {REGION} --yes"
    )
    assert not stage.folder.exists()


def test_terraform_must_be_there(stage: BuiltElsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(DeploymentFailed, match="terraform is not on PATH: install it from"):
        bootstrapping.bootstrap(stage, yes=True)


@pytest.mark.usefixtures("stage")
def test_the_region_is_that_of_aws_own_variables() -> None:
    assert bootstrapping.place(None).region == REGION


@pytest.mark.usefixtures("stage")
def test_two_regions_are_one_too_many() -> None:
    with pytest.raises(DeploymentFailed, match="AWS_DEFAULT_REGION is eu-west-1"):
        bootstrapping.place("us-east-1")
