"""The list of scenarios: what is broken, and what is promised all the same."""

from collections.abc import Callable
from dataclasses import dataclass

from chaos.audit import Audit
from chaos.stand import Stand

type Attack = Callable[[Stand], Audit]


@dataclass(frozen=True)
class Scenario:
    """One attack; *promise* is what must hold, and the audit is what says whether it did."""

    family: str
    name: str
    promise: str
    attack: Attack
    long_only: bool


SCENARIOS: list[Scenario] = []


def scenario(
    family: str, name: str, promise: str, *, long_only: bool = False
) -> Callable[[Attack], Attack]:
    """Put the function below into the list; *long_only* keeps it out of the short form."""

    def register(attack: Attack) -> Attack:
        SCENARIOS.append(Scenario(family, name, promise, attack, long_only))
        return attack

    return register
