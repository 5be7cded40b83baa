"""Files that are replaced whole or not at all: who reads one never sees half of it."""

import os
import secrets
from pathlib import Path

from tinyllama.deployment.failures import DeploymentFailed


def replace(file: Path, text: str) -> None:
    """Let *file* hold *text*. Raises DeploymentFailed where it cannot be written."""
    draft = file.with_name(f"{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        try:
            draft.write_text(text, encoding="utf-8", newline="\n")
            draft.replace(file)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise DeploymentFailed(f"{file.name} cannot be written: {error.strerror}") from None
