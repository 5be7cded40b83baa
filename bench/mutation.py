"""How many small wrongs in the verify paths the fast tests notice: `make mutation`.

mutmut writes each function of these modules anew, each time with one thing wrong, and runs the
tests that reach it in one process. It works on a copy of the tree, in an environment of its own.
"""

import argparse
import difflib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from chalicelib.settings import PROJECT, child_environment, foreign_variable

MUTMUT = "mutmut==3.8.1"
MODULES = ("api_keys", "claims", "jws", "keysets", "tokens")
TESTS = ("test_api_keys", "test_claims", "test_jws", "test_keysets")
# What a mutant says instead, and why no test can tell it from the original.
REASONS: Mapping[str, str] = {
    'header.get("kid"), header.get("typ", "jwt")': "the type is compared in lower case",
    "(+len(segment) % 4)": "base64 takes more padding than it needs, of ours too",
}
_SURVIVED, _KILLED = 0, (1, 3)
_CODES = re.compile(r'"([a-z]+(?:_[a-z]+)+)"')
_WORDS = re.compile(r'raise \w+\(|detail = |"(XX)?(header|payload)(XX)?"|claims\.read\(')


@dataclass(frozen=True)
class Mutant:
    """One function with one thing wrong, and whether the tests noticed."""

    module: str
    name: str
    outcome: int | None
    change: tuple[str, ...] = ()

    @property
    def survived(self) -> bool:
        """Whether no test noticed; one that took too long was noticed."""
        return self.outcome == _SURVIVED

    def explained(self) -> str | None:
        """Return why no test can tell it from the original, or None."""
        for said, reason in REASONS.items():
            if any(said in line for line in self.change if line.startswith("+")):
                return reason
        codes = [
            sorted(code for line in self.change if line[0] == sign for code in _CODES.findall(line))
            for sign in "-+"
        ]
        if codes[0] == codes[1] and all(_WORDS.search(line) for line in self.change):
            return "the words of a refusal, which may change (its code may not)"
        return None


