"""What `make audit` makes of the databases' answers: silence is told, and never taken for good."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.advisories import NPM_LOCKS, PYTHON_LOCKS, Finding, exit_code, from_npm, from_pip_audit
from chalicelib.settings import PROJECT

GOOD = {"name": "redis", "version": "7.0.0", "vulns": []}
BAD = {"name": "requests", "version": "2.19.0", "vulns": [{"id": "PYSEC-2018-28"}]}
SKIPPED = {"name": "chalice", "skip_reason": "Dependency not found on PyPI"}
NO_ENDPOINT = {"message": "405 Method Not Allowed", "statusCode": 405}


def pip_audit(*versions: Any) -> Finding:
    """Return what is made of pip-audit's answer about *versions*."""
    return from_pip_audit("lock", json.dumps({"dependencies": versions, "fixes": []}))


def npm(**bad: str) -> Finding:
    """Return what is made of npm's answer, by name and severity of what is *bad*."""
    vulnerabilities = {name: {"severity": severity} for name, severity in bad.items()}
    told = {"vulnerabilities": vulnerabilities, "metadata": {"dependencies": {"total": 212}}}
    return from_npm("lock", json.dumps(told))


@pytest.mark.parametrize("finding", [pip_audit(GOOD), npm()])
def test_versions_of_which_nothing_bad_is_known_are_green(finding: Finding) -> None:
    assert exit_code([finding]) == 0
    assert finding.row.endswith(" | none | all were asked about |")


@pytest.mark.parametrize(
    ("finding", "told"),
    [
        (pip_audit(GOOD, BAD, SKIPPED), "requests 2.19.0: PYSEC-2018-28"),
        (npm(newman="high"), "newman: high"),
    ],
)
def test_a_bad_version_is_named_and_red(finding: Finding, told: str) -> None:
    assert exit_code([pip_audit(GOOD), finding, npm()]) == 1
    assert told in finding.row


@pytest.mark.parametrize(
    "finding",
    [
        pip_audit(),
        pip_audit(SKIPPED),
        pip_audit(GOOD, SKIPPED),
        from_pip_audit("lock", ""),
        from_pip_audit("lock", "[]"),
        from_npm("lock", json.dumps(NO_ENDPOINT)),
        from_npm("lock", ""),
    ],
)
def test_a_database_that_did_not_answer_for_all_is_told_and_not_green(finding: Finding) -> None:
    assert exit_code([npm(), finding]) == 2
    assert "could not be asked" in finding.row


def test_every_file_that_pins_a_version_is_asked_about() -> None:
    # What these three ask for is locked by constraints.txt; the benches' rivals never ship.
    locked = {"requirements.txt", "requirements-dev.txt", "worker/requirements.txt"}
    found = {
        file.relative_to(PROJECT).as_posix()
        for folder in (PROJECT, *(PROJECT / name for name in ("worker", "tests")))
        for file in (folder.rglob if folder.name == "tests" else folder.glob)("requirements*.txt")
    }

    assert found - locked <= set(PYTHON_LOCKS)
    assert all((PROJECT / lock).is_file() for lock in PYTHON_LOCKS + NPM_LOCKS)


@pytest.mark.parametrize("lock", NPM_LOCKS)
def test_a_lock_of_npm_names_versions_and_hashes_but_no_host(lock: str) -> None:
    told = json.loads((PROJECT / lock).read_text(encoding="utf-8"))
    wanted = json.loads((PROJECT / lock).with_name("package.json").read_text(encoding="utf-8"))
    root, *packages = told["packages"].values()

    assert packages
    assert all("integrity" in package and "resolved" not in package for package in packages)
    assert root["devDependencies"] == wanted["devDependencies"]


@pytest.mark.slow
def test_who_proposes_new_versions_is_told_so_in_githubs_own_schema() -> None:
    check = Path(sys.executable).with_name("check-jsonschema")
    told = PROJECT / ".github" / "dependabot.yml"

    run = subprocess.run(  # noqa: S603 - our own environment's
        [check, "--builtin-schema", "vendor.dependabot", told],
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout + run.stderr
