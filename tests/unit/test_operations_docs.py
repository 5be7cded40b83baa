"""docs/operations.md: every setting of queue, store and retention, with the default that holds."""

import re

import pytest

from chalicelib import bounds, settings
from chalicelib.gauging import Gauge
from chalicelib.settings import PROJECT
from chalicelib.signals import Metric
from chalicelib.upkeep import Report

PAGE = (PROJECT / "docs" / "operations.md").read_text(encoding="utf-8")
_NAMES = {"STORE_URL", "STORE_SIGN_IN", "ENGINE_OPTIONS"}  # no numbers
ROWS = dict(re.findall(r"^\| `([A-Z_]+)` \| .* \| ([^|]*) \|$", PAGE, re.MULTILINE))


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ROWS:
        monkeypatch.delenv(f"TINYLLAMA_{name}", raising=False)


def test_every_setting_is_told_with_its_default() -> None:
    effective = {
        **vars(bounds.queue_settings()),
        **vars(bounds.retention_settings()),
        "requests_per_minute": bounds.request_settings().per_minute,
        "key_requests_per_minute": bounds.request_settings().key_per_minute,
        "relay_seconds": bounds.relay_seconds(),
        "tick_seconds": settings.tick_seconds(),
        "store_replicas": settings.store_settings("redis://x").replicas,
    }

    numbers = {name: text for name, text in ROWS.items() if name not in _NAMES}
    told = {name.lower(): float(text.split()[0]) for name, text in numbers.items()}

    assert told == effective
    assert (ROWS["ENGINE_OPTIONS"], bounds.engine_options()) == ("all", None)


def test_every_metric_of_the_tick_is_told() -> None:
    done = dict.fromkeys(("reclaim", "expire", "remove", "forget", "adopt"), 0)
    gauge = Gauge(0, 0, 0, 0, 0, 0, None, 0.0, None, 0)
    report = Report(gauge, 0.5, marked=False, done=done, failed=0, complete=True)

    told = set(re.findall(r"`([A-Z][A-Za-z]+)`", PAGE))

    assert report.metrics()["StoreMemory"] == Metric(50.0, "Percent")
    assert report.metrics().keys() <= told
