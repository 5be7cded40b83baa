"""Logs and metrics: one JSON object a line."""

import json
import time
from datetime import datetime

import pytest

from chalicelib import signals
from chalicelib.signals import Metric


def test_a_log_line_is_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    signals.log("job.claimed", job_id="job_1", milliseconds=3, note="two\nlines")

    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert datetime.fromisoformat(told.pop("time")).tzinfo is not None
    assert told == {
        "event": "job.claimed", "job_id": "job_1", "milliseconds": 3, "note": "two\nlines",
    }  # fmt: skip


def test_a_metrics_line_is_what_cloudwatch_reads(capsys: pytest.CaptureFixture[str]) -> None:
    before = time.time()

    signals.metrics("dev", {"Depth": Metric(3), "Age": Metric(1.5, "Seconds")})

    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    timestamp = told["_aws"].pop("Timestamp")
    assert isinstance(timestamp, int)
    assert before - 1 <= timestamp / 1000 <= time.time() + 1
    assert told == {
        "_aws": {
            "CloudWatchMetrics": [
                {
                    "Namespace": "TinyLlama",
                    "Dimensions": [["Environment"]],
                    "Metrics": [
                        {"Name": "Depth", "Unit": "Count"},
                        {"Name": "Age", "Unit": "Seconds"},
                    ],
                }
            ]
        },
        "Environment": "dev",
        "Depth": 3,
        "Age": 1.5,
    }
