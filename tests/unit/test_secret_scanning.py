"""The pattern by which lost API keys are found: it finds each, and nothing else of these files."""

import re
import subprocess
import tomllib

import pytest

import tinyllama
from chalicelib.settings import PROJECT
from tinyllama import devkeys

RULE = tomllib.loads((PROJECT / ".gitleaks.toml").read_text(encoding="utf-8"))["rules"][0]
PATTERN = re.compile(RULE["regex"])
PAGE = (PROJECT / "docs" / "security.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("tenant", "name", "scope"),
    [
        ("a", "b", "jobs:read"),
        ("a" * 128, "é" * 128, " ".join(devkeys.SCOPES)),
        ("user@example.org", '"quoted" \\ name', "infer:write"),
    ],
    ids=["shortest", "longest", "odd"],
)
def test_every_key_that_can_be_made_is_found_whole(tenant: str, name: str, scope: str) -> None:
    key = devkeys.make_api_key(tenant=tenant, name=name, scope=scope)

    found = PATTERN.search(f'API_KEY="{key}"')

    assert found is not None
    assert found[0] == key
    assert all(keyword in key for keyword in RULE["keywords"])


def test_what_only_looks_like_a_key_is_not_taken_for_one() -> None:
    key = devkeys.make_api_key()
    head, payload, signature = key.split(".")

    assert not PATTERN.search(tinyllama.make_token())
    assert not PATTERN.search(f"{head}.{payload}.{signature[:40]}")
    assert not PATTERN.search(f"{head}..{signature}")
    assert not PATTERN.search(key.removeprefix("tlk_"))


def test_no_file_of_this_project_holds_a_key() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607
        cwd=PROJECT,
        check=True,
        capture_output=True,
        text=True,
    )
    files = [PROJECT / name for name in listed.stdout.split("\0") if name]

    holding = [
        file.name
        for file in files
        if file.is_file() and PATTERN.search(file.read_text(encoding="utf-8", errors="ignore"))
    ]

    assert len(files) > 300
    assert holding == []


def test_the_page_tells_the_same_pattern_and_the_whole_rule() -> None:
    section = PAGE.partition("\n## Secret scanning\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"```(?:toml|text)\n(.*?)```", section, re.DOTALL)

    assert f"{RULE['regex']}\n" in blocks
    rules = [tomllib.loads(block)["rules"] for block in blocks if "[[rules]]" in block]
    assert rules == [[RULE]]
