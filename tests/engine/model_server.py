"""Make the random model and serve it with ``transformers serve``, a server nobody here wrote."""

import contextlib
import os
import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from chalicelib import settings

HERE = Path(__file__).resolve().parent
MODEL = "tiny-llama"
READY_SECONDS = 60
END_SECONDS = 10
LISTENS = re.compile(r"Uvicorn running on (http://127\.0\.0\.1:\d+)")


def interpreter() -> str:
    """Return the Python of the model server's environment, which the first call installs."""
    command = [str(HERE / "setup.sh")]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
    return done.stdout.splitlines()[-1]


def make_model(python: str, folder: Path, model: str = MODEL) -> None:
    """Write the model of that name into *folder*."""
    command = [python, str(HERE / "make_model.py"), str(folder / model)]
    subprocess.run(command, check=True, env=_offline(folder))  # noqa: S603


@contextlib.contextmanager
def serving(python: str, folder: Path, model: str = MODEL) -> Iterator[str]:
    """Serve the model in *folder* and give the base URL for OpenAI clients, ending in ``/v1``.

    The server is pinned to that *model*: asked for another, it answers 400. Its log is
    ``engine.log`` in *folder*.
    """
    # Port 0 leaves the choice to the system, so that no other process can take it first.
    where = ("--host", "127.0.0.1", "--port", "0", "--device", "cpu")
    command = [str(Path(python).with_name("transformers")), "serve", model, *where]
    log = folder / "engine.log"
    # The model's name is its path: relative to its folder, it is a name.
    with running(command, log, _offline(folder), cwd=folder) as process:
        yield f"{_address(process, log)}/v1"


@contextlib.contextmanager
def running(
    command: Sequence[str], log: Path, environment: Mapping[str, str], *, cwd: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run *command* in a process group of its own, which ends with the block."""
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603
            command,
            cwd=cwd,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    for how in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(END_SECONDS)
            return


def _offline(folder: Path) -> dict[str, str]:
    """Return an environment in which nothing is looked up at the hub, nor in anyone's cache."""
    hub = folder / "hub"
    hub.mkdir(exist_ok=True)  # the server lists it, and fails when it is missing
    return settings.child_environment(
        {
            "HF_HUB_OFFLINE": "1",
            "HF_HOME": str(folder),
            "HF_HUB_CACHE": str(hub),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "OMP_NUM_THREADS": "1",  # the model is too small to gain by more
            "PYTHONUNBUFFERED": "1",
        }
    )


def _address(process: "subprocess.Popen[bytes]", log: Path) -> str:
    """Wait until the server answers and return its address."""
    deadline = time.monotonic() + READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        listens = LISTENS.search(log.read_text(errors="replace"))
        if listens:
            with urllib.request.urlopen(f"{listens[1]}/health", timeout=5):  # noqa: S310
                return listens[1]
        time.sleep(0.1)
    raise RuntimeError(f"transformers serve did not start:\n{log.read_text()[-2000:]}")
