"""`tinyllama registry`: ids are listed, read and copied; secrets are never shown or copied."""

import json
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.unit.parameter_store import Run, held, listen, put
from tinyllama import cli
from tinyllama.deployment import stages

pytestmark = pytest.mark.slow  # moto, which takes a second to come up


def test_a_list_shows_every_id_of_its_environment_and_no_secret(run: Run, ssm: Any) -> None:
    for number in range(23):  # pages of ten
        put(ssm, f"/tinyllama/dev/id_{number:02}", f"value-{number}")
    put(ssm, "/tinyllama/dev/engine_api_key", "hush", "SecureString")
    put(ssm, "/tinyllama/prod/vpc_id", "vpc-prod")

    shown = run("registry", "list", "--env", "dev")
    as_json = json.loads(run("registry", "list", "--env", "dev", "--json").out)

    assert shown.out.count("\n") == 24
    assert "engine_api_key  (a secret)" in shown.out
    assert "hush" not in shown.out
    assert "vpc-prod" not in shown.out
    assert as_json == {f"id_{number:02}": f"value-{number}" for number in range(23)}


def test_an_empty_environment_is_said_to_be_empty(run: Run, ssm: Any) -> None:
    del ssm

    shown = run("registry", "list", "--env", "dev")

    assert (shown.code, shown.out) == (0, "")
    assert f"dev has no ids in {stages.load('dev').region}: deploy it" in shown.err


def test_get_prints_the_id_and_nothing_else(run: Run, ssm: Any) -> None:
    put(ssm, "/tinyllama/dev/vpc_id", "vpc-1")

    assert run("registry", "get", "vpc_id", "--env", "dev").out == "vpc-1\n"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("vpc_id", "no id vpc_id in dev: tinyllama registry list --env dev"),
        ("engine_api_key", "a secret of dev"),
        ("../prod/vpc_id", "is no name"),
    ],
)
def test_get_refuses_what_is_no_id(run: Run, ssm: Any, name: str, told: str) -> None:
    put(ssm, "/tinyllama/dev/engine_api_key", "hush", "SecureString")

    refused = run("registry", "get", name, "--env", "dev")

    assert (refused.code, refused.out) == (1, "")
    assert told in refused.err
    assert "hush" not in refused.err


@pytest.mark.parametrize("name", ["", "Dev", "d", "a/b", "dev/", "a" * 17])
def test_a_bad_environment_is_refused_before_aws_is_asked(run: Run, name: str) -> None:
    refused = run("registry", "list", "--env", name)

    assert (refused.code, refused.out) == (2, "")
    assert "is no environment" in refused.err


def test_the_local_environment_has_no_registry(run: Run) -> None:
    assert "local" in run("registry", "list", "--env", "local").err


@pytest.fixture
def two(ssm: Any) -> Any:
    """Two environments that differ in every way there is."""
    for environment, ids in {
        "default": {"new": "n", "same": "s", "differs": "theirs", "clash": "c"},
        "dev": {"same": "s", "differs": "ours", "own": "o"},
    }.items():
        for name, value in ids.items():
            put(ssm, f"/tinyllama/{environment}/{name}", value)
    put(ssm, "/tinyllama/default/engine_api_key", "hush", "SecureString")
    put(ssm, "/tinyllama/dev/clash", "hush too", "SecureString")
    return ssm


def deeds(out: str) -> dict[str, str]:
    """Return what was done with each name."""
    lines = [line.split() for line in out.splitlines() if not line.startswith("Nothing")]
    return {line[1]: line[0] for line in lines}


def test_a_copy_creates_what_is_missing_and_leaves_what_differs(run: Run, two: Any) -> None:
    copied = run("registry", "copy", "--from", "default", "--to", "dev")

    assert copied.code == 0
    assert deeds(copied.out) == {
        "new": "create",
        "same": "same",
        "differs": "leave",
        "clash": "secret",
        "engine_api_key": "secret",
        "own": "only",
    }
    assert "it has ours, not theirs" in copied.out
    assert "hush" not in copied.out
    assert held(two, "dev") == {
        "new": "n", "same": "s", "differs": "ours", "own": "o", "clash": "hush too"
    }  # fmt: skip
    described = two.describe_parameters(
        ParameterFilters=[{"Key": "Name", "Values": ["/tinyllama/dev/clash"]}]
    )
    assert described["Parameters"][0]["Type"] == "SecureString"
    tagged = two.list_tags_for_resource(ResourceType="Parameter", ResourceId="/tinyllama/dev/new")
    assert {tag["Key"]: tag["Value"] for tag in tagged["TagList"]}["Environment"] == "dev"


def test_overwrite_changes_what_differs(run: Run, two: Any) -> None:
    copied = run("registry", "copy", "--from", "default", "--to", "dev", "--overwrite")

    assert deeds(copied.out)["differs"] == "change"
    assert held(two, "dev")["differs"] == "theirs"


def test_a_dry_run_tells_the_same_and_writes_nothing(run: Run, two: Any) -> None:
    command = ("registry", "copy", "--from", "default", "--to", "dev", "--overwrite")
    before = held(two, "dev")

    tried = run(*command, "--dry-run")
    after = held(two, "dev")
    done = run(*command)

    assert after == before
    assert tried.out == done.out + "Nothing was written: this was a dry run.\n"


