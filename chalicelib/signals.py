"""JSON logs and metrics: one line for each deed, on standard output, where Lambda collects it.

A line never holds a token, a prompt, an output or a secret: callers pass ids, codes and numbers.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum

from chalicelib import settings
from chalicelib.errors import NotConfigured

_NAMESPACE = "TinyLlama"
_FIELDS: ContextVar[dict[str, object] | None] = ContextVar("fields", default=None)


class Level(IntEnum):
    """How much a line matters, by the names that Lambda and the setting ``LOG_LEVEL`` use."""

    TRACE = 0
    DEBUG = 1
    INFO = 2
    WARN = 3
    ERROR = 4
    FATAL = 5


@dataclass(frozen=True)
class Metric:
    """A number and its unit, as CloudWatch names units (``Count``, ``Seconds``, ``Percent``)."""

    value: float
    unit: str = "Count"


def log(event: str, level: Level = Level.INFO, /, **fields: object) -> None:
    """Write one line ``{"time", "level", "app", "event", ...fields}`` unless less is asked for.

    The time is RFC 3339, UTC, milliseconds; ``app`` is the setting ``APP_NAME``. What surrounds the
    line (``within``) comes before its own fields. Raises as least does, which whoever logs asks
    when it starts.
    """
    if level < least():
        return
    time = datetime.now(UTC).isoformat(timespec="milliseconds")
    app = settings.variable("app_name") or "tinyllama"
    _write(
        {"time": time, "level": level.name, "app": app, "event": event, **_surrounding(), **fields}
    )


@contextmanager
def within(**fields: object) -> Iterator[None]:
    """Let each line that is written inside the block have *fields*: nobody there need know them."""
    before = _FIELDS.set({**_surrounding(), **fields})
    try:
        yield
    finally:
        _FIELDS.reset(before)


def note(**fields: object) -> None:
    """Let each line that the surrounding block still writes have *fields*; else do nothing."""
    found = _FIELDS.get()
    if found is not None:
        found.update(fields)


def _surrounding() -> Mapping[str, object]:
    return _FIELDS.get() or {}


def least() -> Level:
    """Return the least level that is written, of ``LOG_LEVEL``. Raises NotConfigured."""
    name = settings.variable("log_level") or Level.INFO.name
    try:
        return Level[name.upper()]
    except KeyError:
        raise NotConfigured(f"TINYLLAMA_LOG_LEVEL must be {', '.join(Level.__members__)}") from None


def metrics(environment: str, measured: Mapping[str, Metric]) -> None:
    """Write one line that CloudWatch turns into metrics, each with the *environment* as dimension.

    Embedded metric format: docs.aws.amazon.com/AmazonCloudWatch, "Specification: Embedded metric
    format"; it holds at most 100 metrics.
    """
    told = [{"Name": name, "Unit": metric.unit} for name, metric in measured.items()]
    directive = {"Namespace": _NAMESPACE, "Dimensions": [["Environment"]], "Metrics": told}
    timestamp = round(datetime.now(UTC).timestamp() * 1000)
    _write(
        {
            "_aws": {"Timestamp": timestamp, "CloudWatchMetrics": [directive]},
            "Environment": environment,
            **{name: metric.value for name, metric in measured.items()},
        }
    )


def _write(line: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(line, default=str) + "\n")
    sys.stdout.flush()
