"""Whose turn it is: one command at a time works on a stage's built folder and its saved plan."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from tinyllama.deployment.failures import DeploymentFailed
from tinyllama.deployment.stages import Stage


@contextmanager
def alone(stage: Stage) -> Iterator[Stage]:
    """Give *stage* to whoever comes first on this machine, until the block or the process ends.

    Another's packaging would change what a deployment is about to upload, its plan what is about to
    be applied. Raises DeploymentFailed for whoever comes second.
    """
    path = stage.folder.parent / f".{stage.name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DeploymentFailed(
                f"another command is at work in {stage.folder}: wait until it has ended"
            ) from None
        yield stage
