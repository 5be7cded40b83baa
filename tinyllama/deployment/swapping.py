"""Folders that are replaced whole or not at all."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replaced(target: Path) -> Iterator[Path]:
    """Give an empty folder that takes *target*'s place once the block has ended well.

    Where the block raises, *target* stays as it was.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    new, old = aside / "new", aside / "old"
    new.mkdir()
    try:
        yield new
        try:
            if target.exists():
                target.rename(old)
            new.rename(target)
        finally:
            # Ctrl-C between the two, say: what is aside is about to be removed.
            if old.exists() and not target.exists():
                old.rename(target)
    finally:
        shutil.rmtree(aside)
