"""The workflows and the pages: sound to GitHub's own schema, and no command in them that is not."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main
from ruamel.yaml import YAML

from chalicelib.settings import PROJECT
from tinyllama.cli import app

WORKFLOWS = sorted((PROJECT / ".github" / "workflows").glob("*.yml"))
PAGES = [
    PROJECT / "README.md",
    PROJECT / "CONTRIBUTING.md",
    *(page for page in sorted((PROJECT / "docs").rglob("*.md")) if page.parent.name != "adr"),
]
MAKEFILE = (PROJECT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z_-]+):", MAKEFILE, re.MULTILINE)) | set(
    re.findall(r"^READY := \$\(VENV\)(/\S+)", MAKEFILE, re.MULTILINE)
)
COMMANDS = typer.main.get_command(app)


def load(workflow: Path) -> Any:
    """Return what a workflow says."""
    return YAML(typ="safe", pure=True).load(workflow)


def steps(workflow: Path) -> list[dict[str, Any]]:
    """Return the steps of all jobs of a workflow."""
    return [step for job in load(workflow)["jobs"].values() for step in job.get("steps", [])]


def scripts(workflow: Path) -> str:
    """Return what a workflow's steps run, one after the other."""
    return "\n".join(step["run"] for step in steps(workflow) if "run" in step)


