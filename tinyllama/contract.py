"""Write chalicelib/openapi.json: the API's contract, OpenAPI 3.1, from routes and schemas.

``python -m tinyllama.contract`` writes the file; with ``--check`` it writes nothing and exits 1
when the file is not what the routes and schemas say.
"""

import inspect
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import chalicelib
from chalicelib import cloudevents, errors, schemas
from chalicelib.routing import Dialect, Route
from tinyllama import contract_refusals, generated
from tinyllama.contract_words import (
    BEARER,
    DESCRIPTION,
    HEADERS,
    HONOURED,
    MEDIA_TYPES,
    OPENAI_REFUSALS,
    PAGES,
    PATH_PATTERNS,
    RATES,
    REFUSALS,
    SUCCESSES,
    UNCHARGED,
    Node,
    reference,
)

TARGET = Path(chalicelib.__file__).with_name("openapi.json")
REQUEST_ID = "2b1f0c7e5d3a4b6c8e9f0a1b2c3d4e5f"


def document(table: Iterable[Route]) -> Node:
    """Return the OpenAPI document of *table*; the same for the same routes and schemas."""
    rows = sorted(table, key=lambda route: (route.path, route.method))
    deeds = [(row.view, row.method) for row in rows]
    paths: dict[str, Node] = {}
    for row in rows:
        several = deeds.count((row.view, row.method)) > 1
        paths.setdefault(row.path, {})[row.method.lower()] = _operation(row, several=several)
    examples = contract_refusals.examples(rows)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "TinyLlama Router",
            "version": chalicelib.__version__,
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        # Relative to where this document was fetched: right behind any stage prefix.
        "servers": [{"url": "."}],
        "paths": paths,
        "components": {
            "schemas": {
                **{name: _component(name) for name in sorted(schemas.REQUESTS + schemas.ANSWERS)},
            },
            "headers": {name: _header(name) for name in HEADERS},
            "examples": {name: examples[name] for name in sorted(examples)},
            "securitySchemes": {"bearer": BEARER},
        },
    }


def _operation(route: Route, *, several: bool) -> Node:
    promise = inspect.getdoc(route.view) or ""
    need = f"Needs the scope `{route.scope}`." if route.scope else "Public."
    noun = route.path.split("/")[1].partition(".")[0]
    honoured = [HONOURED[name] for name in route.takes]
    operation: Node = {
        "operationId": route.view.__name__ + (f"_at_{noun}" if several else ""),
        "summary": promise.partition("\n")[0],
        "description": f"{promise}\n\n{need}",
        "tags": [noun],
        "security": [{"bearer": [route.scope]}] if route.scope else [],
        "parameters": [*_path_parameters(route.path), *honoured],
    }
    if route.body:
        operation["requestBody"] = {
            "required": True,
            "description": f"At most {route.body_bytes} bytes of JSON in UTF-8.",
            "content": {each: {"schema": schema} for each, schema in _forms(route, route.body)},
        }
    operation["responses"] = {str(status): _response(route, status) for status in _statuses(route)}
    return operation


def _forms(route: Route, body: str) -> Iterator[tuple[str, Node]]:
    """Yield the media types of a route's body, each with its schema."""
    for media_type in route.media_types:
        one_event = media_type == cloudevents.MEDIA_TYPE
        yield media_type, reference("schemas", "cloudevent" if one_event else body)


def _path_parameters(path: str) -> Iterator[Node]:
    for name, pattern in PATH_PATTERNS.items():
        if f"{{{name}}}" in path:
            schema = {"type": "string", "pattern": pattern}
            yield {"name": name, "in": "path", "required": True, "schema": schema}


def _statuses(route: Route) -> list[int]:
    return sorted({*route.answers, *(each.status for each in contract_refusals.told(route))})


def _response(route: Route, status: int) -> Node:
    refusals = [each for each in contract_refusals.told(route) if each.status == status]
    codes = {each.error.code: each.error.title for each in refusals}
    content: Node = {}
    words, told = [], ["X-Request-Id"]
    if status in route.answers:
        words.append(SUCCESSES.get(status, "The store is away."))
        content |= _answer(route.answers[status], status)
        told += _answer_headers(route, status)
    if codes:
        words += [f"`{code}`: {title}." for code, title in sorted(codes.items())]
        content |= contract_refusals.content(refusals)
        told += REFUSALS.get(status, [])
        told += OPENAI_REFUSALS.get(status, []) if route.dialect is Dialect.OPENAI else []
    if route.counted and status not in UNCHARGED[route.dialect]:
        told += RATES
    node = {
        "description": " ".join(words),
        "headers": {name: reference("headers", name) for name in sorted(set(told))},
    }
    return node | ({"content": content} if content else {})


def _answer(name: str | None, status: int) -> Node:
    if name is None:
        # Without a schema a 200 is some JSON; other answers have no body then.
        return {"application/json": {"schema": {"type": "object"}}} if status == 200 else {}  # noqa: PLR2004
    content: Node = {}
    for form in name.split(" or "):
        if "/" in form:
            content[form] = {"schema": {"type": "string"}}
            continue
        examples = schemas.load(form)["examples"]
        # A schema shows its values from the first state to the last.
        example = examples[0] if status == 202 else examples[-1]  # noqa: PLR2004
        media_type = MEDIA_TYPES.get(form, "application/json")
        content[media_type] = {"schema": reference("schemas", form), "example": example}
    return content


def _answer_headers(route: Route, status: int) -> Iterator[str]:
    if errors.RateLimited in route.raises:
        yield from RATES
    of_its_form = _openai_headers if route.dialect is Dialect.OPENAI else _own_headers
    yield from of_its_form(route, status)


def _openai_headers(route: Route, status: int) -> Iterator[str]:
    if status == 307:  # noqa: PLR2004
        yield "Location"
    if "text/event-stream" in (route.answers[status] or ""):
        yield "X-Streaming"
    if "idempotency_key" in route.takes:
        yield "Idempotency-Replayed"


def _own_headers(route: Route, status: int) -> Iterator[str]:
    takes, name = route.takes, route.answers[status]
    ended = (route.method, status) == ("POST", 200)
    if "wait_seconds" in takes:
        yield "Preference-Applied"
    if name == "job" or status == 304:  # noqa: PLR2004
        # A call that changes a job answers 200 only when there is nothing left to come back for.
        yield from ("ETag",) if ended else ("ETag", "Retry-After")
    if name == "job" and route.method == "POST":
        yield "Location"
    if "idempotency_key" in takes:
        yield from () if status == 201 else ("Idempotency-Replayed",)  # noqa: PLR2004
    if name in PAGES:
        yield "Link"
    if name == "job_text" or (name == "health" and status != 200):  # noqa: PLR2004
        yield "Retry-After"


def _header(name: str) -> Node:
    description, example = HEADERS[name]
    return {"description": description, "schema": {"type": "string"}, "example": example}


def _component(name: str) -> Node:
    """Return the schema *name*, its references turned into the document's own."""
    text = json.dumps({k: v for k, v in schemas.load(name).items() if k not in ("$schema", "$id")})
    component: Node = json.loads(text.replace('"urn:tinyllama:schema:', '"#/components/schemas/'))
    return component


def source() -> str:
    """Return the text that the contract must have."""
    import app  # noqa: PLC0415 - wires the whole API, which importing a generator should not

    return json.dumps(document(app.route.table), indent=1, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str] | None = None, target: Path = TARGET) -> int:
    """Write the contract, or check it; return the exit status."""
    return generated.keep(source, target, arguments)


if __name__ == "__main__":
    sys.exit(main())
