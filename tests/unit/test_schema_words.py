"""What the reference says of a field is what its schema asks."""

import pytest

from tinyllama.contract_words import Node
from tinyllama.schema_words import Field, fields, kind


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "string"}, "text"),
        ({"type": "string", "format": "date-time"}, "time"),
        ({"type": "string", "minLength": 1, "maxLength": 9000}, "text, 1 to 9,000 characters"),
        ({"type": "string", "maxLength": 36}, "text, 36 characters at most"),
        ({"type": "string", "minLength": 16}, "text, 16 characters at least"),
        ({"type": ["string", "null"]}, "text or null"),
        ({"type": ["integer", "null"], "minimum": 0}, "whole number, 0 or more; or null"),
        ({"type": "integer", "minimum": 1, "maximum": 200}, "whole number, 1 to 200"),
        ({"type": "integer", "minimum": 1, "maximum": 1}, "whole number, 1"),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 1}, "number, above 0 to 1"),
        ({"type": "number", "exclusiveMinimum": 0}, "number, above 0"),
        ({"type": "number", "maximum": 2}, "number, 2 or less"),
        ({"type": "boolean"}, "true or false"),
        ({"type": "object", "maxProperties": 16}, "object, 16 members at most"),
        ({"enum": ["high", "low"]}, "`high` or `low`"),
        ({"const": True}, "`true`"),
        ({"type": "array", "items": {"type": "object"}}, "list of objects"),
        (
            {"type": "array", "minItems": 1, "maxItems": 1, "items": {"type": "object"}},
            "list of one object",
        ),
        ({"type": "array", "items": {}}, "list of any JSON values"),
        (
            {"type": "array", "maxItems": 4, "items": {"type": "string", "maxLength": 64}},
            "list of up to 4 texts, 64 characters at most each",
        ),
        (
            {"type": "array", "items": {"$ref": "#/components/schemas/job_summary"}},
            "list of [job_summary](#job_summary)",
        ),
        ({"oneOf": [{"type": "string"}, {"type": "boolean"}]}, "text or true or false"),
        ({"description": "anything"}, "any JSON value"),
    ],
)
def test_a_type_is_told_with_its_bounds(schema: Node, words: str) -> None:
    assert kind(schema) == words


def test_fields_within_a_field_follow_it_with_their_path() -> None:
    inner = {"type": "object", "required": ["role"], "properties": {"role": {"type": "string"}}}
    schema = {
        "type": "object",
        "properties": {
            "messages": {"description": "What was said.", "type": "array", "items": inner},
            "metadata": {"type": "object", "additionalProperties": {"type": "integer"}},
        },
    }

    assert list(fields(schema)) == [
        Field("messages", required=False, kind="list of objects", words="What was said."),
        Field("messages[].role", required=True, kind="text", words=""),
        Field("metadata", required=False, kind="object", words=""),
        Field("metadata.*", required=False, kind="whole number", words=""),
    ]
