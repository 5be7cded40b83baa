"""Every error code has a cause and a cure, and no cure is for a code that nobody says."""

import ast
import re

import pytest

import app
from chalicelib import errors
from chalicelib.settings import PROJECT
from tests.contract_check import codes_of, operations
from tinyllama import gateway_errors
from tinyllama.cures import CURES, JOB_CURES


def raised() -> set[str]:
    """Return the codes of all failures that the API's modules know, and a token's reasons."""
    assert app.route.table  # all that it wires is imported
    pending, found = [errors.RouterError], set(errors.TOKEN_REASONS)
    while pending:
        kind = pending.pop()
        pending += kind.__subclasses__()
        if kind.__module__.startswith(("chalicelib.", gateway_errors.__name__)):
            found.add(kind.code)
    return found


def said_of_jobs() -> set[str]:
    """Return the codes that workers and scripts give to a job that failed."""
    scripts = (PROJECT / "chalicelib" / "lua").rglob("*.lua")
    found = {
        code
        for script in scripts
        for code in re.findall(r'"code": "(\w+)"', script.read_text(encoding="utf-8"))
    }
    for module in (PROJECT / "worker").glob("*.py"):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            found |= {each.value for each in codes_in(node) if isinstance(each.value, str)}
    return found


def codes_in(node: ast.AST) -> list[ast.Constant]:
    """Return the texts that *node* gives out as a job's code."""
    given: list[ast.expr] = []
    match node:
        case ast.Call(func=ast.Name(id="EngineFailure"), args=[first, *_]):
            given = [first]
        case ast.Assign(targets=[ast.Name(id="code")]):
            given = [node.value]
        case ast.Dict():
            pairs = zip(node.keys, node.values, strict=True)
            given = [v for k, v in pairs if isinstance(k, ast.Constant) and k.value == "code"]
        case _:
            pass
    return [each for each in given if isinstance(each, ast.Constant)]


def test_every_code_has_a_cure_and_every_cure_a_code() -> None:
    said = said_of_jobs()

    assert {"engine_unavailable", "worker_error", "attempts_exhausted"} <= said
    assert set(CURES) == raised() | said


def test_a_jobs_cures_are_those_of_its_error() -> None:
    assert set(JOB_CURES) == said_of_jobs()


def test_every_code_of_the_contract_has_a_cure() -> None:
    promised = {
        code
        for _, _, operation in operations()
        for response in operation["responses"].values()
        for code in codes_of(response)
    }

    assert promised - set(CURES) == set()


@pytest.mark.parametrize("code", sorted(CURES))
def test_a_cure_is_whole_sentences(code: str) -> None:
    cure = CURES[code]

    for words in (cure.cause, cure.cure):
        assert re.fullmatch(r"[A-Z`].*[.]", words)
        assert words.count("`") % 2 == 0
        assert len(words) < 200
