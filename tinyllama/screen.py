"""What commands print: tables for people, tabs or JSON for programs; nothing steers a terminal."""

import json
import os
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import typer

# Controls but for tab and line end, marks that turn the direction of writing, lone surrogates.
_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
READER_GONE = 141  # as a shell tells of who is ended by a closed pipe: 128 and SIGPIPE
_LEAST_CELLS = 5  # of a column that is cut


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
    _put(plain(text) if on_terminal() else text)


def line(text: str) -> None:
    """Write a text with a line end, unless it has one."""
    write(text if text.endswith("\n") else f"{text}\n")


def document(value: Any) -> None:
    """Print one JSON document: over several lines on a terminal, else in one."""
    _put(f"{plain(_json(value, indent=2 if on_terminal() else None))}\n")


def record(value: Any) -> None:
    """Print one JSON document in a line of its own, for streams of them."""
    _put(f"{plain(_json(value))}\n")


def compact(value: Any) -> str:
    """Return a value as JSON in one line."""
    return json.dumps(value, ensure_ascii=False)


def _json(value: Any, indent: int | None = None) -> str:
    # ASCII alone would be unreadable in most languages. Where the output has another character set,
    # what it lacks would be written out in a way that is no JSON.
    whole = (sys.stdout.encoding or "").lower().replace("_", "-") in {"utf-8", "utf8"}
    return json.dumps(value, ensure_ascii=not whole, indent=indent)


def _put(text: str) -> None:
    """Write to standard output at once; where its reader has gone, end as others do then."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # What is still buffered would fail once more at the interpreter's end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(READER_GONE) from None


def row(values: Sequence[object]) -> None:
    """Print one row by itself, its values separated by tabs, two spaces on a terminal."""
    between = "  " if on_terminal() else "\t"
    _put(between.join(map(cell, values)) + "\n")


def brief(moment: datetime) -> str:
    """Return a time for a person's table: the hour of today, else the day, in the local zone."""
    now = datetime.now().astimezone()
    local = moment.astimezone(now.tzinfo)
    if local.date() == now.date():
        return local.strftime("%H:%M:%S")
    return local.strftime("%m-%d %H:%M" if local.year == now.year else "%Y-%m-%d")


def table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], cut: Collection[str] = ()
) -> None:
    """Print rows, if any, under their columns' names; into a pipe without names, between tabs.

    At a terminal times are brief, and the columns named in *cut* are as narrow as one line for
    each row asks for.
    """
    if not on_terminal():
        for each in rows:
            row(each)
        return
    from rich.cells import cell_len, set_cell_size  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415 - 0.1 s that a pipe does without
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    def short(text: str, width: int) -> str:
        return text if cell_len(text) <= width else f"{set_cell_size(text, width - 1)}…"

    console = Console(highlight=False)
    cells = [[brief(v) if isinstance(v, datetime) else cell(v) for v in each] for each in rows]
    if not cells:
        return
    widths = [max(map(cell_len, column)) for column in zip(columns, *cells, strict=True)]
    _narrow(widths, [columns.index(name) for name in cut], console.width - len(columns) + 1)
    shown = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for number, name in enumerate(columns):
        shown.add_column(name, no_wrap=number == 0 or name in cut, overflow="fold")
    for each in cells:
        shown.add_row(*(Text(short(*pair)) for pair in zip(each, widths, strict=True)))
    console.print(shown)


def _narrow(widths: list[int], numbers: Collection[int], most: int) -> None:
    """Take from the widest of the columns *numbers* until all have room in *most* cells."""
    while sum(widths) > most:
        widest = max(numbers, key=lambda number: widths[number], default=None)
        if widest is None or widths[widest] <= _LEAST_CELLS:
            return
        widths[widest] -= 1


def fields(told: Mapping[str, object]) -> None:
    """Print each name with its value, one in a line."""
    if not on_terminal():
        table((), told.items())
        return
    names = [cell(name) for name in told]
    width = max(map(len, names), default=0)
    for name, value in zip(names, told.values(), strict=True):
        _put(f"{name.ljust(width)}  {cell(value)}\n")


class _Frame:
    """A text that is asked for anew each time that it is shown."""

    def __init__(self, words: Callable[[], str]) -> None:
        self._words = words

    def __rich__(self) -> str:
        from rich.markup import escape  # noqa: PLC0415 - as above

        return escape(plain(self._words()))


@contextmanager
def waiting(words: str) -> Iterator[Callable[[Callable[[], str]], None]]:
    """Show a spinner with *words*, then what is given returns; nothing without a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415

    with Console(stderr=True, highlight=False).status(Text(words)) as status:
        yield lambda asked: status.update(_Frame(asked))
