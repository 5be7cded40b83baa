"""docs/security.md tells of issuers in trouble what was measured, of every trouble there is."""

from chalicelib.settings import PROJECT
from tests.troubled_issuer import MOODS, TROUBLES

PAGE = (PROJECT / "docs" / "security.md").read_text(encoding="utf-8")
RESULTS = (PROJECT / "bench" / "results" / "issuers.md").read_text(encoding="utf-8")


def rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("|")]


def test_the_page_shows_the_tables_that_were_measured() -> None:
    section = PAGE.partition("## When the issuer is in trouble")[2].partition("\n## ")[0]

    assert rows(section) == rows(RESULTS)


def test_every_trouble_was_measured() -> None:
    told = [row for row in rows(RESULTS) if "503 keys_unavailable" in row]
    passed = [row for row in rows(RESULTS) if "beside the good one" in row]

    assert len(told) == len(TROUBLES)
    assert len(told) + len(passed) == len(MOODS)
