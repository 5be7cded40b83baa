"""Where a project's run-time files lie: in the user's state folder, never inside the project."""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import platformdirs

from chalicelib import settings
from chalicelib.errors import NotConfigured, StoreUnavailable

# sun_path holds 104 bytes on macOS, 108 on Linux, the closing zero included.
SOCKET_PATH_BYTES = 103
POLL_SECONDS = 0.05
LOG_BYTES = 1_000_000
DOOR_SECONDS = 10.0


def state_folder() -> Path:
    """Return the folder for everything this product keeps on this machine; it may not exist yet.

    ``TINYLLAMA_STATE_DIR``, else the user's state folder. Raises NotConfigured when it lies inside
    the project, where the file poller of ``chalice local`` would see each file being opened.
    """
    chosen = settings.variable("state_dir")
    folder = Path(chosen or platformdirs.user_state_path("tinyllama-router")).expanduser()
    # Two ways to write one folder are one local system; a relative one is seen from the project,
    # where the keeper runs, wherever the command was given.
    folder = (settings.PROJECT / folder).resolve()
    if folder.is_relative_to(settings.PROJECT):
        raise NotConfigured("TINYLLAMA_STATE_DIR must not lie inside the project")
    return folder


@dataclass(frozen=True)
class Home:
    """The folder of one project's local system, and what each file in it is for."""

    folder: Path

    @property
    def users(self) -> Path:
        """Hold a file for each process that uses the local system."""
        return self.folder / "users"

    @property
    def data(self) -> Path:
        """Hold the store's append-only file."""
        return self.folder / "data"

    @property
    def keeper_log(self) -> Path:
        """Tell what the keeper did; the worker writes here too."""
        return self.folder / "keeper.log"

    @property
    def store_log(self) -> Path:
        """Tell what the store says of itself."""
        return self.folder / "store.log"

    @property
    def api_log(self) -> Path:
        """Tell what the API of `make run` answered."""
        return self.folder / "api.log"

    def bound_logs(self) -> None:
        """Move each log of the keeper's that has grown long aside; see ``bound``."""
        bound(self.keeper_log)
        bound(self.store_log)

    @property
    def socket(self) -> Path:
        """Return the store's Unix socket; its folder is this user's alone."""
        path = self.folder / "store.sock"
        if len(os.fsencode(path)) <= SOCKET_PATH_BYTES:
            return path
        short = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
        # tempfile's folder is itself too long on macOS; what is found here is checked by prepare.
        return Path(f"/tmp/tinyllama-{os.getuid()}") / f"{short}.sock"  # noqa: S108 - as said above

    @property
    def url(self) -> str:
        """Return the store's URL."""
        return f"unix://{quote(str(self.socket))}"

    def prepare(self) -> None:
        """Make the folders, for this user alone. Raises NotConfigured when that is impossible."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.users, self.data, self.socket.parent):
                folder.mkdir(mode=0o700, exist_ok=True)
            found = self.socket.parent.lstat()
        except OSError as error:
            raise NotConfigured(
                "the local system's folder cannot be made; set TINYLLAMA_STATE_DIR to one you can"
                f" write, or TINYLLAMA_STORE_URL to a store of your own ({error.strerror})"
            ) from error
        mine = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
        if not mine or found.st_mode & 0o077:
            raise NotConfigured(
                "the folder of the store's socket is not yours alone; set TINYLLAMA_STATE_DIR to"
                " a short path of your own"
            )

    @contextlib.contextmanager
    def door(self) -> Iterator[None]:
        """Hold the door: who comes in and the decision to close exclude each other.

        Raises StoreUnavailable when another process does not let go of it.
        """
        lock = hold(self.folder / "door.lock", seconds=DOOR_SECONDS)
        if lock is None:
            raise StoreUnavailable("another process keeps the local system's door locked")
        try:
            yield
        finally:
            os.close(lock)

    def hold_keeper(self) -> int | None:
        """Become the keeper of this project: the lock's descriptor, or None when one lives."""
        return hold(self.folder / "keeper.lock", seconds=0)

    def hold_data(self, seconds: float) -> int | None:
        """Hold the data folder, which the store's process holds as long as it lives."""
        return hold(self.folder / "data.lock", seconds=seconds)

    def note(self, name: str, content: Mapping[str, Any]) -> None:
        """Write the note *name*, whole or not at all."""
        new = self.folder / f"{name}.{os.getpid()}.new"
        new.write_text(json.dumps(content), encoding="utf-8")
        new.replace(self.folder / f"{name}.json")

    def read_note(self, name: str) -> dict[str, Any]:
        """Return the note *name*; one that is absent or unreadable is empty."""
        try:
            content = json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def drop_note(self, name: str) -> None:
        """Remove the note *name*; one that is absent is no error."""
        (self.folder / f"{name}.json").unlink(missing_ok=True)


def bound(log: Path) -> None:
    """Move a *log* that has grown long aside, in place of the one before; writers go on."""
    with contextlib.suppress(OSError):
        if log.stat().st_size > LOG_BYTES:
            shutil.copyfile(log, log.with_suffix(".old.log"))
            os.truncate(log, 0)


def hold(path: Path, seconds: float) -> int | None:
    """Lock *path* for this process and whoever inherits the descriptor; None if others hold it.

    The lock ends when the last of them closes it or dies, however it dies.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(descriptor)
                return None
            time.sleep(min(POLL_SECONDS, seconds))
        else:
            return descriptor


def home() -> Home:
    """Return this project's own folder."""
    project = hashlib.sha256(os.fsencode(settings.PROJECT)).hexdigest()[:16]
    return Home(state_folder() / project)
