"""Texts and JSON values that nobody would send by mistake: what properties are tried with."""

import json
from typing import Any

from hypothesis import strategies as st

# Alphabets of their own: all of Unicode takes a second to load.
TEXT = st.text("aZ09._:/@-~+|= \n\t\0\x7f\x9fé\u2028\ud800\U0001f999{}[]$\\\"',", max_size=8)
NUMBERS = (
    st.integers()
    | st.floats()
    | st.sampled_from([0, -0.0, 1, 10**15, 2**53, 2**63, 2**64, 10**308, 1e308, -1, 253402300800])
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


def spelled(value: Any) -> str:
    """Return *value* as Python's own JSON, which has NaN and lone surrogates too."""
    return json.dumps(value)


@st.composite
def changed(draw: st.DrawFn, text: str, alphabet: str) -> str:
    """Draw *text* with one to three places of it changed, doubled, swapped or gone."""
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 9)))
        middle = draw(
            st.text(alphabet, max_size=4)
            | st.sampled_from([text[start:end] * 2, text[start:end].swapcase()])
        )
        text = text[:start] + middle + text[end:]
    return text


@st.composite
def renamed(draw: st.DrawFn, sound: dict[str, Any], *names: str) -> dict[str, Any]:
    """Draw a copy of *sound* in which up to three members are odd; *names* are further ones."""
    found = dict(sound)
    for name in draw(st.lists(st.sampled_from([*sound, *names]), max_size=3)):
        if draw(st.integers(0, 4)):
            found[name] = draw(VALUES)
        else:
            found.pop(name, None)
    return found