def environment() -> Path:
    """Return mutmut's own environment, made once in the user's cache."""
    cache = Path(foreign_variable("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "tinyllama-router" / re.sub(r"\W+", "-", f"{MUTMUT} {sys.version_info[:2]}")
    if not (folder / "complete").exists():
        venv.create(folder, clear=True, with_pip=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-qq", MUTMUT]
        subprocess.run(pip, check=True)  # noqa: S603 - no word of it is another's
        (folder / "complete").touch()
    return folder


def copy_tree(to: Path) -> None:
    """Copy what the tests need, with mutmut's settings beside it."""
    skip = shutil.ignore_patterns("__pycache__")
    for folder in ("chalicelib", "tinyllama", "worker", "tests/unit"):
        shutil.copytree(PROJECT / folder, to / folder, ignore=skip)
    for file in [*PROJECT.glob("tests/*.py"), PROJECT / "app.py", PROJECT / "pyproject.toml"]:
        shutil.copy(file, to / file.relative_to(PROJECT))
    shutil.copy(PROJECT / ".env.dev", to)
    named = {
        "source_paths": [f"chalicelib/{module}.py" for module in MODULES],
        "also_copy": [path.name for path in to.iterdir()],
        "pytest_add_cli_args_test_selection": [f"tests/unit/{test}.py" for test in TESTS],
        "pytest_add_cli_args": ["-m", "not slow", "-k", "not bounded_time"],
    }
    lines = [f"{name}=\n  " + "\n  ".join(values) for name, values in named.items()]
    (to / "setup.cfg").write_text("\n".join(["[mutmut]", *lines, ""]), encoding="utf-8")


def run(tree: Path, limit_seconds: float) -> None:
    """Try the mutants in *tree*, one process at a time and gently, for so long at most."""
    place = environment()
    packages = next(Path(folder) for folder in sys.path if folder.endswith("site-packages"))
    (extra,) = place.glob("lib/python*/site-packages")
    (extra / "project.pth").write_text(f"{packages}\n", encoding="utf-8")
    command = ["nice", "-n", "10", str(place / "bin" / "mutmut"), "run", "--max-children", "1"]
    running = subprocess.Popen(  # noqa: S603 - no word of it is another's
        command,
        cwd=tree,
        env=child_environment({"PYTHONDONTWRITEBYTECODE": "1"}),
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        running.wait(limit_seconds)
    except subprocess.TimeoutExpired:
        # It forks: those that it started end with it. What was not tried is told as such.
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()


def _function(text: str, name: str) -> list[str]:
    """Return the lines of the top-level or nested function *name*, its own name made plain."""
    found = re.search(
        rf"^( *)def {re.escape(name)}\(.*?(?=^\1[^\s)]|\Z)", text, re.DOTALL | re.MULTILINE
    )
    lines = found.group().splitlines() if found else []
    return [line.strip() for line in lines[1:]]


def outcomes(tree: Path) -> list[Mutant]:
    """Return what became of each mutant."""
    found = []
    for module in MODULES:
        path = tree / "mutants" / "chalicelib" / f"{module}.py"
        told = json.loads(path.with_suffix(".py.meta").read_text(encoding="utf-8"))
        text = path.read_text(encoding="utf-8")
        for name, outcome in told["exit_code_by_key"].items():
            change: tuple[str, ...] = ()
            if outcome == _SURVIVED:
                mangled = name.rpartition(".")[2]
                original = re.sub(r"\d+$", "orig", mangled)
                lines = difflib.ndiff(_function(text, original), _function(text, mangled))
                change = tuple(line for line in lines if line[0] in "-+" and line[1:].strip())
            found.append(Mutant(module, name, outcome, change))
    return found


def report(mutants: list[Mutant], minutes: float) -> str:
    """Return the page."""
    lines = [
        "# Mutation testing of the verify paths",
        "",
        f"`make mutation`, {MUTMUT.replace('==', ' ')}, one process, {minutes:.0f} minutes beside",
        "other work. Each mutant is a function with one thing wrong; the fast tests of",
        f"{', '.join(TESTS)} have to notice,",
        "but for those that measure time. Constants of a module are not mutated.",
        "",
        "| module | mutants | killed | not tried | survived | of these explained |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for module in MODULES:
        own = [each for each in mutants if each.module == module]
        alive = [each for each in own if each.survived]
        untried = sum(each.outcome is None for each in own)
        explained = sum(each.explained() is not None for each in alive)
        killed = len(own) - len(alive) - untried
        lines.append(
            f"| `{module}.py` | {len(own)} | {killed} | {untried} | {len(alive)} | {explained} |"
        )
    lines += ["", "## Survivors", "", "| survivors | module | why |", "| --- | --- | --- |"]
    groups: dict[tuple[str, str], list[Mutant]] = {}
    for each in mutants:
        if each.survived:
            reason = each.explained() or f"not explained: `{' '.join(each.change)}`"
            groups.setdefault((each.module, reason), []).append(each)
    lines += [f"| {len(each)} | `{key[0]}.py` | {key[1]} |" for key, each in groups.items()]
    return "\n".join([*lines, ""])


def main() -> None:
    """Run all, write the page; end with an error where a survivor has no explanation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=PROJECT / "bench/results/mutation.md")
    parser.add_argument("--minutes", type=float, default=60, help="how long at most")
    chosen = parser.parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tl-mutation-") as folder:
        tree = Path(folder)
        copy_tree(tree)
        run(tree, chosen.minutes * 60)
        mutants = outcomes(tree)
    chosen.results.write_text(report(mutants, (time.monotonic() - begun) / 60), encoding="utf-8")
    unexplained = [each for each in mutants if each.survived and each.explained() is None]
    for each in unexplained:
        print(each.name, *each.change, sep="\n    ")
    if unexplained or any(each.outcome is None for each in mutants):
        sys.exit(1)


if __name__ == "__main__":
    main()
