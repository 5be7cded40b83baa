"""What the tests of the registry and its secrets share: a Parameter Store, a command line on it."""

import io
import os
import sys
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, settings
from moto import mock_aws

from tests import leaks
from tests.unit.parameter_store import Ran, Run
from tinyllama import cli
from tinyllama.deployment import stages

# What a property is tried with: the same examples each time, or with --hypothesis-profile=long
# (`make fuzz`) 100,000, or TEST_EXAMPLES, that nobody has seen. A property that says a number of
# its own keeps to it.
_ALIKE = settings(
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.register_profile("short", _ALIKE, max_examples=100, derandomize=True)
settings.register_profile(
    "long", _ALIKE, max_examples=int(os.environ.get("TEST_EXAMPLES", "100000"))
)
settings.load_profile("short")


class Pipe(io.TextIOWrapper):
    """Standard input that is no terminal."""

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content))


@pytest.fixture
def ssm(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An empty Parameter Store in the region of the stage dev, by the emulator moto."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", stages.load("dev").region)
    monkeypatch.delenv("AWS_REGION", raising=False)
    with mock_aws():
        yield boto3.client("ssm")
    boto3.DEFAULT_SESSION = None  # a test may have given it ears of its own


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``tinyllama`` with these arguments; *typed* is piped into it."""

    def command(*arguments: str, typed: bytes = b"") -> Ran:
        leaks.LEDGER.note("what was typed", typed.decode(errors="replace").strip())
        monkeypatch.setattr(sys, "argv", ["tinyllama", *arguments])
        monkeypatch.setattr(sys, "stdin", Pipe(typed))
        with pytest.raises(SystemExit) as ended:
            cli.main()
        written = capsys.readouterr()
        return Ran(int(ended.value.code or 0), written.out, written.err)

    return command
