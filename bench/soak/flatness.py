"""Whether a measured quantity stays where it is: a straight line through its second half."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Trend:
    """The line of least squares through the second half of a series.

    *mean* is in the series' own unit; *growth* is how much the line rises over that half, as a
    share of the mean: negative where it falls.
    """

    mean: float
    growth: float

    def flat(self, bound: float) -> bool:
        """Whether it rises by no more than *bound*; a fall is no leak."""
        return self.growth <= bound


def trend(samples: Sequence[tuple[float, float]]) -> Trend:
    """Return the trend of (second, value). Raises ValueError for fewer than four samples."""
    half = samples[len(samples) // 2 :]
    if len(half) < 2:  # noqa: PLR2004 - what a line needs
        raise ValueError("a trend needs at least four samples")
    seconds = [at for at, _ in half]
    values = [value for _, value in half]
    mean = statistics.fmean(values)
    slope = statistics.linear_regression(seconds, values).slope
    growth = slope * (seconds[-1] - seconds[0]) / mean if mean else 0.0
    return Trend(mean, growth)
