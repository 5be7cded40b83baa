"""``python -m tests.fuzz``: the contract's cases against the real router, by seven callers.

python -m tests.fuzz --cases 20000 --examples 100000 --results bench/results/fuzz.md
python -m tests.fuzz --cases 2000
python -m tests.fuzz --cases 2000 --seed 7      as a failure says
"""

import argparse
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tinyllama
from chalicelib import keyspace
from chalicelib.settings import PROJECT
from tests.fuzz import callers, report
from tests.fuzz.callers import (
    BUSY,
    BY_KEY,
    EXPIRED,
    FOREIGN,
    HURRIED,
    NOBODY,
    REVOKED,
    STRANGER,
    TENANT,
    VALID,
)
from tests.fuzz.router import Router, changes, contents
from tests.servers import Server, store_binary
from tinyllama import devkeys

_SHARES = (
    *((VALID, 0.4), (BY_KEY, 0.05), (EXPIRED, 0.15), (REVOKED, 0.05)),
    *((NOBODY, 0.15), (FOREIGN, 0.15)),
)
_API_KEYS = 100
_ENVIRONMENT = PROJECT / "tests/environment.sh"
_PROPERTIES = [
    *("tests/unit/test_token_properties.py", "tests/unit/test_event_properties.py"),
    *("-q", "-k", "not bounded_time"),
]
_REVOKED_ID = f"key_{'f' * 32}"
_HURRIED = ((HURRIED, 0.05),)
# Nobody is to be refused for calling often, but the limits are told.
_HASTY = {"TINYLLAMA_RELAY_SECONDS": "0.02"}  # no worker is there to wait for
_WIDE = {
    "TINYLLAMA_RATE_PER_MINUTE": "1000000",
    "TINYLLAMA_REQUESTS_PER_MINUTE": "1000000",
    **_HASTY,
}
_NARROW = {"TINYLLAMA_RATE_PER_MINUTE": "3", "TINYLLAMA_REQUESTS_PER_MINUTE": "6", **_HASTY}
_OPERATORS = {"worker:run", "queue:admin"}


