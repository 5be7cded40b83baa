"""Reads a body and holds it against its schema; alone knows jsonschema.

The compiled validators decide. jsonschema only names what is wrong with a body they refused.
No detail holds anything that came: a value may be a prompt, and details are logged. The names of
a caller's fields are told in pointers alone.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import islice
from math import inf, isfinite
from types import NoneType
from typing import TYPE_CHECKING, Any

from chalicelib import limits, schemas, settings
from chalicelib.errors import FieldError, InvalidBody, InvalidJson
from chalicelib.schemas.compiled import VALIDATORS

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator, ValidationError

ERRORS = 20
NAME_CHARS = 64

type Path = tuple[str | int, ...]

_DOUBLE_DIGITS = 308
_PLAIN = frozenset({bool, int, NoneType})
_SURROGATE = re.compile("[\ud800-\udfff]")


def parse(raw: bytes) -> Any:
    """Return the one JSON value that *raw* holds, in UTF-8 without a byte order mark.

    Raises InvalidJson for anything else and, with a pointer, for what JSON cannot carry safely
    (RFC 7493): a number beyond a double's range, a lone surrogate, a name given twice in one
    object, more than ``limits.JSON_DEPTH`` levels.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidJson(f"The body is not UTF-8, first at byte {error.start}") from None
    if text.startswith("\ufeff"):
        raise InvalidJson("The body begins with a byte order mark")
    try:
        value = json.loads(text, parse_int=_integer, object_pairs_hook=_members)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise InvalidJson(f"The body is not one JSON text: see {place}") from None
    except RecursionError:
        raise InvalidJson(f"The body has more than {limits.JSON_DEPTH} levels") from None
    try:
        # In a list of its own, a bare text or number is searched like any other.
        _search([value], limits.JSON_DEPTH + 1)
    except _Unsafe as unsafe:
        where = pointer(tuple(unsafe.path[-2::-1]))
        raise InvalidJson(
            "The body holds what JSON cannot carry safely",
            errors=[FieldError(where, unsafe.detail)],
        ) from None
    return value


def check(schema: str, instance: object) -> None:
    """Hold a parsed body against the request schema named *schema*, one of ``schemas.REQUESTS``.

    Raises InvalidBody naming what is wrong, field by field, the first ``ERRORS`` of it.
    """
    try:
        VALIDATORS[schema](instance)
    except schemas.Refused:
        # Should jsonschema ever find nothing wrong, the refusal stands, only without names.
        raise InvalidBody(errors=_errors(schema, instance)) from None


def refused(where: str, detail: str) -> InvalidBody:
    """Return the refusal of the one member that the JSON pointer *where* names."""
    return InvalidBody(errors=[FieldError(where, detail)])


class _Repeated(str):
    """A name that an object gave twice, in the object's place."""

    __slots__ = ()


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any] | _Repeated:
    members = dict(pairs)
    if len(members) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                return _Repeated(name)
            seen.add(name)
    return members


def _integer(digits: str) -> float:
    # int() alone stops at 4,300 digits with an error that has no place.
    if len(digits) > _DOUBLE_DIGITS and not isfinite(float(digits)):
        return inf
    return int(digits)


class _Unsafe(Exception):
    """Something that is not safe to carry; ``path`` leads to it, innermost step first."""

    def __init__(self, detail: str, *path: str | int) -> None:
        super().__init__(detail)
        self.detail = detail
        self.path = list(path)


def _search(container: list[Any] | dict[str, Any], levels: int) -> None:
    """Raise _Unsafe for the first thing in *container* that is not safe to carry."""
    if not levels:
        raise _Unsafe(f"is deeper than {limits.JSON_DEPTH} levels")
    for key, item in container.items() if type(container) is dict else enumerate(container):
        kind = type(item)
        if type(key) is str and _broken(key):
            raise _Unsafe("has a lone surrogate in its name", key)
        if kind is dict or kind is list:
            # The path is put together on the way out: few bodies need one.
            try:
                _search(item, levels - 1)
            except _Unsafe as unsafe:
                unsafe.path.append(key)
                raise
        elif kind not in _PLAIN:
            _inspect(item, key)


