"""Bodies against schemas: each wrong field is named, and nothing that came is repeated."""

import json
import subprocess
import sys
from fractions import Fraction
from typing import Any

import pytest

from chalicelib import schemas, settings
from chalicelib.errors import InvalidBody
from chalicelib.validation import ERRORS, NAME_CHARS, check

PROMPT = {"prompt": "Hello"}
MANY = dict.fromkeys("abcdefghijklmnopq", "")
EVENT = {"event_type": "order.created", "payload": None, "source": "shop"}


def faults(schema: str, body: object) -> dict[str, str]:
    with pytest.raises(InvalidBody) as refusal:
        check(schema, body)
    return {error.pointer: error.detail for error in refusal.value.errors}


@pytest.mark.parametrize("name", schemas.REQUESTS)
def test_examples_of_a_request_are_accepted(name: str) -> None:
    for example in schemas.load(name)["examples"]:
        check(name, example)


@pytest.mark.parametrize(
    ("change", "pointer", "detail"),
    [
        ({"prompt": 1}, "/prompt", "must be a string"),
        ({"prompt": ""}, "/prompt", "must have 1 or more characters"),
        ({"prompt": "x" * 100_001}, "/prompt", "must have 100000 or fewer characters"),
        ({"model": "a\n"}, "/model", "may hold only characters of [A-Za-z0-9._:/@-]"),
        ({"model": "-a"}, "/model", "must match ^[A-Za-z0-9]"),
        ({"max_tokens": 0}, "/max_tokens", "must be at least 1"),
        ({"max_tokens": True}, "/max_tokens", "must be an integer"),
        ({"max_tokens": 1.5}, "/max_tokens", "must be an integer"),
        ({"max_tokens": "1"}, "/max_tokens", "must be an integer"),
        ({"temperature": 2.1}, "/temperature", "must be at most 2"),
        ({"temperature": True}, "/temperature", "must be a number"),
        ({"temperature": None}, "/temperature", "must be a number"),
        ({"top_p": 0}, "/top_p", "must be greater than 0"),
        ({"stop": 1}, "/stop", "must be a string or an array"),
        ({"stop": []}, "/stop", "must have 1 or more items"),
        ({"stop": ["a"] * 5}, "/stop", "must have 4 or fewer items"),
        ({"stop": ["a", ""]}, "/stop/1", "must have 1 or more characters"),
        ({"seed": 2**53}, "/seed", "must be at most 9007199254740991"),
        ({"metadata": []}, "/metadata", "must be an object"),
        ({"metadata": {"a/b~c": 1}}, "/metadata/a~1b~0c", "must be a string"),
        ({"metadata": MANY}, "/metadata", "must have 16 or fewer fields"),
        ({"metadata": {"": ""}}, "/metadata", "has a name that must have 1 or more characters"),
        ({"priority": 1}, "/priority", "must be a string"),
        ({"priority": "top"}, "/priority", "must be one of high, normal, low"),
        ({"deadline_seconds": 0}, "/deadline_seconds", "must be greater than 0"),
        ({"a/b~c": 1}, "/a~1b~0c", "unknown field"),
        ({"k" * (NAME_CHARS + 1): 1}, "", "unknown field"),
    ],
)  # fmt: skip
def test_wrong_field_is_named_with_what_it_must_be(
    change: dict[str, Any], pointer: str, detail: str
) -> None:
    assert faults("infer", PROMPT | change) == {pointer: detail}


def test_a_name_of_wrong_characters_is_told_which_it_may_hold() -> None:
    event = {"specversion": "1.0", "id": "1", "source": "/shop", "type": "a", "My-Ext": "b"}

    told = faults("cloudevent", event)

    assert told["/My-Ext"] == "has a name that may hold only characters of [a-z0-9]"


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        ({"role": "user"}, {"/messages/1/content": "is required"}),
        (
            {"role": "tool", "content": "a"},
            {"/messages/1/role": "must be one of system, user, assistant"},
        ),
        ({"role": "user", "content": "a", "name": "x"}, {"/messages/1/name": "unknown field"}),
        ("hello", {"/messages/1": "must be an object"}),
    ],
)
def test_wrong_message_is_named_by_its_place(message: object, fault: dict[str, str]) -> None:
    first = {"role": "system", "content": ""}

    assert faults("infer", {"messages": [first, message]}) == fault


