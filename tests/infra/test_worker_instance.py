"""A worker's machine: the script of its first boot, its image, and what its code needs alone."""

import base64
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from chalicelib.jobs import JobState
from chalicelib.queueing import JobQueue
from chalicelib.settings import PROJECT
from chalicelib.store import connect
from tests.worker.harness import ended, queue_settings, submit, wait_for

TEMPLATES = PROJECT / "terraform-extras" / "templates"
ENGINES = sorted(path.stem for path in (TEMPLATES / "engines").glob("*.sh"))
TOOLS = Path(sys.executable).parent

PLAIN = {
    "region": "eu-west-1",
    "bucket": "tinyllama-dev-worker-123456789012-eu-west-1",
    "key": "worker/0.zip",
    "sha256": "0" * 64,
    "image": "",
    "registry": "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
    "environment": base64.b64encode(b"TINYLLAMA_ENV=dev\n").decode(),
    "concurrency": 4,
    "drain_seconds": 60,
    "engine": "",
    "engine_url": "none",
    "gpu": False,
    "model": "",
    "model_url": "",
    "model_sha256": "",
    "log_group": "/tinyllama/dev/worker",
}
IMAGE = {"image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/tinyllama-dev:worker-1"}


def _engine(name: str) -> dict[str, Any]:
    script = (TEMPLATES / "engines" / f"{name}.sh").read_bytes()
    return {
        "engine": base64.b64encode(script).decode(),
        "engine_url": "http://127.0.0.1:8000/v1",
        "gpu": True,
        "model": "TinyLlama/TinyLlama-1.1B-Chat-v1.0",
        "model_url": "https://models.example/model.gguf",
        "model_sha256": "1" * 64,
    }


VARIANTS = {
    "code": {},
    "image": IMAGE,
    "image-with-engine": IMAGE | _engine(ENGINES[0]),
    **{f"code-with-{name}": _engine(name) for name in ENGINES},
}


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """The script of each variant, as Terraform itself writes it; that needs no provider."""
    terraform = shutil.which("terraform")
    if terraform is None and os.environ.get("CI") != "true":
        pytest.skip("terraform is not on PATH: developer.hashicorp.com/terraform/install")
    assert terraform, "CI=true, and terraform is not on PATH"
    folder = tmp_path_factory.mktemp("first-boot")
    template = TEMPLATES / "worker-user-data.sh.tftpl"
    (folder / "main.tf").write_text(
        'variable "variants" { type = any }\n'
        'output "scripts" {\n'
        f'value = {{ for name, each in var.variants : name => templatefile("{template}", each) }}\n'
        "}\n"
    )
    variants = {name: PLAIN | changes for name, changes in VARIANTS.items()}
    (folder / "terraform.tfvars.json").write_text(json.dumps({"variants": variants}))
    own = {"TF_CLI_CONFIG_FILE": os.devnull, "CHECKPOINT_DISABLE": "1"}

    def run(*arguments: str) -> str:
        ran = subprocess.run(  # noqa: S603
            [terraform, *arguments],
            cwd=folder, env={**os.environ, **own}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    run("init")
    run("apply", "-auto-approve")
    for name, text in json.loads(run("output", "-json", "scripts")).items():
        (folder / f"{name}.sh").write_text(text)
    return {name: folder / f"{name}.sh" for name in VARIANTS}


def _shellcheck(*paths: Path) -> str:
    run = subprocess.run(  # noqa: S603
        [TOOLS / "shellcheck", *paths], capture_output=True, text=True, check=False
    )
    return run.stdout + run.stderr


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_first_boot_is_a_sound_script_that_ec2_takes(
    scripts: Mapping[str, Path], variant: str
) -> None:
    script = scripts[variant]

    complaints = _shellcheck(script)

    assert complaints == ""
    assert script.stat().st_size <= 16_384


@pytest.mark.slow
def test_code_runs_as_nobody_who_may_do_anything_else(scripts: Mapping[str, Path]) -> None:
    text = scripts["code"].read_text()

    unit = text.partition("tinyllama-worker.service 0644")[2].partition("\nUNIT\n")[0].splitlines()

    assert {"User=tinyllama", "NoNewPrivileges=yes", "ProtectSystem=strict"} <= set(unit)
    assert {"CapabilityBoundingSet=", "Restart=always", "KillSignal=SIGTERM"} <= set(unit)


@pytest.mark.slow
def test_a_stop_waits_longer_than_the_worker_drains(scripts: Mapping[str, Path]) -> None:
    text = scripts["code"].read_text()

    waits = re.findall(r"--drain-seconds (\d+)|TimeoutStopSec=(\d+)", text)

    assert [int(drain or stop) for drain, stop in waits] == [60, 75]


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_is_a_sound_script_that_listens_on_the_loopback(engine: str) -> None:
    script = TEMPLATES / "engines" / f"{engine}.sh"

    complaints = _shellcheck(script)

    assert complaints == ""
    assert "--host 127.0.0.1 --port 8000" in script.read_text()
    assert "IPAddressDeny=169.254.169.254" in script.read_text()


def test_the_image_is_built_soundly_and_runs_as_a_numbered_user() -> None:
    dockerfile = PROJECT / "worker" / "Dockerfile"

    lint = subprocess.run(  # noqa: S603
        [TOOLS / "hadolint", dockerfile], capture_output=True, text=True, check=False
    )

    assert lint.returncode == 0, lint.stdout + lint.stderr
    users = re.findall(r"^USER (\S+)", dockerfile.read_text(), re.MULTILINE)
    assert users == ["10001:10001"]


@pytest.mark.slow
def test_a_worker_works_with_its_own_requirements_alone(
    clone: Path, tmp_path: Path, store_url: str
) -> None:
    for name in ("worker", "chalicelib"):
        shutil.copytree(clone / name, tmp_path / "code" / name)
    shutil.copy(clone / "constraints.txt", tmp_path / "code")
    venv.create(tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    needed = tmp_path / "code" / "worker" / "requirements.txt"
    subprocess.run(  # noqa: S603
        [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-compile",
         "--only-binary", ":all:", "-r", needed],
        check=True, capture_output=True,
    )  # fmt: skip
    around = {k: v for k, v in os.environ.items() if not k.startswith(("TINYLLAMA_", "PYTHON"))}
    told = {"TINYLLAMA_ENV": "test", "TINYLLAMA_STORE_URL": store_url}
    store = connect(store_url)
    queue = JobQueue(store, queue_settings())
    job_id = submit(queue)

    with subprocess.Popen(  # noqa: S603
        [python, "-m", "worker"], cwd=tmp_path / "code", env=around | told
    ) as process:
        job = wait_for(lambda: ended(queue, job_id))
        process.send_signal(signal.SIGTERM)
        code = process.wait(20)
    store.close()

    assert job.state is JobState.SUCCEEDED
    assert code == 0
