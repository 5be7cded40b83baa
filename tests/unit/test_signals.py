"""Logs: one JSON object a line."""

import json
from datetime import datetime

import pytest

from chalicelib import signals


def test_a_log_line_is_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    signals.log("job.claimed", job_id="job_1", milliseconds=3, note="two\nlines")

    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert datetime.fromisoformat(told.pop("time")).tzinfo is not None
    assert told == {
        "event": "job.claimed", "job_id": "job_1", "milliseconds": 3, "note": "two\nlines",
    }  # fmt: skip
