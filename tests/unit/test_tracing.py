"""A trace is the caller's where its header is valid, a new one else: W3C Trace Context, level 2."""

import pytest

from chalicelib import tracing

ID = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"


@pytest.mark.parametrize("flags", ["00", "01", "02", "03"])
def test_valid_header_is_the_callers_trace(flags: str) -> None:
    header = f"00-{ID}-{SPAN}-{flags}"

    assert str(tracing.of_request(header)) == header


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        ID,
        f"00-{ID}-{SPAN}",
        f"00-{ID}-{SPAN}-",
        f"00-{ID}-{SPAN}-1",
        f"00-{ID}-{SPAN}-011",
        f"00-{ID}-{SPAN}-01-",
        f"00-{ID}-{SPAN}-01-more",
        f"00-{ID.upper()}-{SPAN}-01",
        f"00-{ID}-{SPAN.upper()}-01",
        f"00-{ID[:-1]}-{SPAN}-01",
        f"00-{ID}-{SPAN}0-01",
        f"00-{ID[:-1]}g-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{ID}-{'0' * 16}-01",
        f"ff-{ID}-{SPAN}-01",
        f"0-{ID}-{SPAN}-01",
        f"00_{ID}_{SPAN}_01",
        f"00-{ID}-{SPAN}-01, 00-{ID}-{SPAN}-01",
        f"01-{ID}-{SPAN}-01more",
        f"00-{ID}-{SPAN}-01\n",
        f"\u0660\u0660-{ID}-{SPAN}-01",
        "x" * 100_000,
    ],
)
def test_header_that_is_none_begins_a_new_trace(header: str | None) -> None:
    trace = tracing.of_request(header)

    assert trace.trace_id != ID
    assert tracing.parse(str(trace)) == trace
    assert trace.flags & 1


@pytest.mark.parametrize("rest", ["", "-", "-what a later version adds"])
def test_later_version_is_read_as_far_as_this_one_goes(rest: str) -> None:
    assert str(tracing.of_request(f"cc-{ID}-{SPAN}-01{rest}")) == f"00-{ID}-{SPAN}-01"


def test_flags_that_this_version_does_not_know_are_not_handed_on() -> None:
    assert str(tracing.of_request(f"00-{ID}-{SPAN}-fd")) == f"00-{ID}-{SPAN}-01"


def test_space_around_a_header_is_none_of_it() -> None:
    assert str(tracing.of_request(f" \t00-{ID}-{SPAN}-01 ")) == f"00-{ID}-{SPAN}-01"


def test_step_is_of_the_same_trace_with_a_name_of_its_own() -> None:
    trace = tracing.of_request(f"00-{ID}-{SPAN}-01")

    first, second = trace.step(), trace.step()

    assert {first.trace_id, second.trace_id} == {ID}
    assert len({trace.span_id, first.span_id, second.span_id}) == 3
    assert first.flags == trace.flags


def test_new_traces_are_different_ones() -> None:
    assert len({tracing.begin().trace_id for _ in range(100)}) == 100
