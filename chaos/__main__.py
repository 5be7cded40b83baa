"""``python -m chaos``: break what can be broken, and tell what was lost.

python -m chaos            the long form; writes bench/results/chaos.md
python -m chaos --short    minutes, for CI
python -m chaos --only SIGTERM
"""

import argparse
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from chaos import report
from chaos.audit import Audit
from chaos.catalogue import SCENARIOS
from chaos.registry import Scenario
from chaos.report import Row
from chaos.stand import Stand


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the scenarios asked for; 1 when a promise did not hold, 2 when none was asked for."""
    parsed = _parse(arguments)
    wanted = [
        each
        for each in SCENARIOS
        if (parsed.only.lower() in f"{each.family}: {each.name}".lower())
        and not (parsed.short and each.long_only)
    ]
    if not wanted:
        sys.stderr.write(f"no scenario has {parsed.only!r} in its name\n")
        return 2
    # Whatever was started lives in groups of its own: it ends only if this ends in good order.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    began = time.monotonic()
    rows = []
    for each in wanted:
        row = _run(each, long=not parsed.short)
        rows.append(row)
        report.tell(row)
    report.conclude(rows, time.monotonic() - began)
    if not parsed.short and not parsed.only:
        report.write(rows)
    return 0 if all(row.audit.held for row in rows) else 1


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m chaos", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--short", action="store_true", help="the form for CI: smaller, sooner")
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="scenarios with TEXT in the name"
    )
    return parser.parse_args(arguments)


def _run(each: Scenario, *, long: bool) -> Row:
    began = time.monotonic()
    # A short path: a Unix socket's has 104 characters at most.
    with tempfile.TemporaryDirectory(prefix="tl-chaos-") as folder:
        try:
            with Stand(Path(folder), long=long) as stand:
                audit = each.attack(stand)
        except Exception:  # noqa: BLE001 - a scenario that breaks is a finding, not the end
            audit = Audit(wrong=[traceback.format_exc(limit=-4)])
    return Row(each, audit, time.monotonic() - began)


if __name__ == "__main__":
    sys.exit(main())
