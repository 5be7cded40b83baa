"""Which files ship: those that git knows, as they lie there."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tinyllama.deployment import sources
from tinyllama.deployment.failures import DeploymentFailed


def git(folder: Path, *arguments: str) -> None:
    program = shutil.which("git")
    assert program, "git is missing: apt-get install git"
    subprocess.run([program, *arguments], cwd=folder, check=True, capture_output=True)  # noqa: S603


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A clone with one module that is tracked."""
    folder = tmp_path / "clone"
    (folder / "lib").mkdir(parents=True)
    (folder / "lib" / "known.py").write_text("1\n")
    (folder / ".gitignore").write_text("*.pyc\n")
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    return folder


def test_what_ships_is_tracked_and_as_it_lies_there(repository: Path, tmp_path: Path) -> None:
    (repository / "lib" / "known.py").write_text("2\n")
    (repository / "lib" / "known.pyc").write_text("ignored")
    (repository / "elsewhere.py").write_text("not asked for")

    names = sources.tracked(repository, ["lib", "absent"])
    sources.copy(repository, names, tmp_path / "copy")

    assert names == ["lib/known.py"]
    assert (tmp_path / "copy" / "lib" / "known.py").read_text() == "2\n"


def test_a_tracked_file_that_was_deleted_does_not_ship(repository: Path) -> None:
    (repository / "lib" / "known.py").unlink()

    assert sources.tracked(repository, ["lib"]) == []


def test_an_untracked_file_is_named(repository: Path) -> None:
    (repository / "lib" / "new module.py").write_text("")

    with pytest.raises(DeploymentFailed, match=r"lib/new module\.py.*git add"):
        sources.tracked(repository, ["lib"])


def test_a_symbolic_link_is_named(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("")
    (repository / "lib" / "link.txt").symlink_to(tmp_path / "secret.txt")
    git(repository, "add", ".")

    with pytest.raises(DeploymentFailed, match=r"lib/link\.txt is a symbolic link"):
        sources.tracked(repository, ["lib"])


def test_outside_a_clone_nothing_ships(tmp_path: Path) -> None:
    with pytest.raises(DeploymentFailed, match="package in a clone"):
        sources.tracked(tmp_path, ["lib"])


def test_the_version_tells_the_commit_and_whether_that_is_all(repository: Path) -> None:
    unborn = sources.version(repository)
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.com")
    git(repository, *identity, "commit", "--quiet", "--no-gpg-sign", "--message", "First")
    clean = sources.version(repository)
    (repository / "lib" / "known.py").write_text("2\n")

    changed = sources.version(repository)

    assert unborn == "no commit"
    assert re.fullmatch(r"commit [0-9a-f]{12}", clean)
    assert changed == f"{clean}, with changes that are in no commit"
