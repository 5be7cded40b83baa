"""Rollback: callers reach the release before, all functions together, or nothing changes."""

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from tests.elsewhere import BuiltElsewhere
from tests.unit.deployed_functions import REGION, Deployed
from tests.unit.health_server import HealthServer
from tinyllama.deployment.failures import DeploymentFailed
from tinyllama.deployment.functions import Functions
from tinyllama.deployment.rolling_back import roll_back

pytestmark = pytest.mark.slow  # a Lambda of moto's for each


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # given back afterwards
    monkeypatch.setattr(sys, "stdin", io.StringIO())  # no terminal
    with mock_aws():
        yield Deployed()


@pytest.fixture
def stage(tmp_path: Path) -> BuiltElsewhere:
    return BuiltElsewhere("dev", "arm64", None, {"region": REGION}, tmp_path)


@pytest.fixture
def healthy(deployed: Deployed) -> Iterator[HealthServer]:
    """The API that the registry of dev names; it is well."""
    del deployed
    server = HealthServer((200, {"status": "pass", "version": "1.2.3"}))
    ssm = boto3.client("ssm", region_name=REGION)
    ssm.put_parameter(Name="/tinyllama/dev/api_url", Value=server.url, Type="String")
    yield server
    server.stop()


@pytest.mark.usefixtures("healthy")
def test_all_functions_go_back_to_the_code_before(
    deployed: Deployed, stage: BuiltElsewhere, capsys: pytest.CaptureFixture[str]
) -> None:
    before = deployed.release("one")
    deployed.release("two")

    roll_back(stage, None, yes=True, as_json=False)

    told = capsys.readouterr()
    assert deployed.live() == before
    assert "tinyllama-dev-tick  2 -> 1" in told.err
    assert "make deploy STAGE=dev goes forward again" in told.out


@pytest.mark.usefixtures("healthy")
def test_numbers_that_went_apart_are_brought_together_by_their_code(
    deployed: Deployed, stage: BuiltElsewhere
) -> None:
    deployed.release("one")
    deployed.release("one", ("jwt_authorizer",), LOG_LEVEL="DEBUG")
    before = deployed.live()
    deployed.release("two")

    roll_back(stage, None, yes=True, as_json=False)

    assert before == {"api_handler": 1, "jwt_authorizer": 2, "tick": 1}
    assert deployed.live() == before


@pytest.mark.usefixtures("healthy")
def test_settings_go_back_with_their_version_and_are_named_without_their_values(
    deployed: Deployed, stage: BuiltElsewhere, capsys: pytest.CaptureFixture[str]
) -> None:
    before = deployed.release("one", TINYLLAMA_QUEUE_LENGTH="4711")
    deployed.release("one", TINYLLAMA_QUEUE_LENGTH="4712")

    roll_back(stage, None, yes=True, as_json=False)

    told = capsys.readouterr()
    assert deployed.live() == before
    assert "Settings go back too: TINYLLAMA_QUEUE_LENGTH" in told.err
    assert "471" not in told.out + told.err


@pytest.mark.usefixtures("healthy")
def test_a_release_is_named_by_the_apis_version(deployed: Deployed, stage: BuiltElsewhere) -> None:
    first = deployed.release("one")
    deployed.release("two")
    deployed.release("three")

    roll_back(stage, 1, yes=True, as_json=False)

    assert deployed.live() == first


@pytest.mark.usefixtures("healthy")
def test_two_rollbacks_go_back_twice(deployed: Deployed, stage: BuiltElsewhere) -> None:
    first = deployed.release("one")
    deployed.release("two")
    deployed.release("three")

    roll_back(stage, None, yes=True, as_json=False)
    roll_back(stage, None, yes=True, as_json=False)

    assert deployed.live() == first


@pytest.mark.usefixtures("healthy")
def test_a_rollback_that_was_cut_off_is_finished_by_the_next(
    deployed: Deployed, stage: BuiltElsewhere
) -> None:
    deployed.release("zero")
    before = deployed.release("one")
    deployed.release("two")
    Functions("dev", deployed.client).point("tinyllama-dev-tick", before["tick"])

    roll_back(stage, None, yes=True, as_json=False)

    assert deployed.live() == before


@pytest.mark.usefixtures("healthy")
def test_scripts_get_one_document(
    deployed: Deployed, stage: BuiltElsewhere, capsys: pytest.CaptureFixture[str]
) -> None:
    deployed.release("one")
    deployed.release("two")

    roll_back(stage, None, yes=True, as_json=True)

    told = json.loads(capsys.readouterr().out)
    assert told["functions"]["tinyllama-dev"] == {"from": 2, "to": 1}
    assert told["health"] == "pass"


def test_without_a_release_before_nothing_changes(
    deployed: Deployed, stage: BuiltElsewhere
) -> None:
    deployed.release("one")

    with pytest.raises(DeploymentFailed, match="no release before version 1 of the API"):
        roll_back(stage, None, yes=True, as_json=False)


def test_a_version_that_is_not_there_is_refused_with_those_that_are(
    deployed: Deployed, stage: BuiltElsewhere
) -> None:
    deployed.release("one")
    live = deployed.release("two")

    with pytest.raises(DeploymentFailed, match="the API's version 7, but 1, 2"):
        roll_back(stage, 7, yes=True, as_json=False)

    assert deployed.live() == live


@pytest.mark.parametrize(("to", "command"), [(None, "rollback dev"), (1, "rollback dev --to 1")])
def test_without_a_terminal_to_ask_on_nothing_changes(
    deployed: Deployed, stage: BuiltElsewhere, to: int | None, command: str
) -> None:
    deployed.release("one")
    live = deployed.release("two")

    with pytest.raises(DeploymentFailed, match="no terminal to ask on: ") as raised:
        roll_back(stage, to, yes=False, as_json=False)

    assert str(raised.value).endswith(f"run .venv/bin/tinyllama {command} --yes")
    assert deployed.live() == live


@pytest.mark.usefixtures("deployed")
def test_a_stage_that_was_never_deployed_is_told(stage: BuiltElsewhere) -> None:
    with pytest.raises(DeploymentFailed, match="tinyllama-dev has no alias live"):
        roll_back(stage, None, yes=True, as_json=False)


def test_an_api_that_nobody_knows_the_address_of_is_told(
    deployed: Deployed, stage: BuiltElsewhere
) -> None:
    before = deployed.release("one")
    deployed.release("two")

    with pytest.raises(DeploymentFailed, match="its health is unknown"):
        roll_back(stage, None, yes=True, as_json=False)

    assert deployed.live() == before
