"""A stage's file is sound, or a sentence says what is not: nothing of it is guessed."""

import json
from pathlib import Path

import pytest

from tinyllama.deployment import stages
from tinyllama.deployment.failures import DeploymentFailed

SOUND = {"stage": "dev", "region": "eu-west-1"}


def load(folder: Path, name: str = "dev", **more: object) -> stages.Stage:
    """Return the stage that says what a sound one does, and *more*."""
    file = folder / f"{name}.tfvars.json"
    file.write_text(json.dumps(SOUND | {"stage": name} | more))
    return stages.load(name, folder)


@pytest.mark.parametrize("name", ["local", "bootstrap"])
def test_a_name_that_stands_for_something_else_is_no_stages(tmp_path: Path, name: str) -> None:
    with pytest.raises(DeploymentFailed, match=f"^{name} is taken: call the stage otherwise$"):
        load(tmp_path, name)


@pytest.mark.parametrize(
    "region", [None, "", 1, "us-east", "us-east-1 ", "US-EAST-1", "us-east-1a"]
)
def test_a_stage_without_a_region_is_refused(tmp_path: Path, region: object) -> None:
    with pytest.raises(DeploymentFailed, match=r'dev\.tfvars\.json must say "region": "us-east-1"'):
        load(tmp_path, region=region)


@pytest.mark.parametrize("region", ["us-east-1", "ap-southeast-4", "us-gov-west-1"])
def test_a_region_is_what_aws_calls_so(tmp_path: Path, region: str) -> None:
    assert load(tmp_path, region=region).region == region


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("stagng", "there is no stage stagng (did you mean staging?): write stagng.tfvars.json"),
        ("other", "there is no stage other: write other.tfvars.json beside those of dev, staging"),
    ],
)
def test_a_slip_is_told_with_the_stage_that_may_be_meant(
    tmp_path: Path, name: str, told: str
) -> None:
    for known in ("dev", "staging"):
        load(tmp_path, known)

    with pytest.raises(DeploymentFailed) as raised:
        stages.load(name, tmp_path)

    assert str(raised.value).startswith(told)


@pytest.mark.parametrize(
    "origin", ["https://app.example", "http://localhost:5173", "http://[::1]:80", "http://10.0.0.1"]
)
def test_an_origin_is_a_scheme_a_host_and_a_port(tmp_path: Path, origin: str) -> None:
    assert load(tmp_path, cors_origin=origin).cors_origin == origin


@pytest.mark.parametrize(
    "origin",
    [
        *("https://*", "https://a.example,https://b.example", "https://${var.region}"),
        *("https://user@a.example", "https://a.example?x", "https://a.example/", "", 5),
    ],
)
def test_what_no_browser_sends_as_origin_is_refused(tmp_path: Path, origin: object) -> None:
    with pytest.raises(DeploymentFailed, match='"cors_origin" is an origin'):
        load(tmp_path, cors_origin=origin)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "dev.tfvars.json").mkdir()

    with pytest.raises(DeploymentFailed, match=r"dev\.tfvars\.json cannot be read: Is a directory"):
        stages.load("dev", tmp_path)


@pytest.mark.parametrize("text", ["[" * 100_000, "{", "\ufeff{}"])
def test_what_is_not_json_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "dev.tfvars.json").write_text(text)

    with pytest.raises(DeploymentFailed, match=r"dev\.tfvars\.json is not JSON"):
        stages.load("dev", tmp_path)


def written(folder: Path, text: str) -> stages.Stage:
    """Return the stage of a file that was written so by hand."""
    (folder / "dev.tfvars.json").write_text(text)
    return stages.load("dev", folder)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            '{"stage": "dev", "region": "us-east-1", "functions": {"tick": {"memory": 512}}}\n',
            (
                '{"stage": "dev", "region": "us-east-1", "functions": {"tick": {"memory": 512}},\n'
                '  "warmer": false}\n'
            ),
        ),
        (
            '{"stage": "dev", "warmer" : true , "region": "us-east-1"}',
            '{"stage": "dev", "warmer" : false , "region": "us-east-1"}',
        ),
        (
            '{"stage": "dev", "settings": {"warmer": "[{"}, "region": "us-east-1"}',
            (
                '{"stage": "dev", "settings": {"warmer": "[{"}, "region": "us-east-1",\n'
                '  "warmer": false}'
            ),
        ),
        (
            '{"stage": "dev", "region": "us-east-1", "Ä": "é", "warmer": true}',
            '{\n  "stage": "dev",\n  "region": "us-east-1",\n  "Ä": "é",\n  "warmer": false\n}\n',
        ),
    ],
    ids=["a new one", "one that is there", "one of the same name within", "an unheard-of layout"],
)
def test_a_setting_changes_and_the_rest_stays_as_it_is_written(
    tmp_path: Path, before: str, after: str
) -> None:
    stage = written(tmp_path, before)

    path = stages.change(stage, "warmer", value=False, folder=tmp_path)

    assert path.read_text() == after
    assert stages.load("dev", tmp_path).variables == {**stage.variables, "warmer": False}


def test_a_file_that_somebody_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    stage = load(tmp_path)
    load(tmp_path, warmer=True)

    with pytest.raises(DeploymentFailed, match=r"dev\.tfvars\.json has changed meanwhile"):
        stages.change(stage, "warmer", value=False, folder=tmp_path)

    assert stages.load("dev", tmp_path).variables["warmer"] is True
