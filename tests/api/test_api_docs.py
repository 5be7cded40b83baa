"""docs/api.md: every route, parameter, answer and code of the contract is there, and no other."""

import json
import re
from typing import Any

import pytest

from chalicelib import errors
from chalicelib.settings import PROJECT
from tests.contract_check import codes_of, operations, validator
from tinyllama import gateway_errors

PAGE = (PROJECT / "docs" / "api.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.+)\n((?:(?!## ).*\n)*)", PAGE, re.MULTILINE))
CODES = re.findall(
    r"^\| (\d{3}) \| `(\w+)`( \(common\))? \|", SECTIONS["Every error code"], re.MULTILINE
)
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


def answerable(operation: dict[str, Any]) -> set[str]:
    return {code for response in operation["responses"].values() for code in codes_of(response)}


def common_codes() -> set[str]:
    """Return the codes that every route with a scope can answer, a worker's moves apart."""
    told = [answerable(o) for _, path, o in operations() if o["security"] and "/worker" not in path]
    return set.intersection(*told)


def test_every_route_has_a_section_and_no_other_has() -> None:
    assert told_routes().keys() == {f"{method} {path}" for method, path, _ in operations()}


@pytest.mark.parametrize(
    ("route", "operation"),
    [pytest.param(f"{m} {path}", o, id=o["operationId"]) for m, path, o in operations()],
)
def test_a_section_tells_scope_parameters_statuses_and_codes(
    route: str, operation: dict[str, Any]
) -> None:
    section = told_routes()[route]

    scope = operation["security"][0]["bearer"][0] if operation["security"] else None
    assert (f"**Scope `{scope}`.**" if scope else "**Public.**") in section
    for parameter in operation["parameters"]:
        assert parameter["in"] == "path" or parameter["name"] in section
    for status, response in operation["responses"].items():
        assert status >= "400" or re.search(rf"\b{status}\b", section), status
        for code in set(codes_of(response)) - common_codes():
            assert f"`{code}`" in section


def test_every_code_has_its_row_with_its_status() -> None:
    named = {**vars(errors), **vars(gateway_errors)}.values()
    kinds = [kind for kind in named if isinstance(kind, type)]
    there_are = {(kind.code, kind.status) for kind in kinds if issubclass(kind, errors.RouterError)}
    there_are |= {(code, status) for code, (status, _) in errors.TOKEN_REASONS.items()}

    assert sorted((code, int(status)) for status, code, _ in CODES) == sorted(there_are)


def test_the_codes_marked_as_common_are() -> None:
    assert {code for _, code, common in CODES if common} == common_codes()


def test_every_example_obeys_its_schema() -> None:
    assert len(EXAMPLES) == PAGE.count("```json")
    for name, text in EXAMPLES:
        validator("components", "schemas", name).validate(json.loads(text))


def test_every_link_leads_somewhere() -> None:
    headings = re.findall(r"^##+ (.+)$", PAGE, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}

    for target in re.findall(r"\]\(([^)]+)\)", PAGE):
        if target.startswith("#"):
            assert target[1:] in anchors
        elif not target.startswith("https://"):
            assert (PROJECT / "docs" / target).is_file(), target


def test_the_page_tells_every_reason_for_which_a_job_fails() -> None:
    source = "".join(
        path.read_text(encoding="utf-8")
        for path in (*(PROJECT / "worker").glob("*.py"), PROJECT / "chalicelib/lua/lib/job.lua")
    )
    others = "result_too_large|attempts_exhausted|deadline_exceeded|worker_error"
    named = set(re.findall(rf'"(engine_\w+|{others})"', source))
    told = set(re.findall(r"^\| `(\w+)` \|", SECTIONS["Why a job failed"], re.MULTILINE))

    assert named == told
