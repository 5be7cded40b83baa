"""Searches what a run of the suites wrote for what must stay with its owner.

What must stay: tokens and API keys by their form, and by what they were, as prompts, answers,
payloads and secrets that a test used, are told to ``LEDGER``. Where it is looked for: captured
output and log records of each test, what commands wrote to standard error, each answer of 400 and
above, the log files of processes. A test in which something is found fails; files are searched when
the session ends, and fail its last test.
"""

import functools
import json
import os
import re
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import pytest

_FORMS = {
    "a token": re.compile(r"eyJ[\w-]{16,}"),
    "an API key": re.compile(r"tlk_[\w-]{16,}"),
    "a private key": re.compile(r"PRIVATE KEY-----\s*\w{16,}"),
}
# Short enough that a cut text is known again, long enough that no other text holds it by chance.
_PIECE = 12
_PIECES = 8  # of one text, from its beginning; and its end
_DISTINCT = 5  # characters; "xxxxxxxxxxxx" says nothing
# Shorter ones count if they are several words; a few, since each costs a search of each line.
_SHORT = re.compile(r"\S.{4,9}\S")
_SHORT_TEXTS = 256
_TEXTS = {
    *("prompt", "content", "payload", "data", "chunks", "text", "key"),
    *("input", "instructions"),
}
_IDS = re.compile(r"(?:job|evt|key|w|msg|fc|rs)_[0-9a-f]{32}(?:_[0-9]+)?")
_LOG_LINE = re.compile(r'^\{"(?:time|_aws)": .*$', re.MULTILINE)
_REFUSED = 400
# Written by programs of others, which see requests whole: the emulated AWS, a model's server.
_FOREIGN = {"emulator.log", "engine.log"}


class Ledger:
    """What was used so far, and where some of it was found."""

    def __init__(self) -> None:
        self._pieces: dict[str, str] = {}
        self._short: dict[str, str] = {}
        self._found: list[str] = []

    def note(self, kind: str, secret: str) -> str:
        """Remember *secret*, *kind* being ``a prompt`` say; returns it.

        One of under 12 characters is remembered only where it is several words.
        """
        if _SHORT.fullmatch(secret) and " " in secret and len(self._short) < _SHORT_TEXTS:
            self._short[secret] = kind
        for form in {secret, json.dumps(secret)[1:-1]}:
            starts = range(0, min(len(form) - _PIECE + 1, _PIECE * _PIECES), _PIECE)
            pieces = {form[start : start + _PIECE] for start in starts} | {form[-_PIECE:]}
            whole = [each for each in pieces if len(each) == _PIECE]
            self._pieces |= {each: kind for each in whole if len(set(each)) >= _DISTINCT}
        return secret

    def note_token(self, token: str) -> str:
        """Remember a token or API key by what is its own, not by its header; returns it."""
        for part in token.split(".")[1:]:
            self.note("a token", part)
        return token

    def note_request(self, headers: Mapping[str, str], body: bytes) -> None:
        """Remember whose token a request carries, its prompts, payloads, answers and keys."""
        for name, value in headers.items():
            if name.lower() == "authorization":
                self.note("a token", value.partition(" ")[2])
                self.note_token(value)
        try:
            told = json.loads(body) if body else None
        except (ValueError, RecursionError):
            return
        for text in _texts(told, within=False):
            self.note("what was sent", text)

    def look(self, where: str, text: str) -> None:
        """Search what was written *where*."""
        for number, line in enumerate(text.splitlines(), 1):
            for kind, start in self._in_line(line):
                # Not the thing itself: this is printed.
                before = line[max(0, start - 60) : start]
                self._found.append(f"{kind} in {where}, line {number}, after {before!r}")

    def look_at_answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Search an answer that refuses; what one of success holds is its caller's own."""
        if status >= _REFUSED:
            told = "\n".join(f"{name}: {value}" for name, value in headers.items())
            self.look(f"an answer of {status}", f"{told}\n{body.decode(errors='replace')}")

    def look_at_files(self, folder: Path) -> None:
        """Search each log below *folder* that programs of ours wrote."""
        for file in sorted(folder.rglob("*.log")):
            if file.is_file() and file.name not in _FOREIGN:
                self.look(file.name, file.read_text(encoding="utf-8", errors="replace"))

    def take(self) -> list[str]:
        """Return what was found since it was last asked for."""
        found, self._found = self._found, []
        return list(dict.fromkeys(found))

    def _in_line(self, line: str) -> Iterator[tuple[str, int]]:
        if line.startswith("import time:"):  # the interpreter's own, and there is much of it
            return
        for kind, form in _FORMS.items():
            if known := form.search(line):
                yield kind, known.start()
        for text, kind in self._short.items():
            if text in line:
                yield kind, line.index(text)
        if (start := self._first_piece(line)) is not None:
            yield self._pieces[line[start : start + _PIECE]], start

    def _first_piece(self, line: str) -> int | None:
        starts = range(len(line) - _PIECE + 1) if self._pieces else ()
        return next((i for i in starts if line[i : i + _PIECE] in self._pieces), None)


LEDGER = Ledger()


def _texts(value: Any, *, within: bool) -> Iterator[str]:
    """Yield the texts below the members that hold what is a caller's or a model's."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _texts(member, within=within or name in _TEXTS)
    elif isinstance(value, list):
        for member in value:
            yield from _texts(member, within=within)
    elif within and isinstance(value, str) and not _IDS.fullmatch(value):
        yield value


@functools.cache
def _outputs() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix="tl-outputs-")


def output(name: str) -> BinaryIO:
    """Open where a process of a suite may write, to be searched when the session ends."""
    descriptor, _ = tempfile.mkstemp(suffix=".log", prefix=f"{name}-", dir=_outputs().name)
    return os.fdopen(descriptor, "ab")


def look_at_outputs(ledger: Ledger) -> None:
    """Search all that was written to *output*, and remove it."""
    ledger.look_at_files(Path(_outputs().name))
    _outputs().cleanup()
    _outputs.cache_clear()


class Watch:
    """The plugin: notes each token that is made, fails each test that lets something out."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._patch = pytest.MonkeyPatch()

    def pytest_configure(self) -> None:
        """Hear of tokens where they are made, and of what a test takes from its capture."""
        from tinyllama import devkeys  # noqa: PLC0415 - a second of cryptography, for no --help

        for name in ("make_token", "make_api_key"):
            make: Callable[..., str] = getattr(devkeys, name)
            self._patch.setattr(devkeys, name, self._noting(make))
        read = pytest.CaptureFixture.readouterr

        def readouterr(capture: "pytest.CaptureFixture[Any]") -> Any:
            taken = read(capture)
            if isinstance(taken.err, str):
                self._ledger.look("standard error", taken.err)
                # A command may print what it was asked for, a token say; a line of a log may not.
                self._ledger.look("a log line", "\n".join(_LOG_LINE.findall(taken.out)))
            return taken

        self._patch.setattr(pytest.CaptureFixture, "readouterr", readouterr)

    def pytest_unconfigure(self) -> None:
        """Leave all as it was."""
        self._patch.undo()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Fail what let something out."""
        del item
        report = yield
        for title, text in report.sections:
            if title.endswith(report.when):
                self._ledger.look(title, text)
        found = self._ledger.take()
        if found and not report.failed:
            report.outcome = "failed"
            report.longrepr = "\n".join(["What must stay with its owner was let out:", *found])
        return report

    def _noting(self, make: Callable[..., str]) -> Callable[..., str]:
        @functools.wraps(make)
        def made(*arguments: Any, **named: Any) -> str:
            return self._ledger.note_token(make(*arguments, **named))

        return made
