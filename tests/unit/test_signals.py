"""Logs and metrics: one JSON object a line."""

import json
import subprocess
import sys
import time
from datetime import datetime

import pytest

from chalicelib import settings, signals
from chalicelib.errors import NotConfigured
from chalicelib.signals import Level, Metric


def test_a_log_line_is_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    signals.log("job.claimed", job_id="job_1", milliseconds=3, note="two\nlines")

    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert datetime.fromisoformat(told.pop("time")).tzinfo is not None
    assert told == {
        "level": "INFO", "app": "tinyllama",
        "event": "job.claimed", "job_id": "job_1", "milliseconds": 3, "note": "two\nlines",
    }  # fmt: skip


def test_a_line_names_the_app(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYLLAMA_APP_NAME", "another")

    signals.log("job.claimed")

    assert json.loads(capsys.readouterr().out)["app"] == "another"


@pytest.mark.parametrize(
    ("least", "levels"),
    [
        ("", ["INFO", "WARN", "ERROR"]),
        ("DEBUG", ["DEBUG", "INFO", "WARN", "ERROR"]),
        ("warn", ["WARN", "ERROR"]),
        ("FATAL", []),
    ],
)
def test_lines_below_the_level_that_is_set_are_left_out(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    least: str,
    levels: list[str],
) -> None:
    monkeypatch.setenv("TINYLLAMA_LOG_LEVEL", least)

    for level in (Level.DEBUG, Level.INFO, Level.WARN, Level.ERROR):
        signals.log("job.claimed", level)

    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["level"] for line in told] == levels


def test_metrics_are_written_whatever_the_level(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYLLAMA_LOG_LEVEL", "FATAL")

    signals.metrics("dev", {"Depth": Metric(3)})

    assert json.loads(capsys.readouterr().out)["Depth"] == 3


def test_a_level_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINYLLAMA_LOG_LEVEL", "LOUD")

    with pytest.raises(NotConfigured, match="TINYLLAMA_LOG_LEVEL must be TRACE, DEBUG"):
        signals.log("job.claimed")


def test_a_function_with_a_level_that_is_none_does_not_start() -> None:
    variables = {
        "AWS_LAMBDA_FUNCTION_NAME": "tinyllama-dev-jwt_authorizer",
        "TINYLLAMA_ENV": "dev",
        "TINYLLAMA_LOG_LEVEL": "LOUD",
    }

    run = subprocess.run(
        [sys.executable, "-c", "import app"],
        cwd=settings.PROJECT,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 1
    assert "TINYLLAMA_LOG_LEVEL must be TRACE, DEBUG" in run.stderr


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
