"""Files that are replaced whole or not at all: who reads one never sees half of it."""

import os
import secrets
from pathlib import Path

from tinyllama.deployment.failures import DeploymentFailed


def replace(file: Path, text: str, *, private: bool = False) -> None:
    """Let *file* hold *text*; a *private* one is its owner's alone from its first byte on.

    Raises DeploymentFailed where it cannot be written.
    """
    draft = file.with_name(f"{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            descriptor = os.open(draft, flags, 0o600 if private else 0o666)
            with open(descriptor, "w", encoding="utf-8", newline="\n") as written:  # noqa: PTH123
                written.write(text)
            draft.replace(file)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise DeploymentFailed(f"{file.name} cannot be written: {error.strerror}") from None
