"""Reads what a store did from ``MONITOR``, to see which keys a script touched."""

import re
import socket
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import redis

_LINE = re.compile(r"\+\d+\.\d+ \[\d+ (?P<source>[^\]]+)\] (?P<words>.*)")
_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"')
KEYLESS = {"INFO", "TIME"}  # commands of scripts that take no key
_LAST = "the last line of the recording"


@dataclass
class Call:
    """One run of a script: its digest or source, the keys it declared, the commands it called."""

    script: str
    declared: frozenset[str]
    commands: list[Sequence[str]] = field(default_factory=list)


@contextmanager
def recording(folder_socket: Path, raw: "redis.Redis") -> Iterator[list[Call]]:
    """Yield a list that holds, at the end, every script that ran meanwhile."""
    calls: list[Call] = []
    with socket.socket(socket.AF_UNIX) as monitor:
        monitor.connect(str(folder_socket))
        monitor.sendall(b"MONITOR\r\n")
        lines = monitor.makefile("r", encoding="latin-1", newline="\r\n")
        assert lines.readline() == "+OK\r\n"
        yield calls
        raw.echo(_LAST)
        for line in lines:
            found = _LINE.fullmatch(line.rstrip("\r\n"))
            assert found, line
            words = [_unescaped(word) for word in _WORD.findall(found["words"])]
            if words[-1] == _LAST:
                break
            _note(calls, found["source"], words)


def _note(calls: list[Call], source: str, words: list[str]) -> None:
    if source == "lua":
        calls[-1].commands.append(words)
    elif words[0].upper() in {"EVAL", "EVALSHA"}:
        calls.append(Call(words[1], frozenset(words[3 : 3 + int(words[2])])))


def _unescaped(word: str) -> str:
    return word.encode("latin-1").decode("unicode_escape").encode("latin-1").decode()


def undeclared(calls: Sequence[Call], raw: "redis.Redis") -> set[tuple[str, str]]:
    """Return the script and key of each touch that the script did not declare."""
    keys = _keys({tuple(command) for call in calls for command in call.commands}, raw)
    return {
        (call.script, key)
        for call in calls
        for command in call.commands
        for key in keys[tuple(command)]
        if key not in call.declared
    }


def _keys(
    commands: set[tuple[str, ...]], raw: "redis.Redis"
) -> Mapping[tuple[str, ...], Sequence[str]]:
    """Ask the server which words of each of the *commands* are keys."""
    asked = [command for command in commands if command[0] not in KEYLESS]
    with raw.pipeline(transaction=False) as pipeline:
        for command in asked:
            pipeline.command_getkeys(*command)
        told = dict(zip(asked, pipeline.execute(), strict=True))
    return defaultdict(tuple, told)
