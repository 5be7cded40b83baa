"""Files that a new API key goes to: never over another file, whole, for their owner alone."""

import os
import secrets
import stat
from pathlib import Path

from tinyllama.deployment.failures import Misused


def require_new(file: Path) -> None:
    """Raise Misused unless *file* can be made: asked before there is a key to lose."""
    if os.path.lexists(file):
        raise Misused(
            f"{file} exists, and no key is written over another: name a new file, and move it"
        )
    if not os.access(file.parent, os.W_OK | os.X_OK):
        raise Misused(f"{file} cannot be made: its folder is not there, or not yours")


def write_new(file: Path, key: str) -> None:
    """Write *key* and a newline to *file*, which is whole, mode 0600, once it is there.

    Raises OSError, FileExistsError for one that has come to be meanwhile, which stays as it is.
    """
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    mode = stat.S_IRUSR | stat.S_IWUSR
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with open(descriptor, "w", encoding="utf-8") as text:  # noqa: PTH123 - no path, a descriptor
            text.write(f"{key}\n")
            text.flush()
            os.fsync(descriptor)
        # A link, unlike a move, is never made over a file.
        file.hardlink_to(draft)
    finally:
        draft.unlink()
