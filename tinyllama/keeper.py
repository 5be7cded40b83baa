"""The keeper: one process per project that runs store, worker and tick while anybody uses them.

Started by ``tinyllama.local`` alone, which hands it the lock that makes it the only one.
"""

import functools
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from chalicelib import settings
from chalicelib.errors import NotConfigured, StoreUnavailable
from tinyllama import embedded, processes, terms
from tinyllama.processes import Identity, Register
from tinyllama.state import Home
from tinyllama.state import home as project_home
from tinyllama.ticking import Ticker, upkeep

# Together under the five seconds in which all has to end after the last user. The worker gives back
# what still runs after its drain, so that it is the same attempt at the next start: it gets the
# time for that as well.
TICK_SECONDS = 0.2
DRAIN_SECONDS = 1.0
WORKER_SECONDS = 2.8
SHUTDOWN_SECONDS = 1.5

TRIES = 5
CALM_SECONDS = 10.0
BACKOFF_SECONDS = (0.1, 0.2, 0.5, 1.0, 5.0)

log = logging.getLogger("tinyllama.keeper")


class Ward:
    """A process that is started again when it dies, until it has died too often in a row.

    One that is *indispensable* is never given up.
    """

    def __init__(self, name: str, start: Callable[[], subprocess.Popen[bytes]]) -> None:
        self.name = name
        self.indispensable = False
        self._start = start
        self._process: subprocess.Popen[bytes] | None = None
        self._deaths = 0
        self._since = 0.0
        self._due = 0.0

    @property
    def given_up(self) -> bool:
        """Whether it will not be started again."""
        return self._deaths >= TRIES and not self.indispensable

    @property
    def identity(self) -> Identity | None:
        """Return which process it is now, if it runs."""
        if self._process is None or self._process.poll() is not None:
            return None
        return processes.identify(psutil.Process(self._process.pid))

    def tend(self, now: float) -> bool:
        """Start the process if it is due; returns whether it was started."""
        if self._process is not None:
            if self._process.poll() is None:
                return False
            self._bury(now, self._process.returncode)
        if self.given_up or now < self._due:
            return False
        self._process, self._since = self._start(), now
        log.info("%s started, pid %d", self.name, self._process.pid)
        return True

    def _bury(self, now: float, returncode: int) -> None:
        self._process = None
        self._deaths = 1 if now - self._since > CALM_SECONDS else self._deaths + 1
        log.warning("%s ended by itself, code %d", self.name, returncode)
        if self.given_up:
            log.error("%s died %d times in a row and is given up", self.name, TRIES)
        else:
            self._due = now + BACKOFF_SECONDS[min(self._deaths, len(BACKOFF_SECONDS)) - 1]

    def end(self, grace_seconds: float) -> None:
        """End the process; one that does not end when asked is killed."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            log.warning("%s did not end in time and is killed", self.name)
            process.kill()
            process.wait()


class Keeper:
    """Runs the local system of one project until its last user has ended."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._register = Register(home.users)
        self._stopping = False
        self._ready = False
        self._wards: list[Ward] = []
        self._ticker: Ticker | None = None

    def stop(self, *_: object) -> None:
        """End at the next turn, users or not."""
        self._stopping = True

    def run(self) -> None:
        """Serve until nobody is left, asked to stop, or the store cannot be kept running."""
        try:
            self._note("status", {"state": "starting"})
            self._end_leftovers()
            self._start()
            while not self._closed():
                self._turn()
                self._home.bound_logs()
                time.sleep(TICK_SECONDS if self._ready else TICK_SECONDS / 10)
        except (NotConfigured, StoreUnavailable) as error:
            log.error("%s", error)  # noqa: TRY400 - its trace tells nothing
            kind = type(error).__name__
            self._note("status", {"state": "failed", "kind": kind, "reason": str(error)})
        except BaseException:
            log.exception("the keeper failed")
            self._note("status", {"state": "failed"})
            raise
        finally:
            self._end()

    def _start(self) -> None:
        data_lock = self._home.hold_data(seconds=5)
        if data_lock is None:
            raise StoreUnavailable("another server holds the embedded store's data")
        command = embedded.command(embedded.find_server(), self._home)
        store_log = self._home.store_log
        self._wards = [Ward("store", lambda: launch(command, store_log, lock=data_lock))]
        self._note(terms.NOTE, terms.present())
        self._ticker = Ticker(upkeep(self._home.url), settings.tick_seconds())
        if settings.variable("local_worker") != "off":
            self._wards.append(Ward("worker", self._start_worker))

    def _start_worker(self) -> subprocess.Popen[bytes]:
        # -B: bytecode written into the project would count as a change of it.
        drain = ("--drain-seconds", str(DRAIN_SECONDS))
        command = (sys.executable, "-B", "-m", "worker", *drain)
        return launch(command, self._home.keeper_log, url=self._home.url)

    def _turn(self) -> None:
        store, *others = self._wards
        started = store.tend(time.monotonic())
        if store.given_up:
            raise StoreUnavailable("the embedded store does not stay up; see store.log")
        if self._ready:
            started |= any([ward.tend(time.monotonic()) for ward in others])  # noqa: C419 - all
        elif embedded.serves(self._home):
            self._ready = True
            # From now on its users know where it is and never ask for a start again: a disk that
            # was full, say, must not be the end of it.
            store.indispensable = True
            self._note("status", {"state": "ready"})
        if self._ready and self._ticker is not None:
            self._ticker.tend(time.monotonic())
        if started:
            self._note("wards", {w.name: str(w.identity) for w in self._wards if w.identity})

    def _closed(self) -> bool:
        """Close the door behind the last user; whoever comes later finds it closed and waits."""
        if not self._stopping and self._register.any_left():
            return False
        try:
            with self._home.door():
                if not self._stopping and self._register.any_left():
                    return False
                self._note("status", {"state": "closing"})
        except StoreUnavailable:
            # Somebody is in the door for long: a user, so there is one.
            return self._stopping
        log.info("closing: %s", "asked to stop" if self._stopping else "the last user has ended")
        return True

    def _end(self) -> None:
        for ward in reversed(self._wards):
            ward.end(_grace_seconds(ward.name))
        self._note("wards", {})
        self._home.socket.unlink(missing_ok=True)

    def _note(self, name: str, content: Mapping[str, object]) -> None:
        """Write a note; on a full disk go on without."""
        try:
            self._home.note(name, content)
        except OSError as error:
            log.warning("the note %s was not written: %s", name, error.strerror)

    def _end_leftovers(self) -> None:
        """End what a keeper that was killed has left running: two never serve one folder."""
        for name, text in reversed(self._home.read_note("wards").items()):
            identity = Identity.parse(str(text))
            process = identity.living() if identity else None
            if process is not None:
                log.warning("%s of an earlier keeper still runs and is ended", name)
                processes.end(process, _grace_seconds(name))
        embedded.shut_down(self._home)


