"""How long a call of the OpenAI API is held, and how often its client is sent on."""

from collections.abc import Mapping

import pytest

from chalicelib import openai_calls
from chalicelib.calls import NOBODY, Call
from chalicelib.openai_calls import Hops

HELD = 25


def hops(headers: Mapping[str, str], hop: int = 0) -> Hops:
    """Return how far a call with *headers* has come."""
    call = Call(NOBODY, None, {"hop": str(hop)}, headers, "/v1/responses")
    return openai_calls.hops(call, HELD)


@pytest.mark.parametrize(
    ("told", "held"),
    [("600", 25), ("600.0", 25), ("27", 25), ("26", 24), ("10.5", 8.5), ("2", 1), ("0.5", 1)],
)
def test_a_call_is_held_for_less_than_its_client_waits(told: str, held: float) -> None:
    assert hops({"x-stainless-read-timeout": told}).hold_seconds == held


@pytest.mark.parametrize("told", ["", "None", "0", "-5", "1e3", "nan", "inf", "9" * 30, "5s"])
def test_an_odd_timeout_is_none(told: str) -> None:
    for name in ("x-stainless-read-timeout", "x-stainless-timeout"):
        assert hops({name: told, "x-stainless-lang": "js"}) == Hops(0, 18, HELD)


@pytest.mark.parametrize(("hop", "held", "further"), [(0, 25, True), (1, 25, True), (2, 8, False)])
def test_a_client_that_hangs_up_on_the_whole_chain_is_answered_in_its_time(
    *, hop: int, held: float, further: bool
) -> None:
    found = hops({"x-stainless-timeout": "60", "x-stainless-lang": "js"}, hop)

    assert (found.hold_seconds, found.may_hop) == (held, further)


def test_a_client_that_waits_for_each_answer_anew_is_held_as_long_each_time() -> None:
    assert hops({"x-stainless-read-timeout": "60"}, 8) == Hops(8, 9, HELD)


def test_the_least_is_a_second_whatever_a_client_says() -> None:
    assert hops({"x-stainless-timeout": "1"}, 3) == Hops(3, 0, 1)
