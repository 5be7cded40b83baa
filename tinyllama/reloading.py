"""What makes ``chalice local`` start its server anew: changed code, nothing else.

Chalice's event poller (watchdog 2.3.1) takes every *opened* project file for a change, begins to
watch while app.py is still importing, and restarts in the middle of a request. Its stat poller
takes every new file, bytecode too, for one. Both call back by class attribute, so that a class
mended while the server is importing is mended in time, provided that this comes first of all:
this module imports the standard library only, and so must the package it lies in.
"""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
FILES = ("app.py", ".env.dev", "requirements.txt", str(Path(".chalice", "config.json")))
FOLDERS = ("chalicelib", "vendor")
SETTLE_SECONDS = 0.1
SETTLE_ROUNDS = 10

type Signature = tuple[int, int, int] | None


class Code:
    """The files a server runs from, and how they were when it began."""

    def __init__(self, project: Path, settle_seconds: float = SETTLE_SECONDS) -> None:
        self._project = os.path.realpath(project)
        self._settle_seconds = settle_seconds
        self._began: dict[str, Signature] = {}

    def remember(self) -> None:
        """Take the present state as the one that the server runs from."""
        self._began = {name: self._signature(name) for name in self._names()}

    def name(self, path: str) -> str | None:
        """Return *path* relative to the project if the server runs from it, else None."""
        if "__pycache__" in path:
            return None
        parent, last = os.path.split(path)
        name = os.path.relpath(Path(os.path.realpath(parent), last), self._project)
        if name in FILES:
            return name
        # Editors drop their swap, lock and backup files beside the code.
        beside = last.startswith((".", "#")) or last.endswith("~")
        return name if name.partition(os.sep)[0] in FOLDERS and not beside else None

    def changed(self, path: str) -> bool:
        """Whether *path* is code and other than it was, once whoever is writing has finished."""
        name = self.name(path)
        if name is None or self._signature(name) == self._began.get(name):
            return False
        # A server restarted on half a file would end for good: editors write in several steps.
        before = self._signature(name)
        for _ in range(SETTLE_ROUNDS):
            time.sleep(self._settle_seconds)
            now = self._signature(name)
            if now == before and now is not None:
                break
            before = now
        return self._signature(name) != self._began.get(name)

    def any_changed(self) -> bool:
        """Whether any of the files is other than it was, new or gone."""
        names = {*self._began, *self._names()}
        return any(self.changed(str(Path(self._project, name))) for name in sorted(names))

    def _names(self) -> Iterator[str]:
        yield from FILES
        for folder in FOLDERS:
            for parent, _, files in os.walk(Path(self._project, folder)):
                found = (self.name(str(Path(parent, file))) for file in files)
                yield from (name for name in found if name is not None)

    def _signature(self, name: str) -> Signature:
        try:
            found = Path(self._project, name).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


def only_for_changed_code(project: Path = PROJECT) -> None:
    """Let only changes of the code and settings of *project* restart ``chalice local``.

    To be called first thing in app.py. Without an automatic reload this does nothing.
    """
    eventbased = sys.modules.get("chalice.cli.filewatch.eventbased")
    stat = sys.modules.get("chalice.cli.filewatch.stat")
    if eventbased is None and stat is None:
        return
    code, remembered = Code(project), Event()

    def on_any_event(restarter: Any, event: Any) -> None:
        remembered.wait()
        paths = (event.src_path, getattr(event, "dest_path", None))
        if not event.is_directory and any(code.changed(os.fsdecode(p)) for p in paths if p):
            restarter()

    def single_pass_poll(_watcher: Any, _root: str, callback: Any) -> None:
        remembered.wait()
        if code.any_changed():
            callback()

    # The classes first, the files' state after: each millisecond counts, and events wait for it.
    if eventbased is not None:
        eventbased.WatchdogRestarter.on_any_event = on_any_event
    if stat is not None:
        stat.StatFileWatcher._single_pass_poll = single_pass_poll  # noqa: SLF001 - no other seam
    code.remember()
    remembered.set()
