"""Runs trials until so many moves were made; a failure tells the seed that repeats it."""

from collections.abc import Callable
from time import monotonic

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.system import System
from tests.model.trial import Tally, Trial

STEPS = 60
TRIALS = 25

_PROFILE = settings(
    max_examples=TRIALS,
    stateful_step_count=STEPS,
    deadline=None,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
    print_blob=False,
)


def run(
    machine: type[Trial],
    system: System,
    *,
    moves: int,
    first_seed: int,
    report: Callable[[str], object] = lambda _: None,
    shrink: bool = True,
) -> Tally:
    """Make at least *moves* moves in batches of trials, each batch by a seed of its own.

    Seeds count up from *first_seed*. Raises what a trial raised, with a note of its seed, and
    the shortest way to it unless *shrink* is off.
    """
    profile = _PROFILE if shrink else settings(_PROFILE, phases=(Phase.generate,))
    tally, began, number = Tally(), monotonic(), first_seed
    while tally.moves < moves:
        batch = type(machine.__name__, (machine,), {"system": system, "tally": tally})
        try:
            run_state_machine_as_test(seed(number)(batch), settings=profile)
        except BaseException as failure:
            failure.add_note(f"to repeat: make model SEED={number} MOVES=1")
            raise
        spent = monotonic() - began
        refused = tally.refusals.total()
        report(
            f"seed {number}: {tally.moves} moves, {tally.repeats} repeated, {refused} refused, "
            f"{tally.trials} trials, {spent:.0f} s, {tally.moves / spent:.0f} moves/s"
        )
        number += 1
    return tally