class Run:
    """One run over all callers on one store."""

    def __init__(self, folder: Path, python: str, cases: int, seed: int) -> None:
        self._folder = folder
        self._python = python
        self._cases = cases
        self._seed = seed
        callers_own = " ".join(set(devkeys.SCOPES) - _OPERATORS)
        self._tokens = {
            VALID: tinyllama.make_token(sub=TENANT),
            EXPIRED: tinyllama.make_token(sub=TENANT, expires_in=-1),
            REVOKED: devkeys.make_api_key(tenant=TENANT, key_id=_REVOKED_ID),
            BY_KEY: devkeys.make_api_key(tenant=TENANT),
            NOBODY: "",
            FOREIGN: tinyllama.make_token(sub=STRANGER, scope=callers_own),
            HURRIED: tinyllama.make_token(sub=BUSY),
        }
        ids = [f"key_{number:032x}" for number in range(_API_KEYS)]
        self._api_keys = [
            [key_id, devkeys.make_api_key(tenant=TENANT, key_id=key_id)] for key_id in ids
        ]
        self._known: dict[str, list[Any]] = {"api_key": self._api_keys, "lease": []}
        self.seen: dict[str, Counter[str]] = {}
        self.failures: list[str] = []
        self.seconds = 0.0

    def go(self) -> None:
        """Let each caller call in turn, and see that those who may not have changed nothing."""
        store = Server(self._folder, store_binary(), "--appendonly", "no")
        log = self._folder / "router.log"
        try:
            for limits, shares in ((_WIDE, _SHARES), (_NARROW, _HURRIED)):
                router = Router(store, limits, log)
                try:
                    self._register(router)
                    for caller, share in shares:
                        before = contents(store)
                        self._let(caller, router.url, round(self._cases * share))
                        self._compare(caller, changes(before, contents(store)))
                finally:
                    router.stop()
        finally:
            store.stop()
        self._read_log(log)

    def _register(self, router: Router) -> None:
        """Let one API key stand, and one be revoked."""
        for caller in (BY_KEY, REVOKED):
            router.ask("POST", "/keys", self._tokens[VALID], {"key": self._tokens[caller]})
        router.ask("DELETE", f"/keys/{_REVOKED_ID}", self._tokens[VALID])

    def _let(self, caller: str, url: str, cases: int) -> None:
        sent, told = self._folder / "plan.json", self._folder / "told.json"
        plan = callers.Plan(
            caller=caller,
            url=url,
            token=self._tokens[caller],
            cases=cases,
            seed=self._seed,
            secrets=[*filter(None, self._tokens.values()), *(key for _, key in self._api_keys)],
            known={"api_key": self._api_keys} if caller == HURRIED else self._known,
        )
        callers.write(sent, plan)
        subprocess.run(  # noqa: S603
            [self._python, "-m", "tests.fuzz.send", str(sent), str(told)],
            check=True,
            cwd=PROJECT,
            env={**os.environ, "PYTHONPATH": str(PROJECT), "NO_PROXY": "127.0.0.1"},
        )
        found = callers.read(told, callers.Told)
        if caller == VALID:
            self._known = found.known
        self.seen[caller] = Counter(found.seen)
        self.failures += found.failures
        self.seconds += found.seconds
        count = sum(found.seen.values())
        sys.stdout.write(f"{caller:9} {count:6} cases, {found.seconds:6.1f} s\n")
        sys.stdout.flush()

    def _compare(self, caller: str, changed: Sequence[str]) -> None:
        # That one was refused is counted.
        changed = [key for key in changed if key != keyspace.METRICS]
        if caller in (EXPIRED, NOBODY, REVOKED) and changed:
            self.failures.append(f"{caller}: the store is another one: {changed[:5]}")
        if caller == FOREIGN:
            responses = [str(each).replace("resp_", "job_") for each in self._known["response"]]
            ours = [*self._known["job"], *responses, *self._known["event"], TENANT, "key_0"]
            touched = [key for key in changed if any(str(name) in key for name in ours)]
            if touched:
                self.failures.append(f"{caller}: another tenant's things changed: {touched[:5]}")

    def _read_log(self, log: Path) -> None:
        text = log.read_text(encoding="utf-8", errors="replace")
        if any(token and token.rpartition(".")[2] in text for token in self._tokens.values()):
            self.failures.append("a token is in the router's log")
        self.failures += [
            f"the router's log: {line[:500]}"
            for line in text.splitlines()
            if "unexpected_error" in line
        ][:5]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cases asked for; 1 when an answer was wrong or an operation never succeeded."""
    parsed = _parse(arguments)
    # The store and the router end only if this ends in good order.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    began = time.monotonic()
    python = subprocess.run(  # noqa: S603
        [_ENVIRONMENT, sys.executable, "fuzz", Path(__file__).with_name("requirements.txt")],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    with tempfile.TemporaryDirectory(prefix="tl-") as folder:
        os.environ["TINYLLAMA_STATE_DIR"] = str(Path(folder) / "state")
        run = Run(Path(folder), python, parsed.cases, parsed.seed)
        run.go()
    failures = run.failures + report.lacking(run.seen)
    for failure in failures:
        sys.stdout.write(f"FAILED {failure}\n")
    count = sum(sum(seen.values()) for seen in run.seen.values())
    sys.stdout.write(
        f"{count} cases of seed {parsed.seed} in {time.monotonic() - began:.0f} s,"
        f" {len(failures)} failures; again with: python -m tests.fuzz --cases {parsed.cases}"
        f" --seed {parsed.seed}\n"
    )
    held, seconds = _try_properties(parsed.examples) if parsed.examples else (0, 0.0)
    failed = bool(failures) or (parsed.examples > 0 and held == 0)
    if parsed.results and not failed:
        lines = report.table(run.seen, parsed.cases, parsed.seed, run.seconds)
        lines += report.properties(held, parsed.examples, seconds)
        parsed.results.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 1 if failed else 0


def _try_properties(examples: int) -> tuple[int, float]:
    """Try each property of tokens and events on *examples*: how many held, and in which time.

    None held where one did not; pytest tells which, and on what.
    """
    began = time.monotonic()
    tried = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "pytest", *_PROPERTIES, "--hypothesis-profile=long"],
        check=False,
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TEST_EXAMPLES": str(examples)},
    )
    sys.stdout.write(tried.stdout)
    passed = re.search(r"(\d+) passed", tried.stdout)
    held = int(passed[1]) if passed and tried.returncode == 0 else 0
    return held, time.monotonic() - began


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--cases", type=int, default=2000, help="how many in all")
    parser.add_argument("--seed", type=int, default=secrets.randbits(32), help="as a failure says")
    parser.add_argument("--examples", type=int, default=0, help="of each property, then")
    parser.add_argument("--results", type=Path, help="where to write what was seen")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
