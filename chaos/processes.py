"""The router's processes, each in a group of its own, and how they are ended."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from chalicelib.settings import PROJECT, child_environment

END_SECONDS = 20.0


class Group:
    """One process and all that it starts. Its output is the file *log*."""

    def __init__(self, command: Sequence[str], log: Path, variables: Mapping[str, str]) -> None:
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(  # noqa: S603 - no shell, our own words
                command,
                cwd=PROJECT,
                env=child_environment(variables),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def signal(self, number: int) -> None:
        """Send the whole group a signal; fine when it is gone."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """End the whole group as a crash would."""
        self.signal(signal.SIGKILL)
        self.process.wait()

    def freeze(self) -> None:
        """Stop the group where it is."""
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen group go on."""
        self.signal(signal.SIGCONT)

    def terminate(self, seconds: float = END_SECONDS) -> int:
        """Ask the group to end and return its exit code; -9 when it had to be killed."""
        self.thaw()
        self.signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return self.process.returncode

    def logged(self, word: str) -> int:
        """Return how often *word* stands in the log."""
        return self.log.read_text(errors="replace").count(word)

    def await_log(self, word: str, seconds: float = END_SECONDS) -> None:
        """Wait until *word* is logged. Raises RuntimeError with the log's end."""
        deadline = time.monotonic() + seconds
        while not self.logged(word):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError(f"no {word!r} in\n{self.log.read_text()[-2000:]}")
            time.sleep(0.02)

    def peak_mib(self) -> int:
        """Return the most memory that the process ever held (Linux; 0 elsewhere)."""
        status = Path(f"/proc/{self.process.pid}/status")
        if not status.exists():
            return 0
        lines = status.read_text().splitlines()
        found = [line.split()[1] for line in lines if line.startswith("VmHWM")]
        return int(found[0]) // 1024 if found else 0


def python(*arguments: str, shifted_seconds: int = 0) -> list[str]:
    """Return a command that runs this Python, under a clock that is wrong by *shifted_seconds*."""
    command = [sys.executable, *arguments]
    if not shifted_seconds:
        return command
    faketime = shutil.which("faketime")
    if faketime is None:
        raise RuntimeError("faketime is missing: apt-get install faketime")
    return [faketime, "-f", f"{shifted_seconds:+d}s", *command]
