"""How long a newcomer takes from a clone to a streamed answer in the console, downloads aside.

    .venv/bin/python -m bench.first_answer --results bench/results/first-answer.md

Each round clones what is committed into a folder of its own, gives ``make run`` there, and does in
Chromium what a person does: open the console, sign in with what ``tinyllama token`` prints, send a
prompt, read the answer to its end. What is typed takes no time here. The packages were fetched
before and lie in a folder (PIP_NO_INDEX, PIP_FIND_LINKS); installing them is counted.
"""

import argparse
import itertools
import os
import platform
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from chalicelib.settings import PROJECT, child_environment
from tests.browser import chromium
from tests.browser.console import Console

BOUND_SECONDS = 120
STEPS = (
    "clone",
    "install (`make run` until its environment is there)",
    "start (until it says Ready)",
    "token",
    "open the console and sign in",
    "first words of the answer",
    "whole answer",
)
PROMPT = "Why do llamas hum? " * 20
_START_SECONDS = 300
_ANSWER_MS = 30_000


def fetch(packages: Path) -> None:
    """Put all packages that the project asks for into *packages*, built."""
    _run(
        [sys.executable, "-m", "pip", "wheel", "-q", "-r", "requirements-dev.txt", "-w", packages],
        PROJECT,
        {},
    )


def play(folder: Path, packages: Path) -> list[float]:
    """Be the newcomer once, in *folder*; return the seconds of each of ``STEPS``."""
    clone, log = folder / "tinyllama-router", folder / "run.log"
    surroundings = {
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(packages),
        "TINYLLAMA_STATE_DIR": str(folder / "state"),
        "PYTHONUNBUFFERED": "1",
    }
    times = [time.monotonic()]
    _run(["git", "clone", "--quiet", "--no-hardlinks", str(PROJECT), str(clone)], folder, {})
    times.append(time.monotonic())
    with _making_run(clone, log, surroundings) as process:
        _await(process, log, (clone / ".venv" / ".ready").exists)
        times.append(time.monotonic())
        _await(process, log, lambda: "\nReady." in log.read_text())
        times.append(time.monotonic())
        token = _run([clone / ".venv/bin/tinyllama", "token"], clone, surroundings).strip()
        times.append(time.monotonic())
        (address,) = re.findall(r"^Router at (\S+)$", log.read_text(), re.MULTILINE)
        times += _in_the_browser(address, token)
    return [later - earlier for earlier, later in itertools.pairwise(times)]


def _in_the_browser(address: str, token: str) -> Iterator[float]:
    """Yield when the visitor is signed in, sees the answer begin, and has all of it."""
    expect.set_options(timeout=_ANSWER_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium.find(playwright), args=chromium.switches()
        )
        console = Console(browser.new_page(), address).open().sign_in(token)
        yield time.monotonic()
        console.send(PROMPT)
        expect(console.answer).not_to_be_empty()
        yield time.monotonic()
        expect(console.state).to_have_text("succeeded")
        expect(console.answer).to_contain_text(PROMPT.strip())
        yield time.monotonic()
        browser.close()


@contextmanager
def _making_run(
    clone: Path, log: Path, surroundings: Mapping[str, str]
) -> Iterator["subprocess.Popen[bytes]"]:
    with log.open("wb") as said:
        process = subprocess.Popen(
            ["make", "run"],  # noqa: S607 - whichever make the user has
            cwd=clone,
            env=child_environment(surroundings),
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(60)


def _await(process: "subprocess.Popen[bytes]", log: Path, happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not happened():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"make run is not ready: {log.read_text()[-2000:]}")
        time.sleep(0.05)


def _run(command: list[object], folder: Path, surroundings: Mapping[str, str]) -> str:
    done = subprocess.run(  # noqa: S603 - our own words
        [str(word) for word in command],
        cwd=folder,
        env=child_environment(surroundings),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout


def table(rounds: list[list[float]]) -> str:
    """Return the seconds of each step in each round, and their median."""
    heads = [f"round {number}" for number in range(1, len(rounds) + 1)]
    rows = [
        [name, *(f"{each:.1f}" for each in seconds), f"{statistics.median(seconds):.1f}"]
        for name, seconds in zip(STEPS, zip(*rounds, strict=True), strict=True)
    ]
    sums = [sum(each) for each in rounds]
    total = ["**all**", *(f"{each:.1f}" for each in sums), f"**{statistics.median(sums):.1f}**"]
    lines = [["step, in seconds", *heads, "median"], ["---"] * (len(rounds) + 2), *rows, total]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> int:
    """Play the rounds, print and write them; exit 1 when the median is over the bound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--results", type=Path, help="also write the table to this file")
    parser.add_argument("--packages", type=Path, help="a folder that has the packages already")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tl-first-") as scratch:
        packages = (arguments.packages or Path(scratch) / "packages").resolve()
        if not arguments.packages:
            fetch(packages)
        rounds, load = [], os.getloadavg()[0]
        for number in range(arguments.rounds):
            folder = Path(scratch) / str(number)
            folder.mkdir()
            rounds.append(play(folder, packages))
            print(f"round {number + 1}: {sum(rounds[-1]):.1f} s", flush=True)
    told = table(rounds)
    print(told)
    if arguments.results:
        arguments.results.write_text(page(told, load), encoding="utf-8")
    return int(statistics.median(map(sum, rounds)) > BOUND_SECONDS)


def page(told: str, load: float) -> str:
    """Return the page of results; *load* is the machine's before the first round."""
    return f"""# From a clone to a streamed answer in the console

By `.venv/bin/python -m bench.first_answer --results bench/results/first-answer.md`, on
{os.cpu_count()} cores, Python {platform.python_version()}. To be under {BOUND_SECONDS} seconds,
download times aside: the packages were fetched before and lay in a folder (`PIP_NO_INDEX`,
`PIP_FIND_LINKS`); installing them is counted. Chromium does what a person does, without the time to
type. The machine's load was {load:.1f} before the first round.

{told}
"""


if __name__ == "__main__":
    sys.exit(main())
