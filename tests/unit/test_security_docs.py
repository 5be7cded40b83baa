"""docs/security.md, docs/deploy-role.md: each role's actions are its policies', with a reason."""

import re

import pytest

from chalicelib.settings import PROJECT

EXTRAS = PROJECT / "terraform-extras"
PAGE = (PROJECT / "docs" / "security.md").read_text(encoding="utf-8")
DEPLOY_PAGE = (PROJECT / "docs" / "deploy-role.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### (.+)\n((?:(?!^#).*\n)*)", PAGE, re.MULTILINE))
# The longest table has a page of its own, to which its section leads.
SECTIONS = {
    title: DEPLOY_PAGE if "](deploy-role.md)" in section else section
    for title, section in SECTIONS.items()
}
# What is followed by = is a condition's key.
ACTION = re.compile(r'"([a-z0-9-]+:[A-Z]\w+)"(?! *=)')


def terraform(name: str) -> str:
    """Return one of Terraform's files."""
    return (EXTRAS / f"{name}.tf").read_text(encoding="utf-8")


def block(text: str, head: str) -> str:
    """Return what begins with *head* in *text*, to where its indentation ends."""
    found = re.search(rf"^( *){head}.*\n(?:\1 .*\n|\n|\1[\]}})].*\n)*", text, re.MULTILINE)
    assert found, head
    return found[0]


def allowed(text: str) -> set[str]:
    """Return the actions in *text*, those of the locals that it names among them."""
    actions = set(ACTION.findall(text))
    if "local.network_actions" in text:
        actions |= set(ACTION.findall(block(terraform("functions"), "network_actions = ")))
    if "local.store_connect_action" in text:
        actions |= set(ACTION.findall(block(terraform("redis"), "store_connect_action = ")))
    return actions


def of_function(key: str) -> set[str]:
    """Return what the role of a function may do."""
    functions = terraform("functions")
    policy = block(block(functions, r"policies = \{"), f"{key} = ")
    names = re.findall(r"local\.((?:allow|deny)_\w+)", policy)
    return {action for name in names for action in allowed(block(functions, f"{name} = "))}


def told(section: str) -> set[str]:
    """Return the actions that a section's table tells."""
    return {
        f"{service}:{name}"
        for service, names in re.findall(r"`([a-z0-9-]+):` ([\w, ]+?) \|", section)
        for name in names.split(", ")
    }


ROLES = {
    "API": of_function("api_handler"),
    "Authorizer": of_function("jwt_authorizer"),
    "Tick": of_function("tick"),
    "Worker": allowed(block(terraform("worker"), "worker_statements = ")),
    "The gateway's log role": allowed(
        block(
            (PROJECT / "bootstrap" / "gateway.tf").read_text(encoding="utf-8"),
            'resource "aws_iam_role_policy" "gateway_logs" ',
        )
    ),
    "Flow logs": allowed(block(terraform("network"), 'resource "aws_iam_role_policy" "flow" ')),
    "The alarms' key and topic": allowed(terraform("alarms")),
    "The most that any role": allowed(block(terraform("github"), "boundary_statements = ")),
    "Who may take a role": {
        "lambda:InvokeFunction",
        "sts:AssumeRole",
        "sts:AssumeRoleWithWebIdentity",
    },
    "GitHub's deploy role": allowed(block(terraform("github"), "deploy_statements = ")),
}


@pytest.mark.parametrize("role", ROLES)
def test_the_actions_of_a_role_are_told_and_no_others(role: str) -> None:
    (section,) = (text for title, text in SECTIONS.items() if title.startswith(role))

    assert ROLES[role]
    assert told(section) == ROLES[role]


def test_no_policy_in_terraforms_files_is_left_out() -> None:
    files = [*EXTRAS.glob("*.tf"), *(PROJECT / "bootstrap").glob("*.tf")]
    written = {action for file in files for action in allowed(file.read_text(encoding="utf-8"))}

    assert written == set().union(*ROLES.values())
    assert SECTIONS.keys() == {title for title in SECTIONS if title.startswith(tuple(ROLES))}


def test_every_threat_has_its_defence_and_what_is_not_defended_is_told() -> None:
    _, defended, not_defended = re.split(
        r"^## What is (?:not )?defended\n", PAGE, flags=re.MULTILINE
    )
    rows = [line.strip("|").split("|") for line in defended.splitlines() if line[:1] == "|"][2:]
    threats = [row for row in rows if not row[0].strip().startswith("**")]

    assert {len(row) for row in rows} == {3}
    assert len(threats) > 20
    assert all(threat.strip() and defence.strip() for threat, defence, _ in threats)
    assert len(re.findall(r"^- \*\*", not_defended.partition("\n## ")[0], re.MULTILINE)) > 8


def test_every_row_says_on_what_and_why() -> None:
    lines = [*PAGE.splitlines(), *DEPLOY_PAGE.splitlines()]
    rows = [row for row in lines if re.match(r"\| `[a-z0-9-]+:`", row)]

    assert len(rows) > len(ROLES)
    assert all(len(cell.strip()) > 1 for row in rows for cell in row.strip("|").split("|")[::2])
    assert all(row.count("|") == 4 for row in rows)
