"""Write docs/errors.md: every error code with its status, its cause and its cure.

``python -m tinyllama.error_page`` writes the page; with ``--check`` it writes nothing and exits 1
when the page is not what the failures, the contract and ``tinyllama.cures`` say.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from chalicelib import errors, openai_errors
from chalicelib.errors import RouterError, TokenRejected
from chalicelib.settings import PROJECT
from tinyllama import contract, gateway_errors, generated
from tinyllama.contract_words import Node
from tinyllama.cures import CURES, JOB_CURES

TARGET = PROJECT / "docs" / "errors.md"
_NO_ROUTE = {gateway_errors.RouteNotFound.code, errors.MethodNotAllowed.code}
_MODULES = (errors, gateway_errors, openai_errors)
_INTRO = """\
# Every error code

What each code means and what helps. Written from the code by `make fmt`; `tinyllama` prints the
same words when a command fails.

A refusal is a problem document ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)). Act on its
`code`, which never changes; `title` and `detail` are for people. `errors` names the fields of a
body that are wrong, and `request_id` finds the call in the operator's log. The routes under `/v1`
say the same codes as the OpenAI API says its own ([openai.md](openai.md#refusals)):
`{"error": {"message", "type", "param", "code"}}`.

"""
_COMMON = """\
*Common* are the codes that every route with a scope can answer. A worker's moves are not counted
among them: they never hear `rate_limited`.

"""
_JOBS = """\
## Why a job failed

A job that failed or expired tells why in its member `error`, `{"code", "detail"}`. That is no HTTP
answer, and the detail never repeats what the engine said. A worker that is not ours may say codes
of its own. The job can run again under its id:
[`POST /jobs/{job_id}/retry`](reference.md#post-jobsjob_idretry).

"""


def failures() -> Mapping[str, RouterError]:
    """Return one failure for each code that a call can be answered with, by status, then code."""
    kinds = {
        each
        for module in _MODULES
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, RouterError) and each is not TokenRejected
    }
    found = [kind() for kind in kinds] + [TokenRejected(reason) for reason in errors.TOKEN_REASONS]
    return {each.code: each for each in sorted(found, key=lambda each: (each.status, each.code))}


def told_by(document: Node) -> Mapping[str, set[str]]:
    """Return of each code the routes of the contract *document* that can answer it."""
    found: dict[str, set[str]] = {}
    for path, offered in document["paths"].items():
        for method, operation in offered.items():
            for code in codes(operation):
                found.setdefault(code, set()).add(f"{method.upper()} {path}")
    return found


def codes(operation: Node) -> Iterator[str]:
    """Yield the codes that an operation of the contract can answer; one may come twice."""
    for response in operation["responses"].values():
        for content in response.get("content", {}).values():
            yield from (name for name in content.get("examples", {}) if name in CURES)


def common(document: Node) -> set[str]:
    """Return the codes that every route with a scope can answer, a worker's moves apart."""
    told = [
        set(codes(operation))
        for path, offered in document["paths"].items()
        for operation in offered.values()
        if operation["security"] and "/worker/" not in path
    ]
    return set.intersection(*told)


def anchor(heading: str) -> str:
    """Return what a link to *heading* ends in, as GitHub makes it."""
    kept = "".join(each for each in heading.lower() if each.isalnum() or each in "_- ")
    return kept.replace(" ", "-")


def page(document: Node) -> str:
    """Return the page for the contract *document*."""
    return "".join(_parts(document))


def _parts(document: Node) -> Iterator[str]:
    known, everywhere, routes = failures(), common(document), told_by(document)
    with_body = routes["unsupported_media_type"]
    yield _INTRO
    yield "| status | code | title |\n| --- | --- | --- |\n"
    for code, error in known.items():
        mark = " (common)" if code in everywhere else ""
        yield f"| {error.status} | [`{code}`](#{anchor(code)}){mark} | {error.title} |\n"
    yield f"\nA job's own: {', '.join(f'[`{code}`](#{anchor(code)})' for code in JOB_CURES)}.\n\n"
    yield _COMMON
    for code, error in known.items():
        yield f"## `{code}`\n\n**{_status(error)}** {error.title}.\n\n{_words(code)}"
        told = routes.get(code, set())
        whole = "every route with a scope" if code in everywhere else _links(told)
        whole = "every route that takes a body" if told == with_body else whole
        lost = ["calls that reach no route"] if code in _NO_ROUTE else []
        yield f"- **Told by:** {', '.join(filter(None, [whole, *lost]))}.\n\n"
    yield _JOBS
    yield "\n".join(f"### `{code}`\n\n{_words(code)}" for code in JOB_CURES).rstrip("\n") + "\n"


def _status(error: RouterError) -> str:
    openai = openai_errors.status(error)
    return str(error.status) + (f" (under `/v1` {openai})" if openai != error.status else "")


def _words(code: str) -> str:
    return f"- **Cause:** {CURES[code].cause}\n- **Cure:** {CURES[code].cure}\n"


def _links(routes: set[str]) -> str:
    return ", ".join(f"[`{each}`](reference.md#{anchor(each)})" for each in sorted(routes))


def source() -> str:
    """Return the text that the page must have."""
    return page(json.loads(contract.TARGET.read_text(encoding="utf-8")))


def main(arguments: Sequence[str] | None = None, target: Path = TARGET) -> int:
    """Write the page, or check it; return the exit status."""
    return generated.keep(source, target, arguments)


if __name__ == "__main__":
    sys.exit(main())
