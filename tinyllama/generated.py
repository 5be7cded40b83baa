"""Files that are made of others, committed, and held against their source."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path


def keep(source: Callable[[], str], target: Path, arguments: Sequence[str] | None = None) -> int:
    """Write what *source* returns into *target*; with ``--check`` only say whether it is there.

    *arguments* are the command line's unless given. Returns the exit status: 1 for a stale file.
    """
    parser = argparse.ArgumentParser(description=f"Write {target.name} from its sources.")
    parser.add_argument("--check", action="store_true", help="only say whether it is up to date")
    check = parser.parse_args(arguments).check
    text = source()
    if not check:
        target.write_text(text, encoding="utf-8")
        return 0
    if target.is_file() and target.read_text(encoding="utf-8") == text:
        return 0
    print(f"{target.name} is stale: run make fmt", file=sys.stderr)
    return 1
