"""Runs ``tinyllama`` in the test's own process, as a person at a router would."""

import sys
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper

import pytest

from tests.leaks import LEDGER
from tinyllama import cli


@dataclass(frozen=True)
class Ran:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[list[str]]:
        """What was printed into the pipe, cell by cell."""
        return [line.split("\t") for line in self.out.splitlines()]


class CommandLine:
    """The command line with a pipe at both ends."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str, typed: bytes = b"") -> Ran:
        """Run a command with what is piped into it."""
        LEDGER.note("what was typed", typed[:1000].decode(errors="replace").strip())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["tinyllama", *arguments])
            patch.setattr(sys, "stdin", TextIOWrapper(BytesIO(typed)))
            with pytest.raises(SystemExit) as ended:
                cli.main()
        out, err = self._capsys.readouterr()
        return Ran(int(ended.value.code or 0), out, err)
