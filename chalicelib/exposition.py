"""Prometheus' text format, written: families of samples as one text. Pure.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/, text format 0.0.4.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_IN_HELP = str.maketrans({"\\": r"\\", "\n": r"\n"})
_IN_LABEL = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


@dataclass(frozen=True)
class Sample:
    """One number; *suffix* comes behind the family's name."""

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
    suffix: str = ""


@dataclass(frozen=True)
class Family:
    """All samples of one name, of a *kind*: ``counter``, ``gauge`` or ``histogram``."""

    name: str
    kind: str
    help: str
    samples: Sequence[Sample]


def counter(name: str, told: str, values: Mapping[str, float], label: str = "") -> Family:
    """Return a counter, by *label* where it has one: *values* are by the label's, else by ``""``.

    Its name must end in ``_total``.
    """
    return Family(name, "counter", told, _labelled(values, label))


def gauge(name: str, told: str, values: Mapping[str, float], label: str = "") -> Family:
    """Return a gauge, by *label* as counter does."""
    return Family(name, "gauge", told, _labelled(values, label))


def histogram(
    name: str, told: str, bounds: Sequence[float], counts: Sequence[int], total: float
) -> Family:
    """Return a histogram; *counts* has one for each of the *bounds*, and one for what is over."""
    reached = [*accumulate(counts)]
    marks = [*(f"{bound:g}" for bound in bounds), "+Inf"]
    samples = [
        Sample(count, {"le": mark}, "_bucket") for mark, count in zip(marks, reached, strict=True)
    ]
    ends = Sample(total, suffix="_sum"), Sample(reached[-1], suffix="_count")
    return Family(name, "histogram", told, (*samples, *ends))


def text(families: Iterable[Family]) -> str:
    """Return the families as Prometheus reads them, in their order."""
    return "".join(f"{line}\n" for family in families for line in _lines(family))


def _labelled(values: Mapping[str, float], label: str) -> Sequence[Sample]:
    return [Sample(value, {label: name} if label else {}) for name, value in values.items()]


def _lines(family: Family) -> Iterable[str]:
    yield f"# HELP {family.name} {family.help.translate(_IN_HELP)}"
    yield f"# TYPE {family.name} {family.kind}"
    for sample in family.samples:
        labels = ",".join(
            f'{name}="{value.translate(_IN_LABEL)}"' for name, value in sample.labels.items()
        )
        yield f"{family.name}{sample.suffix}{f'{{{labels}}}' if labels else ''} {sample.value!r}"
