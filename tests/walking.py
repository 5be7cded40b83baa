"""Walks through a page as its reader would: what it shows is run, what it shows as output compared.

Of fenced blocks, ``sh`` is run in one shell, in the page's order; a ``sh`` block that begins with
``#!`` and a ``python`` block are files, named by a comment in their first lines. ``text`` is what
the commands right before it print, ``…`` standing for anything in a line, or alone for any lines.
A block whose first line is ``# not run here: <reason>`` is left out.
"""

import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^```(sh|python|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r"^# ([\w.-]+)$", re.MULTILINE)
_SPARED = "# not run here: "
_END = "\x1eend of block\x1e"
_PLACE = "127.0.0.1:8000"  # where pages say that a router listens


@dataclass(frozen=True)
class Block:
    """One fenced block of a page: its language, its text, the line it begins in."""

    language: str
    text: str
    line: int

    @property
    def spared(self) -> str | None:
        """Why it is not run; None when it is."""
        first = self.text.partition("\n")[0]
        return first.removeprefix(_SPARED) if first.startswith(_SPARED) else None

    @property
    def file(self) -> str | None:
        """The name of the file that it is."""
        if self.language == "text" or (self.language == "sh" and not self.text.startswith("#!")):
            return None
        named = _NAME.search(self.text)
        assert named is not None, f"the file in line {self.line} has no name"
        return named[1]


def blocks(page: Path) -> list[Block]:
    """Return the blocks of *page* that a reader types, saves or sees."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(found[1], found[2], text.count("\n", 0, found.start()) + 1)
        for found in _BLOCK.finditer(text)
    ]


def agrees(shown: str, printed: str) -> bool:
    """Whether *printed* is what *shown* says, ``…`` standing for anything in a line."""
    lines = [re.escape(line.rstrip()).replace("…", ".*") + "\n" for line in shown.splitlines()]
    pattern = "".join("(?:.*\n)*" if line == ".*\n" else line for line in lines)
    told = "".join(f"{line.rstrip()}\n" for line in printed.strip("\n").splitlines())
    return re.fullmatch(pattern, told) is not None


class Walk:
    """A shell in *folder* that types what pages show; the router listens at *place*."""

    def __init__(self, folder: Path, environment: Mapping[str, str], place: str) -> None:
        self._folder = folder
        self._place = place
        self._shell = subprocess.Popen(
            ["/bin/bash", "--norc"],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def close(self) -> None:
        """End the shell and all that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self._shell.pid, signal.SIGKILL)
        self._shell.communicate()

    def through(self, page: Path) -> Iterator[str]:
        """Yield what is not as *page* shows it, and in which line; a command that fails ends it."""
        printed = ""
        for block in blocks(page):
            text = block.text.replace(_PLACE, self._place)
            if block.spared is not None:
                continue
            if block.language == "text":
                if not agrees(block.text, printed.replace(self._place, _PLACE)):
                    yield f"{page.name}:{block.line}: not as shown:\n{printed}"
            elif block.file is not None:
                (self._folder / block.file).write_text(text, encoding="utf-8")
            else:
                printed, code = self._type(text)
                if code:
                    yield f"{page.name}:{block.line}: exit code {code}:\n{printed}"
                    return

    def _type(self, text: str) -> tuple[str, int]:
        """Return what the commands print, and the exit code of the first that failed."""
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        # All at once and not from the shell's own input, which the commands would read from.
        self._shell.stdin.write(
            "failed=0; trap 'code=$?; (( failed )) || failed=$code' ERR\n"
            f"eval {_quoted(text)} < /dev/null\n"
            f"trap - ERR; printf '\\n{_END}%d\\n' \"$failed\"\n"
        )
        self._shell.stdin.flush()
        lines: list[str] = []
        for line in self._shell.stdout:
            if line.startswith(_END):
                return "".join(lines).removesuffix("\n"), int(line.removeprefix(_END))
            lines.append(line)
        raise AssertionError("the shell ended")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
