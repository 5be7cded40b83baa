"""Callers that insist on an authorizer, and what they saw."""

import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from chalicelib.errors import RouterError
from chalicelib.keysets import KeySet
from chalicelib.keysources import Freshness, RemoteKeys, discovery_loader
from chalicelib.settings import TokenSettings
from chalicelib.tokens import Verifier
from tests.troubled_issuer import AUDIENCE, TroubledIssuer

CALLERS = 4
PAUSE_SECONDS = 0.1
# As chalicelib.keysources.key_source sets it inside Lambda.
DEPLOYED = Freshness(refresh_wait_seconds=1.0)
PASSED = "passes"


@dataclass
class Seen:
    """What one kind of caller saw."""

    answers: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    def told(self) -> str:
        """Return it as a table's cell."""
        told = ", ".join(f"{answer} {count}" for answer, count in self.answers.most_common())
        median, most = statistics.median(self.seconds) * 1000, max(self.seconds)
        return f"{told}; {median:.1f} ms, at most {most:.2f} s"


class Authorizer:
    """Verifies tokens as a deployed one does, and counts how often it looks for keys."""

    def __init__(self, issuer: TroubledIssuer, freshness: Freshness) -> None:
        self.looked = 0
        self._load = discovery_loader(issuer.address)
        settings = TokenSettings(issuer.address, [AUDIENCE], None, "sub", 5)
        self._verifier = Verifier(settings, RemoteKeys(self._count, freshness))

    def call(self, token: str, seen: Seen) -> str:
        """Return the answer to a token, which is also put among *seen*."""
        begun = time.perf_counter()
        try:
            self._verifier.verify(f"Bearer {token}")
            said = PASSED
        except RouterError as error:
            said = f"{error.status} {error.code}"
        seen.seconds.append(time.perf_counter() - begun)
        seen.answers[said] += 1
        return said

    def _count(self) -> KeySet:
        self.looked += 1
        return self._load()


def insist(
    authorizer: Authorizer, callers: Sequence[tuple[Callable[[], str], Seen]], seconds: float
) -> None:
    """Let all callers try again and again."""
    ends = time.monotonic() + seconds

    def caller(token: Callable[[], str], seen: Seen) -> None:
        while time.monotonic() < ends:
            authorizer.call(token(), seen)
            time.sleep(PAUSE_SECONDS)

    threads = [threading.Thread(target=caller, args=each) for each in callers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a table as lines of Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return [f"| {' | '.join(cells)} |" for cells in lines]
