"""The mixed load: callers who do a little of everything, and consumers who empty the inboxes."""

import secrets
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import count, cycle
from typing import Any

from bench.soak.doors import Door, Fact, Seen
from bench.soak.ledger import Ledger
from chalicelib.errors import JobEnded, JobGone, JobRunning, RouterError

END_SECONDS = 30.0
LEASE_SECONDS = 5.0
LAPSING_SECONDS = 1.0
WORDS = "why do llamas hum at night"


class Caller:
    """Walks through the scenarios, one each *period_seconds*, as one tenant."""

    def __init__(self, name: str, door: Door, tenant: str, ledger: Ledger) -> None:
        self.name = name
        self._door = door
        self._tenant = tenant
        self._ledger = ledger
        self._scenarios = (
            self._plain, self._repeated, self._read_along, self._cancelled, self._run_again,
            self._stumbling, self._too_late, self._erased, self._erased_at_once,
        )  # fmt: skip

    def run(self, stop: threading.Event, period_seconds: float, first: int) -> None:
        """Begin with scenario number *first*, and go round until told to stop."""
        for number in count(first):
            due = time.monotonic() + period_seconds
            scenario = self._scenarios[number % len(self._scenarios)]
            try:
                self._publish(number)
                scenario()
                self._look_around()
            except (RouterError, TimeoutError) as error:
                self._ledger.fault(f"{self.name}{scenario.__name__}: {told(error)}")
            if stop.wait(max(0.0, due - time.monotonic())):
                return

    def _timed[T](self, call: str, deed: Callable[..., T], *args: Any) -> T:
        with self._ledger.timed(f"{self.name} {call}"):
            return deed(self._tenant, *args)

    def _submit(self, deed: str = "", wait: float = 0, **request: object) -> tuple[Seen, str]:
        """Submit a prompt that tells the engine what to do; returns the job and the prompt."""
        prompt = " ".join([secrets.token_hex(8), *filter(None, [deed]), WORDS])
        body = {"prompt": prompt, "metadata": {"from": self.name}, **request}
        call = "submit and wait" if wait else "submit"
        seen = self._timed(call, self._door.submit, body, secrets.token_hex(8), wait)
        self._ledger.accepted(seen.id)
        return seen, prompt

    def _ended(self, seen: Seen, *expected: str) -> Seen:
        """Wait for the job's end, which must be as expected."""
        deadline = time.monotonic() + END_SECONDS
        while not seen.ended:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{seen.id} is still {seen.state}")
            seen = self._door.fetch(self._tenant, seen, 2.0)
        self._expect(seen.state in expected, f"{seen.id} is {seen.state}")
        return seen

    def _expect(self, kept: bool, otherwise: str) -> None:  # noqa: FBT001
        if not kept:
            self._ledger.fault(otherwise)

    def _publish(self, number: int) -> None:
        key = secrets.token_hex(8)
        first = self._timed("publish", self._door.publish, {"number": number}, key)
        self._ledger.published(first)
        if number % 3 == 0:
            again = self._timed("publish", self._door.publish, {"number": number}, key)
            self._expect(again == first, f"a repeated key made {again} beside {first}")

    def _look_around(self) -> None:
        self._timed("list", self._door.listed)
        self._door.gauge(self._tenant)

    def _plain(self) -> None:
        seen, prompt = self._submit(wait=5.0)
        seen = self._ended(seen, "succeeded")
        seen = self._timed("fetch", self._door.fetch, seen, 0.0)
        self._expect(seen.text == prompt, f"{seen.id} has another text")

    def _repeated(self) -> None:
        key, body = secrets.token_hex(8), {"prompt": f"{secrets.token_hex(8)} {WORDS}"}
        first = self._timed("submit", self._door.submit, body, key, 0.0)
        self._ledger.accepted(first.id)
        again = self._timed("submit", self._door.submit, body, key, 0.0)
        self._expect(again.id == first.id, f"a repeated key made {again.id} beside {first.id}")
        self._ended(again, "succeeded")

    def _read_along(self) -> None:
        seen, prompt = self._submit("slow*")
        seen = self._timed("fetch", self._door.fetch, seen, 0.0)
        while not seen.ended:
            said = self._timed("stream", self._door.read_along, seen)
            self._expect(prompt.startswith(said), f"{seen.id} says what nobody asked")
            seen = self._door.fetch(self._tenant, seen, 0.5)
        said = self._timed("stream", self._door.read_along, seen)
        self._expect(seen.state == "succeeded" and said == prompt, f"{seen.id} lost some text")

    def _cancelled(self) -> None:
        seen, _ = self._submit("slow*")
        with suppress(JobEnded):
            self._timed("cancel", self._door.cancel, seen.id)
        self._ended(self._timed("fetch", self._door.fetch, seen, 0.0), "cancelled", "succeeded")

    def _run_again(self) -> None:
        seen, _ = self._submit("garbage*1")
        seen = self._ended(seen, "failed")
        seen = self._timed("retry", self._door.retry, seen)
        self._ledger.accepted(seen.id)
        self._ended(seen, "succeeded")

    def _stumbling(self) -> None:
        seen, _ = self._submit("error*1")
        self._ended(seen, "succeeded")

    def _too_late(self) -> None:
        seen, _ = self._submit("hang*1", deadline_seconds=1)
        self._ended(seen, "expired")

    def _erased(self) -> None:
        seen, _ = self._submit(wait=5.0)
        self._ended(seen, "succeeded")
        self._timed("erase", self._door.erase, seen.id)
        try:
            self._door.fetch(self._tenant, seen, 0.0)
        except JobGone:
            return
        self._ledger.fault(f"{seen.id} was erased and is still there")

    def _erased_at_once(self) -> None:
        seen, _ = self._submit("slow*")
        try:
            self._timed("erase", self._door.erase, seen.id)
        except JobRunning:
            self._ended(seen, "succeeded")


