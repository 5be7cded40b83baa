"""A folder is replaced whole or not at all."""

from pathlib import Path

import pytest

from tinyllama.deployment.swapping import replaced


def test_a_folder_that_was_built_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "old.tf").write_text("")

    with replaced(tmp_path / "dev") as new:
        (new / "new.tf").write_text("")
        assert (tmp_path / "dev" / "old.tf").exists()

    assert [path.name for path in tmp_path.rglob("*")] == ["dev", "new.tf"]


def test_a_folder_that_was_not_there_is_made(tmp_path: Path) -> None:
    with replaced(tmp_path / "build" / "dev") as new:
        (new / "new.tf").write_text("")

    assert (tmp_path / "build" / "dev" / "new.tf").exists()


def test_a_failure_leaves_everything_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "old.tf").write_text("as it was")

    def build() -> None:
        with replaced(tmp_path / "dev") as new:
            (new / "new.tf").write_text("")
            raise KeyError

    with pytest.raises(KeyError):
        build()

    assert [path.name for path in tmp_path.rglob("*")] == ["dev", "old.tf"]
    assert (tmp_path / "dev" / "old.tf").read_text() == "as it was"


def test_an_interruption_between_old_and_new_leaves_everything_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "old.tf").write_text("as it was")
    rename = Path.rename

    def interrupted(path: Path, target: Path) -> Path:
        moved = rename(path, target)
        if target.name == "old":
            raise KeyboardInterrupt
        return moved

    def build() -> None:
        with replaced(tmp_path / "dev"):
            monkeypatch.setattr(Path, "rename", interrupted)

    with pytest.raises(KeyboardInterrupt):
        build()

    assert [path.name for path in tmp_path.rglob("*")] == ["dev", "old.tf"]
