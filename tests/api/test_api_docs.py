"""docs/api.md and openai.md tell every route of the contract, its scope and answers, no other."""

import json
import re
from typing import Any

import pytest

from chalicelib.settings import PROJECT
from tests.contract_check import operations, validator

PAGE = "".join(
    (PROJECT / "docs" / name).read_text(encoding="utf-8") for name in ("api.md", "openai.md")
)
SECTIONS = dict(re.findall(r"^## (.+)\n((?:(?!## ).*\n)*)", PAGE, re.MULTILINE))
EXAMPLES = re.findall(
    r"^<!-- schema: (\w+) -->\n```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL
)


def told_routes() -> dict[str, str]:
    """Return the section that each route is told in."""
    return {
        route: text
        for heading, text in SECTIONS.items()
        for route in re.findall(r"`([A-Z]+ /\S*)`", heading)
    }


def test_every_route_has_a_section_and_no_other_has() -> None:
    assert told_routes().keys() == {f"{method} {path}" for method, path, _ in operations()}


@pytest.mark.parametrize(
    ("route", "operation"),
    [pytest.param(f"{m} {path}", o, id=o["operationId"]) for m, path, o in operations()],
)
def test_a_section_tells_scope_parameters_and_answers(
    route: str, operation: dict[str, Any]
) -> None:
    section = told_routes()[route]

    scope = operation["security"][0]["bearer"][0] if operation["security"] else None
    assert (f"**Scope `{scope}`.**" if scope else "**Public.**") in section
    for parameter in operation["parameters"]:
        assert parameter["in"] == "path" or parameter["name"] in section
    for status in operation["responses"]:
        assert status >= "400" or re.search(rf"\b{status}\b", section), status


def test_every_example_obeys_its_schema() -> None:
    assert len(EXAMPLES) == PAGE.count("```json")
    for name, text in EXAMPLES:
        validator("components", "schemas", name).validate(json.loads(text))
