"""Asks the databases of advisories about every locked version: PyPI's by pip-audit, npm's by npm.

``python -m bench.advisories`` prints a row for each lock file. It exits 1 where a version is known
to be bad, else 2 where a database could not be asked about all: that says nothing of the rest.
``--results FILE`` writes the rows as well.
"""

import argparse
import json
import subprocess
import sys
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chalicelib.settings import PROJECT

# What runs and what tests it, the worker's image; then environments of their own, this one's too.
PYTHON_LOCKS = (
    "constraints.txt",
    "worker/requirements.txt",
    "bench/requirements-advisories.txt",
    "tests/engine/requirements.txt",
    "tests/emulator/requirements.txt",
    "tests/emulator/requirements-checkov.txt",
    "tests/fuzz/requirements.txt",
    "tests/clients/requirements.txt",
    "tests/clients/requirements-litellm.txt",
)
NPM_LOCKS = ("package-lock.json", "tests/clients/package-lock.json")
_PINS = Path(__file__).with_name("requirements-advisories.txt")
_ENVIRONMENT = PROJECT / "build" / "advisories"
_SECONDS = 600


@dataclass(frozen=True)
class Finding:
    """What is known of the versions in one lock file; *unasked* says why not of all."""

    lock: str
    asked: int
    bad: Sequence[str] = ()
    unasked: str = ""

    @property
    def row(self) -> str:
        """The finding as a row of a table."""
        known = ", ".join(self.bad) or ("none" if self.asked else "unknown")
        return (
            f"| {self.lock} | {self.asked} | {known} | {self.unasked or 'all were asked about'} |"
        )


def from_pip_audit(lock: str, written: str) -> Finding:
    """Read what ``pip-audit --format json`` wrote, which calls versions it skipped no failure."""
    try:
        versions: list[Any] = json.loads(written)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return Finding(lock, 0, unasked="**could not be asked**: no answer")
    skipped = [each for each in versions if "skip_reason" in each]
    asked = [each for each in versions if "skip_reason" not in each]
    bad = [
        f"{each['name']} {each['version']}: {', '.join(found['id'] for found in each['vulns'])}"
        for each in asked
        if each["vulns"]
    ]
    unasked = f"**could not be asked** about {len(skipped)}: the database has no answer for them"
    return Finding(lock, len(asked), bad, unasked if skipped or not asked else "")


def from_npm(lock: str, written: str) -> Finding:
    """Read what ``npm audit --json`` wrote."""
    try:
        told: dict[str, Any] = json.loads(written)
        count = int(told["metadata"]["dependencies"]["total"])
        bad = [f"{name}: {each['severity']}" for name, each in told["vulnerabilities"].items()]
    except (ValueError, KeyError, TypeError):
        return Finding(lock, 0, unasked="**could not be asked**: the registry has no such endpoint")
    return Finding(lock, count, bad)


def findings() -> list[Finding]:
    """Ask about every lock file."""
    python = _ENVIRONMENT / "bin" / "python"
    if not python.exists():
        venv.create(_ENVIRONMENT, with_pip=True)
    quiet = ("--quiet", "--disable-pip-version-check")
    _run([python, "-m", "pip", "install", *quiet, "--requirement", _PINS]).check_returncode()
    options = ("--no-deps", "--disable-pip", "--format", "json")
    audit: list[str | Path] = [python, "-m", "pip_audit", *options]
    more = ["--progress-spinner", "off", "--timeout", "30", "--requirement"]
    found = [from_pip_audit(lock, _run([*audit, *more, lock]).stdout) for lock in PYTHON_LOCKS]
    npm = ["npm", "audit", "--audit", "--json", "--package-lock-only", "--prefix"]
    return [*found, *(from_npm(lock, _run([*npm, Path(lock).parent]).stdout) for lock in NPM_LOCKS)]


def exit_code(found: Sequence[Finding]) -> int:
    """Return 1 where something is known to be bad, 2 where not all could be asked, else 0."""
    if any(each.bad for each in found):
        return 1
    return 2 if any(each.unasked for each in found) else 0


def main() -> int:
    """Ask, print, and write where that was wanted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, help="also write the rows to this file")
    arguments = parser.parse_args()
    found = findings()
    head = ["| lock file | versions asked about | known to be bad | the rest |", "| --- " * 4 + "|"]
    table = "\n".join([*head, *(each.row for each in found)])
    print(table)
    if arguments.results:
        day = datetime.now(UTC).date()
        text = f"# Advisories\n\nBy `make audit`, {day}.\n\n{table}\n"
        arguments.results.write_text(text, encoding="utf-8")
    return exit_code(found)


def _run(command: Sequence[str | Path]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 - pinned beside this, no shell
        command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=_SECONDS
    )


if __name__ == "__main__":
    sys.exit(main())