def test_a_second_copy_finds_all_the_same(run: Run, two: Any) -> None:
    command = ("registry", "copy", "--from", "default", "--to", "dev", "--overwrite")
    run(*command)
    versions = {entry["Name"]: entry["Version"] for entry in describe(two)}

    again = run(*command)

    assert {deed for name, deed in deeds(again.out).items()} == {"same", "secret", "only"}
    assert {entry["Name"]: entry["Version"] for entry in describe(two)} == versions


def describe(ssm: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ssm.describe_parameters()["Parameters"]
    return found


@pytest.mark.parametrize(
    ("source", "target", "told"),
    [("dev", "dev", "to itself"), ("empty", "dev", "empty has no ids"), ("dev", "X", "'X' is no")],
)
def test_a_copy_that_makes_no_sense_is_refused(
    run: Run, two: Any, source: str, target: str, told: str
) -> None:
    before = held(two, "dev")

    refused = run("registry", "copy", "--from", source, "--to", target)

    assert refused.code == (1 if source == "empty" else 2)
    assert told in refused.err
    assert held(two, "dev") == before


def test_what_aws_refuses_is_named_and_the_rest_is_written(
    run: Run, ssm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(ssm, "/tinyllama/default/bad", "b")
    put(ssm, "/tinyllama/default/good", "g")

    def forestall(params: dict[str, Any], **_: Any) -> None:
        if params["Name"].endswith("/bad"):
            put(ssm, params["Name"], "another's")

    listen(monkeypatch, "provide-client-params.ssm.PutParameter", forestall)

    copied = run("registry", "copy", "--from", "default", "--to", "dev")

    assert copied.code == 1
    assert "bad (ParameterAlreadyExists)" in copied.err
    assert "good" not in copied.err
    assert held(ssm, "dev") == {"bad": "another's", "good": "g"}


@pytest.fixture
def elsewhere(ssm: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the Parameter Store where a stage's file says that it lives; the shell names none."""
    del ssm
    for name, region in {"apart": "ap-south-1", "beside": "ap-south-1", "far": "sa-east-1"}.items():
        file = tmp_path / f"{name}.tfvars.json"
        file.write_text(json.dumps({"stage": name, "region": region}))
    monkeypatch.setattr(stages, "FOLDER", tmp_path)
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    return boto3.client("ssm", region_name="ap-south-1")


def test_ids_and_secrets_are_looked_for_where_the_stages_file_says(
    run: Run, elsewhere: Any
) -> None:
    put(elsewhere, "/tinyllama/apart/vpc_id", "vpc-1")

    got = run("registry", "get", "vpc_id", "--env", "apart")
    copied = run("registry", "copy", "--from", "apart", "--to", "beside")
    kept = run("secrets", "set", "key", "--stage", "apart", typed=b"hush")

    assert (got.code, got.out, got.err) == (0, "vpc-1\n", "")
    assert copied.code == kept.code == 0
    assert held(elsewhere, "apart") == {"vpc_id": "vpc-1", "key": "hush"}
    assert held(elsewhere, "beside") == {"vpc_id": "vpc-1"}
    assert kept.out.startswith("key is a secret of apart now, in ap-south-1. ")


@pytest.mark.parametrize(
    "command",
    [
        ("registry", "list", "--env", "apart"),
        ("registry", "get", "vpc_id", "--env", "apart"),
        ("registry", "copy", "--from", "default", "--to", "apart"),
        ("secrets", "set", "key", "--stage", "apart"),
        ("secrets", "rotate", "key", "--stage", "apart"),
        ("secrets", "list", "--stage", "apart"),
    ],
    ids=" ".join,
)
@pytest.mark.usefixtures("elsewhere")
def test_another_region_than_the_stages_is_refused(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")

    refused = run(*command)

    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith("tinyllama: AWS_REGION is eu-west-1, the stage's region is ap-so")


@pytest.mark.usefixtures("elsewhere")
def test_stages_of_two_regions_are_not_copied(run: Run) -> None:
    refused = run("registry", "copy", "--from", "apart", "--to", "far")

    assert refused.code == 1
    assert "apart lives in ap-south-1, far lives in sa-east-1: ids are copied within" in refused.err


@pytest.mark.usefixtures("elsewhere")
def test_an_environment_without_a_file_is_looked_for_in_the_shells_region_which_is_told(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")

    listed = run("registry", "list", "--env", "besides")

    assert listed.err.startswith(
        "There is no file of a stage besides (did you mean beside?): this is about eu-west-1.\n"
    )


@pytest.mark.usefixtures("elsewhere")
def test_an_environment_without_a_file_needs_a_region(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))

    refused = run("secrets", "list", "--stage", "fare")

    assert refused.code == 1
    assert refused.err.startswith(
        "tinyllama: there is no file of a stage fare (did you mean far?), and no AWS region is set:"
    )


def test_the_command_line_offers_each_of_them() -> None:
    offered = {command.name for group in cli.app.registered_groups for command in _commands(group)}

    assert {"sync", "list", "get", "copy", "set", "rotate"} <= offered


def _commands(group: Any) -> list[Any]:
    nested = [one for inner in group.typer_instance.registered_groups for one in _commands(inner)]
    return [*group.typer_instance.registered_commands, *nested]
