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
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.insisting import CALLERS, DEPLOYED, PASSED, Authorizer, Seen, insist, table
from bench.rotations import ROTATIONS, rotation_table, run_rotation
from chalicelib.settings import PROJECT
from tests.troubled_issuer import troubled

SECONDS = 25.0
ROTATING_SECONDS = 40.0
LONGEST_SECONDS = 4.0
AT_A_TIME = 3
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
UNAVAILABLE = "503 keys_unavailable"


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


def trouble_tables(found: dict[str, dict[str, World]]) -> list[str]:
    """Return the table of troubles as lines of Markdown."""
    rows = []
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
        rows.append(cells)
    return table(HEADS, rows)


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
        rotated = pool.map(lambda each: run_rotation(each, ROTATING_SECONDS), ROTATIONS)
        rotations = list(zip(ROTATIONS, rotated, strict=True))

    page = [
        "# Issuers in trouble",
        "",
        f"What callers saw: answers and how many, median and longest time. {CALLERS} callers of",
        f"each kind tried ten times a second for {options.seconds:.0f} s, for",
        f"{ROTATING_SECONDS:.0f} s where it rotates, on a busy machine of two cores. One",
        "authorizer with a deployed one's settings; each running instance of the function is such",
        "a one, and asks for itself.",
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
