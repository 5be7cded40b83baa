"""What a call says of itself: preferences, versions, keys and numbers in its headers and query."""

import pytest

from chalicelib import limits
from chalicelib.calls import WORDS, Call, Caller
from chalicelib.errors import InvalidParameter


def call(path: str = "/infer", query: dict[str, str] | None = None, **headers: str) -> Call:
    """Return a call of nobody's, its headers named in Python's way."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Call(caller=Caller("acme"), body=None, query=query or {}, headers=named, path=path)


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        ("wait=7", 7),
        ("WAIT = 7", 7),
        ('wait="7"', 7),
        ("respond-async, wait=7", 7),
        ("respond-async;wait=7; foo", 7),
        ("wait=25", 25),
        ("wait=26", limits.WAIT_SECONDS),
        ("wait=999999999", limits.WAIT_SECONDS),
        ("wait=0", 0),
        ("wait=-7", 0),
        ("wait=7.5", 0),
        ("wait=7s", 0),
        ("wait=\uff17", 0),
        ("await=7", 0),
        ("wait", 0),
        ("", 0),
    ],
)
def test_a_wait_is_whole_seconds_within_the_limit_or_none(prefer: str, seconds: int) -> None:
    assert call(prefer=prefer).wait_seconds == seconds


@pytest.mark.parametrize(
    ("etag", "version"),
    [
        ('W/"3"', 3),
        ('"3"', 3),
        (' W/"3" ', 3),
        ("3", None),
        ('w/"3"', None),
        ('W/"\uff13"', None),
        ('W/"x"', None),
        ('W/""', None),
        ("*", None),
        ("", None),
    ],
)
def test_a_version_is_seen_in_an_etag_of_ours_alone(etag: str, version: int | None) -> None:
    assert call(if_none_match=etag).seen_version == version


@pytest.mark.parametrize("key", ["k", "!~", "a" * limits.IDEMPOTENCY_KEY_CHARS])
def test_an_idempotency_key_is_taken_as_it_is(key: str) -> None:
    assert call(idempotency_key=key).idempotency_key == key


@pytest.mark.parametrize("key", ["", " ", "a b", "a\n", "\u00e9", "\x7f", "a" * 256])
def test_an_unusable_idempotency_key_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(InvalidParameter, match=r"^Idempotency-Key must be 1 to 255 visible"):
        _ = call(idempotency_key=key).idempotency_key


@pytest.mark.parametrize(("text", "value"), [(None, 5), ("1", 1), ("009", 9), ("10", 10)])
def test_a_number_in_the_query_is_within_its_bounds(text: str | None, value: int) -> None:
    query = {} if text is None else {"n": text}

    assert call(query=query).integer("n", 5, 1, 10) == value


@pytest.mark.parametrize("text", ["", "0", "11", "-1", "+1", "1.0", "1e1", "\uff11", "9" * 5000])
def test_any_other_number_is_refused_with_its_bounds(text: str) -> None:
    with pytest.raises(InvalidParameter, match=r"^n must be a whole number, 1 to 10$"):
        call(query={"n": text}).integer("n", 5, 1, 10)


@pytest.mark.parametrize(
    ("path", "link"),
    [("/infer", "jobs/1"), ("/infer/", "../jobs/1"), ("/a/b", "../jobs/1")],
)
def test_a_link_is_relative_to_the_requests_own_path(path: str, link: str) -> None:
    assert call(path=path).link("jobs/1") == link


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("after", "0-0"),
        ("after", "999999999-1"),
        ("state", "running"),
        ("model", "org/big:1@x.Y_-"),
        ("type", "a"),
        ("type", "order.created/v1:x_-"),
    ],
)
def test_a_word_in_the_query_is_taken_as_it_is(name: str, text: str) -> None:
    assert call(query={name: text}).word(name) == text


@pytest.mark.parametrize("name", WORDS)
@pytest.mark.parametrize("text", ["", " ", "~a", "a b", "queued\n", "1-\uff11", "a" * 129, "\0"])
def test_any_other_word_is_refused_with_its_form(name: str, text: str) -> None:
    with pytest.raises(InvalidParameter, match=f"^{name} must be "):
        call(query={name: text}).word(name)


@pytest.mark.parametrize("name", WORDS)
def test_a_word_that_is_not_there_is_none(name: str) -> None:
    assert call().word(name) is None