def _inspect(leaf: str | float, key: str | int) -> None:
    if isinstance(leaf, float):
        if not isfinite(leaf):
            raise _Unsafe("must be a number within a double's range", key)
    elif type(leaf) is _Repeated:
        raise _Unsafe("is given twice", leaf, key)
    elif _broken(leaf):
        raise _Unsafe("has a lone surrogate", key)


def _broken(text: str) -> bool:
    return not text.isascii() and _SURROGATE.search(text) is not None


def pointer(path: Path) -> str:
    """Write *path* as a JSON pointer (RFC 6901), ending before a name not fit to be repeated."""
    tokens: list[str] = []
    for token in map(str, path):
        if len(token) > NAME_CHARS or _broken(token):
            break
        tokens.append("/" + token.replace("~", "~0").replace("/", "~1"))
    return "".join(tokens)


@cache
def _namer(schema: str) -> "Draft202012Validator":
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - 100 ms that most starts save

    return Draft202012Validator(schemas.load(schema))


def _errors(schema: str, instance: object) -> tuple[FieldError, ...]:
    """Name what jsonschema finds wrong; what has the wrong type is told of nothing but that."""
    found = list(islice(_namer(schema).iter_errors(instance), ERRORS))
    mistyped = {tuple(error.absolute_path) for error in found if error.validator == "type"}
    telling = (
        field
        for error in found
        if error.validator == "type" or tuple(error.absolute_path) not in mistyped
        for field in _explain(error)
    )
    return tuple(dict.fromkeys(islice(telling, ERRORS)))


def _explain(error: "ValidationError") -> Iterator[FieldError]:
    path = tuple(error.absolute_path)
    rule = str(error.validator)
    limit: Any = error.validator_value
    instance: Any = error.instance
    if rule == "required":
        missing = (name for name in limit if name not in instance)
        yield from (FieldError(pointer((*path, name)), "is required") for name in missing)
    elif rule == "additionalProperties":
        schema: Any = error.schema
        unknown = (name for name in instance if name not in schema["properties"])
        yield from (FieldError(pointer((*path, name)), "unknown field") for name in unknown)
    else:
        detail = _DETAILS[rule](limit) if rule in _DETAILS else "does not satisfy the schema"
        if "propertyNames" in error.absolute_schema_path:
            path, detail = (*path, *filter(None, [instance])), f"has a name that {detail}"
        yield FieldError(pointer(path), detail)


_TYPES = {
    "array": "an array",
    "boolean": "true or false",
    "integer": "an integer",
    "null": "null",
    "number": "a number",
    "object": "an object",
    "string": "a string",
}


def _types(names: str | list[str]) -> str:
    return " or ".join(_TYPES[name] for name in ([names] if isinstance(names, str) else names))


def _excluding(pattern: str) -> str:
    """Say what a pattern that must not match leaves; ``[^a-z]`` is how one says "a-z alone"."""
    if pattern.startswith("[^"):
        return f"may hold only characters of [{pattern.removeprefix('[^')}"
    return f"must not match {pattern}"


_DETAILS: Mapping[str, Callable[[Any], str]] = {
    "type": lambda names: f"must be {_types(names)}",
    "enum": lambda values: f"must be one of {', '.join(values)}",
    "minLength": lambda least: f"must have {least} or more characters",
    "maxLength": lambda most: f"must have {most} or fewer characters",
    "minItems": lambda least: f"must have {least} or more items",
    "maxItems": lambda most: f"must have {most} or fewer items",
    "maxProperties": lambda most: f"must have {most} or fewer fields",
    "minimum": lambda least: f"must be at least {least}",
    "maximum": lambda most: f"must be at most {most}",
    "exclusiveMinimum": lambda bound: f"must be greater than {bound}",
    "pattern": lambda pattern: f"must match {pattern}",
    "not": lambda schema: _excluding(schema["pattern"]),
    "oneOf": lambda choices: (
        "must have exactly one of the fields "
        + " and ".join(name for choice in choices for name in choice["required"])
    ),
}

if not settings.in_lambda():
    # The file poller of `chalice local` takes a file that is opened later for one that changed.
    for _schema in schemas.REQUESTS:
        _errors(_schema, None)
