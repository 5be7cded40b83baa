"""docs/clients.md tells of each scope the routes that it opens, and shows scopes that open some."""

import re

import app
from chalicelib.scopes import SCOPES
from chalicelib.settings import PROJECT

PAGE = (PROJECT / "docs" / "clients.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `(\w+:\w+)` \| (.+?) \|", PAGE, re.MULTILINE)
TOLD = {scope: set(re.findall(r"`([A-Z]+ /[^`]+)`", routes)) for scope, routes in ROWS}


def test_every_scope_there_is_has_one_row() -> None:
    assert sorted(scope for scope, _ in ROWS) == sorted(SCOPES)


def test_a_scopes_row_names_the_routes_that_it_opens_and_no_others() -> None:
    opened = {
        scope: {f"{row.method} {row.path}" for row in app.route.table if row.scope == scope}
        for scope in SCOPES
    }

    assert opened == TOLD
    assert {scope for scope, routes in ROWS if routes.startswith("nothing yet")} == {
        scope for scope, routes in opened.items() if not routes
    }


def test_no_example_asks_for_a_scope_that_opens_nothing() -> None:
    asked = set(
        re.findall(
            r"\w+:\w+",
            " ".join(re.findall(r'^.*(?:--scope|"group_scopes").*$', PAGE, re.MULTILINE)),
        )
    )

    assert {"infer:write", "keys:admin"} <= asked
    assert all(TOLD[scope] for scope in asked & SCOPES)
