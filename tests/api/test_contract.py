"""The contract as a document: generated, sound, complete, and with teeth."""

from collections.abc import Iterable
from pathlib import Path
from types import FunctionType
from typing import Any, cast

import openapi_spec_validator
import pytest

import app
from chalicelib import errors, openai_errors
from chalicelib.errors import RouterError
from chalicelib.routing import Route
from tests.calls import Api
from tests.contract_check import CONTRACT, check, codes_of, operations, validator
from tinyllama import contract, gateway_errors
from tinyllama.contract_words import HONOURED

ABSENT = "0" * 32
NO_ROUTE = {
    "method_not_allowed": "said by a path, not by an operation",
    "route_not_found": "said where there is no path",
}


def test_the_committed_contract_is_what_routes_and_schemas_say() -> None:
    assert contract.main(["--check"]) == 0


def test_a_stale_or_missing_contract_is_told_and_mended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "openapi.json"

    missing = contract.main(["--check"], target)
    written = contract.main([], target)
    fresh = contract.main(["--check"], target)
    target.write_text(target.read_text().replace("submit_job", "submit"))

    assert (missing, written, fresh, contract.main(["--check"], target)) == (1, 0, 0, 1)
    assert "make fmt" in capsys.readouterr().err


def test_the_contract_does_not_depend_on_the_order_of_the_routes() -> None:
    assert contract.document(reversed(app.route.table)) == contract.document(app.route.table)


@pytest.mark.slow
def test_the_contract_is_openapi_3_1() -> None:
    openapi_spec_validator.validate(CONTRACT, cls=openapi_spec_validator.OpenAPIV31SpecValidator)


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]

    assert len(names) == len(set(names)) == len(app.route.table)


def test_the_scope_of_every_operation_is_the_routes() -> None:
    told = {(m, path): [*operation["security"]] for m, path, operation in operations()}

    assert told == {
        (row.method, row.path): [{"bearer": [row.scope]}] if row.scope else []
        for row in app.route.table
    }


def test_every_code_there_is_can_be_answered_by_a_route_or_is_excused() -> None:
    there_are = {**vars(errors), **vars(gateway_errors), **vars(openai_errors)}.values()
    kinds = [kind for kind in there_are if isinstance(kind, type)]
    own = {kind.code for kind in kinds if issubclass(kind, RouterError)}
    answered = {
        code
        for _, _, operation in operations()
        for response in operation["responses"].values()
        for code in codes_of(response)
    }

    assert answered | NO_ROUTE.keys() == own | errors.TOKEN_REASONS.keys()


def _examples(content: dict[str, Any]) -> Iterable[dict[str, str]]:
    found: dict[str, dict[str, str]] = content.get("examples", {})
    return found.values()


def test_every_example_in_the_contract_obeys_its_schema() -> None:
    for method, path, operation in operations():
        for status, response in operation["responses"].items():
            for media_type, content in response.get("content", {}).items():
                steps = ("paths", path, method.lower(), "responses", status, "content", media_type)
                named = [each["$ref"].rpartition("/")[2] for each in _examples(content)]
                shown = [CONTRACT["components"]["examples"][name]["value"] for name in named]
                shown += [content["example"]] if "example" in content else []
                for example in shown:
                    validator(*steps, "schema").validate(example)


def test_the_contract_is_served_as_it_is_committed(api: Api) -> None:
    assert api.get("/openapi.json").json == CONTRACT


@pytest.mark.parametrize(
    ("method", "path", "status", "headers", "body"),
    [
        ("GET", "/inbox", 418, {}, b"{}"),
        ("GET", "/inbox", 200, {"content-type": "text/html"}, b"{}"),
        ("GET", "/inbox", 200, {"content-type": "application/json"}, b'{"events": 1}'),
        (
            "GET",
            "/inbox",
            200,
            {"content-type": "application/json", "etag": "1"},
            b'{"events": []}',
        ),
        ("DELETE", f"/inbox/evt_{ABSENT}", 204, {}, b"{}"),
        ("PUT", "/inbox", 200, {}, b""),
        ("PUT", "/inbox", 405, {"allow": "GET, POST"}, b""),
        ("GET", "/inbox?limit=0", 400, {"content-type": "application/problem+json"}, b"{}"),
    ],
)
def test_an_answer_that_breaks_the_contract_is_noticed(
    method: str, path: str, status: int, headers: dict[str, str], body: bytes
) -> None:
    with pytest.raises(AssertionError):
        check(method, path, status, headers, body)


@pytest.mark.parametrize("route", app.route.table, ids=lambda route: f"{route.method} {route.path}")
def test_a_view_heeds_what_its_route_says_it_takes_and_nothing_else(route: Route) -> None:
    code = cast("FunctionType", route.view).__code__
    texts = {each for each in code.co_consts if isinstance(each, str)}
    asks = {"integer", "word"} & {*code.co_names}

    # A call's own tenant is a property, the tenant that it names a parameter.
    asked = {name for name, told in HONOURED.items() if told["in"] == "query"}
    heeded = (HONOURED.keys() - asked) & {*code.co_names} | (asked & texts if asks else set())

    # What every call of the OpenAI API says is read in one place (chalicelib.openai_calls).
    if "asking" in code.co_names:
        heeded |= {"job", "hop", "idempotency_key"}
    if "hops" in code.co_names:
        heeded.add("hop")
    assert heeded == set(route.takes)
