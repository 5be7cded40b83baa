"""One trial: a router on an emptied store and a model, driven by the same moves."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant

from chalicelib.errors import RouterError
from chalicelib.leasing import Claim
from tests.model.agreement import TENANTS, Agreement, same
from tests.model.model import Model
from tests.model.system import START_MS, System
from tests.model.terms import Draft, Refused, Terms

type Told = tuple[str, object]

NUMBERS = st.integers(0, 63)
RARELY = st.integers(0, 9).map(lambda number: number == 9)
OFTEN = st.integers(0, 9).map(lambda number: number != 9)
TENANT = st.sampled_from(TENANTS)
API_KEY = st.sampled_from(["", "", "one", "two"])
# The longest time that passes without a tick; records would go by their own expiry a day later.
UNSWEPT_MS = 12 * 3_600_000


@dataclass
class Tally:
    """What was done, over all trials of a run."""

    trials: int = 0
    moves: int = 0
    repeats: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    seen: set[tuple[str | None, str]] = field(default_factory=set)


def outcome(call: Callable[[], object]) -> Told:
    """Return what *call* answers, or the code with which it refuses."""
    try:
        return "told", call()
    except (RouterError, Refused) as refusal:
        return "refused", refusal.code


class Trial(RuleBasedStateMachine):
    """What all rules share. A subclass is told which store to use and where to count."""

    system: ClassVar[System]
    tally: ClassVar[Tally]
    terms: ClassVar[Terms] = Terms()
    model_made: ClassVar[type[Model]] = Model

    def __init__(self) -> None:
        super().__init__()
        self.system.begin(self.terms)
        self.model = self.model_made(self.terms, START_MS)
        self.agreement = Agreement(self.system, self.model)
        self.numbers = count(1)
        self.drafts: list[Draft] = []
        self.claims: list[Claim] = []
        self.tokens: list[str] = []
        self.event_tokens: list[str] = ["0" * 32]
        self.swept_at = START_MS
        self.tally.trials += 1

    def play(
        self, router: Callable[[], object], rules: Callable[[], object], *, repeat: bool
    ) -> Told:
        """Make a move on both sides; on *repeat* once more, which must change nothing."""
        told = outcome(router)
        same(told, outcome(rules), "the answer")
        self.tally.moves += 1
        if told[0] == "refused":
            self.tally.refusals[str(told[1])] += 1
        if repeat:
            stored = self.system.contents()
            same(outcome(router), told, "the answer to the same call again")
            same(told, outcome(rules), "the rules' answer to the same call again")
            after = self.system.contents()
            changed = {key for key in stored.keys() | after if stored.get(key) != after.get(key)}
            assert not changed, f"the same call again changed {changed}"
            self.tally.repeats += 1
        return told

    def pass_time(self, until: int) -> None:
        """Let time pass on both sides; the minute tick is never missed for long."""
        if until > self.swept_at + UNSWEPT_MS:
            self.system.tick()
            self.model.tick()
            self.swept_at = self.model.now.ms
        self.model.now.ms = until
        self.system.set_clock(until)

    def new_id(self, kind: str = "") -> str:
        """Return an id that this trial has not seen."""
        return f"{kind}{next(self.numbers):032x}"

    @invariant()
    def store_and_model_agree(self) -> None:
        """Hold after every move, whatever it was."""
        self.agreement.check()

    def teardown(self) -> None:
        """Compare everything, let all time pass, and see that nothing is left behind."""
        self.agreement.check(everything=True)
        self.tally.seen |= self.model.seen


def pick[T](among: Sequence[T], number: int) -> T:
    """Choose one of *among*, the latest for 0."""
    return among[-1 - number % len(among)]
