"""What every contender's job does, and what a process of the comparison is told.

Imports nothing but Python: it runs in the environment of each library.
"""

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

_FILE = "setup.json"

LONGEST_JOB_SECONDS = 60
"""How long a job may run at most. Tuned settings must leave such a job alone."""


@dataclass(frozen=True)
class Setup:
    """What a process finds in its working folder.

    *url* is the store's, *journal* the file that jobs write to, *first_run_seconds* how long a job
    takes when it runs for the first time; later runs take no time. *worker* names the process.
    """

    url: str
    tuned: bool
    journal: str
    worker: str
    first_run_seconds: float

    def write(self, folder: Path) -> None:
        """Leave this in *folder* for a process that starts there."""
        (folder / _FILE).write_text(json.dumps(asdict(self)), encoding="utf-8")

    def begin(self, marker: str) -> float:
        """Note that the job *marker* starts; return how long it shall take, in seconds."""
        repeated = self.first_run_seconds > 0 and any(
            entry.marker == marker for entry in read_journal(Path(self.journal))
        )
        self._note("start", marker)
        return 0.0 if repeated else self.first_run_seconds

    def end(self, marker: str) -> None:
        """Note that the job *marker* ran to its end."""
        self._note("end", marker)

    def _note(self, deed: str, marker: str) -> None:
        line = json.dumps([deed, marker, self.worker, time.monotonic()]) + "\n"
        journal = os.open(self.journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(journal, line.encode())  # one write: lines of several processes never mix
        os.close(journal)


@dataclass(frozen=True)
class Entry:
    """One line of the journal: *deed* is ``start`` or ``end``, *at* counts monotonic seconds."""

    deed: str
    marker: str
    worker: str
    at: float


def read_journal(path: Path) -> list[Entry]:
    """Return what jobs wrote so far, in order."""
    if not path.exists():
        return []
    whole, _, _ = path.read_text(encoding="utf-8").rpartition("\n")
    return [Entry(*json.loads(line)) for line in whole.splitlines()]


def read_setup() -> Setup:
    """Return what the working folder says."""
    return Setup(**json.loads(Path(_FILE).read_text(encoding="utf-8")))


@dataclass(frozen=True)
class Held:
    """How many jobs a library still has: to run, and set aside as failed for somebody to see."""

    to_run: int
    failed: int
