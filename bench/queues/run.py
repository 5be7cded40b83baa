"""Side by side: ours and six task queues for Python when workers, replies and stores fail.

    .venv/bin/python -m bench.queues.run

Prints what it measures and writes bench/results/queues.md; about 13 minutes. Exits with 1 when
ours breaks a promise.
"""

import argparse
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from bench.queues import measures, report
from bench.queues.contenders import CONTENDERS, OURS, Contender
from chalicelib.settings import PROJECT

RESULTS = PROJECT / "bench" / "results" / "queues.md"
COMMAND = ".venv/bin/python -m bench.queues.run"
AT_ONCE = 8


def main() -> int:
    """Measure, print, write; 1 when ours broke a promise."""
    chosen, at_once = _parse()
    for contender in chosen:
        contender.install()
    rows = [report.Row(contender) for contender in chosen]
    # Killed workers are mostly waited for; what loads the machine runs two at a time.
    _measure(rows, at_once, _kill_worker)
    _measure(rows, 2, _kill_store)
    _measure(rows, 2, _lose)
    text = report.markdown(rows, COMMAND)
    print(text)
    if len(chosen) == len(CONTENDERS):
        RESULTS.write_text(text, encoding="utf-8")
    broken = [promise for row in rows if row.contender is OURS for promise in report.broken(row)]
    for promise in broken:
        print(f"ours broke a promise: {promise}", file=sys.stderr)
    return 1 if broken else 0


def _parse() -> tuple[list[Contender], int]:
    names = {contender.name: contender for contender in CONTENDERS}
    parser = argparse.ArgumentParser(prog="python -m bench.queues.run", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=names, default=list(names), metavar="NAME")
    parser.add_argument("--at-once", type=int, default=AT_ONCE, metavar="N")
    parsed = parser.parse_args()
    return [names[name] for name in parsed.only], parsed.at_once


type Deed = tuple[str, Callable[[], Any]]


def _kill_worker(contender: Contender) -> list[Deed]:
    return [
        ("killed_default", partial(measures.kill_worker, contender, tuned=False)),
        ("killed_tuned", partial(measures.kill_worker, contender, tuned=True)),
    ]


def _kill_store(contender: Contender) -> list[Deed]:
    return [
        ("store_default", partial(measures.kill_store, contender, tuned=False)),
        ("store_tuned", partial(measures.kill_store, contender, tuned=True)),
    ]


def _lose(contender: Contender) -> list[Deed]:
    return [
        ("replies", partial(measures.lose_replies, contender, own_id=False)),
        ("replies_own_id", partial(measures.lose_replies, contender, own_id=True)),
        ("requests", partial(measures.lose_request, contender)),
    ]


def _measure(
    rows: list[report.Row], at_once: int, deeds: Callable[[Contender], list[Deed]]
) -> None:
    with ThreadPoolExecutor(at_once) as pool:
        running = [
            (row, name, pool.submit(deed)) for row in rows for name, deed in deeds(row.contender)
        ]
        for row, name, future in running:
            setattr(row, name, future.result())
            print(f"{row.contender.name} {name}: {future.result()}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
