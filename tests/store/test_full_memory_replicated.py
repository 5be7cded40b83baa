"""A store that is full and has a replica: what frees memory is done, and counts as done."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.bounds import RetentionSettings
from chalicelib.leasing import JobLeases
from chalicelib.queueing import JobQueue
from chalicelib.store import connect
from chalicelib.upkeep import Upkeep
from chaos.stand import free_port, wait_for
from tests.servers import Server, store_binary
from tests.store.harness import SETTINGS, end, pass_retention, submit


@pytest.fixture
def followed(tmp_path: Path, short_folder: Path) -> Iterator[Server]:
    """A store with one replica that has all of it."""
    port = free_port()
    folders = [short_folder / f"{tmp_path.name[-20:]}-{number}" for number in (1, 2)]
    for folder in folders:
        folder.mkdir()
    quick = ("--repl-diskless-sync-delay", "0", "--bind", "127.0.0.1")
    first = Server(folders[0], store_binary(), "--port", str(port), *quick)
    second = Server(folders[1], store_binary(), "--replicaof", f"127.0.0.1 {port}")
    with second.client() as raw:
        wait_for(lambda: raw.info("replication")["master_link_status"] == "up", "replication")
    yield first
    second.stop()
    first.stop()


@pytest.mark.slow
def test_tick_frees_memory(followed: Server) -> None:
    store = connect(followed.url, replicas=1)
    queue = JobQueue(store, SETTINGS)
    submit(queue)
    ended = end(queue, JobLeases(store, SETTINGS))
    upkeep = Upkeep(store, SETTINGS, RetentionSettings(), time.monotonic)
    with followed.client() as raw:
        pass_retention(raw, ended.id)
        raw.config_set("maxmemory", 1)

    report = upkeep.tick()

    assert report.done["remove"] == 1
    store.close()
