"""What is true of the tree as a whole."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from chalicelib.moves import JOB_LIBRARIES
from chalicelib.settings import PROJECT

MODULES = sorted(
    path
    for folder in ("chalicelib", "worker", "tinyllama")
    for path in (PROJECT / folder).rglob("*.py")
    if path.name != "compiled.py"  # generated
)
SCRIPTS = sorted((PROJECT / "chalicelib" / "lua").glob("*.lua"))
LIBRARIES = sorted((PROJECT / "chalicelib" / "lua" / "lib").glob("*.lua"))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_module_fits_in_a_head_and_says_what_it_is_for(module: Path) -> None:
    text = module.read_text(encoding="utf-8")

    assert len(text.splitlines()) <= 300
    assert ast.get_docstring(ast.parse(text))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_opens_with_its_promise_its_keys_and_its_arguments(script: Path) -> None:
    head = re.match(r"(?:--.*\n)+", script.read_text(encoding="utf-8"))

    assert head is not None
    assert all(word in head[0] for word in ("-- KEYS", "-- ARGV", "-- Returns"))


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda path: path.name)
def test_a_library_says_what_it_is_for_and_does_nothing_by_itself(library: Path) -> None:
    text = library.read_text(encoding="utf-8")
    begun = set(re.findall(r"^[^\s-]+(?: function)?", text, re.MULTILINE))

    assert re.match(r"-- \w", text)
    assert begun <= {"local function", "local", "end", "}"}


def test_every_script_is_run_by_a_module_and_every_library_by_a_script() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in MODULES)
    made = re.findall(r'Script\("(\w+)"((?:, (?:\*JOB_LIBRARIES|"\w+"))*)', code)
    built_on = set(re.findall(r'"(\w+)"', "".join(rest for _, rest in made)))

    assert {name for name, _ in made} == {script.stem for script in SCRIPTS}
    assert built_on | set(JOB_LIBRARIES) | {"common", "guard"} == {path.stem for path in LIBRARIES}


def test_the_lambdas_requirements_are_exact_few_and_explained() -> None:
    first, *rest = (PROJECT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in rest if line and not line.startswith("-c ")]

    assert first.startswith("# What the Lambda needs")
    assert {pin.partition("==")[0] for pin in pins} == {"jsonschema", "pyjwt[crypto]", "redis"}
    assert all(re.fullmatch(r"[\w\[\]-]+==[\w.]+", pin) for pin in pins)


def test_every_version_of_the_tree_is_pinned() -> None:
    names = {
        re.split(r"[\[=]", line)[0].lower().replace("_", "-")
        for name in ("requirements.txt", "requirements-dev.txt")
        for line in (PROJECT / name).read_text(encoding="utf-8").splitlines()
        if line and not line.startswith(("#", "-"))
    }
    constraints = (PROJECT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {line.partition("==")[0].lower().replace("_", "-") for line in constraints}

    assert names <= pinned


def test_what_workflow_and_ci_script_make_is_a_target() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    callers = [PROJECT / ".ci" / "run", *(PROJECT / ".github" / "workflows").glob("*.yml")]
    called = {
        target
        for caller in callers
        for target in re.findall(
            r"^\s*(?:- run: )?make ([a-z-]+)$", caller.read_text(), re.MULTILINE
        )
    }

    assert {"test", "lint", "demo"} <= called <= targets


def test_links_in_the_docs_lead_somewhere() -> None:
    pages = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *(PROJECT / "docs").rglob("*.md")]
    broken = [
        f"{page.name}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]

    assert broken == []


def test_bandits_rules_are_on_everywhere_and_each_exception_of_the_product_has_its_reason() -> None:
    ruff = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]
    spared = {code for codes in ruff["lint"]["per-file-ignores"].values() for code in codes}
    code = [PROJECT / "app.py"]
    for folder in ("chalicelib", "worker", "tinyllama", "chaos", "bench"):
        code += (PROJECT / folder).rglob("*.py")
    exceptions = [
        line
        for file in code
        for line in file.read_text(encoding="utf-8").splitlines()
        if re.search(r"noqa: .*\bS\d{3}\b", line)
    ]

    assert "S" in ruff["lint"]["select"]
    assert {each for each in spared | set(ruff["lint"]["ignore"]) if re.match(r"S\d*$", each)} == {
        "S101"  # the tests' assertions
    }
    assert len(exceptions) > 10
    assert [line for line in exceptions if not re.search(r"noqa: [A-Z0-9, ]+ - \w", line)] == []
    assert not [file for file in code if re.search(r"ruff: noqa(?!:)", file.read_text("utf-8"))]
