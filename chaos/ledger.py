"""What callers were told: every submit and publish with its key, repeated as patient callers do."""

import itertools
import secrets
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from chaos.audit import SUCCEEDED, Entry, Kind
from chaos.fronts import Front, NoAnswer, Refused

TENANTS = ("ada", "bob", "cyd")
PATIENCE_SECONDS = 30.0
_PAUSE_SECONDS = 0.05


class Ledger:
    """Sends through *front* and remembers what was acknowledged. Thread-safe."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self.entries: list[Entry] = []

    def submit(
        self,
        words: str = "and so on",
        *,
        tenant: str = TENANTS[0],
        ends: frozenset[str] = SUCCEEDED,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> Entry:
        """Send a prompt of its key and *words* until it is acknowledged or patience ends."""
        entry = self._open(Kind.JOB, tenant, ends)
        entry.text = f"{entry.key} {words}"
        send = self._front.submit
        return _insist(entry, lambda: send(tenant, entry.key, entry.text), patience_seconds)

    def publish(
        self, *, tenant: str = TENANTS[0], patience_seconds: float = PATIENCE_SECONDS
    ) -> Entry:
        """Send an event that names its key, as ``submit`` does."""
        entry = self._open(Kind.EVENT, tenant, SUCCEEDED)
        send = self._front.publish
        return _insist(entry, lambda: send(tenant, entry.key), patience_seconds)

    def _open(self, kind: Kind, tenant: str, ends: frozenset[str]) -> Entry:
        with self._lock:
            key = f"{kind}-{next(self._numbers)}-{secrets.token_hex(4)}"
            entry = Entry(kind, key, tenant, text="", ends=ends)
            self.entries.append(entry)
        return entry


def _insist(entry: Entry, send: Callable[[], str], patience_seconds: float) -> Entry:
    deadline = time.monotonic() + patience_seconds
    while True:
        entry.tries += 1
        try:
            entry.id = send()
        except NoAnswer:
            entry.unsure = True
        except Refused:
            entry.refused = True
        else:
            return entry
        if time.monotonic() > deadline:
            return entry
        time.sleep(_PAUSE_SECONDS)


class Load:
    """Callers who submit and publish side by side while the block runs; one event per job."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        words: str = "and so on",
        callers: int = 2,
        per_second: float = 60,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._ledger = ledger
        self._words = words
        self._pause_seconds = callers / per_second
        self._patience_seconds = patience_seconds
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._send, args=(number,)) for number in range(callers)
        ]
        self.failure: BaseException | None = None

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        if value is None and self.failure is not None:
            raise self.failure

    def _send(self, number: int) -> None:
        tenants = itertools.cycle(TENANTS[number:] + TENANTS[:number])
        try:
            while not self._over.wait(self._pause_seconds):
                tenant = next(tenants)
                self._ledger.submit(
                    self._words, tenant=tenant, patience_seconds=self._patience_seconds
                )
                self._ledger.publish(tenant=tenant, patience_seconds=self._patience_seconds)
        except BaseException as error:  # noqa: BLE001 - told by the block's end
            self.failure = error
