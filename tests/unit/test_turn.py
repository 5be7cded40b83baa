"""A stage's built folder is one command's at a time; whoever comes second builds nothing."""

import sys
from pathlib import Path

import pytest

from tests.elsewhere import BuiltElsewhere
from tinyllama import cli
from tinyllama.deployment import stages, turn
from tinyllama.deployment.failures import DeploymentFailed


@pytest.fixture
def stage(tmp_path: Path) -> BuiltElsewhere:
    """A stage that nobody has built yet."""
    return BuiltElsewhere("dev", "arm64", None, {"region": "eu-west-1"}, tmp_path / "build")


def test_whoever_comes_second_is_refused(stage: BuiltElsewhere) -> None:
    with (
        turn.alone(stage),
        pytest.raises(DeploymentFailed, match="another command is at work in"),
        turn.alone(stage),
    ):
        pass


def test_other_stages_go_on(stage: BuiltElsewhere) -> None:
    other = BuiltElsewhere("prod", "arm64", None, {}, stage.where)

    with turn.alone(stage), turn.alone(other) as given:
        assert given is other


def test_after_a_failure_the_next_has_its_turn(stage: BuiltElsewhere) -> None:
    with pytest.raises(KeyError), turn.alone(stage):
        raise KeyError

    with turn.alone(stage) as given:
        assert given is stage


@pytest.mark.parametrize("words", [("package", "dev"), ("deploy", "dev", "--yes")])
def test_neither_packaging_nor_deployment_begins_beside_another(
    stage: BuiltElsewhere,
    words: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(stages, "load", lambda _name: stage)
    monkeypatch.setattr(sys, "argv", ["tinyllama", *words])

    with turn.alone(stage), pytest.raises(SystemExit) as ended:
        cli.main()

    assert ended.value.code == 1
    assert capsys.readouterr().err == (
        f"tinyllama: another command is at work in {stage.folder}: wait until it has ended\n"
    )
