"""What a user gives a command to send: as an argument, in a file or on standard input."""

import json
import os
import sys
from pathlib import Path
from typing import Any, BinaryIO

from chalicelib import limits
from tinyllama.client_errors import Unusable

STDIN = "-"
PROMPT_CHARS = 100_000  # what a router takes


def prompt(argument: str | None, file: Path | None) -> str:
    """Return the prompt: *argument*, what *file* holds, or what is piped in. Raises Unusable."""
    found = _text("prompt", argument, file)
    if not found.strip():
        raise Unusable("the prompt is empty")
    if len(found) > PROMPT_CHARS:
        raise Unusable(f"the prompt is over {PROMPT_CHARS:,} characters: send less")
    return found


def payload(argument: str | None, file: Path | None) -> Any:
    """Return the JSON of *argument* or *file*, null without either. Raises Unusable."""
    if argument is None and file is None:
        return None
    try:
        return json.loads(_text("payload", argument, file), parse_constant=_no_number)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Unusable(
            f"the payload is not JSON ({where}); a text is quoted twice: --payload '\"done\"'"
        ) from None
    except (ValueError, RecursionError):
        raise Unusable("the payload is not JSON that can be sent") from None


def _no_number(name: str) -> None:
    raise ValueError(name)


def _text(what: str, argument: str | None, file: Path | None) -> str:
    if argument is not None and file is not None:
        raise Unusable(f"give the {what} or --file, not both")
    if argument not in {None, STDIN}:
        return _sendable(what, os.fsencode(str(argument)))
    if file is not None and str(file) != STDIN:
        try:
            with file.open("rb") as opened:
                return _sendable(str(file), _read(opened))
        except OSError as error:
            raise Unusable(f"{file} cannot be read: {error.strerror}") from None
    if argument is None and file is None and sys.stdin.isatty():
        raise Unusable(f"give a {what}, - for standard input, or --file")
    return _sendable("standard input", _read(sys.stdin.buffer))


def _read(opened: BinaryIO) -> bytes:
    return opened.read(limits.BODY_BYTES + 1)


def _sendable(name: str, raw: bytes) -> str:
    """Return what *raw* says, without line ends behind it. Raises Unusable naming its origin."""
    if len(raw) > limits.BODY_BYTES:
        raise Unusable(f"{name}: over {limits.BODY_BYTES // 1024} KiB, more than a call carries")
    if b"\0" in raw:
        raise Unusable(f"{name}: holds binary data, no text")
    try:
        return raw.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise Unusable(f"{name}: is no text in UTF-8 (byte {error.start + 1})") from None
