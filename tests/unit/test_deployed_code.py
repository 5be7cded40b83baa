"""Verify finds out whatever runs that was not built."""

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
import typer
from botocore import UNSIGNED
from botocore.config import Config
from botocore.stub import Stubber
from moto import mock_aws

from tests.elsewhere import BuiltElsewhere
from tests.unit.deployed_functions import REGION, Deployed, zipped
from tinyllama.deployment import verifying
from tinyllama.deployment.failures import DeploymentFailed
from tinyllama.deployment.functions import Functions, names

pytestmark = pytest.mark.slow  # a Lambda of moto's for each


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # given back afterwards
    with mock_aws():
        yield Deployed()


@pytest.fixture
def stage(tmp_path: Path) -> BuiltElsewhere:
    """The stage dev, built from the code "one"."""
    found = BuiltElsewhere("dev", "arm64", None, {"region": REGION}, tmp_path)
    found.folder.mkdir()
    (found.folder / "deployment.zip").write_bytes(zipped("one"))
    return found


def _faults(deployed: Deployed, stage: BuiltElsewhere) -> dict[str, str | None]:
    sha256 = verifying.built_sha256(stage.folder)
    found = verifying.compare(Functions("dev", deployed.client), sha256, stage.architecture)
    return {finding.function: finding.fault for finding in found}


def test_the_hash_is_the_one_that_lambda_tells(stage: BuiltElsewhere) -> None:
    sha256 = verifying.built_sha256(stage.folder)

    assert sha256 == base64.b64encode(hashlib.sha256(zipped("one")).digest()).decode()


def test_what_was_built_and_deployed_passes(
    deployed: Deployed, stage: BuiltElsewhere, capsys: pytest.CaptureFixture[str]
) -> None:
    deployed.release("one")

    verifying.verify(stage, as_json=False)

    told = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in told] == [
        ["pass", name] for name in deployed.names.values()
    ]
    assert all("version 1, which live names" in line for line in told)


def test_code_that_was_changed_on_aws_is_found_out(
    deployed: Deployed, stage: BuiltElsewhere
) -> None:
    deployed.release("one")
    deployed.tamper("jwt_authorizer")

    faults = _faults(deployed, stage)

    assert faults == {
        "tinyllama-dev": None,
        "tinyllama-dev-jwt_authorizer": "$LATEST is another build",
        "tinyllama-dev-tick": None,
    }


def test_code_that_was_changed_on_aws_gets_the_build_back(
    deployed: Deployed, stage: BuiltElsewhere
) -> None:
    deployed.release("one")
    deployed.release("evil", ("api_handler",))
    deployed.tamper("tick")
    functions = Functions("dev", deployed.client)
    sha256 = verifying.built_sha256(stage.folder)

    findings = verifying.compare(functions, sha256, stage.architecture)
    restored = verifying.restore(functions, stage, findings)

    assert restored == ["tinyllama-dev", "tinyllama-dev-tick"]
    assert set(_faults(deployed, stage).values()) == {None}


def test_an_alias_that_names_other_code_is_found_out(
    deployed: Deployed, stage: BuiltElsewhere
) -> None:
    deployed.release("zero")
    deployed.release("one")
    Functions("dev", deployed.client).point("tinyllama-dev", 1)

    faults = _faults(deployed, stage)

    assert faults["tinyllama-dev"] == "version 1, which live names, is another build"
    assert faults["tinyllama-dev-tick"] is None


def test_an_alias_that_shares_its_calls_is_found_out(
    deployed: Deployed, stage: BuiltElsewhere
) -> None:
    deployed.release("zero")
    deployed.release("one")
    deployed.client.update_alias(
        FunctionName="tinyllama-dev",
        Name="live",
        RoutingConfig={"AdditionalVersionWeights": {"1": 0.1}},
    )

    faults = _faults(deployed, stage)

    assert faults["tinyllama-dev"] == "live sends a share of the calls to version 1"


