"""What callers see of an issuer in trouble, by the clock.

    .venv/bin/python -m bench.issuers

Each trouble has three issuers of its own on the loopback, and an authorizer for each, with the
settings that a deployed one has: one that has no keys yet, one whose keys are due for a refresh
(after 1 s, not 300), one that is shown a key that the issuer rotated in meanwhile. Four callers
each try ten times a second. Then the issuer is well again, and the first token that passes ends it.
Writes the tables to ``bench/results/issuers.md``; exits 1 where somebody waited longer than
``LONGEST_SECONDS``, got an answer that the page does not foresee, or a known key was refused.
"""

import argparse
import random
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from chalicelib.errors import RouterError
from chalicelib.keysets import KeySet
from chalicelib.keysources import Freshness, RemoteKeys, discovery_loader
from chalicelib.settings import PROJECT, TokenSettings
from chalicelib.tokens import Verifier
from tests.troubled_issuer import AUDIENCE, TroubledIssuer, troubled

SECONDS = 25.0
CALLERS = 4
PAUSE_SECONDS = 0.1
LONGEST_SECONDS = 4.0
AT_A_TIME = 3
# As chalicelib.keysources.key_source sets it inside Lambda.
DEPLOYED = Freshness(refresh_wait_seconds=1.0)
TROUBLES = {
    "refuses": "refuses connections",
    "hangs": "takes the connection and says nothing",
    "drips": "sends a byte every 50 ms",
    "html": "serves HTML with 200",
    "huge": "serves 50 MiB",
    "redirects": "redirects to where good keys are",
    "fails": "answers 500",
    "no usable key": "publishes no usable key",
    "bad key": "publishes four bad keys beside the good one",
}
HEADS = (
    "the issuer",
    "nobody has its keys yet",
    "a known key, its refresh due",
    "a key rotated in meanwhile",
    "a known key beside it",
    "looks for keys, requests a minute",
    "well again: passes after",
)
ROTATION_HEADS = (
    "the issuer rotates",
    "the new key",
    "refused for at most",
    "the key before",
    "requests a minute",
)
UNAVAILABLE = "503 keys_unavailable"
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


@dataclass
class World:
    """One issuer, one authorizer, and what came of the trouble."""

    seen: Seen = field(default_factory=Seen)
    known: Seen = field(default_factory=Seen)
    looked_a_minute: float = 0
    requests_a_minute: float = 0
    back_after_seconds: float = 0


def run_world(mood: str, kind: str, seconds: float) -> World:
    """Return what callers of one *kind* saw of an issuer in that *mood*."""
    with troubled() as issuer:
        freshness = replace(DEPLOYED, fresh_seconds=1) if kind == "due" else DEPLOYED
        authorizer, world = Authorizer(issuer, freshness), World()
        one, shown = issuer.token("one"), issuer.token("next" if kind == "rotated" else "one")
        if kind != "cold":
            authorizer.call(one, Seen())
            time.sleep(1.1 if kind == "due" else 0)
        issuer.asked.clear()
        authorizer.looked = 0
        issuer.be(mood)
        if mood == "bad key":
            issuer.kids = ("one", "next")

        asking = [(lambda: shown, world.seen)] * CALLERS
        knowing = [(lambda: one, world.known)] * CALLERS if kind == "rotated" else []
        insist(authorizer, asking + knowing, seconds)

        world.looked_a_minute = authorizer.looked * 60 / seconds
        world.requests_a_minute = len(issuer.asked) * 60 / seconds
        issuer.kids = ("one", "next")
        issuer.be("well")
        begun = time.monotonic()
        while authorizer.call(shown, Seen()) != PASSED:
            time.sleep(0.02)
        world.back_after_seconds = time.monotonic() - begun
        return world


def run_trouble(mood: str, seconds: float) -> dict[str, World]:
    """Return what each kind of callers saw of it."""
    kinds = ("cold", "due", "rotated")
    with ThreadPoolExecutor(len(kinds)) as pool:
        worlds = pool.map(lambda kind: run_world(mood, kind, seconds), kinds)
        return dict(zip(kinds, worlds, strict=True))


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


def trouble_tables(found: dict[str, dict[str, World]]) -> list[str]:
    """Return the table of troubles as lines of Markdown."""
    lines = [
        f"| {' | '.join(HEADS)} |",
        f"| {' | '.join(['---'] * len(HEADS))} |",
    ]
    for mood, worlds in found.items():
        cold, due, rotated = (worlds[kind] for kind in ("cold", "due", "rotated"))
        # Not the due one: once an issuer answers, its short freshness is what makes it ask.
        looked = max(world.looked_a_minute for world in (cold, rotated))
        requests = max(world.requests_a_minute for world in (cold, rotated))
        asked = f"{looked:.0f}, " + (f"{requests:.0f}" if requests else "none came through")
        back = max(cold.back_after_seconds, rotated.back_after_seconds)
        cells = [
            TROUBLES[mood],
            cold.seen.told(),
            due.seen.told(),
            rotated.seen.told(),
            rotated.known.told(),
            asked,
            f"{back:.1f} s",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def rotation_table(found: Sequence[tuple[Rotation, Rotated]]) -> list[str]:
    """Return the table of rotations as lines of Markdown."""
    lines = [
        f"| {' | '.join(ROTATION_HEADS)} |",
        f"| {' | '.join(['---'] * len(ROTATION_HEADS))} |",
    ]
    for rotation, result in found:
        cells = [
            rotation.words,
            result.new.told(),
            f"{result.longest_refused_seconds:.1f} s",
            result.withdrawn.told(),
            f"{result.requests_a_minute:.0f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def unforeseen(found: dict[str, dict[str, World]]) -> list[str]:
    """Return what should not be: waits too long, answers of another kind, known keys refused."""
    wrong = []
    for mood, worlds in found.items():
        expected = PASSED if mood == "bad key" else UNAVAILABLE
        kinds = {
            "nobody has keys": (worlds["cold"].seen, expected),
            "refresh due": (worlds["due"].seen, PASSED),
            "rotated in": (worlds["rotated"].seen, expected),
            "known": (worlds["rotated"].known, PASSED),
        }
        for kind, (seen, only) in kinds.items():
            if seen.answers.keys() != {only}:
                wrong.append(f"{mood}, {kind}: {dict(seen.answers)}")
            if max(seen.seconds) > LONGEST_SECONDS:
                wrong.append(f"{mood}, {kind}: waited {max(seen.seconds):.1f} s")
    return wrong


def main() -> int:
    """Run all, write the page, return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--results", type=Path, default=PROJECT / "bench/results/issuers.md")
    options = parser.parse_args()

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        worlds = pool.map(lambda mood: run_trouble(mood, options.seconds), TROUBLES)
        troubles = dict(zip(TROUBLES, worlds, strict=True))
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        rotated = pool.map(lambda each: run_rotation(each, 40.0), ROTATIONS)
        rotations = list(zip(ROTATIONS, rotated, strict=True))

    page = [
        "# Issuers in trouble",
        "",
        f"What callers saw: answers and how many, median and longest time. {CALLERS} callers of",
        f"each kind tried ten times a second for {options.seconds:.0f} s (rotations: 40 s), on a",
        "busy machine of two cores. One authorizer with a deployed one's settings; each running",
        "instance of the function is such a one, and asks for itself.",
        "",
        "`.venv/bin/python -m bench.issuers`",
        "",
        *trouble_tables(troubles),
        "",
        *rotation_table(rotations),
    ]
    options.results.write_text("\n".join(page) + "\n", encoding="utf-8")
    wrong = unforeseen(troubles)
    print("\n".join([*page, *wrong]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
