"""Write docs/reference.md: every route, parameter, field, answer and header of the contract.

``python -m tinyllama.reference`` writes the page; with ``--check`` it writes nothing and exits 1
when the page is not what ``chalicelib/openapi.json`` says.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from chalicelib.settings import PROJECT
from tinyllama import contract, error_page, generated
from tinyllama.contract_words import Node
from tinyllama.cures import CURES
from tinyllama.error_page import anchor
from tinyllama.schema_words import Field, fields, kind, link

TARGET = PROJECT / "docs" / "reference.md"
_INTRO = """\
# Reference

Every route with its parameters, fields, answers and headers. Written by `make fmt` from
[openapi.json](../chalicelib/openapi.json), which a router serves at `GET /openapi.json`. How the
routes are used stands in [api.md](api.md), those under `/v1` in [openai.md](openai.md); what a code
means in [errors.md](errors.md).

In the tables a field in **bold** must be there; `a.b` is the field `b` of the object `a`, `a[].b`
that of each item of the list `a`, and `*` stands for any name. Every answer of the router carries
`X-Request-Id`; a refusal tells in `RateLimit`, `Retry-After` and `WWW-Authenticate` what there is
to tell ([headers](#headers)).

"""
_LONG = 20
"""More lines than this are folded."""


def page(document: Node) -> str:
    """Return the page for the contract *document*."""
    return "".join(_parts(document)).rstrip("\n") + "\n"


def _parts(document: Node) -> Iterator[str]:
    routes = [
        (f"{method.upper()} {path}", operation)
        for path, offered in document["paths"].items()
        for method, operation in offered.items()
    ]
    yield _INTRO
    yield from _contents(routes)
    common = error_page.common(document)
    for heading, operation in routes:
        yield f"## `{heading}`\n\n{_promise(operation)}\n\n"
        yield from _parameters(operation["parameters"])
        yield from _body(operation, document)
        yield from _answers(operation, common)
        yield from _examples(operation)
    yield "## Shapes\n\nThe bodies of answers. Later versions may add members.\n\n"
    for name in sorted(_answered(document)):
        yield f"### {name}\n\n"
        yield from _shape(document["components"]["schemas"][name])
    yield from _headers(document["components"]["headers"])


def _contents(routes: Iterable[tuple[str, Node]]) -> Iterator[str]:
    yield "| | |\n| --- | --- |\n"
    for tag, group in groupby(routes, lambda route: route[1]["tags"][0]):
        links = [f"[`{heading}`](#{anchor(heading)})" for heading, _ in group]
        yield f"| {tag} | {' · '.join(links)} |\n"
    yield "| | [shapes](#shapes) · [headers](#headers) · [error codes](errors.md) |\n\n"


def _promise(operation: Node) -> str:
    *told, need = operation["description"].split("\n\n")
    return "\n\n".join([*told, f"**{need}**"])


def _table(head: str, rows: Iterable[str], folded: str = "") -> Iterator[str]:
    lines = list(rows)
    if not lines:
        return
    rule = "| --- " * (head.count("|") + 1) + "|"
    table = "\n".join([f"| {head} |", rule, *lines])
    if folded and len(lines) > _LONG:
        table = f"<details><summary>{folded}</summary>\n\n{table}\n\n</details>"
    yield f"{table}\n\n"


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _parameters(parameters: Sequence[Node]) -> Iterator[str]:
    rows = (
        _row(_name(each["name"], bold=each.get("required", False)), each["in"], *_words(each))
        for each in parameters
    )
    yield from _table("parameter | in | type | is", rows)


def _words(parameter: Node) -> tuple[str, str]:
    schema = parameter["schema"]
    words = [parameter.get("description", "")]
    if "pattern" in schema and not words[0]:
        words.append(f"Pattern `{schema['pattern']}`.")
    if "default" in schema:
        words.append(f"Without it {schema['default']}.")
    if "example" in parameter:
        words.append(f"Example: `{parameter['example']}`.")
    return kind(schema), " ".join(word for word in words if word)


def _name(name: str, *, bold: bool) -> str:
    return f"**`{name}`**" if bold else f"`{name}`"


def _body(operation: Node, document: Node) -> Iterator[str]:
    body = operation.get("requestBody")
    if not body:
        return
    yield f"**Body.** {body['description']}\n\n"
    for media_type, content in body["content"].items():
        schema = _resolved(content["schema"], document)
        yield f"`{media_type}`: {schema.get('description', '')}\n\n"
        yield from _fields(schema, "All fields")
        yield from _shown(schema.get("examples", [])[-1:], "An example")


def _fields(schema: Node, folded: str) -> Iterator[str]:
    rows = (_field_row(each) for each in fields(schema))
    yield from _table("field | type | is", rows, folded)


def _field_row(field: Field) -> str:
    return _row(_name(field.path, bold=field.required), field.kind, field.words)


def _shape(schema: Node) -> Iterator[str]:
    yield f"{schema.get('description', '')}\n\n"
    for base in schema.get("allOf", []):
        if "$ref" in base:
            yield f"All that [{_target(base)}](#{_target(base)}) has, and:\n\n"
    yield from _fields(schema, "All fields")
    yield from _shown(schema.get("examples", [])[-1:], "An example")


def _answers(operation: Node, common: set[str]) -> Iterator[str]:
    good, refused, shapes, shared = [], [], set[str](), False
    for status, response in operation["responses"].items():
        codes = _codes(response)
        own = [f"[`{code}`](errors.md#{anchor(code)})" for code in codes if code not in common]
        shared = shared or len(own) < len(codes)
        if own:
            refused.append(f"{status} {', '.join(own)}")
        bodies = _shapes(response, refusals=False)
        shapes.update(_shapes(response, refusals=True))
        if bodies or not codes:
            words = response["description"].partition(" `" if codes else "\n")[0]
            good.append(_row(status, words, " or ".join(bodies) or "none", _told(response)))
    yield from _table("status | when | body | headers", good)
    if shared:
        which = "the" if operation["security"] else "those of the"
        whose = "" if operation["security"] else " that tell of no token"
        refused.append(f"{which} [common ones](errors.md#every-error-code){whose}")
    if refused:
        yield f"**Refusals** ({' or '.join(sorted(shapes))}): {'; '.join(refused)}.\n\n"


def _told(response: Node) -> str:
    return ", ".join(f"`{name}`" for name in response.get("headers", {}) if name != "X-Request-Id")


def _codes(response: Node) -> list[str]:
    return list(dict.fromkeys(error_page.codes({"responses": {"": response}})))


def _shapes(response: Node, *, refusals: bool) -> list[str]:
    """Return links to the bodies of an answer: of its refusals, or of all that are none."""
    content: Mapping[str, Node] = response.get("content", {})
    told = []
    for media_type, each in content.items():
        if refusals == any(name in CURES for name in each.get("examples", {})):
            schema = each.get("schema", {})
            named = [part for part in schema.get("allOf", [schema]) if "$ref" in part]
            told.append(link(named[0]) if named else f"`{media_type}`")
    return list(dict.fromkeys(told))


def _examples(operation: Node) -> Iterator[str]:
    for status, response in operation["responses"].items():
        for content in response.get("content", {}).values():
            if "example" in content:
                yield from _shown([content["example"]], f"An answer, {status}")


def _shown(examples: Sequence[object], words: str) -> Iterator[str]:
    for example in examples:
        if isinstance(example, str):
            text, language = example.rstrip("\n"), ""
        else:
            text, language = json.dumps(example, indent=2, ensure_ascii=False), "json"
        fenced = f"```{language}\n{text}\n```"
        yield f"<details><summary>{words}</summary>\n\n{fenced}\n\n</details>\n\n"


def _answered(document: Node) -> set[str]:
    """Return the names of the schemas that answers lead to: bodies are told with their routes."""
    found: set[str] = set()
    pending = [
        content.get("schema", {})
        for offered in document["paths"].values()
        for operation in offered.values()
        for response in operation["responses"].values()
        for content in response.get("content", {}).values()
    ]
    pending += [
        _resolved(content["schema"], document)
        for offered in document["paths"].values()
        for operation in offered.values()
        for content in operation.get("requestBody", {}).get("content", {}).values()
    ]
    while pending:
        for name in _references(pending.pop()):
            if name not in found:
                found.add(name)
                pending.append(document["components"]["schemas"][name])
    return found


def _references(value: object) -> Iterator[str]:
    match value:
        case {"$ref": str(target)} if "/schemas/" in target:
            yield _target({"$ref": target})
        case dict():
            for name, inner in value.items():
                yield from () if name in ("examples", "example") else _references(inner)
        case list():
            for inner in value:
                yield from _references(inner)
        case _:
            pass


def _target(reference: Node) -> str:
    return str(reference["$ref"]).rpartition("/")[2]


def _resolved(schema: Node, document: Node) -> Node:
    found: Node = document["components"]["schemas"][_target(schema)] if "$ref" in schema else schema
    return found


def _headers(headers: Mapping[str, Node]) -> Iterator[str]:
    yield "## Headers\n\nWhat answers carry; every one of the router's carries `X-Request-Id`.\n\n"
    rows = (
        _row(f"`{name}`", each["description"], f"`{each['example']}`")
        for name, each in sorted(headers.items())
    )
    yield from _table("header | is | example", rows)


def source() -> str:
    """Return the text that the page must have."""
    return page(json.loads(contract.TARGET.read_text(encoding="utf-8")))


def main(arguments: Sequence[str] | None = None, target: Path = TARGET) -> int:
    """Write the page, or check it; return the exit status."""
    return generated.keep(source, target, arguments)


if __name__ == "__main__":
    sys.exit(main())
