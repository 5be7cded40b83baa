"""What is printed, and what the long form leaves in ``bench/results/chaos.md``."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.settings import PROJECT
from chaos.audit import Audit
from chaos.registry import Scenario

PAGE = PROJECT / "bench" / "results" / "chaos.md"
_MOST_TOLD = 8
_HEAD = f"{'tried':>6} {'acked':>6} {'lost':>5} {'twice':>5} {'s':>6}"


@dataclass(frozen=True)
class Row:
    """A scenario, what came of it, and how long it took."""

    scenario: Scenario
    audit: Audit
    seconds: float

    @property
    def verdict(self) -> str:
        """Return ``held`` or ``BROKEN``, or ``told`` where nothing was promised."""
        if not self.audit.promised:
            return "told"
        return "held" if self.audit.held else "BROKEN"


def tell(row: Row) -> None:
    """Print one row, what it tells, and what broke."""
    audit = row.audit
    figures = (
        f"{audit.tried:6} {audit.acknowledged:6} {len(audit.lost):5} {len(audit.doubled):5}"
        f" {row.seconds:6.1f}"
    )
    print(f"{row.verdict:6} {row.scenario.family}: {row.scenario.name}")
    print(f"       {row.scenario.promise}")
    print(f"       {_HEAD}")
    print(f"       {figures}")
    for told in audit.told:
        print(f"       told: {told}")
    for kind in ("lost", "doubled", "wrong") if audit.promised else ():
        findings = getattr(audit, kind)
        for finding in findings[:_MOST_TOLD]:
            print(f"       {kind}: {finding}")
        if len(findings) > _MOST_TOLD:
            print(f"       {kind}: and {len(findings) - _MOST_TOLD} more")
    sys.stdout.flush()


def conclude(rows: Sequence[Row], seconds: float) -> None:
    """Print the whole table."""
    width = max(len(row.scenario.name) for row in rows)
    print(f"\n{'scenario':{width}} {_HEAD} verdict")
    for row in rows:
        audit = row.audit
        print(
            f"{row.scenario.name:{width}} {audit.tried:6} {audit.acknowledged:6}"
            f" {len(audit.lost):5} {len(audit.doubled):5} {row.seconds:6.1f} {row.verdict}"
        )
    broken = sum(not row.audit.held for row in rows)
    print(f"\n{len(rows)} scenarios, {broken} promises broken, {seconds:.0f} s")


def write(rows: Sequence[Row]) -> None:
    """Write the table where the figures of a release are kept."""
    lines = [
        "# Chaos",
        "",
        "Each scenario breaks real parts under callers who repeat with one `Idempotency-Key` until",
        "they are answered; then an audit holds every acknowledgement against what the store has:",
        "one job for each key, one end, one end event, tokens equal to the result, no event lost.",
        "Counts vary with the machine. Where nothing is promised the verdict is `told`.",
        "By `make chaos`.",
        "",
        "| scenario | what must hold | sent | acknowledged | lost | twice | verdict |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        audit, attack = row.audit, row.scenario
        lines.append(
            f"| {attack.family}: {attack.name} | {attack.promise} | {audit.tried:,}"
            f" | {audit.acknowledged:,} | {len(audit.lost)} | {len(audit.doubled)}"
            f" | {row.verdict} |"
        )
    told = [f"- {row.scenario.name}: {told}" for row in rows for told in row.audit.told]
    lines += ["", "Told besides:", "", *told] if told else []
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")
