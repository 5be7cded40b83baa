"""JSON logs and metrics: one line for each deed, on standard output, where Lambda collects it.

A line never holds a token, a prompt, an output or a secret: callers pass ids, codes and numbers.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

_NAMESPACE = "TinyLlama"


@dataclass(frozen=True)
class Metric:
    """A number and its unit, as CloudWatch names units (``Count``, ``Seconds``, ``Percent``)."""

    value: float
    unit: str = "Count"


def log(event: str, **fields: object) -> None:
    """Write one line ``{"time", "event", ...fields}``; time is RFC 3339, UTC, milliseconds."""
    time = datetime.now(UTC).isoformat(timespec="milliseconds")
    _write({"time": time, "event": event, **fields})


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
