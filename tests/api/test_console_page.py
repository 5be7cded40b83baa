"""GET /console: one document that brings all it runs, and a policy that lets nothing else run."""

import base64
import hashlib
import re
from pathlib import Path

import pytest

from chalicelib import console_page
from chalicelib.settings import PROJECT
from tests.calls import Answer, Transport
from tinyllama.cures import JOB_CURES

FOLDER = PROJECT / "chalicelib" / "console"


@pytest.fixture
def page(transport: Transport) -> Answer:
    return transport("GET", "/console", {}, b"")


def test_the_console_is_a_page_for_everybody(page: Answer) -> None:
    assert page.status == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.body.startswith(b"<!doctype html>")


def test_a_trailing_slash_shows_the_same_page(transport: Transport, page: Answer) -> None:
    slashed = transport("GET", "/console/", {}, b"")

    assert (slashed.status, slashed.body) == (200, page.body)


@pytest.mark.parametrize(("name", "directive"), [("style", "style-src"), ("script", "script-src")])
def test_the_policy_allows_what_the_page_brings_by_its_hash_alone(
    page: Answer, name: str, directive: str
) -> None:
    policy = dict(
        part.split(" ", 1) for part in page.headers["content-security-policy"].split("; ")
    )

    brought = re.findall(rf"<{name}[^>]*>(.*?)</{name}>", page.body.decode(), re.DOTALL)

    hashes = [hashlib.sha256(text.encode()).digest() for text in brought]
    assert policy[directive].split() == [
        f"'sha256-{base64.b64encode(each).decode()}'" for each in hashes
    ]


def test_the_policy_names_no_other_origin_and_nothing_unsafe(page: Answer) -> None:
    policy = page.headers["content-security-policy"]

    assert re.sub(r"sha256-[\w+/=]+", "sha256", policy) == (
        "default-src 'none'; script-src 'sha256'; style-src 'sha256'; connect-src 'self';"
        " img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def test_a_page_tells_no_address_and_asks_for_no_device(page: Answer) -> None:
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cross-origin-opener-policy"] == "same-origin"
    assert "camera=()" in page.headers["permissions-policy"]


def test_the_document_names_no_other_origin(page: Answer) -> None:
    addresses = set(re.findall(r"https?://[^\s'\"]+", page.body.decode()))

    assert addresses == {"http://www.w3.org/2000/svg"}  # the name of a vocabulary


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.js")), ids=lambda file: file.name)
def test_a_script_writes_no_markup_and_makes_no_code_of_texts(file: Path) -> None:
    source = file.read_text(encoding="utf-8")

    found = re.findall(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", source
    )

    assert found == []


def test_every_file_of_the_folder_is_part_of_the_page() -> None:
    styles = {file.stem for file in FOLDER.glob("*.css")}
    others = {file.name for file in FOLDER.iterdir() if file.suffix not in {".css", ".js"}}

    assert styles == set(console_page.STYLES)
    assert others == {"page.html"}


def test_a_script_comes_after_those_that_it_imports() -> None:
    scripts = {
        "a": 'import { two } from "./b.js";\nimport "./c.js";\nexport const one = two;\n',
        "b": "export const two = 2;\nexport async function three() {}\n",
        "c": "export class Four {}\n",
    }

    joined = console_page.join(scripts)

    assert joined.index("const $b =") < joined.index("const $a =")
    assert joined.index("const $c =") < joined.index("const $a =")
    assert "const { two } = $b;" in joined
    assert "return { two, three };" in joined
    assert not re.search(r"^(import|export)\b", joined, re.MULTILINE)


def test_nothing_is_left_of_imports_and_exports(page: Answer) -> None:
    assert not re.search(r"^(import|export)\b", page.body.decode(), re.MULTILINE)


def test_what_helps_a_failed_job_is_told_as_the_other_clients_tell_it() -> None:
    source = (FOLDER / "cures.js").read_text(encoding="utf-8")

    told = dict(re.findall(r'^  (\w+): "(.*)",$', source, re.MULTILINE))

    assert told == {code: each.cure.replace("`", "") for code, each in JOB_CURES.items()}
