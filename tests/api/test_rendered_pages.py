"""docs/reference.md and docs/errors.md are what contract and code say, whole and linked."""

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from chalicelib import errors
from chalicelib.settings import PROJECT
from tests.contract_check import CONTRACT, operations
from tinyllama import error_page, reference
from tinyllama.cures import CURES, JOB_CURES

REFERENCE = (PROJECT / "docs" / "reference.md").read_text(encoding="utf-8")
ERRORS = (PROJECT / "docs" / "errors.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### (\w+)\n((?:(?!###? ).*\n)*)", REFERENCE, re.MULTILINE))
ROUTES = dict(re.findall(r"^## `(.+)`\n((?:(?!## ).*\n)*)", REFERENCE, re.MULTILINE))
ROWS = re.findall(r"^\| (\d{3}) \| \[`(\w+)`\]\(#\w+\)( \(common\))? \|", ERRORS, re.MULTILINE)


@pytest.mark.parametrize("renderer", [reference, error_page])
def test_a_committed_page_is_what_its_sources_say(renderer: ModuleType) -> None:
    assert renderer.main(["--check"]) == 0


@pytest.mark.parametrize("renderer", [reference, error_page])
def test_a_stale_page_is_told_and_mended(
    renderer: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "page.md"
    main: Callable[..., int] = renderer.main

    missing = main(["--check"], target)
    written = main([], target)
    fresh = main(["--check"], target)
    target.write_text(target.read_text(encoding="utf-8") + "By hand.\n", encoding="utf-8")

    assert (missing, written, fresh, main(["--check"], target)) == (1, 0, 0, 1)
    assert "make fmt" in capsys.readouterr().err


def test_every_route_has_a_section_and_no_other_has() -> None:
    assert ROUTES.keys() == {f"{method} {path}" for method, path, _ in operations()}


@pytest.mark.parametrize(
    ("route", "operation"),
    [pytest.param(f"{m} {path}", o, id=o["operationId"]) for m, path, o in operations()],
)
def test_a_section_tells_scope_parameters_fields_answers_and_codes(
    route: str, operation: dict[str, Any]
) -> None:
    section, common = ROUTES[route], error_page.common(CONTRACT)

    for scope in operation["security"]:
        assert f"`{scope['bearer'][0]}`" in section
    for parameter in operation["parameters"]:
        assert re.search(rf"^\| \**`{re.escape(parameter['name'])}`\** \|", section, re.MULTILINE)
    for content in operation.get("requestBody", {}).get("content", {}).values():
        for name in fields_of(content["schema"]):
            assert re.search(rf"^\| \**`{re.escape(name)}`\** \|", section, re.MULTILINE)
    for status in operation["responses"]:
        assert status >= "400" or re.search(rf"^\| {status} \|", section, re.MULTILINE)
    for code in set(error_page.codes(operation)) - common:
        assert f"[`{code}`](errors.md#{code})" in section


def fields_of(schema: dict[str, Any]) -> list[str]:
    """Return the names of an object's fields, without those within them."""
    named = schema.get("$ref", "").rpartition("/")[2]
    found = CONTRACT["components"]["schemas"][named] if named else schema
    return list(found.get("properties", {}))


def test_every_body_that_an_answer_has_is_told_with_its_fields() -> None:
    linked = set(re.findall(r"\]\(#(\w+)\)", "".join(ROUTES.values()))) & set(
        CONTRACT["components"]["schemas"]
    )

    assert {"job", "job_page", "problem"} <= linked <= SECTIONS.keys()
    for name, section in SECTIONS.items():
        for field in fields_of({"$ref": f"#/components/schemas/{name}"}):
            assert re.search(rf"^\| \**`{re.escape(field)}`\** \|", section, re.MULTILINE), name


def test_every_header_of_an_answer_is_told() -> None:
    section = REFERENCE.partition("\n## Headers")[2]

    told = set(re.findall(r"^\| `([\w-]+)` \|", section, re.MULTILINE))

    assert told == set(CONTRACT["components"]["headers"])


def test_every_code_of_a_call_has_its_row_with_its_status() -> None:
    there_are = {code: error.status for code, error in error_page.failures().items()}

    assert there_are["rate_limited"] == errors.RateLimited.status
    assert {code: int(status) for status, code, _ in ROWS} == there_are
    assert there_are.keys() == CURES.keys() - JOB_CURES.keys()


def test_the_codes_marked_as_common_are_said_by_every_route_with_a_scope() -> None:
    counted = [o for _, path, o in operations() if o["security"] and "/worker" not in path]
    told = [set(error_page.codes(operation)) for operation in counted]

    assert {code for _, code, common in ROWS if common} == set.intersection(*told)


@pytest.mark.parametrize("code", sorted(CURES))
def test_every_code_has_a_section_with_cause_and_cure(code: str) -> None:
    section = ERRORS.partition(f"# `{code}`\n")[2].partition("\n#")[0]

    assert CURES[code].cause in section
    assert CURES[code].cure in section