@pytest.mark.parametrize(
    "body", [{}, PROMPT | {"messages": [{"role": "user", "content": "a"}]}, {"model": "a"}]
)
def test_prompt_and_messages_exclude_each_other_in_plain_words(body: dict[str, Any]) -> None:
    assert faults("infer", body) == {"": "must have exactly one of the fields prompt and messages"}


@pytest.mark.parametrize("name", schemas.REQUESTS)
@pytest.mark.parametrize("body", [None, True, 1, "x", [], [PROMPT]])
def test_body_of_another_type_is_told_only_that(name: str, body: object) -> None:
    assert faults(name, body) == {"": "must be an object"}


def test_all_missing_and_unknown_fields_are_named_at_once() -> None:
    assert faults("event", {"type": "a", "data": 1}) == {
        "/event_type": "is required",
        "/payload": "is required",
        "/source": "is required",
        "/type": "unknown field",
        "/data": "unknown field",
    }


@pytest.mark.parametrize("payload", [None, False, 0, "", [], {}, {"a": [{"b": None}]}])
def test_payload_of_an_event_is_any_json_value(payload: object) -> None:
    check("event", EVENT | {"payload": payload})


@pytest.mark.parametrize(
    "body",
    [
        PROMPT | {str(number): 1 for number in range(500)},
        PROMPT | {"metadata": {str(number): 1 for number in range(500)}},
        {"messages": [1] * 500},
    ],
)
def test_errors_are_named_up_to_a_bound(body: dict[str, Any]) -> None:
    assert len(faults("infer", body)) == ERRORS


@pytest.mark.parametrize(
    "body",
    [
        "secret",
        ["secret"],
        {"prompt": ["secret"]},
        {"prompt": "secret" * 20_000},
        {"prompt": "x", "stop": ["secret" * 20]},
        {"prompt": "x", "stop": {"secret": "secret"}},
        {"prompt": "x", "model": "secret secret"},
        {"prompt": "x", "metadata": {"secret" * 20: "secret" * 100}},
        {"prompt": "x", "secret" * 30: "secret"},
        {"messages": "secret"},
        {"messages": [{"role": "secret", "content": {"secret": 1}}]},
    ],
)
def test_nothing_that_came_is_repeated(body: object) -> None:
    with pytest.raises(InvalidBody) as refusal:
        check("infer", body)

    assert "secret" not in json.dumps(refusal.value.problem("r"))
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__


def test_refusal_stands_where_jsonschema_finds_nothing_wrong() -> None:
    # No JSON text makes a Fraction: a number to jsonschema, none to the compiled code.
    assert faults("infer", PROMPT | {"temperature": Fraction(1, 2)}) == {}


def test_compiled_code_decides_where_jsonschema_would_refuse() -> None:
    # Nor a tuple: an array to the compiled code, none to jsonschema.
    check("infer", PROMPT | {"stop": ("a",)})


PROBE = """
import sys
from chalicelib.validation import check
from chalicelib.errors import InvalidBody

opened = []
sys.addaudithook(lambda event, args: event == "open" and opened.append(args[0]))
before = "jsonschema" in sys.modules, "fastjsonschema" in sys.modules
check("infer", {"prompt": "x"})
accepted = "jsonschema" in sys.modules
for body in ({}, {"prompt": 1}, {"prompt": "x", "metadata": {"": 1}, "a": 1}):
    try:
        check("infer", body)
    except InvalidBody as refusal:
        assert refusal.errors
print(*before, accepted, "jsonschema" in sys.modules, len(opened))
"""


def probe(**variables: str) -> list[str]:
    environment = settings.child_environment(variables)
    done = subprocess.run(  # noqa: S603 - this interpreter, a constant program
        [sys.executable, "-c", PROBE],
        env=environment,
        cwd=settings.PROJECT,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.split()


def test_in_lambda_jsonschema_is_loaded_by_the_first_refusal_only() -> None:
    before, compiler, accepted, refused_, opened = probe(AWS_LAMBDA_FUNCTION_NAME="api")

    assert (before, compiler, accepted, refused_) == ("False", "False", "False", "True")
    assert int(opened) > 0


def test_outside_lambda_nothing_is_opened_after_import() -> None:
    before, compiler, _, _, opened = probe()

    assert (before, compiler, opened) == ("True", "False", "0")
