"""What the fuzzing saw, as a table, and what it did not see though it must."""

from collections import Counter
from collections.abc import Mapping

from tests.contract_check import operations
from tests.fuzz.callers import HURRIED, VALID

type Seen = Mapping[str, Counter[str]]

_OK, _REFUSED = 200, 300
# These count as calls; all others that are not a worker's count as requests.
_WITH_A_RATE = {"submit_job", "retry_job", "publish_event"}


def _names() -> list[str]:
    return [str(operation["operationId"]) for _, _, operation in operations()]


def _count(seen: Counter[str], operation: str, status: str) -> int:
    return sum(n for told, n in seen.items() if told.split(" ")[:2] == [operation, status])


def _statuses(seen: Counter[str], operation: str) -> set[str]:
    return {told.split(" ")[1] for told in seen if told.split(" ")[0] == operation}


def lacking(seen: Seen) -> list[str]:
    """Return what must be seen and was not: each operation's success, and limits at work."""
    valid, hurried = seen.get(VALID, Counter()), seen.get(HURRIED, Counter())
    found = [
        f"{name} never succeeded"
        for name in _names()
        if not any(_OK <= int(status) < _REFUSED for status in _statuses(valid, name))
    ]
    refused = {told.split(" ")[0] for told in hurried if told.endswith("429 rate_limited")}
    for limit, of_it in (
        ("calls", refused & _WITH_A_RATE),
        ("requests", refused - _WITH_A_RATE),
    ):
        found += [] if of_it else [f"the limit on {limit} was not met"]
    return found


def table(seen: Seen, cases: int, seed: int, seconds: float) -> list[str]:
    """Return the table of operations and statuses, a column for each caller."""
    columns, count = list(seen), sum(each.total() for each in seen.values())
    lines = [
        "# Fuzzing",
        "",
        f"`.venv/bin/python -m tests.fuzz --cases {cases} --seed {seed}`:",
        f"{count:,} cases that schemathesis made of `openapi.json`, over HTTP, {seconds:,.0f} s.",
        "",
        "No answer was a 5xx. Every one was as the contract says, and none held a token or an API",
        "key. The store was the same after the calls with an expired token, with a revoked API",
        "key and with none, and another tenant's calls changed nothing of the tenant's.",
        "",
        "`hurried` is a tenant whose limits are low. Both limits were met.",
        "",
        f"| operation | status | {' | '.join(columns)} |",
        f"| --- | --- | {' | '.join('---:' for _ in columns)} |",
    ]
    for name in _names():
        statuses = sorted({each for one in seen.values() for each in _statuses(one, name)})
        for status in statuses:
            counts = [_count(seen[column], name, status) for column in columns]
            told = " | ".join(f"{count:,}" if count else "" for count in counts)
            lines.append(f"| {name} | {status} | {told} |")
    others = {column: _other(seen[column]) for column in columns}
    told = " | ".join(f"{count:,}" for count in others.values())
    lines.append(f"| methods that no operation has | 4xx | {told} |")
    return lines


def properties(held: int, examples: int, seconds: float) -> list[str]:
    """Return what is to be told of the properties, nothing where none was tried."""
    if not held:
        return []
    told = f"{held} properties of tokens and events held, each on {examples:,} examples"
    return ["", f"`--examples {examples}`: {told}; {seconds:,.0f} s."]


def _other(seen: Counter[str]) -> int:
    return sum(n for told, n in seen.items() if told.split(" ")[1].startswith("/"))
