"""What holders of new and of withdrawn keys see while an issuer rotates; run by bench.issuers."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench.insisting import CALLERS, DEPLOYED, PASSED, Authorizer, Seen, insist, table
from tests.troubled_issuer import TroubledIssuer, troubled

HEADS = (
    "the issuer rotates",
    "the new key",
    "refused for at most",
    "the key before",
    "requests a minute",
)


@dataclass
class Rotation:
    """How often the key changes, whether it is published ahead, how many kids nobody publishes."""

    words: str
    ahead: bool
    made_up: int = 0
    every_seconds: float = 10.0


ROTATIONS = (
    Rotation("every 10 s, published one turn ahead", ahead=True),
    Rotation("every 10 s, used at once", ahead=False),
    Rotation(
        "once, used at once, while somebody insists on a made-up kid",
        ahead=False,
        made_up=1,
        every_seconds=1000,
    ),
    Rotation(
        "once, used at once, while somebody shows ever other made-up kids",
        ahead=False,
        made_up=100,
        every_seconds=1000,
    ),
)


@dataclass
class Rotated:
    """What came of rotations under load."""

    new: Seen = field(default_factory=Seen)
    withdrawn: Seen = field(default_factory=Seen)
    longest_refused_seconds: float = 0
    requests_a_minute: float = 0


class Rotating:
    """An issuer that rotates, and the tokens that its keys sign turn after turn."""

    def __init__(self, issuer: TroubledIssuer, rotation: Rotation, seconds: float) -> None:
        self.turn = 0
        self._issuer, self._rotation, self._seconds = issuer, rotation, seconds
        turns = int(seconds / rotation.every_seconds) + 2
        self.tokens = [issuer.token(f"kid-{turn}") for turn in range(turns + 1)]
        self._made_up = [issuer.token(f"made-up-{each}") for each in range(rotation.made_up)]
        self._publish(0)

    def newest(self) -> str:
        """Return a token of the key in use."""
        return self.tokens[self.turn]

    def withdrawn(self) -> str:
        """Return a token of the key before; there is none in the first turn."""
        return self.tokens[max(self.turn - 1, 0)]

    def made_up(self) -> str:
        """Return a token of a key that was never published."""
        return random.choice(self._made_up)  # noqa: S311 - no secret

    def rotate(self) -> None:
        """Rotate until it is over."""
        ends = time.monotonic() + self._seconds
        time.sleep(2)
        while time.monotonic() < ends:
            self._publish(self.turn + 1)
            self.turn += 1
            time.sleep(max(0, min(self._rotation.every_seconds, ends - time.monotonic())))

    def _publish(self, turn: int) -> None:
        ahead = (f"kid-{turn + 1}",) if self._rotation.ahead else ()
        self._issuer.kids = (f"kid-{turn}", *ahead)


def run_rotation(rotation: Rotation, seconds: float) -> Rotated:
    """Return what holders of new and of withdrawn keys saw while the issuer rotated."""
    with troubled() as issuer:
        result, authorizer = Rotated(), Authorizer(issuer, DEPLOYED)
        rotating = Rotating(issuer, rotation, seconds)
        authorizer.call(rotating.newest(), Seen())
        refused: dict[int, float] = {}
        threads = [
            threading.Thread(target=rotating.rotate),
            threading.Thread(target=_watch, args=(authorizer, rotating, seconds, refused)),
        ]
        for thread in threads:
            thread.start()
        callers: list[tuple[Callable[[], str], Seen]] = [(rotating.newest, result.new)] * CALLERS
        callers.append((rotating.withdrawn, result.withdrawn))
        if rotation.made_up:
            callers.append((rotating.made_up, Seen()))
        insist(authorizer, callers, seconds)
        for thread in threads:
            thread.join()
        result.longest_refused_seconds = max(refused.values(), default=0)
        result.requests_a_minute = len(issuer.asked) * 60 / seconds
        return result


def _watch(
    authorizer: Authorizer, rotating: Rotating, seconds: float, refused: dict[int, float]
) -> None:
    """Note of each turn how long its key was refused after it came into use."""
    ends, last, since = time.monotonic() + seconds, 0, time.monotonic()
    while time.monotonic() < ends:
        if rotating.turn != last:
            last, since = rotating.turn, time.monotonic()
        if authorizer.call(rotating.tokens[last], Seen()) != PASSED:
            refused[last] = time.monotonic() - since
        time.sleep(0.02)


def rotation_table(found: Sequence[tuple[Rotation, Rotated]]) -> list[str]:
    """Return the table of rotations as lines of Markdown."""
    rows = [
        [
            rotation.words,
            result.new.told(),
            f"{result.longest_refused_seconds:.1f} s",
            result.withdrawn.told(),
            f"{result.requests_a_minute:.0f}",
        ]
        for rotation, result in found
    ]
    return table(HEADS, rows)
