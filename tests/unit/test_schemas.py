"""The schemas: sound, described, and in keywords that both libraries read alike."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from chalicelib import schemas
from chalicelib.schemas.compiled import VALIDATORS
from tinyllama import compile_schemas

type Schema = dict[str, Any]

ALL = (*schemas.REQUESTS, *schemas.ANSWERS)
SCHEMAS: dict[str, Schema] = {name: schemas.load(name) for name in ALL}
REGISTRY: Registry[Any] = Registry().with_resources(
    (schema["$id"], Resource.from_contents(schema)) for schema in SCHEMAS.values()
)

# What fastjsonschema and jsonschema both know and read alike. Left out on purpose, among others:
# $ref (siblings are ignored), default (fills in), format, multipleOf and uniqueItems (differ).
ALIKE = {
    "$schema", "$id", "title", "description", "examples",
    "type", "enum", "oneOf", "not",
    "properties", "required", "additionalProperties", "propertyNames", "maxProperties",
    "items", "minItems", "maxItems",
    "minLength", "maxLength", "pattern",
    "minimum", "maximum", "exclusiveMinimum",
}  # fmt: skip


def subschemas(schema: Schema) -> Iterator[Schema]:
    """Yield *schema* and all schemas inside it."""
    yield schema
    inner = [*schema.get("properties", {}).values(), *schema.get("oneOf", ())]
    inner += [schema[key] for key in ("items", "not", "propertyNames") if key in schema]
    if isinstance(schema.get("additionalProperties"), dict):
        inner.append(schema["additionalProperties"])
    for each in inner:
        yield from subschemas(each)


def properties(schema: Schema) -> Iterator[tuple[str, Schema]]:
    for each in subschemas(schema):
        yield from each.get("properties", {}).items()


def conforms(schema: Schema, instance: object) -> bool:
    return Draft202012Validator(schema, registry=REGISTRY).is_valid(instance)


def test_every_schema_file_is_listed() -> None:
    files = {path.stem for path in Path(schemas.__file__).parent.glob("*.json")}

    assert files == set(ALL)


@pytest.mark.parametrize("name", ALL)
def test_schema_is_sound_2020_12_and_named_after_its_file(name: str) -> None:
    schema = SCHEMAS[name]

    Draft202012Validator.check_schema(schema)

    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:tinyllama:schema:{name}"


@pytest.mark.parametrize("name", ALL)
def test_schema_and_each_property_are_described_with_examples_that_conform(name: str) -> None:
    schema = SCHEMAS[name]
    told = [("", schema), *properties(schema)]

    for where, each in told:
        assert each["description"], where
        assert each["examples"], where
        assert all(conforms(each, example) for example in each["examples"]), where


@pytest.mark.parametrize("name", schemas.REQUESTS)
def test_request_schema_uses_only_keywords_that_both_libraries_read_alike(name: str) -> None:
    for each in subschemas(SCHEMAS[name]):
        assert set(each) <= ALIKE
        assert all(isinstance(value, str) for value in each.get("enum", ()))
        assert {"integer", "number"} - set(each.get("type", ()))
        assert each.get("additionalProperties") is not True
        assert set(each.get("not", {})) <= {"type", "pattern"}
        assert all(set(choice) == {"required"} for choice in each.get("oneOf", ()))
        # `$` ends a text in one library and also stops before a last newline in the other;
        # classes like \d hold other characters in Python than in ECMA-262.
        assert not set(each.get("pattern", "")) & {"$", "\\"}


# What others define, with members that are not known here: they pass to the engine or back.
OPEN = {"chat_completion_request", "response_request", "worker_finish"}


@pytest.mark.parametrize("name", [name for name in schemas.REQUESTS if name not in OPEN])
def test_request_objects_are_closed(name: str) -> None:
    objects = [each for each in subschemas(SCHEMAS[name]) if each.get("type") == "object"]

    assert objects
    assert all("additionalProperties" in each for each in objects)


def test_compiled_module_is_what_the_schemas_say() -> None:
    assert compile_schemas.main(["--check"]) == 0


def test_stale_or_missing_module_is_told_and_mended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "compiled.py"

    missing = compile_schemas.main(["--check"], target)
    written = compile_schemas.main([], target)
    current = compile_schemas.main(["--check"], target)
    target.write_text(target.read_text(encoding="utf-8") + "#", encoding="utf-8")
    stale = compile_schemas.main(["--check"], target)

    assert (missing, written, current, stale) == (1, 0, 0, 1)
    assert capsys.readouterr().err.count("make fmt") == 2


def test_every_request_schema_is_compiled() -> None:
    assert tuple(VALIDATORS) == schemas.REQUESTS
