"""What a shell sets wrongly for AWS ends a command with a sentence, not with botocore's error."""

from pathlib import Path
from time import monotonic

import boto3
import pytest

from tinyllama.deployment import aws
from tinyllama.deployment.failures import DeploymentFailed


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of this machine's own but what a test sets."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # given back afterwards


def test_a_profile_that_is_not_there_is_told_where_the_region_is_looked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")

    with pytest.raises(DeploymentFailed, match=r"profile \(nobody\) could not be found"):
        aws.region()


def test_a_configuration_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[default\n")

    with pytest.raises(DeploymentFailed, match="Unable to parse config file"):
        aws.region()


def test_an_endpoint_that_is_none_is_told_with_what_to_mend(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "localhost:4566")

    with pytest.raises(DeploymentFailed, match="localhost:4566: mend AWS_ENDPOINT_URL"):
        aws.client("ssm")


@pytest.mark.slow
def test_an_endpoint_where_nobody_listens_is_told_within_seconds_however_patient_the_client(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    ssm = aws.client("ssm", attempts=10)
    began = monotonic()

    with pytest.raises(DeploymentFailed) as raised, aws.told():
        ssm.get_parameter(Name="/tinyllama/dev/vpc_id")

    assert monotonic() - began < 4
    assert str(raised.value) == (
        "AWS is not reached: check the network, or unset AWS_ENDPOINT_URL"
        ' (Could not connect to the endpoint URL: "http://127.0.0.1:1/")'
    )


def test_a_region_that_is_missing_is_told_with_the_one_that_the_stage_dev_has() -> None:
    with pytest.raises(DeploymentFailed, match="export AWS_DEFAULT_REGION=us-east-1, say"):
        aws.region()
