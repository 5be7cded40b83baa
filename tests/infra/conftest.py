"""The project packaged from a clone, unpacked as Lambda does, its functions started on demand."""

import json
import platform
import shutil
import socket
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import tinyllama
from chalicelib.settings import PROJECT, required
from tests.infra.building import STAGES, git, package_by_chalice, package_stage
from tests.infra.gateway import Gateway
from tests.infra.package import BuildStage, Package
from tests.infra.runtime_api import REGION, Function, StartFunction, lay_client
from tests.servers import Server


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's files and no others: what git tracks, and what it would."""
    folder = tmp_path_factory.mktemp("clone")
    listed = git(PROJECT, "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    for name in filter(None, listed.split("\0")):
        if (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, folder / name)
    return folder


@pytest.fixture(scope="session")
def package(clone: Path) -> Package:
    """The clone packaged for Terraform with nothing exported but the region."""
    run = package_by_chalice(clone, "out/")
    assert run.returncode == 0, run.stdout + run.stderr
    # Chalice only warns of a requirement it could not have, and ends well.
    assert "Could not install dependencies" not in run.stdout + run.stderr
    return Package(clone / "out")


@pytest.fixture(scope="session")
def repository(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone whose files git tracks, with a stage for each processor, to package stages in."""
    folder = tmp_path_factory.mktemp("repository") / "project"
    # Neither what `chalice package` leaves in the clone, nor a stage of somebody's.
    shutil.copytree(clone, folder, ignore=shutil.ignore_patterns("out", "deployments", "stages"))
    (folder / "terraform-extras" / "stages").mkdir()
    for name, more in STAGES.items():
        file = folder / "terraform-extras" / "stages" / f"{name}.tfvars.json"
        file.write_text(json.dumps({"stage": name, "region": REGION, **more}))
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    return folder


@pytest.fixture(scope="session")
def built(repository: Path) -> BuildStage:
    """Build a stage of ``STAGES`` once, in the repository or a copy of it; return what came."""
    done: dict[tuple[Path, str], Package] = {}

    def build(stage: str, folder: Path = repository) -> Package:
        if sys.version_info[:2] != (3, 13):
            pytest.skip("stages are packaged on Python 3.13 alone")
        if (folder, stage) not in done:
            run = package_stage(folder, stage)
            assert run.returncode == 0, run.stdout + run.stderr
            done[folder, stage] = Package(folder / "build" / stage)
        return done[folder, stage]

    return build


@pytest.fixture(scope="session")
def task_root(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """The zip unpacked, read-only as in Lambda; nothing may have been written there in the end.

    It is the one that is deployed, or Chalice's own where this Python is not Lambda's.
    """
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        pytest.skip("the package holds x86_64 Linux binaries, which this machine cannot run")
    if sys.version_info[:2] == (3, 13):
        packed: Package = request.getfixturevalue("built")("v1")
    else:
        packed = request.getfixturevalue("package")
    root = tmp_path_factory.mktemp("task")
    with zipfile.ZipFile(packed.zip) as archive:
        archive.extractall(root)
    folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
    before = {path: path.stat().st_mtime_ns for path in folders}
    for path in folders:
        path.chmod(0o555)
    yield root
    after = {path: path.stat().st_mtime_ns for path in [root, *root.rglob("*")] if path.is_dir()}
    for path in folders:
        path.chmod(0o755)
    assert after == before, "the functions wrote into the task root"


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lambda's runtime client alone, so that no package of ours hides a missing requirement."""
    return lay_client(tmp_path_factory.mktemp("runtime"))


@pytest.fixture(scope="session")
def variables(valkey: Server, own_state: Path) -> dict[str, str]:
    """The settings that Terraform would give the functions."""
    del own_state
    return {
        "TINYLLAMA_ENV": "test",
        "TINYLLAMA_STORE_URL": valkey.url,
        "TINYLLAMA_ISSUER": required("issuer"),
        "TINYLLAMA_AUDIENCE": required("audience"),
        "TINYLLAMA_JWKS": str(tinyllama.development_jwks_path()),
    }


@pytest.fixture(scope="session")
def start_function(
    task_root: Path,
    runtime: Path,
    variables: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[StartFunction]:
    """Start a function: its handler, and settings to change; None takes one away."""
    logs = tmp_path_factory.mktemp("logs")
    started: list[Function] = []

    def start(handler: str, **changes: str | None) -> Function:
        settings = {name: value for name, value in {**variables, **changes}.items() if value}
        log = logs / f"{len(list(logs.iterdir()))}.log"
        function = Function(task_root, runtime, handler, settings, log)
        started.append(function)
        return function

    yield start
    for function in started:
        function.stop()


@pytest.fixture(scope="session")
def authorizer(start_function: StartFunction) -> Function:
    """The authorizer's function."""
    return start_function("app.jwt_authorizer")


@pytest.fixture(scope="session")
def api_function(start_function: StartFunction) -> Function:
    """The API's function, whose store may hold what other tests left there."""
    return start_function("app.app")


@pytest.fixture(scope="session")
def tick(start_function: StartFunction) -> Function:
    """The function that does what is due, which asks for no issuer."""
    unasked = ("TINYLLAMA_ISSUER", "TINYLLAMA_AUDIENCE", "TINYLLAMA_JWKS")
    return start_function("app.tick", **dict.fromkeys(unasked))


@pytest.fixture
def gateway(package: Package, authorizer: Function, api_function: Function) -> Gateway:
    """The API as callers reach it on AWS."""
    return Gateway(package.swagger, authorizer, api_function)


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of the loopback on which nobody listens, and nobody else will."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]
