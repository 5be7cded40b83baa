"""Holds answers against the published contract; every test's calls go through it."""

import functools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from chalicelib.settings import PROJECT

CONTRACT: dict[str, Any] = json.loads(
    (PROJECT / "chalicelib" / "openapi.json").read_text(encoding="utf-8")
)
_BASE = "urn:contract"
_REGISTRY: Registry[Any] = Registry().with_resource(
    _BASE, Resource.from_contents(CONTRACT, DRAFT202012)
)
# What the product promises by name; other headers are the host's.
_PROMISED = {name.lower() for name in CONTRACT["components"]["headers"]}


def check(method: str, path: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Assert that the contract has this answer; *headers* have names in lower case.

    Unknown paths and preflights are the host's own matter and pass.
    """
    template = _template(path.partition("?")[0].rstrip("/") or "/")
    if template is None or method == "OPTIONS":
        return
    operation = CONTRACT["paths"][template].get(method.lower())
    if operation is None:
        offered = {offer.upper() for offer in CONTRACT["paths"][template]}
        assert status == 405, f"{method} {path} is not in the contract and answers {status}"
        assert {offer.strip() for offer in headers["allow"].split(",")} <= offered | {"OPTIONS"}
        return
    where = f"{operation['operationId']} {status}"
    response = operation["responses"].get(str(status))
    assert response is not None, f"{where} is not in the contract"
    undocumented = (headers.keys() & _PROMISED) - {name.lower() for name in response["headers"]}
    assert not undocumented, f"{where} sends {undocumented}"
    content = response.get("content", {})
    if not content:
        assert body == b"", f"{where} has a body"
        return
    media_type = headers["content-type"].partition(";")[0]
    assert media_type in content, f"{where} is {media_type}"
    steps = ("paths", template, method.lower(), "responses", str(status), "content", media_type)
    told = json.loads(body) if media_type.endswith("json") else body.decode()
    found = validator(*steps, "schema").iter_errors(told)
    assert [error.message for error in found] == [], where


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield method, path and operation of all that the contract offers."""
    for path, offered in CONTRACT["paths"].items():
        for method, operation in offered.items():
            yield method.upper(), path, operation


def codes_of(response: Mapping[str, Any]) -> list[str]:
    """Return the codes of the refusals that a response of the contract may be, in either form."""
    codes: dict[str, None] = {}
    for content in response.get("content", {}).values():
        for narrowed in content["schema"].get("allOf", [])[1:]:
            told = narrowed["properties"]
            enum = told.get("error", {"properties": told})["properties"]["code"]["enum"]
            codes |= dict.fromkeys(str(code) for code in enum)
    return list(codes)


@functools.cache
def validator(*steps: str) -> Draft202012Validator:
    """Return what holds a value against the schema at *steps* in the contract."""
    pointer = "/".join(step.replace("~", "~0").replace("/", "~1") for step in steps)
    return Draft202012Validator(
        {"$ref": f"{_BASE}#/{pointer}"},
        registry=_REGISTRY,
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )


@functools.cache
def _template(path: str) -> str | None:
    for template in CONTRACT["paths"]:
        if re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), path):
            return str(template)
    return None