def _grace_seconds(name: str) -> float:
    return SHUTDOWN_SECONDS if name == "store" else WORKER_SECONDS


def launch(
    command: Sequence[str], log_file: Path, *, url: str | None = None, lock: int | None = None
) -> subprocess.Popen[bytes]:
    """Start *command*, its output appended to *log_file*, told the store, holding the lock too."""
    told = {} if url is None else {"TINYLLAMA_STORE_URL": url}
    with log_file.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - our own command, no shell
            command,
            cwd=settings.PROJECT,
            env=settings.child_environment(told),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=() if lock is None else (lock,),
        )


def _keep() -> None:
    """Be the keeper until its work is done."""
    keeper = Keeper(project_home())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, keeper.stop)
    keeper.run()


def _pass_on(child: int, number: int, _: object) -> None:
    os.kill(child, number)


def _guard() -> None:
    """Let a child be the keeper, and another one when it is killed, until one ends by itself.

    Nobody else is there to end store and worker after the last user.
    """
    while True:
        child = os.fork()
        if not child:
            _keep()
            return
        pass_on = functools.partial(_pass_on, child)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, pass_on)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            return
        log.warning("the keeper was killed by signal %d, another begins", os.WTERMSIG(status))


def main() -> None:
    """Keep this project's local system; the one argument is the descriptor of the keeper's lock."""
    # Nobody's child: a user that lives on would have to reap it.
    if os.fork():
        os._exit(0)
    os.set_inheritable(int(sys.argv[1]), False)  # noqa: FBT003 - positional only
    logging.basicConfig(format="%(asctime)s keeper %(message)s", level=logging.INFO)
    _guard()


if __name__ == "__main__":
    main()
