"""What commands print: tables for people, tabs or JSON for programs; nothing steers a terminal."""

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import typer

# Controls but for tab and line end, marks that turn the direction of writing, lone surrogates.
_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_SHOWN_CHARS = 60


def plain(text: str) -> str:
    r"""Return *text* with what could steer a terminal written out, as ``\u001b``; lines stay."""
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def cell(value: object) -> str:
    """Return a value in one line: nothing as ``-``, times to the second, the rest as JSON."""
    if value is None or value == "":
        return "-"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    text = value if isinstance(value, str) else compact(value)
    return plain(text).replace("\n", "\\n").replace("\t", "\\t")


def on_terminal() -> bool:
    """Whether what is printed is read by a person."""
    return sys.stdout.isatty()


def say(text: str) -> None:
    """Tell something beside the result, on standard error."""
    typer.echo(plain(text), err=True)


def write(text: str) -> None:
    """Write what a model says: as it is into a pipe, harmless on a terminal; at once."""
    sys.stdout.write(plain(text) if on_terminal() else text)
    sys.stdout.flush()


def line(text: str) -> None:
    """Write a text with a line end, unless it has one."""
    write(text if text.endswith("\n") else f"{text}\n")


def document(value: Any) -> None:
    """Print one JSON document: over several lines on a terminal, else in one."""
    # Not ASCII alone: what is left would be unreadable in most languages.
    text = json.dumps(value, ensure_ascii=False, indent=2 if on_terminal() else None)
    sys.stdout.write(f"{plain(text)}\n")
    sys.stdout.flush()


def record(value: Any) -> None:
    """Print one JSON document in a line of its own, for streams of them."""
    sys.stdout.write(f"{plain(compact(value))}\n")
    sys.stdout.flush()


def compact(value: Any) -> str:
    """Return a value as JSON in one line."""
    return json.dumps(value, ensure_ascii=False)


def row(values: Sequence[object]) -> None:
    """Print one row by itself, its values separated by tabs, two spaces on a terminal."""
    between = "  " if on_terminal() else "\t"
    sys.stdout.write(between.join(map(cell, values)) + "\n")
    sys.stdout.flush()


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under their columns' names; into a pipe without names, separated by tabs."""
    if not on_terminal():
        for each in rows:
            row(each)
        return
    from rich.console import Console  # noqa: PLC0415 - 0.1 s that a pipe does without
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    shown = Table(box=None, pad_edge=False, header_style="bold")
    for number, name in enumerate(columns):
        shown.add_column(name, no_wrap=number == 0, overflow="fold")
    for each in rows:
        shown.add_row(*(Text(_short(cell(value))) for value in each))
    Console(highlight=False).print(shown)


def fields(told: Mapping[str, object]) -> None:
    """Print each name with its value, one in a line."""
    if not on_terminal():
        table((), told.items())
        return
    width = max(map(len, told), default=0)
    for name, value in told.items():
        sys.stdout.write(f"{name.ljust(width)}  {cell(value)}\n")


@contextmanager
def waiting(words: str) -> Iterator[Callable[[str], None]]:
    """Show a spinner with *words*, which what is given replaces; nothing without a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415

    with Console(stderr=True, highlight=False).status(Text(words)) as status:
        yield lambda text: status.update(Text(plain(text)))


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARS else f"{text[: _SHOWN_CHARS - 1]}…"
