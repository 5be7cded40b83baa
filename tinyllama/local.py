"""The local system: embedded store and worker, as processes of their own.

Importing this starts nothing, and loads all that ``start`` needs: under ``chalice local`` files
are not to be opened later.
"""

import os
import subprocess
import sys
import time

from chalicelib import settings
from chalicelib.errors import NotConfigured, StoreUnavailable
from tinyllama import embedded
from tinyllama.processes import Register
from tinyllama.state import POLL_SECONDS, Home, home

START_SECONDS = 25.0
LAUNCHES = 3


def start() -> str:
    """Return the URL of this project's embedded store, which serves by then; again is fine.

    The store and, unless ``TINYLLAMA_LOCAL_WORKER`` is ``off``, one worker run until the last
    process that called this has ended. Raises NotConfigured when this machine has no server to
    run, StoreUnavailable when the store does not come up; its log is in the state folder.
    """
    ours = home()
    ours.prepare()
    try:
        return _join(ours)
    except OSError as error:
        raise StoreUnavailable(f"the local system cannot be started ({error.strerror})") from error


def _join(ours: Home) -> str:
    register, launches = Register(ours.users), 0
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with ours.door():
            register.enter()
            status = ours.read_note("status")
            lock, keeper = ours.hold_keeper(), None
            if lock is not None:
                try:
                    _refuse_after(launches, status)
                    ours.note("status", {"state": "starting"})
                    keeper = _launch(ours, lock)
                finally:
                    os.close(lock)
                launches += 1
        if keeper is not None:
            keeper.wait()
        elif status.get("state") == "ready" and embedded.serves(ours):
            return ours.url
        time.sleep(POLL_SECONDS)
    raise StoreUnavailable(f"the embedded store did not start within {START_SECONDS:g} seconds")


def running() -> bool:
    """Whether this project's local system runs, or has not finished ending yet."""
    ours = home()
    if not ours.folder.is_dir():
        return False
    with ours.door():
        lock = ours.hold_keeper()
    if lock is not None:
        os.close(lock)
    return lock is None


def used() -> bool:
    """Whether a process that called ``start`` still lives; only where the system has run."""
    return Register(home().users).any_left()


def users() -> list[int]:
    """Return the ids of the processes that have called ``start`` and live; see ``used``."""
    return Register(home().users).living()


def _refuse_after(launches: int, status: dict[str, object]) -> None:
    """Stop trying once a keeper of our own has told why it failed, or has failed too often."""
    if launches and status.get("state") == "failed" and "reason" in status:
        kind = NotConfigured if status.get("kind") == "NotConfigured" else StoreUnavailable
        raise kind(str(status["reason"]))
    if launches == LAUNCHES:
        raise StoreUnavailable("the embedded store's keeper does not stay up; see keeper.log")


def _launch(ours: Home, lock: int) -> subprocess.Popen[bytes]:
    """Start a keeper that holds *lock* from its first instant, out of reach of our Ctrl-C."""
    with ours.keeper_log.open("ab") as output:
        # -B: bytecode written into the project would count as a change of it.
        return subprocess.Popen(  # noqa: S603 - our own interpreter, no shell
            [sys.executable, "-B", "-m", "tinyllama.keeper", str(lock)],
            cwd=settings.PROJECT,
            env=settings.child_environment({}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=(lock,),
        )
