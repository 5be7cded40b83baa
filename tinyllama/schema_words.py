"""Tells a JSON Schema of the contract to people: a row for each field, its type and bounds."""

from collections.abc import Iterator
from dataclasses import dataclass

from tinyllama.contract_words import Node

_NOUNS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "object",
    "array": "list",
    "null": "null",
}
_FORMATS = {"date-time": "time"}
_ANYTHING = "any JSON value"
_PREFIX = "#/components/schemas/"
_LONGEST_ENUM = 12


@dataclass(frozen=True)
class Field:
    """One field: its path (``messages[].role``), whether it must be there, its type, its words."""

    path: str
    required: bool
    kind: str
    words: str


def fields(schema: Node, path: str = "") -> Iterator[Field]:
    """Yield the fields of an object's schema, those within it right behind it."""
    required = schema.get("required", [])
    for name, inner in schema.get("properties", {}).items():
        yield from _field(f"{path}{name}", inner, required=name in required)
    others = schema.get("additionalProperties")
    if isinstance(others, dict):
        yield from _field(f"{path}*", others, required=False)


def _field(path: str, schema: Node, *, required: bool) -> Iterator[Field]:
    yield Field(path, required, kind(schema), schema.get("description", ""))
    yield from fields(schema, f"{path}.")
    items = schema.get("items")
    if isinstance(items, dict):
        yield from fields(items, f"{path}[].")


def kind(schema: Node) -> str:
    """Return type and bounds in words; what a schema of its own describes as a link to it."""
    if "$ref" in schema:
        return link(schema)
    if "const" in schema:
        return f"`{_json(schema['const'])}`"
    if len(schema.get("enum", [])) in range(1, _LONGEST_ENUM + 1):
        return " or ".join(f"`{_json(each)}`" for each in schema["enum"])
    choices = schema.get("oneOf") or schema.get("anyOf") or []
    if choices and "type" not in schema:
        return " or ".join(dict.fromkeys(kind(each) for each in choices))
    types = schema.get("type", [])
    named = [types] if isinstance(types, str) else types
    told = [_one(name, schema) for name in named]
    return ("; or " if any("," in each for each in told) else " or ").join(told) or _ANYTHING


def link(reference: Node) -> str:
    """Return a link to the section of the schema that *reference* names."""
    name = reference["$ref"].removeprefix(_PREFIX)
    return f"[{name}](#{name})"


def _one(name: str, schema: Node) -> str:
    match name:
        case "string":
            noun = _FORMATS.get(schema.get("format", ""), _NOUNS[name])
            return noun + _size(schema, "minLength", "maxLength", "characters")
        case "array":
            return _list(schema)
        case "object":
            return _NOUNS[name] + _size(schema, "minProperties", "maxProperties", "members")
        case "integer" | "number":
            return _NOUNS[name] + _range(schema)
        case _:
            return _NOUNS[name]


def _list(schema: Node) -> str:
    items = schema.get("items", {})
    noun, comma, bounds = kind(items).partition(",")
    low, high = schema.get("minItems", 0), schema.get("maxItems")
    if low == high == 1:
        return f"list of one {kind(items)}"
    if items.get("type") in _NOUNS and "enum" not in items:
        noun += "s"
    elif noun == _ANYTHING:
        noun = "any JSON values"
    number = "" if high is None else f"{low} to {high:,} " if low else f"up to {high:,} "
    return f"list of {number}{noun}{comma}{bounds}" + (" each" if comma else "")


def _size(schema: Node, least: str, most: str, unit: str) -> str:
    low, high = schema.get(least), schema.get(most)
    if high is not None:
        return f", {low} to {high:,} {unit}" if low else f", {high:,} {unit} at most"
    return f", {low} {unit} at least" if low and low > 1 else ""


def _range(schema: Node) -> str:
    low = _bound(schema, "minimum", "")
    low = low or _bound(schema, "exclusiveMinimum", "above ")
    high = _bound(schema, "maximum", "")
    high = high or _bound(schema, "exclusiveMaximum", "below ")
    if low and high:
        return f", {low} to {high}" if low != high else f", {low}"
    if low:
        return f", {low}" + ("" if low.startswith("above") else " or more")
    return f", {high}" + ("" if high.startswith("below") else " or less") if high else ""


def _bound(schema: Node, name: str, word: str) -> str:
    return f"{word}{schema[name]:,}" if name in schema else ""


def _json(value: object) -> str:
    return value if isinstance(value, str) else str(value).lower()
