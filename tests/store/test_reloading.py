"""What restarts ``chalice local``: changed code, and nothing else."""

import http.client
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from chalicelib import settings
from tinyllama.reloading import Code

APP = """
import sys
poller = sys.modules["chalice.cli.filewatch.eventbased"]
poller.WatchdogRestarter.on_any_event = lambda *_: None
from tinyllama import reloading
reloading.only_for_changed_code()
import os, time
time.sleep(1)  # imports slowly: the poller is watching by now
from chalice import Chalice
from chalicelib import early
app = Chalice(app_name="mini")

@app.route("/")
def index():
    return {"pid": os.getpid(), "said": "hello"}

@app.route("/late")
def late():
    from chalicelib import late
    with open("notes.txt", "a") as notes:
        notes.write("written into the project")
    return {"pid": os.getpid(), "late": late.__name__}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A Chalice project that begins with the mend."""
    for folder in ("chalicelib", "tinyllama", "tests", ".chalice"):
        (tmp_path / folder).mkdir()
    (tmp_path / ".chalice" / "config.json").write_text('{"version": "2.0", "app_name": "mini"}')
    (tmp_path / "app.py").write_text(APP)
    for name in ("chalicelib/__init__.py", "chalicelib/early.py", "chalicelib/late.py"):
        (tmp_path / name).touch()
    shutil.copy(settings.PROJECT / "tinyllama" / "reloading.py", tmp_path / "tinyllama")
    (tmp_path / "tinyllama" / "__init__.py").touch()
    return tmp_path


def code_of(project: Path) -> Code:
    code = Code(project, settle_seconds=0.001)
    code.remember()
    return code


@pytest.mark.parametrize(
    "name", ["app.py", ".env.dev", "requirements.txt", ".chalice/config.json", "chalicelib/new.py"]
)
def test_a_written_file_that_the_server_runs_from_is_a_change(project: Path, name: str) -> None:
    code = code_of(project)

    (project / name).write_text("changed = True\n")

    assert code.changed(str(project / name))
    assert code.any_changed()


@pytest.mark.parametrize(
    "name",
    [
        "tests/test_new.py",
        "notes.txt",
        "worker.py",
        ".venv/lib/site.py",
        ".git/index",
        "chalicelib/__pycache__/early.cpython-313.pyc",
        "chalicelib/.early.py.swp",
        "chalicelib/early.py~",
    ],
)
def test_a_written_file_that_the_server_does_not_run_from_is_none(project: Path, name: str) -> None:
    code = code_of(project)

    (project / name).parent.mkdir(parents=True, exist_ok=True)
    (project / name).write_text("changed = True\n")

    assert not code.changed(str(project / name))
    assert not code.any_changed()


def test_a_file_that_was_merely_read_is_no_change(project: Path) -> None:
    code = code_of(project)

    (project / "app.py").read_text()

    assert not code.changed(str(project / "app.py"))


def test_a_removed_module_is_a_change(project: Path) -> None:
    code = code_of(project)

    (project / "chalicelib" / "late.py").unlink()

    assert code.changed(str(project / "chalicelib" / "late.py"))


def test_a_project_behind_a_link_is_the_same_project(project: Path) -> None:
    link = project.parent / f"{project.name}-link"
    link.symlink_to(project)
    code = code_of(link)

    (project / "app.py").write_text("changed = True\n")

    assert code.changed(str(link / "app.py"))
    assert code.changed(str(project / "app.py"))


def test_the_mend_loads_nothing_of_weight_before_it_is_in_place() -> None:
    # Each millisecond before it is in place is one in which the poller may restart the server.
    script = (
        "import sys; before = set(sys.modules); import tinyllama.reloading;"
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before})"
    )

    loaded = subprocess.check_output(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", script], cwd=settings.PROJECT, text=True
    ).split()

    assert set(loaded) - sys.stdlib_module_names == {"tinyllama"}


class Served:
    """``chalice local`` with automatic reload, and the child that serves for it."""

    def __init__(self, project: Path, bytecode: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        chalice = Path(sys.executable).with_name("chalice")
        # An empty PYTHONDONTWRITEBYTECODE counts as unset.
        env = settings.child_environment({"PYTHONDONTWRITEBYTECODE": bytecode})
        with (project.parent / "chalice.log").open("ab") as log:
            self.parent = subprocess.Popen(  # noqa: S603 - our own interpreter
                [chalice, "local", "--port", str(self.port)],
                cwd=project,
                env=env,
                stdout=log,
                stderr=log,
            )

    def get(self, path: str) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    def once_it_says(self, text: str, seconds: float = 30) -> str:
        """Return the first answer that holds *text*."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                answer = self.get("/")
            except OSError:
                answer = ""
            if text in answer:
                return answer
            time.sleep(0.05)
        raise AssertionError(f"it never said {text!r}")

    def close(self) -> None:
        # The child does not end with its parent, and holds the port.
        children = psutil.Process(self.parent.pid).children()
        self.parent.kill()
        self.parent.wait()
        for child in children:
            child.kill()


@pytest.fixture(params=["", "1"], ids=["bytecode", "no-bytecode"])
def served(project: Path, request: pytest.FixtureRequest) -> Iterator[Served]:
    served = Served(project, request.param)
    yield served
    served.close()


@pytest.mark.slow
def test_chalice_local_restarts_for_changed_code_and_for_nothing_else(
    project: Path, served: Served
) -> None:
    before = served.once_it_says("hello")
    time.sleep(4)
    # What restarted it unmended: an import in a view, files read and written in the project.
    (project / "app.py").read_text()
    late = served.get("/late")
    time.sleep(2)
    after = served.get("/")
    app = project / "app.py"
    app.write_text(app.read_text().replace("hello", "goodbye"))
    reloaded = served.once_it_says("goodbye")

    assert before == after
    assert before.partition(",")[0] == late.partition(",")[0]
    assert reloaded.partition(",")[0] != before.partition(",")[0]
    assert (project / "notes.txt").exists()
