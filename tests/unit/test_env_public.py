"""`tinyllama env sync`: a stage's ids as variables, whole or not at all, read alike by all."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from dotenv import dotenv_values

from tests.unit.parameter_store import Run, put
from tinyllama.deployment import env_public, stages
from tinyllama.deployment.failures import DeploymentFailed

IDS = {
    "vpc_id": "vpc-1",
    "api_url": "https://a.example/dev?a=1&b=2",
    "private_subnet_ids": "subnet-1,subnet-2",
    "log_group": '/aws/lambda/a b $(id) `id` ${HOME} # "x" é',
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the variables go."""
    return tmp_path / ".env_public"


def as_shell(file: Path) -> dict[str, str]:
    """Return the variables that a shell has once it has read *file*."""
    command = f"set -a; . {file}; env -0"
    told = subprocess.run(  # noqa: S603
        ["/bin/sh", "-c", command], env={}, capture_output=True, text=True, check=True
    )  # fmt: skip
    pairs = [pair.partition("=") for pair in told.stdout.split("\0") if pair]
    return {name: value for name, _, value in pairs if name.startswith("TINYLLAMA_")}


def test_shell_dotenv_and_we_read_what_was_meant(file: Path) -> None:
    env_public.sync("dev", IDS, file=file)

    expected = {f"TINYLLAMA_{name.upper()}": value for name, value in IDS.items()}
    assert as_shell(file) == expected
    assert dotenv_values(file, interpolate=False) == expected
    assert env_public.read(file) == IDS


def test_the_file_is_sorted_and_says_where_it_comes_from(file: Path) -> None:
    env_public.sync("dev", IDS, file=file)

    lines = file.read_text(encoding="utf-8").splitlines()
    variables = [line for line in lines if not line.startswith("#")]
    assert "tinyllama env sync dev" in lines[0]
    assert variables == sorted(variables)


def test_an_earlier_file_is_replaced_whole(file: Path) -> None:
    env_public.sync("dev", {"gone": "1"}, file=file)

    env_public.sync("prod", {"here": "2"}, file=file)

    assert env_public.read(file) == {"here": "2"}
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize(
    ("ids", "told"),
    [
        ({}, "no ids of dev"),
        ({"a": "1\nTINYLLAMA_ENV=x"}, "the id a holds"),
        ({"a": "1\r"}, "the id a holds"),
        ({"a": "1\u2028"}, "the id a holds"),
        ({"a": "1\0"}, "the id a holds"),
        ({"a": "it's"}, "the id a holds"),
        ({"a": "back\\slash"}, "the id a holds"),
        ({"a-b": "1"}, "'a-b' is no name"),
        ({"a=b": "1"}, "is no name"),
        ({"Ab": "1", "aB": "2"}, "two ids would be the variable TINYLLAMA_AB"),
    ],
)  # fmt: skip
def test_what_cannot_be_told_is_refused_and_the_earlier_file_stays(
    file: Path, monkeypatch: pytest.MonkeyPatch, ids: Mapping[str, str], told: str
) -> None:
    file.write_text("TINYLLAMA_A=before\n")
    steps = file.with_name("steps")
    monkeypatch.setenv("GITHUB_ENV", str(steps))

    with pytest.raises(DeploymentFailed, match=told):
        env_public.sync("dev", {"good": "1", **ids} if ids else {}, github=True, file=file)

    assert file.read_text() == "TINYLLAMA_A=before\n"
    assert list(file.parent.iterdir()) == [file]


def test_a_folder_that_cannot_be_written_is_told(file: Path) -> None:
    with pytest.raises(DeploymentFailed, match=r"\.env_public cannot be written"):
        env_public.sync("dev", IDS, file=file.parent / "absent" / file.name)


@pytest.mark.parametrize("before", ["", "A=1\n", "A=1"])
def test_to_github_the_ids_are_appended_on_lines_of_their_own(
    file: Path, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    steps = file.with_name("steps")
    steps.write_text(before)
    monkeypatch.setenv("GITHUB_ENV", str(steps))

    env_public.sync("dev", {"b": "$(x) y", "a": "1"}, github=True, file=file)

    expected = ["TINYLLAMA_A=1", "TINYLLAMA_B=$(x) y"]
    assert steps.read_text().splitlines() == [*before.splitlines(), *expected]


def test_outside_a_workflow_github_is_refused_and_nothing_is_written(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_ENV", raising=False)

    with pytest.raises(DeploymentFailed, match="GITHUB_ENV is not set"):
        env_public.sync("dev", IDS, github=True, file=file)

    assert not file.exists()


def test_without_the_file_nothing_is_read(file: Path) -> None:
    assert env_public.read(file) == {}


@pytest.fixture
def stages_ssm(ssm: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The Parameter Store of the region that the file of dev names, and no other's."""
    del ssm
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    return boto3.client("ssm", region_name=stages.load("dev").region)


@pytest.mark.slow
def test_the_command_writes_the_registrys_ids_and_none_of_its_secrets(
    run: Run, stages_ssm: Any, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(env_public, "FILE", file)
    put(stages_ssm, "/tinyllama/dev/vpc_id", "vpc-1")
    put(stages_ssm, "/tinyllama/dev/engine_api_key", "hush", "SecureString")

    synced = run("env", "sync", "dev")

    assert (synced.code, synced.out) == (0, "1 ids of dev are in .env_public.\n")
    assert env_public.read(file) == {"vpc_id": "vpc-1"}


@pytest.mark.slow
@pytest.mark.usefixtures("ssm")
def test_another_region_than_the_stages_is_refused(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")

    refused = run("env", "sync", "dev")

    assert refused.code == 2
    assert refused.err.startswith("tinyllama: AWS_DEFAULT_REGION is eu-west-1, the stage's region")


@pytest.mark.slow
@pytest.mark.usefixtures("stages_ssm")
def test_a_stage_without_ids_is_a_sentence(run: Run) -> None:
    refused = run("env", "sync", "dev")

    assert (refused.code, refused.out) == (1, "")
    assert refused.err == "tinyllama: there are no ids of dev: deploy it first\n"
