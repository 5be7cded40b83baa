"""Server-sent events in one body: what a reader gets is what was told, whatever it holds."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai._streaming import SSEDecoder

from chalicelib import event_streams
from tests.unit.timing import seconds_of

ANY = st.text(st.characters(codec=None), max_size=300)


@given(ANY)
def test_the_pieces_of_a_text_are_the_text(text: str) -> None:
    found = event_streams.pieces(text)

    assert "".join(found) == text
    assert all(found)


def test_no_piece_is_large_and_there_are_not_too_many() -> None:
    short = event_streams.pieces("A few words that follow each other on one line. " * 20)
    endless = event_streams.pieces("x" * 1_000_000)

    assert max(map(len, short)) <= 24
    assert all(piece.endswith(" ") for piece in short)
    assert len(endless) <= 257


@given(st.lists(ANY, min_size=1, max_size=5))
def test_a_reader_gets_each_event_whole_whatever_its_data_hold(texts: list[str]) -> None:
    body = "".join(event_streams.event({"text": text}, "named") for text in texts)

    # A reader that takes any of Unicode's line ends for one of the stream's.
    read = [event for event in map(SSEDecoder().decode, body.splitlines()) if event]
    assert [event.event for event in read] == ["named"] * len(texts)
    assert [json.loads(event.data)["text"] for event in read] == texts
    assert body.encode()


def test_the_first_way_that_fits_is_told() -> None:
    small, large = ["a", "b"], ["a" * 6_000_000]

    assert event_streams.told(small, large).body == "ab"
    assert event_streams.told(large, small).body == "ab"
    assert len(str(event_streams.told(large, large).body)) == 6_000_000


def test_the_last_word_is_no_json() -> None:
    assert event_streams.event(event_streams.DONE) == "data: [DONE]\n\n"


@pytest.mark.parametrize("character", ["a", "\x7f", "\u2028", "\U0001f999", "\\"])
def test_no_character_makes_an_event_slow(character: str) -> None:
    data = {"text": character * 300_000}

    plain = seconds_of(lambda: json.dumps(data))
    told = seconds_of(lambda: event_streams.event(data))

    assert told < 5 * plain
