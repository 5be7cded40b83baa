"""`make run` and `make demo`: what they start ends with them, and they reach loopback anywhere."""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import psutil
import pytest

from chalicelib import settings
from chalicelib.errors import NotConfigured
from tinyllama import listening, showing, system
from tinyllama.state import LOG_BYTES, home
from tinyllama.system import CallFailed, Router


class Answers(BaseHTTPRequestHandler):
    """Answers every GET: the health of a router with a worker, at /alone of one without."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        status = "warn" if self.path.startswith("/alone") else "pass"
        self.wfile.write(b'{"status": "%s"}' % status.encode())

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def address() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def _alone(state: Path) -> dict[str, str]:
    """Return what keeps a run to *state*, whatever the suite has set for itself."""
    return {"TINYLLAMA_STATE_DIR": str(state), "TINYLLAMA_STORE_URL": ""}


def _run(state: Path, command: str, **variables: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-B", "-m", "tinyllama", command],
        cwd=settings.PROJECT,
        env=settings.child_environment(_alone(state) | variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _until_ready(run: "subprocess.Popen[str]") -> str:
    """Return what a run prints until it is ready, or ends."""
    assert run.stdout is not None
    lines = []
    for line in run.stdout:
        lines.append(line)
        if line.startswith("Ready"):
            break
    return "".join(lines)


def _servers(state: Path) -> list[psutil.Process]:
    """Return the processes of `chalice local` that were started with *state*."""
    found = []
    for process in psutil.process_iter(["environ", "cmdline"]):
        told = (process.info["environ"] or {}).get("TINYLLAMA_STATE_DIR") == str(state)
        if told and "local" in (process.info["cmdline"] or []):
            found.append(process)
    return found


def test_router_is_reached_past_a_proxy(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    assert Router(address, "token").call("GET", "/health") == {"status": "pass"}


@pytest.mark.parametrize("port", [-1, 65_536, 99_999])
def test_a_port_that_there_is_not_is_one_sentence(port: int) -> None:
    with pytest.raises(NotConfigured, match=f"--port is 0 to 65535, not {port};"):
        system.up(port)


@pytest.mark.slow
def test_server_does_not_outlive_a_start_that_fails(tmp_path: Path) -> None:
    # The server starts, and refuses the first prompt.
    failed = _run(tmp_path, "demo", TINYLLAMA_JWKS=str(tmp_path / "absent.json"))
    _, errors = failed.communicate(timeout=60)

    assert failed.returncode == 1
    assert "TINYLLAMA_JWKS names no file" in errors
    assert not _servers(tmp_path)


@pytest.mark.slow
def test_demo_that_is_interrupted_says_so_and_does_not_pass(tmp_path: Path) -> None:
    demo = _run(tmp_path, "demo")
    deadline = time.monotonic() + 30
    while not _servers(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.01)

    os.kill(demo.pid, signal.SIGINT)
    told, errors = demo.communicate(timeout=60)

    assert "Stopping." in told
    assert "Traceback" not in errors
    assert demo.returncode == 130
    assert not _servers(tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_without_a_worker_of_its_own_it_tells_where_one_must_work(tmp_path: Path) -> None:
    with _run(tmp_path, "demo", TINYLLAMA_LOCAL_WORKER="off") as demo:
        try:
            assert demo.stdout is not None
            told = next(line for line in demo.stdout if "python -m worker" in line)
            store_url = shlex.split(told)[0].removeprefix("TINYLLAMA_STORE_URL=")
            with subprocess.Popen(
                [sys.executable, "-B", "-m", "worker"],
                cwd=settings.PROJECT,
                env=settings.child_environment({"TINYLLAMA_STORE_URL": store_url}),
                stdout=subprocess.DEVNULL,
            ) as worker:
                code = demo.wait()
                worker.terminate()
        finally:
            demo.terminate()

    assert code == 0


def test_where_the_router_listens_is_noted_as_long_as_it_does(
    address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TINYLLAMA_STATE_DIR", str(tmp_path))

    with listening.noted(address):
        during = listening.address()

    assert (during, listening.address()) == (address, None)


def test_a_note_of_a_router_that_died_is_not_believed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TINYLLAMA_STATE_DIR", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    with listening.noted(f"http://127.0.0.1:{port}"):
        assert listening.address() is None


def test_the_note_of_a_later_run_is_left_alone(
    address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TINYLLAMA_STATE_DIR", str(tmp_path))

    with listening.noted("http://127.0.0.1:1"):
        home().note(listening.NOTE, {"url": address, "pid": 1})

    assert listening.address() == address


def test_a_stores_password_is_not_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TINYLLAMA_STORE_URL", "redis://:hush@127.0.0.1")

    showing.show_curl("http://127.0.0.1:8000")

    told = capsys.readouterr().out + showing.worker_command()
    assert "$TINYLLAMA_STORE_URL" in told
    assert "hush" not in told


def test_the_console_is_told_with_the_way_in(capsys: pytest.CaptureFixture[str]) -> None:
    showing.show_console("http://127.0.0.1:8000")

    told = capsys.readouterr().out
    assert "http://127.0.0.1:8000/console\n" in told
    assert "tinyllama token" in told


def test_the_workers_command_names_a_store_of_the_users_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TINYLLAMA_STORE_URL", "redis://127.0.0.1:6379")

    command = showing.worker_command()

    assert command.startswith("TINYLLAMA_STORE_URL=redis://127.0.0.1:6379 ")
    assert command.endswith("python -m worker")


def test_who_waits_for_a_worker_is_told_how_to_start_one_at_once(
    address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TINYLLAMA_STORE_URL", "redis://127.0.0.1:6379")

    with pytest.raises(CallFailed, match="no worker came"):
        system._await_worker(Router(f"{address}/alone", "token"), 0)  # noqa: SLF001

    assert "TINYLLAMA_STORE_URL=redis://127.0.0.1:6379 " in capsys.readouterr().out


def test_a_worker_of_the_users_own_that_lives_is_waited_for_in_silence(
    address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    system._await_worker(Router(address, "token"), 0)  # noqa: SLF001

    assert capsys.readouterr().out == ""


@pytest.mark.slow
@pytest.mark.timeout(90)
def test_a_run_whose_first_prompt_fails_tells_the_engine_and_stays_up(tmp_path: Path) -> None:
    engine = {
        "TINYLLAMA_ENGINE_URL": "http://me:hush@127.0.0.1:1/v1",
        "TINYLLAMA_MAX_ATTEMPTS": "1",
    }
    with _run(tmp_path, "up", **engine) as run:
        told = _until_ready(run)
        alive = run.poll() is None
        run.send_signal(signal.SIGINT)
        _, errors = run.communicate(timeout=30)

    assert alive
    assert "stays up" in told
    assert "failed with engine_unavailable: the engine cannot be reached" in errors
    assert "engine at http://127.0.0.1:1/v1" in errors
    assert "hush" not in errors + told


@pytest.mark.slow
@pytest.mark.timeout(90)
def test_a_run_without_a_worker_is_ready_and_tells_how_to_start_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYLLAMA_STATE_DIR", str(tmp_path))
    with _run(tmp_path, "up", TINYLLAMA_LOCAL_WORKER="off") as run:
        told = _until_ready(run)
        address = listening.address()
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=30)

    assert f"Router at {address}\n" in told
    assert home().read_note(listening.NOTE) == {}
    assert "keys create --tenant dev" in told

    assert "TINYLLAMA_STORE_URL=unix://" in told
    assert "no prompt is tried" in told


def _terminal_run(state: Path) -> tuple[int, str]:
    """Return how ``up`` ends at Ctrl-C in a terminal of its own, and all that is seen there."""
    terminal = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"
    up = [sys.executable, "-B", "-m", "tinyllama", "up", "--port", "0"]
    with subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", terminal, *up],
        cwd=settings.PROJECT,
        env=settings.child_environment(_alone(state)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as run:
        seen = _until_ready(run)
        assert run.stdin is not None
        run.stdin.write("\x03")
        rest, _ = run.communicate(timeout=60)
    return run.returncode, seen + rest


@pytest.mark.slow
@pytest.mark.timeout(90)
def test_a_terminal_sees_no_line_for_each_answer_and_one_word_for_its_ctrl_c(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYLLAMA_STATE_DIR", str(tmp_path))

    code, seen = _terminal_run(tmp_path)

    assert code == 0
    assert "/health" not in seen
    assert f"Logs of API, store and worker lie in {home().folder}" in seen
    ending = seen.partition("^C")[2].split()
    assert ending[0] == "Stopping."
    assert "given back" in " ".join(ending)
    assert "Aborted" not in seen
    logged = home().api_log.read_text(encoding="utf-8")
    assert "GET '/health' 200" in logged
    lines = [json.loads(line) for line in logged.splitlines() if line.startswith("{")]
    assert ("request", "/infer") in {(line["event"], line.get("route")) for line in lines}


def test_the_log_of_the_api_is_held_short_while_its_server_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TINYLLAMA_STATE_DIR", str(tmp_path))
    monkeypatch.setattr(system, "LOG_SECONDS", 0.05)
    home().prepare()
    home().api_log.write_bytes(b"x" * (LOG_BYTES + 1))

    with subprocess.Popen(["/bin/sleep", "0.3"]) as server:
        code = system._end_of(server)  # noqa: SLF001

    assert code == 0
    assert home().api_log.stat().st_size == 0
    assert (home().folder / "api.old.log").stat().st_size == LOG_BYTES + 1


@pytest.mark.slow
def test_demo_passes_on_another_process_local_system_and_says_which_settings_do_not_count(
    tmp_path: Path,
) -> None:
    code = "import sys; from tinyllama import local; print(local.start(), flush=True); input()"
    env = settings.child_environment(_alone(tmp_path))
    with subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-B", "-c", code],
        cwd=settings.PROJECT,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline()

        demo = _run(tmp_path, "demo", TINYLLAMA_ENGINE_URL="http://127.0.0.1:1/v1")
        told, errors = demo.communicate(timeout=60)
        other.kill()

    assert demo.returncode == 0, errors
    assert "goes on" in told
    assert "runs already, with another TINYLLAMA_ENGINE_URL" in errors
    assert f"process {other.pid}" in errors
    assert "Set TINYLLAMA_ENGINE_URL" not in told


@pytest.mark.slow
@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("TINYLLAMA_STATE_DIR", "/dev/null/x"),
        ("TINYLLAMA_STORE_URL", "nonsense"),
        ("TINYLLAMA_LEASE_SECONDS", "abc"),
        ("TINYLLAMA_LEEWAY_SECONDS", "abc"),
        ("TINYLLAMA_ENGINE_URL", "foo"),
        ("TINYLLAMA_ENV", "prod"),
        ("TINYLLAMA_RESULT_SECONDS", "abc"),
        ("TINYLLAMA_TICK_SECONDS", "abc"),
        ("TINYLLAMA_STORE_REPLICAS", "0.5"),
        ("TINYLLAMA_REQUESTS_PER_MINUTE", "abc"),
        ("TINYLLAMA_KEY_REQUESTS_PER_MINUTE", "0.5"),
        ("TINYLLAMA_KEY_JWKS", '{"keys": [{"kty"'),
        ("TINYLLAMA_KEY_JWKS", "absent.json"),
    ],
)
def test_a_setting_that_will_not_do_is_one_sentence_at_once(
    tmp_path: Path, setting: str, value: str
) -> None:
    demo = _run(tmp_path, "demo", **{setting: value})
    try:
        _, errors = demo.communicate(timeout=20)
    finally:
        demo.terminate()  # where it went on, it ends its server by this

    (line,) = errors.splitlines()
    assert demo.returncode == 2
    assert line.startswith("tinyllama: ")
    assert "TINYLLAMA_" in line
    assert _servers(tmp_path) == []
