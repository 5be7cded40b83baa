"""How a packaged function starts: with and without its bytecode, and once it is provisioned.

    make package STAGE=dev   # with "architecture" of this machine's processor
    .venv/bin/python -m bench.starts build/dev/deployment.zip

Each start is a process of Lambda's own runtime client on the unpacked zip, with a Valkey of its
own. The cases come in turns, since machines are noisy. *Init* is the time until the function asks
for its first event, which provisioned concurrency spends before anybody calls; *first* is the
first call then, *next* the one after it.
"""

import argparse
import itertools
import json
import statistics
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tinyllama
from chalicelib.settings import required
from tests.infra.gateway import proxy_event, token_event
from tests.infra.runtime_api import Function, lay_client
from tests.servers import Server, store_binary

CONTEXT = {
    "tenant": "acme",
    "principal": "acme",
    "scopes": "infer:write",
    "expires_at": "99999999999",
    "key_id": "",
    "key_digest": "",
}


@dataclass(frozen=True)
class Case:
    """A function of a package: its code, its handler, and what it is asked."""

    name: str
    root: Path
    handler: str
    event: dict[str, Any]


def measure(case: Case, runtime: Path, variables: dict[str, str], log: Path) -> list[float]:
    """Start the function once; return milliseconds of init, first call and next call."""
    times = [time.perf_counter()]
    function = Function(case.root, runtime, case.handler, variables, log, options=())
    try:
        times.append(time.perf_counter())
        for _ in range(2):
            answer = function.invoke(case.event)
            assert answer.get("statusCode", 202) == 202, answer  # noqa: PLR2004, S101 - a bench that measures nothing must stop
            times.append(time.perf_counter())
    finally:
        function.stop()
    return [1000 * (after - before) for before, after in itertools.pairwise(times)]


def cases(roots: dict[str, Path]) -> list[Case]:
    """Return both functions of each package."""
    body = json.dumps({"prompt": "Why do llamas hum?"}).encode()
    infer = proxy_event(
        "POST", "/infer", headers={"Content-Type": "application/json"}, body=body, context=CONTEXT
    )
    ask = dict(token_event(tinyllama.make_token(expires_in=3600)))
    return [
        Case(f"{role}, {name}", root, handler, event)
        for name, root in roots.items()
        for role, handler, event in (
            ("API", "app.app", infer),
            ("authorizer", "app.jwt_authorizer", ask),
        )
    ]


def percentile(values: list[float], share: float) -> float:
    """Return the value that *share* of *values* do not exceed."""
    return sorted(values)[min(len(values) - 1, round(share * len(values)))]


def main() -> None:
    """Measure and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("zip", type=Path)
    parser.add_argument("--rounds", type=int, default=20)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tl-") as folder:
        work = Path(folder)
        roots = {"bytecode": work / "with", "no bytecode": work / "without"}
        with zipfile.ZipFile(chosen.zip) as archive:
            archive.extractall(roots["bytecode"])
            archive.extractall(
                roots["no bytecode"], [n for n in archive.namelist() if not n.endswith(".pyc")]
            )
        runtime = work / "runtime"
        runtime.mkdir()
        lay_client(runtime)
        server = Server(work, store_binary(), "--appendonly", "no")
        try:
            _print(cases(roots), chosen.rounds, runtime, _variables(server), work / "log")
        finally:
            server.stop()


def _variables(server: Server) -> dict[str, str]:
    return {
        "TINYLLAMA_ENV": "bench",
        "TINYLLAMA_STORE_URL": server.url,
        "TINYLLAMA_RATE_PER_MINUTE": "0",
        "TINYLLAMA_TENANT_BYTES_PER_DAY": "0",
        "TINYLLAMA_ISSUER": required("issuer"),
        "TINYLLAMA_AUDIENCE": required("audience"),
        "TINYLLAMA_JWKS": str(tinyllama.development_jwks_path()),
    }


def _print(
    started: list[Case], rounds: int, runtime: Path, variables: dict[str, str], log: Path
) -> None:
    found: dict[str, list[list[float]]] = {case.name: [] for case in started}
    for _ in range(rounds):
        for case in started:
            found[case.name].append(measure(case, runtime, variables, log))
    print(
        "| function | cold (init + first), median | init | first | first, 95th percentile | next |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    for name, times in found.items():
        init, first, after = (list(column) for column in zip(*times, strict=True))
        cold = [one + two for one, two in zip(init, first, strict=True)]
        figures = [statistics.median(values) for values in (cold, init, first)]
        figures += [percentile(first, 0.95), statistics.median(after)]
        print(f"| {name} | {' | '.join(f'{figure:.0f} ms' for figure in figures)} |")


if __name__ == "__main__":
    main()