def code(page: Path) -> str:
    """Return what a page sets as code, in blocks and in lines."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return "\n".join([*blocks, *re.findall(r"`([^`\n]+)`", text)])


def made(text: str) -> set[str]:
    """Return the targets that *text* makes."""
    calls = re.findall(r"(?:^|[;&|] *|\()make((?: +[a-z._/$A-Z{}\"=-]+)+)", text, re.MULTILINE)
    words = [word for call in calls for word in call.split()]
    return {word.removeprefix(".venv") for word in words if "=" not in word and word[0] != "-"}


def called(text: str) -> list[str]:
    """Return what *text* calls the command line with, up to the end of each command."""
    found = re.findall(
        r"(?:^|(?<!from)[\s(])(?:\.venv/bin/|python -m )?tinyllama +([a-z].*)",
        text.replace("\\\n", " "),
        re.MULTILINE,
    )
    return [re.split(r"[;|&)]| #", call)[0].strip() for call in found]


def unknown(call: str) -> str | None:
    """Return the first word of *call* that the command line does not know, None where it does."""
    command: Any = COMMANDS  # Typer's own copy of click, which has no name outside
    words = shlex.split(call)
    while known := getattr(command, "commands", None):
        if not words or words[0] not in known:
            return words[0] if words else "nothing"
        command = known[words.pop(0)]
    named = [(*each.opts, *each.secondary_opts) for each in command.params]
    options = {"--help"}.union(*named)
    return next((word for word in words if word.startswith("--") and word not in options), None)


@pytest.mark.slow
@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_is_sound_to_githubs_own_schema(workflow: Path) -> None:
    check = Path(sys.executable).with_name("check-jsonschema")

    run = subprocess.run(  # noqa: S603
        [check, "--builtin-schema", "vendor.github-workflows", workflow],
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.slow
@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_what_a_workflow_runs_is_sound_bash(workflow: Path) -> None:
    check = Path(sys.executable).with_name("shellcheck")
    apart = "\n".join(f"(\n{step['run']}\n)" for step in steps(workflow) if "run" in step)

    run = subprocess.run(  # noqa: S603
        [check, "-"], input=f"#!/bin/bash\nset -e\n{apart}\n", capture_output=True, text=True,
        check=False,
    )  # fmt: skip

    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_job_ends_by_itself_and_may_no_more_than_it_needs(workflow: Path) -> None:
    found = load(workflow)
    own = [job for job in found["jobs"].values() if "uses" not in job]

    assert found["permissions"] == {"contents": "read"}
    assert all(job["timeout-minutes"] <= 60 for job in own)
    for job in found["jobs"].values():
        granted = job.get("permissions", {})
        assert all(right == "read" for name, right in granted.items() if name != "id-token")


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_an_action_is_one_commit_and_its_version_is_told(workflow: Path) -> None:
    uses = re.findall(r"^\s*(?:- )?uses: (.+)$", workflow.read_text(encoding="utf-8"), re.MULTILINE)
    foreign = [action for action in uses if not action.startswith("./")]

    assert foreign
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one) for one in foreign)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_checkout_leaves_no_token_behind_and_no_script_holds_an_expression(
    workflow: Path,
) -> None:
    checkouts = [one for one in steps(workflow) if "actions/checkout" in one.get("uses", "")]

    assert all(one["with"]["persist-credentials"] is False for one in checkouts)
    # What somebody types, a tag say, would be part of the script.
    assert "${{" not in scripts(workflow)


def test_who_signs_in_to_aws_does_so_in_an_environment_of_the_stage_without_a_key() -> None:
    signing = [
        (job, step["with"])
        for workflow in WORKFLOWS
        for job in load(workflow)["jobs"].values()
        for step in job.get("steps", [])
        if "configure-aws-credentials" in step.get("uses", "")
    ]

    assert len(signing) == 3
    for job, given in signing:
        assert job["environment"]
        assert job["permissions"] == {"contents": "read", "id-token": "write"}
        assert given["audience"] == "sts.amazonaws.com"
        assert given["role-to-assume"] == "${{ vars.AWS_ROLE_ARN }}"
        assert given.keys() & {"aws-access-key-id", "aws-secret-access-key"} == set()


def test_a_deployment_waits_for_another_of_its_stage_and_for_nothing_else() -> None:
    guards = {
        (workflow.stem, name): job["concurrency"]
        for workflow in WORKFLOWS
        for name, job in load(workflow)["jobs"].items()
        if "concurrency" in job
    }
    groups = {where: guard["group"] for where, guard in guards.items()}

    assert all(guard["cancel-in-progress"] is False for guard in guards.values())
    assert groups == {
        ("deploy", "deploy"): "stage-${{ inputs.environment || 'dev' }}",
        ("deploy", "image"): "image-${{ inputs.environment || 'dev' }}",
        ("deploy", "call"): "calls-${{ inputs.environment || 'dev' }}",
        ("ci", "deployed"): "calls-dev",
    }


def test_the_stages_that_can_be_deployed_by_hand_are_those_that_have_a_file() -> None:
    triggers = load(PROJECT / ".github" / "workflows" / "deploy.yml")["on"]
    offered = triggers["workflow_dispatch"]["inputs"]["environment"]["options"]
    files = (PROJECT / "terraform-extras" / "stages").glob("*.tfvars.json")

    assert set(offered) == {file.name.partition(".")[0] for file in files}


def test_ci_runs_the_suites_on_two_releases_each_of_valkey_and_redis() -> None:
    rows = load(PROJECT / ".github" / "workflows" / "ci.yml")["jobs"]["stores"]["strategy"]
    releases = {(row["server"], row["release"].split(".")[0]) for row in rows["matrix"]["include"]}

    assert releases == {("valkey", "8"), ("valkey", "9"), ("redis", "7"), ("redis", "8")}


@pytest.mark.parametrize("file", [*WORKFLOWS, *PAGES], ids=lambda path: path.name)
def test_what_is_made_is_a_target(file: Path) -> None:
    text = scripts(file) if file in WORKFLOWS else code(file)

    assert made(text) <= TARGETS


@pytest.mark.parametrize("file", [*WORKFLOWS, *PAGES], ids=lambda path: path.name)
def test_what_is_called_is_a_command(file: Path) -> None:
    text = scripts(file) if file in WORKFLOWS else code(file)

    assert [(call, word) for call in called(text) if (word := unknown(call))] == []


def test_commands_and_targets_are_found_where_they_are_called() -> None:
    text = 'make run\nmake a STAGE="$STAGE" && make b\n  .venv/bin/tinyllama token --sub a | cat\n'

    assert made(text) == {"run", "a", "b"}
    assert called(text) == ["token --sub a"]
    assert (unknown("token --sub a"), unknown("token --so a"), unknown("registry lost")) == (
        None,
        "--so",
        "lost",
    )
