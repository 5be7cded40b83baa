"""Which process is meant: a pid is used again, a pid with its time of creation is not."""

import contextlib
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from chalicelib import settings

# Two processes may read a creation time a second apart: it is reckoned from the boot time.
TOLERANCE_SECONDS = 2.0
KILL_SECONDS = 2.0
POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Identity:
    """One process for good; ``created`` is in seconds since the epoch."""

    pid: int
    created: float

    def __str__(self) -> str:
        return f"{self.pid}-{self.created:.2f}"

    @staticmethod
    def parse(text: str) -> "Identity | None":
        """Read what ``str`` wrote; None for anything else."""
        pid, _, created = text.partition("-")
        try:
            return Identity(int(pid), float(created))
        except ValueError:
            return None

    def living(self) -> psutil.Process | None:
        """Return the process while it lives; None once it ended, whoever has its pid now."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created) < TOLERANCE_SECONDS
        except psutil.Error:
            return None
        return process if same and alive(process) else None


def identify(process: psutil.Process) -> Identity:
    """Name *process* so that it can be told from a later one with its pid."""
    return Identity(process.pid, process.create_time())


def alive(process: psutil.Process) -> bool:
    """Whether *process* still runs; one that only waits to be reaped does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def end(process: psutil.Process, grace_seconds: float) -> None:
    """Ask *process* to end, kill it after *grace_seconds*; return when it has ended."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process.terminate()
        if not _ended(process, grace_seconds):
            process.kill()
            _ended(process, KILL_SECONDS)


def _ended(process: psutil.Process, seconds: float) -> bool:
    # psutil's own wait takes a process that nobody has reaped yet for a living one.
    deadline = time.monotonic() + seconds
    while alive(process) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return not alive(process)


def users() -> list[Identity]:
    """Return who uses the local system through this process.

    That is the process itself and, when it is the child that ``chalice local`` replaces at every
    change of code, the parent too: store and worker outlive the change.
    """
    me = psutil.Process()
    found = [identify(me)]
    if settings.chalice_reload_child():
        with contextlib.suppress(psutil.Error):
            parent = psutil.Process(me.ppid())
            arguments = sys.argv[1:]
            # An orphan's parent is the system's first process, which never ends.
            if arguments and parent.cmdline()[-len(arguments) :] == arguments:
                found.append(identify(parent))
    return found


class Register:
    """The users of one local system, a file for each; asked often, so living ones are kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, psutil.Process] = {}

    def enter(self) -> None:
        """Write this process's users down; again is fine."""
        for user in users():
            (self._folder / str(user)).touch()

    def any_left(self) -> bool:
        """Whether a user lives; those that do not are struck out."""
        return bool(self.living())

    def living(self) -> list[int]:
        """Return the process ids of the users that live; those that do not are struck out."""
        names = sorted(file.name for file in self._folder.iterdir())
        return [self._known[name].pid for name in names if self._lives(name)]

    def _lives(self, name: str) -> bool:
        known = self._known.get(name)
        if known is None:
            identity = Identity.parse(name)
            known = identity.living() if identity else None
        if known is not None and alive(known):
            # Kept, because psutil recognizes it even when the machine's clock is set.
            self._known[name] = known
            return True
        self._known.pop(name, None)
        (self._folder / name).unlink(missing_ok=True)
        return False
