"""The clients: each a process of its own that plays its cases, and tells what it saw of them."""

import json
import subprocess
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chalicelib.settings import PROJECT, child_environment
from tests import leaks

HERE = Path(__file__).resolve().parent
SCRIPTS = HERE / "scripts"
_LOOK_SECONDS = 0.1
_SURROUNDINGS = {
    "NO_PROXY": "127.0.0.1",
    "PYTHONDONTWRITEBYTECODE": "1",
    # Else it fetches a list of prices from GitHub before it is imported.
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
}


@dataclass(frozen=True)
class Given:
    """What one case is given: the router's address for clients, whose token, and what to ask."""

    base_url: str
    token: str
    model: str
    prompt: str


@dataclass(frozen=True)
class Told:
    """What a case saw, and how long it took."""

    seconds: float
    seen: Mapping[str, Any]


class Play:
    """A client's script, running its cases; what it says goes to files in *folder*."""

    def __init__(self, command: list[str], cases: Mapping[str, Given], folder: Path) -> None:
        folder.mkdir()
        self._seen, self._log = folder / "seen.jsonl", folder / "client.log"
        asked = {"cases": {name: asdict(given) for name, given in cases.items()}}
        for given in cases.values():
            leaks.LEDGER.note("a prompt", given.prompt)
        with self._seen.open("wb") as seen, self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603
                command,
                cwd=PROJECT,
                env=child_environment(_SURROUNDINGS),
                stdin=subprocess.PIPE,
                stdout=seen,
                stderr=log,
            )
        assert self._process.stdin
        with self._process.stdin as listening:
            listening.write(json.dumps(asked).encode())

    def told(self, case: str, within_seconds: float) -> Told:
        """Return what *case* saw, once it has ended."""
        deadline = time.monotonic() + within_seconds
        while (told := self._look(case)) is None:
            lives = self._process.poll() is None
            assert lives or self._look(case), f"{case}: {self._log.read_text()[-3000:]}"
            assert time.monotonic() < deadline, f"{case} did not end in {within_seconds} seconds"
            time.sleep(_LOOK_SECONDS)
        return told

    def end(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.wait()

    def _look(self, case: str) -> Told | None:
        # By line feeds alone: a model's words may hold other ends of lines. The last may be begun.
        for line in self._seen.read_text(encoding="utf-8").split("\n")[:-1]:
            if line.startswith("{"):
                told = json.loads(line)
                if told["case"] == case:
                    return Told(told["seconds"], told["seen"])
        return None