def test_the_build_on_another_processor_is_found_out(
    deployed: Deployed, stage: BuiltElsewhere
) -> None:
    deployed.release("one")
    other = BuiltElsewhere("dev", "x86_64", None, stage.variables, stage.where)

    faults = _faults(deployed, other)

    told = "runs on arm64, not on x86_64"
    assert set(faults.values()) == {f"$LATEST {told}; version 1, which live names, {told}"}


def test_code_that_was_laid_beside_the_build_is_found_out(
    deployed: Deployed, stage: BuiltElsewhere
) -> None:
    deployed.release("one")
    layer = deployed.client.publish_layer_version(
        LayerName="evil", Content={"ZipFile": zipped("evil")}
    )
    deployed.client.update_function_configuration(
        FunctionName="tinyllama-dev", Layers=[layer["LayerVersionArn"]]
    )

    faults = _faults(deployed, stage)

    assert faults["tinyllama-dev"] == "$LATEST has layers beside the build"
    assert faults["tinyllama-dev-tick"] is None


def test_a_function_without_alias_and_one_that_is_missing_are_told(
    deployed: Deployed, stage: BuiltElsewhere
) -> None:
    deployed.release("one")
    deployed.client.delete_alias(FunctionName="tinyllama-dev", Name="live")
    deployed.client.delete_function(FunctionName="tinyllama-dev-tick")

    faults = _faults(deployed, stage)

    assert faults["tinyllama-dev"] == "it has no alias live"
    assert faults["tinyllama-dev-tick"] == "there is no such function"


def test_a_difference_ends_with_exit_code_1_and_says_so_to_scripts(
    deployed: Deployed, stage: BuiltElsewhere, capsys: pytest.CaptureFixture[str]
) -> None:
    deployed.release("one")
    deployed.tamper("tick")

    with pytest.raises(typer.Exit) as ended:
        verifying.verify(stage, as_json=True)

    told = json.loads(capsys.readouterr().out)
    assert ended.value.exit_code == 1
    assert told["same"] is False
    assert [function["fault"] is None for function in told["functions"]] == [True, True, False]


def test_nothing_built_is_told(stage: BuiltElsewhere) -> None:
    (stage.folder / "deployment.zip").unlink()

    with pytest.raises(DeploymentFailed, match="make package STAGE=dev"):
        verifying.built_sha256(stage.folder)


def test_nothing_deployed_is_told(deployed: Deployed, stage: BuiltElsewhere) -> None:
    for name in deployed.names.values():
        deployed.client.delete_function(FunctionName=name)

    with pytest.raises(DeploymentFailed, match=r"in us-east-1: make deploy STAGE=dev"):
        verifying.verify(stage, as_json=False)


@pytest.mark.usefixtures("deployed")
def test_a_region_that_is_not_the_stages_is_refused(
    stage: BuiltElsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")

    with pytest.raises(DeploymentFailed, match="AWS_DEFAULT_REGION is eu-west-1"):
        verifying.verify(stage, as_json=False)


def test_old_versions_go_but_for_the_newest_and_what_an_alias_names(deployed: Deployed) -> None:
    for code in ("one", "two", "three", "four"):
        deployed.release(code)
    functions = Functions("dev", deployed.client)
    functions.point("tinyllama-dev", 1)

    pruned = functions.prune(keep=2)

    assert pruned == 5
    left = {name: [v.number for v in functions.versions(name)] for name in deployed.names.values()}
    assert left == {
        "tinyllama-dev": [1, 3, 4],
        "tinyllama-dev-jwt_authorizer": [3, 4],
        "tinyllama-dev-tick": [3, 4],
    }


def test_a_function_that_sleeps_is_not_waited_for(stage: BuiltElsewhere) -> None:
    unsigned = Config(signature_version=UNSIGNED)
    client = boto3.client("lambda", region_name=stage.region, config=unsigned)
    with Stubber(client) as answers:
        for name in names(stage.name).values():
            updated = {"Configuration": {"LastUpdateStatus": "Successful"}}
            answers.add_response("get_function", updated, {"FunctionName": name})
            which = {"FunctionName": name, "Qualifier": "live"}
            answers.add_response("get_function_configuration", {"State": "Inactive"}, which)

        Functions(stage.name, client).wait()

        answers.assert_no_pending_responses()
