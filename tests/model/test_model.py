"""Random moves leave the store as a plain model says, and a wrong rule is found within few."""

import re
from dataclasses import replace
from typing import ClassVar

import pytest

from chalicelib.jobs import MOVES
from chalicelib.settings import PROJECT
from tests.model.machine import Machine
from tests.model.mistakes import MISTAKES
from tests.model.model import Model
from tests.model.run import run
from tests.model.system import System
from tests.model.terms import Terms

pytestmark = [pytest.mark.slow, pytest.mark.timeout(0)]

_ROWS = {(str(state), str(to)) for state, reached in MOVES.items() for to in reached}
_REFUSALS = {
    "event_not_found",
    "idempotency_key_reused",
    "inbox_full",
    "invalid_body",
    "job_ended",
    "job_gone",
    "job_not_found",
    "job_running",
    "lease_lost",
    "not_retryable",
    "queue_full",
    "store_full",
    "too_many_jobs",
    "version_conflict",
}
_DIFFERENCE = re.compile("the rules|went from version|the same call again")


def test_store_stays_as_the_model_says(system: System, pytestconfig: pytest.Config) -> None:
    moves, first_seed = pytestconfig.getoption("moves"), pytestconfig.getoption("seed")

    tally = run(Machine, system, moves=moves, first_seed=first_seed, report=print)

    assert tally.moves >= moves
    assert tally.repeats >= moves // 4
    # Nothing but the rows of the table; each of them, and each refusal, where there was time.
    assert tally.seen <= _ROWS | {(None, "queued")}
    assert moves < 10_000 or tally.seen == _ROWS | {(None, "queued")}
    assert moves < 10_000 or tally.refusals.keys() >= _REFUSALS


def test_store_stays_as_the_model_says_where_calls_are_limited(
    system: System, pytestconfig: pytest.Config
) -> None:
    moves, first_seed = (
        max(1, pytestconfig.getoption("moves") // 10),
        pytestconfig.getoption("seed"),
    )

    class SixCallsAMinute(Machine):
        terms: ClassVar[Terms] = replace(Terms(), rate_quota=6, key_quota=2, bytes_quota=20_000)

    tally = run(SixCallsAMinute, system, moves=moves, first_seed=first_seed, report=print)

    assert tally.moves >= moves
    assert tally.refusals["rate_limited"]


@pytest.mark.parametrize("wrong", MISTAKES, ids=lambda wrong: wrong.__name__)
def test_wrong_rule_is_found(wrong: type[Model], system: System) -> None:
    class Mistaken(Machine):
        model_made: ClassVar[type[Model]] = wrong

    with pytest.raises(AssertionError, match=_DIFFERENCE):
        run(Mistaken, system, moves=10_000, first_seed=1, shrink=False)


@pytest.mark.parametrize(
    ("sound", "broken"),
    [
        pytest.param(
            "record[1] == 'running' and record[2] == token and", "", id="any token finishes"
        ),
        pytest.param("redis.call('ZADD', keys.turns, tag + 1, tenant)", "", id="no turns"),
        pytest.param("size - (fields.reserved or 0)", "size", id="room stays reserved"),
        pytest.param("uncount_job(record[4], size)", "", id="ended jobs stay counted"),
    ],
)
def test_broken_script_is_found(sound: str, broken: str, system: System) -> None:
    library = PROJECT / "chalicelib" / "lua" / "lib"
    assert any(sound in path.read_text(encoding="utf-8") for path in library.glob("*.lua"))
    system.store.replace(sound, broken)

    try:
        with pytest.raises(AssertionError, match=_DIFFERENCE):
            run(Machine, system, moves=10_000, first_seed=1, shrink=False)
    finally:
        system.store.replace("", "")
