"""Releases side by side on one store: 0.1.0 as it was, and today's code.

``0.1.0.tar.gz`` holds what ran of that release, written by::

    git archive --format=tar.gz -o tests/releases/0.1.0.tar.gz \
        67a39fe chalicelib worker ':!chalicelib/openapi.json'
"""

import json
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import pytest
import redis

from chalicelib.bounds import QueueSettings
from chalicelib.inbox import Inbox
from chalicelib.inbox_leases import InboxLeases
from chalicelib.leasing import JobLeases
from chalicelib.queueing import JobQueue
from chalicelib.settings import PROJECT, child_environment
from chalicelib.store import Store
from tests.servers import Server

HERE = Path(__file__).parent
LEASE_SECONDS = 1.5
SETTINGS = QueueSettings(lease_seconds=LEASE_SECONDS, max_attempts=3, queue_length=1000)


class OldSide:
    """The old release's queue and inbox, called by name; raises what it raised by its class."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter
            [sys.executable, "-B", str(HERE / "side.py")],
            cwd=folder,
            env=child_environment(variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, name: str, *arguments: Any) -> Any:
        """Return what the call came to."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([name, *arguments]) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


class StartWorker(Protocol):
    """Start ``python -m worker`` of a release, with settings of its own."""

    def __call__(self, release: str, **settings: str) -> "subprocess.Popen[bytes]": ...


@pytest.fixture(scope="session")
def old_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which 0.1.0 lies."""
    folder = tmp_path_factory.mktemp("0.1.0")
    with tarfile.open(HERE / "0.1.0.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture
def variables(store_url: str) -> dict[str, str]:
    """What both releases are told."""
    return {
        "TINYLLAMA_STORE_URL": store_url,
        "TINYLLAMA_LEASE_SECONDS": str(LEASE_SECONDS),
        "TINYLLAMA_ENGINE_URL": "",
    }


@pytest.fixture
def old(old_code: Path, variables: dict[str, str]) -> Iterator[OldSide]:
    """The old release's queue and inbox on the emptied store."""
    side = OldSide(old_code, variables | {"PYTHONPATH": str(old_code)})
    yield side
    side.close()


@pytest.fixture
def start(old_code: Path, variables: dict[str, str], tmp_path: Path) -> Iterator[StartWorker]:
    """Start workers of either release; all are killed in the end."""
    started: list[subprocess.Popen[bytes]] = []

    def start(release: str, **settings: str) -> "subprocess.Popen[bytes]":
        folder = {"old": old_code, "new": PROJECT}[release]
        told = {f"TINYLLAMA_{name.upper()}": value for name, value in settings.items()}
        with (tmp_path / f"{release}-{len(started)}.log").open("wb") as log:
            worker = subprocess.Popen(
                [sys.executable, "-B", "-m", "worker"],
                cwd=folder,
                env=child_environment(variables | {"PYTHONPATH": str(folder)} | told),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        started.append(worker)
        return worker

    yield start
    for worker in started:
        if worker.poll() is None:
            os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()


@pytest.fixture
def raw(valkey: Server, store_url: str) -> "Iterator[redis.Redis]":
    """The emptied store, past both releases."""
    del store_url
    with valkey.client() as client:
        yield client


@pytest.fixture
def queue(store: Store, store_url: str) -> JobQueue:
    """Today's queue as callers see it."""
    del store_url
    return JobQueue(store, SETTINGS)


@pytest.fixture
def leases(store: Store, store_url: str) -> JobLeases:
    """Today's queue as workers see it."""
    del store_url
    return JobLeases(store, SETTINGS)


@pytest.fixture
def inbox(store: Store, store_url: str) -> Inbox:
    """Today's inboxes."""
    del store_url
    return Inbox(store, SETTINGS)


@pytest.fixture
def inbox_leases(store: Store, store_url: str) -> InboxLeases:
    """Today's leases on events."""
    del store_url
    return InboxLeases(store)
