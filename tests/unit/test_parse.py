"""JSON texts: what is read, what is refused, and that a refusal says where but never repeats."""

import contextlib
import json
import sys
import threading
import time

import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from chalicelib import limits
from chalicelib.errors import FieldError, InvalidBody, InvalidJson
from chalicelib.validation import NAME_CHARS, check, parse


def refused(raw: bytes) -> InvalidJson:
    with pytest.raises(InvalidJson) as refusal:
        parse(raw)
    return refusal.value


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b' {"a": [1, 2.5, true, false, null, "x"]}\r\n', {"a": [1, 2.5, True, False, None, "x"]}),
        (b'"\\u0000"', "\0"),
        (b'"\\ud83e\\udd99"', "\U0001f999"),
        ('{"é": "日本"}'.encode(), {"é": "日本"}),
        (b"-0", 0),
        (b"1e308", 1e308),
        (b"9" * 308, int("9" * 308)),
        (str(int(sys.float_info.max)).encode(), int(sys.float_info.max)),
    ],
)
def test_sound_json_is_read_as_it_stands(raw: bytes, value: object) -> None:
    assert parse(raw) == value


def test_whole_numbers_stay_whole_and_fractions_stay_floats() -> None:
    assert [type(number) for number in parse(b"[1, 1.0, 1e2]")] == [int, float, float]


@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b" ", b"{", b"[1,]", b'{"a":1,}', b"{} {}", b"'a'", b"{a:1}", b"01", b"+1", b"1."),
        *(b".5", b"0x1", b"True", b"// a\n1", b'"\n"', b'"\0"', b'"\\x41"', b'"\\u12"', b"nan"),
        "٣".encode(),
        "{}\u00a0".encode(),
    ],
)
def test_what_is_not_one_json_text_is_refused_with_its_line_and_column(raw: bytes) -> None:
    assert "line 1, column" in refused(raw).detail


@pytest.mark.parametrize(
    "raw",
    [b'"\xff"', b'"\xc0\xaf"', b'"\xed\xa0\x80"', '"é"'.encode("latin-1"), b"\xff\xfe{\0}\0"],
)
def test_other_encodings_than_utf_8_are_refused(raw: bytes) -> None:
    assert "UTF-8" in refused(raw).detail


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_wide_encodings_are_not_guessed(encoding: str) -> None:
    assert refused("{}".encode(encoding)).code == "invalid_json"


def test_byte_order_mark_is_refused_by_name() -> None:
    assert "byte order mark" in refused(b"\xef\xbb\xbf{}").detail


@pytest.mark.parametrize(
    "number",
    [b"NaN", b"Infinity", b"-Infinity", b"1e400", b"-1e400", b"1" + b"0" * 309, b"-" + b"9" * 5000],
)
def test_numbers_beyond_a_double_are_refused_where_they_stand(number: bytes) -> None:
    error = refused(b'{"a": [0, ' + number + b"]}")

    assert [each.pointer for each in error.errors] == ["/a/1"]
    assert "double" in error.errors[0].detail


@pytest.mark.parametrize(
    ("raw", "pointer"),
    [
        (b'"\\ud800"', ""),
        (b'{"a": ["x", "\\udfff!"]}', "/a/1"),
        (b'{"a": "\\udd99\\ud83e"}', "/a"),
        (b'{"a": {"\\ud800": 1}}', "/a"),
    ],
)
def test_lone_surrogates_are_refused_where_they_stand(raw: bytes, pointer: str) -> None:
    error = refused(raw)

    assert [each.pointer for each in error.errors] == [pointer]
    assert "lone surrogate" in error.errors[0].detail


@pytest.mark.parametrize(
    ("raw", "pointer"),
    [
        (b'{"a": 1, "a": 1}', "/a"),
        (b'[{"b": {"x": 1, "a/~": 2, "a/~": 3}}]', "/0/b/a~1~0"),
        (b'{"a": 1, "\\u0061": 2}', "/a"),
        (b'{"\\ud800": 1, "\\ud800": 2}', ""),
    ],
)
def test_name_given_twice_is_refused_where_it_stands(raw: bytes, pointer: str) -> None:
    assert refused(raw).errors == (FieldError(pointer, "is given twice"),)


def test_depth_is_bounded_and_told_where_it_is_exceeded() -> None:
    deepest = parse(nested(limits.JSON_DEPTH))

    error = refused(b'{"a":' + nested(limits.JSON_DEPTH) + b"}")

    assert deepest
    assert error.errors[0].pointer == "/a" + "/0" * (limits.JSON_DEPTH - 1)
    assert "levels" in error.errors[0].detail


@pytest.mark.parametrize(
    "raw",
    [
        *(b"[" * 262_144, nested(131_072), nested(5_000), nested(900)),
        *(b'{"a":' * 50_000, b'{"a":' * 40_000 + b"1" + b"}" * 40_000),
    ],
)
def test_any_depth_is_refused_without_exhausting_the_stack_of_a_thread(raw: bytes) -> None:
    seen: list[InvalidJson] = []
    thread = threading.Thread(target=lambda: seen.append(refused(raw)))

    thread.start()
    thread.join()

    assert [error.status for error in seen] == [400]


def test_pointer_ends_before_a_name_too_long_to_repeat() -> None:
    fits, too_long = "k" * NAME_CHARS, "k" * (NAME_CHARS + 1)

    pointers = [
        refused(json.dumps({"a": {name: float("nan")}}).encode()).errors[0].pointer
        for name in (fits, too_long)
    ]

    assert pointers == [f"/a/{fits}", "/a"]


@pytest.mark.parametrize(
    "unit",
    [
        *("1,", "1.0,", "NaN,", "[],", "{},", '{"":1},', '{"a":1,"a":1},', '"",', '"é",', '["é"],'),
        *("9" * 300 + ",", "[" * 31 + "]" * 31 + ",", '"\\u00e9",', "\\ud800", "\n", '{"a":', "9"),
    ],
)
def test_hostile_bodies_of_full_size_are_read_and_checked_in_linear_time(unit: str) -> None:
    raw = ("[" + unit * (limits.BODY_BYTES // len(unit)) + "1]").encode()[: limits.BODY_BYTES]
    start = time.thread_time()

    with pytest.raises((InvalidJson, InvalidBody)):
        check("infer", parse(raw))

    # 10 to 80 ms on a quiet core; anything quadratic takes many seconds.
    assert time.thread_time() - start < 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text('aé\0\\"\U0001f999{}[]/~ \n', max_size=5),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text("aé\0/~", max_size=3), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip


@profile(derandomize=True, database=None, deadline=None, max_examples=100)
@given(value=JSON, escaped=st.booleans())
def test_every_json_value_comes_back_as_it_was_sent(value: object, *, escaped: bool) -> None:
    raw = json.dumps(value, ensure_ascii=escaped).encode()

    assert json.dumps(parse(raw)) == json.dumps(value)


@profile(derandomize=True, database=None, deadline=None, max_examples=200)
@given(raw=st.binary(max_size=12) | st.text('[]{}",:\\ue0d8N1-a', max_size=12).map(str.encode))
def test_any_bytes_are_read_or_refused_and_nothing_else(raw: bytes) -> None:
    with contextlib.suppress(InvalidJson):
        parse(raw)


@pytest.mark.parametrize("raw", [b'{"prompt": "secret" "secret"}', b'{"prompt": "secret\\x"}'])
def test_broken_json_is_not_repeated(raw: bytes) -> None:
    error = refused(raw)

    assert "secret" not in json.dumps(error.problem("r"))
    assert error.__suppress_context__
