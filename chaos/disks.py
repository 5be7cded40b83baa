"""The local system, embedded store and worker and keeper, on a disk that is full for a while."""

import os
import resource
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from chaos import config
from chaos.audit import Audit
from chaos.ledger import Load
from chaos.processes import python
from chaos.registry import scenario
from chaos.stand import Stand, raw_client, wait_for

_LEFT_BYTES = 64 * 1024
_END_SECONDS = 15.0
# Whoever calls start() is a user of the local system; it ends with the last one.
_USER = (
    "from tinyllama import local; import time; print(local.start(), flush=True); time.sleep(900)"
)


@scenario(
    "store",
    "disk full under the embedded store of the local system",
    "callers are told 503; with room again it goes on by itself; nothing acknowledged is lost",
)
def disk_full(stand: Stand) -> Audit:
    """Fill the disk under load, leave it so for a while, make room again."""
    state = stand.folder / "disk"
    state.mkdir()
    mounted = _mount(stand, state)
    variables = config.variables() | {"TINYLLAMA_ENV": "local", "TINYLLAMA_STATE_DIR": str(state)}
    variables["TINYLLAMA_STORE_URL"] = ""
    user = stand.group(python("-c", _USER), "user", variables)
    user.await_log("unix://")
    url = user.log.read_text().split()[-1]
    with raw_client(url) as raw:
        store = psutil.Process(int(raw.info("server")["process_id"]))
    parts = (store, psutil.Process(store.ppid()))
    ledger = stand.ledger(url)
    try:
        with Load(ledger, callers=4, per_second=200, patience_seconds=60):
            time.sleep(0.5)
            make_room = _fill(state) if mounted else _forbid(parts, state)
            wait_for(lambda: not store.is_running() or _zombie(store), "the store's end")
            time.sleep(stand.pick(2, 20))
            make_room()
            time.sleep(1)
        audit = stand.audit(ledger, url)
    finally:
        user.kill()
        psutil.wait_procs(parts, timeout=_END_SECONDS)
    audit.expect(any(entry.unsure for entry in ledger.entries), "the disk was never full")
    audit.told.append("a small disk of its own" if mounted else "by a limit on the file's size")
    return audit


def _zombie(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def _mount(stand: Stand, folder: Path) -> bool:
    """Put a small disk of its own under *folder*; whether this machine lets us."""
    mount = ("mount", "-t", "tmpfs", "-o", "size=12m,mode=700", "tmpfs", str(folder))
    try:
        done = subprocess.run(mount, capture_output=True, check=False)  # noqa: S603 - no shell, our own words
    except OSError:
        return False
    if done.returncode:
        return False
    unmount = ("umount", "-l", str(folder))
    stand.at_end(lambda: subprocess.run(unmount, capture_output=True, check=False))  # noqa: S603 - no shell, our own words
    return True


def _fill(folder: Path) -> Callable[[], object]:
    """Leave hardly any room on the disk of *folder*; return what makes room again."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while (free := os.statvfs(folder)).f_bavail * free.f_frsize > _LEFT_BYTES:
            file.write(b"\0" * _LEFT_BYTES)
    return filler.unlink


def _forbid(parts: tuple[psutil.Process, ...], folder: Path) -> Callable[[], object]:
    """Let no file grow much beyond the longest; for users who may not mount."""
    longest = max(file.stat().st_size for file in folder.rglob("*") if file.is_file())

    def limit(size: int) -> None:
        for part in parts:
            if part.is_running() and not _zombie(part):
                _, hard = resource.prlimit(part.pid, resource.RLIMIT_FSIZE)
                resource.prlimit(part.pid, resource.RLIMIT_FSIZE, (size, hard))

    limit(longest + _LEFT_BYTES)
    return lambda: limit(resource.RLIM_INFINITY)
