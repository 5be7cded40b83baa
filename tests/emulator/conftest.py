"""One emulated AWS, one store, one project; each step of a deployment is a fixture on the last."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from chalicelib.settings import PROJECT
from tests.emulator.aws import Emulator
from tests.emulator.clients import Clients
from tests.emulator.project import STAGE, Project
from tests.emulator.secure_store import SecureStore

PINS = {
    "emulator": PROJECT / "tests/emulator/requirements.txt",
    "checkov": PROJECT / "tests/emulator/requirements-checkov.txt",
}
STEPS = pytest.StashKey[dict[str, dict[str, float]]]()
NEEDED = {
    "terraform": "https://developer.hashicorp.com/terraform/install",
    "redis-server": "apt-get install redis-server",
    "node": "apt-get install nodejs npm, then npm ci",
    "git": "apt-get install git",
}
# All that has a price or a gap of its own: what is off by default is applied here too.
VARIABLES = {
    # A call of the OpenAI API that is redirected is held for as long as this.
    "settings": {"RELAY_SECONDS": "5"},
    "enable_nat_gw": True,
    "interface_endpoints": ["ssm"],
    "functions": {"api_handler": {"provisioned_concurrency": 1}},
    "github": {"repository": "owner/router"},
    # Named, since Amazon's public parameters, which tell the newest image, are not emulated.
    "worker": {"ami_id": "ami-0123456789abcdef0"},
    # Without Docker there is no second node to wait for.
    "redis_kind": "cache",
}
BOOTSTRAP_OVERRIDE = """
provider "aws" {
  s3_use_path_style = true # bucket.127.0.0.1 is no host name.
}

# The provider waits a minute until AWS tells of it alike several times. The worker's bucket has one
# too, beside which other things are made; its content is asserted in bootstrap/tests.
resource "aws_s3_bucket_lifecycle_configuration" "state" {
  count = 0
}
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bound every test: a step that hangs ends the suite, and the servers with it."""
    for item in items:
        item.add_marker(pytest.mark.timeout(300))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell how long the steps of each deployment took: bench/results/deployment.md."""
    for name, seconds in terminalreporter.config.stash.get(STEPS, {}).items():
        told = ", ".join(f"{step} {took} s" for step, took in seconds.items())
        terminalreporter.write_line(f"{name}: {told}")


def require(met: bool, otherwise: str) -> None:  # noqa: FBT001
    """Skip, in CI fail, naming what is missing."""
    if met:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(otherwise)
    pytest.skip(otherwise)


@pytest.fixture(scope="session")
def tools() -> None:
    """What the suite needs of the machine."""
    require(sys.version_info[:2] == (3, 13), "packaging needs Python 3.13, which Lambda runs")
    for program, source in NEEDED.items():
        require(shutil.which(program) is not None, f"{program} is missing: {source}")


def environment_of(kind: str) -> str:
    """Return the Python of one of the suite's own environments."""
    made = subprocess.run(  # noqa: S603
        [PROJECT / "tests/environment.sh", sys.executable, kind, PINS[kind]],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return made.stdout.strip()


@pytest.fixture(scope="session")
def secure_store(tools: None, short_folder: Path) -> Iterator[SecureStore]:
    """A store on TLS, with the users that the stage's roles sign in as."""
    del tools
    folder = short_folder / "secure"
    folder.mkdir()
    users = [f"tinyllama-{STAGE}-{role}" for role in ("api-handler", "tick", "worker")]
    server = SecureStore(folder, shutil.which("redis-server") or "", users)
    try:
        server.await_answer()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def emulator(secure_store: SecureStore, short_folder: Path) -> Iterator[Emulator]:
    """The emulated AWS, empty."""
    folder = short_folder / "aws"
    folder.mkdir()
    started = Emulator(folder, environment_of("emulator"), secure_store.authority)
    try:
        started.await_answer()
        yield started
    finally:
        started.stop()


@pytest.fixture(scope="session")
def project(emulator: Emulator, secure_store: SecureStore, short_folder: Path) -> Project:
    """The copy of the project, its stage written."""
    folder = short_folder / "project"
    folder.mkdir()
    copied = Project(folder, emulator.environment())
    given = {"emulator_url": emulator.url, "emulator_store": secure_store.host}
    copied.write_stage({**VARIABLES, **given})
    return copied


@pytest.fixture(scope="session")
def deploy(project: Project, pytestconfig: pytest.Config) -> Callable[[str], dict[str, Any]]:
    """Deploy the project as it is, under a name for the summary; return what ``deploy`` told."""

    def deploy(name: str) -> dict[str, Any]:
        told = project.tinyllama("deploy", STAGE, "--yes", "--json").document()
        pytestconfig.stash.setdefault(STEPS, {})[name] = told["seconds"]
        return told

    return deploy


@pytest.fixture(scope="session")
def deployed(first_plan: dict[str, Any], deploy: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    """The stage deployed; what ``deploy`` told of it."""
    del first_plan
    return deploy("first deployment")


@pytest.fixture(scope="session")
def url(deployed: dict[str, Any]) -> str:
    """Where the deployed API is."""
    return str(deployed["endpoint_url"])


@pytest.fixture(scope="session")
def clients(deployed: dict[str, Any], emulator: Emulator) -> Clients:
    """The clients of the stage's user pool."""
    del deployed
    return Clients(emulator)


@pytest.fixture(scope="session")
def bootstrapped(project: Project) -> None:
    """Bucket and table for Terraform's state."""
    override = project.folder / "bootstrap" / "emulator_override.tf"
    override.write_text(BOOTSTRAP_OVERRIDE, encoding="utf-8")
    # Its own state is a file, which has no buckets to address.
    ran = project.tinyllama("bootstrap", "--yes", TF_CLI_ARGS_init="")
    assert ran.code == 0, ran.err[-4000:]


@pytest.fixture(scope="session")
def first_plan(project: Project, bootstrapped: None) -> dict[str, Any]:
    """What Terraform would do in an empty account, as ``terraform show`` tells it."""
    del bootstrapped
    planned = project.tinyllama("deploy", STAGE, "--plan-only", "--json").document()
    assert not planned["applied"]
    return project.plan()


@pytest.fixture(scope="session")
def checkov() -> str:
    """The audit's Python."""
    return environment_of("checkov")


@pytest.fixture
def worker(project: Project, url: str, clients: Clients) -> Iterator[str]:
    """A worker that comes over HTTPS with its machine client's token; its name."""
    environment = {
        **project.environment,
        "TINYLLAMA_TOKEN_URL": clients.token_url,
        "TINYLLAMA_WORKER_CLIENT_ID": clients.ids["worker"],
        "TINYLLAMA_WORKER_CLIENT_SECRET": clients.secret("worker"),
    }
    command = [
        sys.executable,
        "-m",
        "worker",
        "--via",
        url,
        "--name",
        "far",
        "--drain-seconds",
        "1",
    ]
    log = project.folder.parent / "worker.log"
    with log.open("ab") as said:
        process = subprocess.Popen(  # noqa: S603
            command, cwd=project.folder, env=environment, stdout=said, stderr=said
        )
    try:
        await_worker(url, log)
        yield "far"
    finally:
        process.terminate()
        process.wait(timeout=40)


def await_worker(url: str, log: Path) -> None:
    """Return once the API knows of a live worker."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if httpx2.get(f"{url}/health", timeout=30).json()["status"] == "pass":
            return
        time.sleep(0.5)
    pytest.fail(f"no worker in 60 s: {log.read_text()[-2000:]}")
