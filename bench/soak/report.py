"""What a soak came to: a page of figures, a picture, and a verdict."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bench import plots
from bench.soak.flatness import Trend, trend
from bench.soak.system import MEGABYTE, Sample

BOUNDS = {"store": 0.10}
PROCESS_BOUND = 0.05
_PERCENTILE = 99
_SHOWN_CALLS = 8
_BUCKET_SECONDS = 10


@dataclass
class Course:
    """What was seen, second by second; *latencies* are seconds a call, by call."""

    samples: list[Sample] = field(default_factory=list)
    latencies: list[Mapping[str, list[float]]] = field(default_factory=list)

    def weights(self, part: str) -> list[tuple[float, float]]:
        """Return (second, megabytes) of a part."""
        return [(sample.second, sample.megabytes[part]) for sample in self.samples]

    def trends(self) -> dict[str, Trend]:
        """Return how the weight of each part went in the second half."""
        return {part: trend(self.weights(part)) for part in self.samples[0].megabytes}

    def taken(self, call: str) -> list[float]:
        """Return how long each *call* took, in milliseconds, in order of size."""
        return sorted(1000 * took for each in self.latencies for took in each.get(call, ()))

    def calls(self) -> list[str]:
        """Return what was called, sorted."""
        return sorted({call for each in self.latencies for call in each})


def bound(part: str) -> float:
    """Return by what share of its mean a part may grow in the second half."""
    return BOUNDS.get(part, PROCESS_BOUND)


def growing(course: Course) -> list[str]:
    """Return what grew beyond its bound."""
    return [
        f"{part} grew by {line.growth:.1%} of its mean in the second half, {bound(part):.0%} is"
        " the bound"
        for part, line in course.trends().items()
        if not line.flat(bound(part))
    ]


def memory_table(course: Course, jobs: int) -> list[str]:
    """Return the parts' weights and trends as Markdown; half of the *jobs* fell into that half."""
    lines = [
        "| memory of | mean, MB | growth in the second half | bound | a leak that would be found |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for part, line in course.trends().items():
        found = bound(part) * line.mean * MEGABYTE / max(1, jobs / 2)
        lines.append(
            f"| {part} | {line.mean:.2f} | {line.growth:+.1%} | {bound(part):.0%} "
            f"| {found:,.0f} bytes a job |"
        )
    return lines


def latency_table(course: Course) -> list[str]:
    """Return how long the calls took as Markdown."""
    lines = ["| call | calls | median, ms | 99 %, ms |", "| --- | ---: | ---: | ---: |"]
    for call in course.calls():
        taken = course.taken(call)
        high = taken[min(len(taken) - 1, len(taken) * _PERCENTILE // 100)]
        lines.append(f"| {call} | {len(taken):,} | {statistics.median(taken):.1f} | {high:.1f} |")
    return lines


def charts(course: Course) -> list[plots.Chart]:
    """Return the pictures of memory, keys and latencies over the minutes of the run."""
    parts = list(course.samples[0].megabytes)
    processes = [plots.Line(part, _minutes(course.weights(part))) for part in parts[:-1]]
    store = [plots.Line("used_memory", _minutes(course.weights("store")))]
    keys = [(sample.second, sample.keys) for sample in course.samples]
    common = sorted(course.calls(), key=lambda call: -len(course.taken(call)))[:_SHOWN_CALLS]
    return [
        plots.Chart("Memory of the processes", "minutes", "MB", processes),
        plots.Chart("Memory in use in the store", "minutes", "MB", store),
        plots.Chart("Keys in the store", "minutes", "keys", [plots.Line("keys", _minutes(keys))]),
        plots.Chart(
            f"Latency, medians of {_BUCKET_SECONDS} s",
            "minutes",
            "ms",
            [plots.Line(call, _medians(course, call)) for call in sorted(common)],
        ),
    ]


def _minutes(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(second / 60, value) for second, value in points]


def _medians(course: Course, call: str) -> list[tuple[float, float]]:
    points = []
    for first in range(0, len(course.latencies), _BUCKET_SECONDS):
        some = course.latencies[first : first + _BUCKET_SECONDS]
        taken = [took for each in some for took in each.get(call, ())]
        if taken:
            minute = course.samples[first].second / 60
            points.append((minute, 1000 * statistics.median(taken)))
    return points
