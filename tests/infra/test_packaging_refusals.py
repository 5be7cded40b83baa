"""What is not fit to be deployed: packaging says so in a sentence, and changes nothing."""

import shutil
import sys
import tarfile
from pathlib import Path

import pytest

from tests.infra.building import package_stage

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.version_info[:2] != (3, 13), reason="it refuses this Python first"),
]


@pytest.fixture
def copy(repository: Path, tmp_path: Path) -> Path:
    """A clone to spoil, with a stage that was built before."""
    shutil.copytree(repository, tmp_path / "copy", ignore=shutil.ignore_patterns("build"))
    (tmp_path / "copy" / "build" / "dev").mkdir(parents=True)
    (tmp_path / "copy" / "build" / "dev" / "main.tf").write_text("as it was")
    return tmp_path / "copy"


def refusal(copy: Path, stage: str = "dev", code: int = 1) -> str:
    """Package, and return the sentence; the folder of before must still be there, alone."""
    run = package_stage(copy, stage)
    assert run.returncode == code
    assert run.stderr.startswith("tinyllama: ")
    assert run.stderr.count("\n") == 1
    left = {path.name for path in (copy / "build").rglob("*")}
    assert left - {".dev.lock"} == {"dev", "main.tf"}
    return run.stderr


@pytest.mark.parametrize(
    "name", ["chalicelib/notes.txt", "worker/patch.py", "terraform-extras/local_override.tf"]
)
def test_an_untracked_file_is_named(copy: Path, name: str) -> None:
    (copy / name).write_text("")

    assert f"git does not track {name}, which would ship" in refusal(copy)


def test_a_stale_contract_is_named(copy: Path) -> None:
    contract = copy / "chalicelib" / "openapi.json"
    contract.write_text(contract.read_text().replace("cancel_job", "stop_job"))

    assert "openapi.json is stale: run make fmt" in refusal(copy)


def test_a_stale_validator_is_named(copy: Path) -> None:
    schema = copy / "chalicelib" / "schemas" / "retry.json"
    schema.write_text(schema.read_text().replace('"version"', '"edition"'))

    assert "compiled.py is stale: run make fmt" in refusal(copy)


def test_a_reserved_path_is_named(copy: Path) -> None:
    module = copy / "app.py"
    module.write_text(
        module.read_text() + '\n\n@app.route("/ping")\ndef ping() -> str:\n    return "pong"\n'
    )

    assert "the path /ping is kept by API Gateway for itself" in refusal(copy)


def test_a_dependency_that_does_not_build_is_named(copy: Path, tmp_path: Path) -> None:
    source = tmp_path / "broken-1.0"
    source.mkdir()
    (source / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (source / "setup.py").write_text(
        "import sys\nfrom setuptools import setup\n"
        "if 'bdist_wheel' in sys.argv: sys.exit('no compiler')\n"
        "setup(name='broken', version='1.0')\n"
    )
    with tarfile.open(tmp_path / "broken-1.0.tar.gz", "w:gz") as archive:
        archive.add(source, "broken-1.0")
    address = (tmp_path / "broken-1.0.tar.gz").as_uri()
    (copy / "requirements.txt").write_text(f"broken @ {address}\n")

    assert "broken==1.0 has no wheel for arm64" in refusal(copy)


def test_a_dependency_that_nobody_has_is_named(copy: Path) -> None:
    (copy / "requirements.txt").write_text("absent @ file:///nowhere/absent-1.0.tar.gz\n")

    assert "chalice package failed: " in (told := refusal(copy))
    assert "absent" in told


def test_an_unknown_stage_is_named_with_those_that_are(copy: Path) -> None:
    assert "there is no stage prod" in (told := refusal(copy, "prod", 2))
    assert "dev, v1" in told