def told(error: Exception) -> str:
    """Return what an error is called, and what it says."""
    return f"{type(error).__name__} {error}"


class Consumer:
    """Empties one tenant's inbox in every way there is."""

    def __init__(self, name: str, door: Door, tenant: str, ledger: Ledger) -> None:
        self.name = name
        self._door = door
        self._tenant = tenant
        self._ledger = ledger

    def run(self, stop: threading.Event, period_seconds: float) -> None:
        """Look each *period_seconds* until told to stop and nothing is outstanding any more."""
        ways = (
            self._acknowledge_all, self._remove_each, self._acknowledge_some, self._remove_each,
            self._extend_first, self._let_lapse,
        )  # fmt: skip
        for way in cycle(ways):
            due = time.monotonic() + period_seconds
            try:
                way()
            except RouterError as error:
                self._ledger.fault(f"{self.name}{way.__name__}: {told(error)}")
            if stop.is_set() and not self._ledger.outstanding():
                return
            time.sleep(max(0.0, due - time.monotonic()))

    def _timed[T](self, call: str, deed: Callable[..., T], *args: Any) -> T:
        with self._ledger.timed(f"{self.name} {call}"):
            return deed(self._tenant, *args)

    def _lease(self, seconds: float) -> tuple[str, list[Fact]]:
        token = secrets.token_hex(16)
        facts = self._timed("lease events", self._door.lease, token, seconds)
        for fact in facts:
            self._ledger.seen(fact.id)
        return token, facts

    def _acknowledge(self, token: str, facts: list[Fact]) -> None:
        if facts:
            ids = [fact.id for fact in facts]
            self._timed("acknowledge", self._door.acknowledge, token, ids)
        self._note(facts)

    def _note(self, facts: list[Fact]) -> None:
        for fact in facts:
            self._ledger.acknowledged(fact.id, fact.job_id)

    def _acknowledge_all(self) -> None:
        self._acknowledge(*self._lease(LEASE_SECONDS))

    def _acknowledge_some(self) -> None:
        token, facts = self._lease(LEASE_SECONDS)
        half = len(facts) // 2
        if facts[half:]:
            self._door.release(self._tenant, token, [fact.id for fact in facts[half:]])
        self._acknowledge(token, facts[:half])

    def _extend_first(self) -> None:
        token, facts = self._lease(LEASE_SECONDS)
        if facts:
            self._door.extend(self._tenant, token, LEASE_SECONDS)
        self._acknowledge(token, facts)

    def _let_lapse(self) -> None:
        self._lease(LAPSING_SECONDS)

    def _remove_each(self) -> None:
        facts = self._timed("page", self._door.page, 0.5)
        for fact in facts:
            self._ledger.seen(fact.id)
            self._door.remove(self._tenant, fact.id)
        self._note(facts)
