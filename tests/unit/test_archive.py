"""Zips whose bytes say nothing of when, where and by whom they were made."""

import marshal
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from types import CodeType

import pytest

from tinyllama.deployment import archive
from tinyllama.deployment.failures import DeploymentFailed

SOURCES = {
    # A set's order differs from process to process.
    "app.py": 'def greet(name):\n    return name if name in {"Ada", "Bob", "Eve"} else None\n',
    "lib/__init__.py": "",
    "lib/told.json": "{}",
}


def tree(folder: Path) -> Path:
    for name, text in SOURCES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_the_same_files_make_the_same_bytes(tmp_path: Path) -> None:
    zips: list[bytes] = []
    for name in ("here", "somewhere/else"):
        folder = tree(tmp_path / name)
        os.utime(folder / "app.py", (len(zips), 1_700_000_000 + len(zips)))
        (folder / "lib" / "told.json").chmod(0o600 + len(zips))
        archive.compile_modules(folder)
        archive.write(folder, tmp_path / f"{len(zips)}.zip")
        zips.append((tmp_path / f"{len(zips)}.zip").read_bytes())

    assert zips[0] == zips[1]


def test_a_zip_holds_its_files_sorted_for_everybody_to_read(tmp_path: Path) -> None:
    archive.write(tree(tmp_path / "tree"), tmp_path / "out.zip")

    with zipfile.ZipFile(tmp_path / "out.zip") as packed:
        entries = packed.infolist()
    assert [entry.filename for entry in entries] == sorted(SOURCES)
    assert {entry.external_attr >> 16 for entry in entries} == {0o100644}
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}


def test_bytecode_is_taken_without_a_look_at_the_source(tmp_path: Path) -> None:
    folder = tree(tmp_path)
    archive.compile_modules(folder)
    (folder / "app.py").write_text("raise SystemExit('compiled anew')\n")

    code = "import app; print(app.greet('Ada'))"
    run = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )

    assert (run.stdout, run.stderr) == ("Ada\n", "")


def test_bytecode_names_no_folder_of_this_machine(tmp_path: Path) -> None:
    folder = tree(tmp_path)
    archive.compile_modules(folder)

    (compiled,) = (folder / "__pycache__").glob("app.*.pyc")
    octets = compiled.read_bytes()
    code = marshal.loads(octets[16:])  # noqa: S302 - made two lines above
    assert isinstance(code, CodeType)
    assert code.co_filename == "app.py"
    # PEP 552: bit 0 for a hash, bit 1 would have the source looked at.
    assert int.from_bytes(octets[4:8], "little") == 1


def test_a_module_that_does_not_compile_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def\n")

    with pytest.raises(DeploymentFailed, match=r"does not compile.*broken\.py"):
        archive.compile_modules(tmp_path)


def test_foreign_bytecode_is_left_behind(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as packed:
        for name in ("app.py", "lib/__pycache__/a.cpython-313.pyc", "old.pyc"):
            packed.writestr(name, "")

    archive.unpack(tmp_path / "in.zip", tmp_path / "out")

    assert [path.name for path in (tmp_path / "out").rglob("*")] == ["app.py"]
