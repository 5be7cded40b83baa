"""What ``tinyllama package`` makes of a clone: the bytes that go to AWS, and Terraform's files."""

import json
import re
import shutil
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.infra.package import BuildStage, Package

pytestmark = pytest.mark.slow

ZIP_BYTES = 9_000_000
MACHINES = {"v1": 62, "dev": 183}  # ELF's e_machine of x86_64 and aarch64
NEEDED = {"PATH": "/usr/bin:/bin"}


@pytest.fixture(params=sorted(MACHINES))
def package(request: pytest.FixtureRequest, built: BuildStage) -> Package:
    """A stage for each processor."""
    return built(request.param)


def unpacked(archive: Path, folder: Path) -> Path:
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(folder)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


# The code


def test_the_same_files_make_the_same_bytes_in_another_folder(
    built: BuildStage, repository: Path, tmp_path: Path
) -> None:
    first = built("v1")
    shutil.copytree(
        repository, tmp_path / "deeper" / "copy", ignore=shutil.ignore_patterns("build")
    )

    second = built("v1", tmp_path / "deeper" / "copy")

    assert contents(first.folder) == contents(second.folder)


def test_the_zip_is_small(package: Package) -> None:
    assert package.zip.stat().st_size <= ZIP_BYTES


def test_the_zip_holds_what_the_functions_run_and_nothing_else(package: Package) -> None:
    top = {name.partition("/")[0] for name in package.names}

    libraries = {name for name in top if not name.endswith((".dist-info", ".so"))}

    assert libraries == {
        "__pycache__", "app.py", "attr", "attrs", "chalice", "chalicelib", "cryptography",
        "jsonschema", "jsonschema_specifications", "jwt", "redis", "referencing", "rpds",
    }  # fmt: skip


def test_every_binary_is_for_the_stages_processor(package: Package) -> None:
    with zipfile.ZipFile(package.zip) as archive:
        heads = {name: archive.read(name)[:20] for name in archive.namelist()}

    machines = {
        name: struct.unpack_from("<H", head, 18)[0]
        for name, head in heads.items()
        if head.startswith(b"\x7fELF")
    }
    assert len(machines) == 3
    assert set(machines.values()) == {MACHINES[package.folder.name]}


def test_every_module_has_bytecode_that_is_taken_unchecked(package: Package) -> None:
    with zipfile.ZipFile(package.zip) as archive:
        flags = {
            name: int.from_bytes(archive.read(name)[4:8], "little")
            for name in archive.namelist()
            if name.endswith(".pyc")
        }

    modules = {name for name in package.names if name.endswith(".py")}
    compiled = {re.sub(r"__pycache__/(.+)\.cpython-313\.pyc$", r"\1.py", name) for name in flags}
    assert compiled == modules
    assert set(flags.values()) == {1}


def test_a_function_starts_from_bytecode_alone(built: BuildStage, tmp_path: Path) -> None:
    root = unpacked(built("v1").zip, tmp_path)
    for module in root.rglob("*.py"):
        module.write_text("raise SystemExit('read the source')")

    run = subprocess.run(  # noqa: S603
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import sys; sys.path.insert(0, {str(root)!r}); import app",
        ],
        env={
            **NEEDED,
            "AWS_LAMBDA_FUNCTION_NAME": "tinyllama-v1",
            "_HANDLER": "app.app",
            "TINYLLAMA_ENV": "v1",
            "TINYLLAMA_STORE_URL": "redis://127.0.0.1:1",
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert (run.returncode, run.stderr) == (0, "")


def test_the_workers_zip_runs_a_worker(package: Package, tmp_path: Path) -> None:
    root = unpacked(package.folder / "worker.zip", tmp_path)

    run = subprocess.run(
        [sys.executable, "-m", "worker", "--help"],
        cwd=root,
        env=NEEDED,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    assert {path.name for path in root.iterdir()} - {"worker", "chalicelib"} == {"constraints.txt"}


def test_the_workers_requirements_are_locked(repository: Path) -> None:
    lines = (repository / "worker" / "requirements.txt").read_text().splitlines()
    locked = (repository / "constraints.txt").read_text().splitlines()

    assert "-c ../constraints.txt" in lines
    assert {line for line in lines if not line.startswith(("#", "-c"))} <= set(locked)


# What Terraform is told


def test_the_folder_holds_the_code_our_terraform_and_the_stages_variables(
    package: Package, repository: Path
) -> None:
    ours = {path.name for path in (repository / "terraform-extras").glob("*.tf")}

    there = {path.name for path in package.folder.iterdir()}

    assert ours
    assert ours | {
        "chalice.tf.json", "deployment.zip", "worker.zip", "stage.auto.tfvars.json",
        "store-commands.json", "templates",
    } <= there  # fmt: skip
    told = json.loads((package.folder / "stage.auto.tfvars.json").read_text())
    assert told["stage"] == package.folder.name


def test_nothing_that_newer_terraform_refuses_is_left(package: Package) -> None:
    (deployment,) = package.terraform["resource"]["aws_api_gateway_deployment"].values()

    assert "terraform" not in package.terraform
    assert package.terraform["data"].keys() == {
        "aws_caller_identity",
        "aws_partition",
        "aws_region",
    }
    assert not {"stage_name", "stage_description"} & deployment.keys()
    assert "EndpointURL" not in package.terraform["output"]


def test_the_functions_run_on_lambdas_python_and_the_stages_processor(package: Package) -> None:
    stage = package.folder.name
    functions = package.terraform["resource"]["aws_lambda_function"]

    told = {
        (function["handler"], function["runtime"], *function["architectures"])
        for function in functions.values()
    }

    architecture = {"v1": "x86_64", "dev": "arm64"}[stage]
    assert told == {
        (f"app.{name}", "python3.13", architecture) for name in ("app", "jwt_authorizer", "tick")
    }


def test_the_gateway_calls_aliases_and_no_function_itself(package: Package) -> None:
    text = package.terraform["locals"]["chalice_api_swagger"]

    assert set(re.findall(r"\$\{[^}]*\}", text)) == {
        "${local.invoke_arns.api_handler}",
        "${local.invoke_arns.jwt_authorizer}",
    }


def test_the_gateway_is_regional(package: Package) -> None:
    gateway = package.terraform["resource"]["aws_api_gateway_rest_api"]["rest_api"]

    assert gateway["endpoint_configuration"] == {"types": ["REGIONAL"]}


def origins(swagger: dict[str, Any]) -> set[str]:
    return set(re.findall(r"'(https?://[^']+)'", json.dumps(swagger)))


def test_a_stage_with_an_origin_answers_preflights_and_lets_it_read(built: BuildStage) -> None:
    swagger = built("v1").swagger

    assert all("options" in methods for methods in swagger["paths"].values())
    assert origins(swagger) == {"https://app.example"}


def test_a_stage_without_an_origin_lets_no_page_in(built: BuildStage) -> None:
    swagger = built("dev").swagger

    assert not [path for path, methods in swagger["paths"].items() if "options" in methods]
    assert origins(swagger) == set()
    assert "Access-Control" not in json.dumps(swagger)
