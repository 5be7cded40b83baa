"""docs/operations.md tells of each alarm what it means and what to do."""

import re

from chalicelib.settings import PROJECT

ALARMS = (PROJECT / "terraform-extras" / "alarms.tf").read_text(encoding="utf-8")
PAGE = (PROJECT / "docs" / "operations.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## What each alarm means")[2].partition("\n## ")[0]


def test_each_alarm_has_a_row_and_each_row_is_an_alarm() -> None:
    begun = re.findall(
        r'^ +"?([\w${}-]+)"? = \{\n +(?:namespace|expression) +=', ALARMS, re.MULTILINE
    )
    names = {n.replace("${key}", "<function>").replace("${node}", "<node>") for n in begun}
    rows = re.findall(r"^\| `([^`]+)` \| ([^|]+) \| ([^|]+) \|$", SECTION, re.MULTILINE)

    assert {name for name, _, _ in rows} == names
    assert len(rows) == len(names)
