"""What the dashboard draws, and what the guide tells, are metrics that there are."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from ruamel.yaml import YAML

from chalicelib import metrics_answers
from chalicelib.gauging import Gauge, Measured
from chalicelib.settings import PROJECT
from worker.loop import WorkerSettings
from worker.metrics import PrometheusMeasures

DASHBOARD: Mapping[str, Any] = json.loads(
    (PROJECT / "observability" / "grafana-dashboard.json").read_text(encoding="utf-8")
)
SCRAPED = YAML(typ="safe").load(PROJECT / "observability" / "prometheus.yml")
PAGE = (PROJECT / "docs" / "observability.md").read_text(encoding="utf-8")
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
NAME = re.compile(r"\btinyllama_\w+")
MEASURED = Measured(Gauge(0, 0, 0, 0, 0, 0, None, 0.0, None, 0), (50, 100), {}, 1, 1)


def of_the_router() -> dict[str, str]:
    """Return the router's metrics by name, with their kinds."""
    return {family.name: family.kind for family in metrics_answers.families(MEASURED)}


def of_the_worker() -> dict[str, str]:
    """Return the worker's metrics by the name that is scraped, with their kinds."""
    found = PrometheusMeasures(WorkerSettings("one", 1, 1), "store").registry.collect()
    return {
        each.name + {"counter": "_total", "info": "_info"}.get(each.type, ""): each.type
        for each in found
    }


def written(names: Mapping[str, str]) -> set[str]:
    """Return every name under which samples of these metrics are stored."""
    parts = ("_bucket", "_sum", "_count")
    return {
        name + part
        for name, kind in names.items()
        for part in (parts if kind == "histogram" else ("",))
    }


def expressions() -> Iterator[tuple[str, str]]:
    """Yield each panel's title with each of its expressions."""
    for panel in PANELS:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


@pytest.mark.parametrize(("title", "expression"), [*expressions()])
def test_dashboard_draws_metrics_that_there_are(title: str, expression: str) -> None:
    drawn = set(NAME.findall(expression))

    assert drawn, title
    assert drawn <= written(of_the_router()) | written(of_the_worker())


def test_every_metric_of_the_router_is_drawn_but_what_only_names_it() -> None:
    drawn = set(NAME.findall(" ".join(text for _, text in expressions())))

    missing = [
        name
        for name, kind in of_the_router().items()
        if name + ("_bucket" if kind == "histogram" else "") not in drawn
    ]
    assert missing == ["tinyllama_info", "tinyllama_attempts_total"]


def test_variables_of_the_dashboard_are_what_its_expressions_use() -> None:
    there_are = {each["name"]: each for each in DASHBOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z]+)\}?", json.dumps(PANELS)))

    assert used == there_are.keys()
    for name in ("router", "worker"):
        asked = NAME.findall(there_are[name]["definition"])
        assert set(asked) <= written(of_the_router()) | written(of_the_worker())


def test_panels_lie_side_by_side_and_have_names_of_their_own() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    taken = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for at in [panel["gridPos"]]
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]

    assert len(set(ids)) == len(ids)
    assert len(set(taken)) == len(taken)
    assert max(x for x, _ in taken) == 23


def test_guide_tells_every_metric_and_its_kind() -> None:
    rows = re.findall(r"^\| (`tinyllama_.+?) \| (.+?) \|", PAGE, re.MULTILINE)
    told = {name: kinds for names, kinds in rows for name in NAME.findall(names)}

    there_are = of_the_router() | of_the_worker()
    assert told.keys() == there_are.keys()
    for name, kind in there_are.items():
        assert kind.replace("info", "gauge") in told[name], name


def test_a_metrics_name_tells_its_unit_and_kind() -> None:
    for name, kind in (of_the_router() | of_the_worker()).items():
        assert name.endswith("_total") == (kind == "counter"), name
        assert name.endswith("_seconds") or kind != "histogram", name


def test_scrape_example_reads_the_route_with_a_token_from_a_file_and_the_workers_port() -> None:
    router, worker = SCRAPED["scrape_configs"]

    assert router["metrics_path"] == "/metrics"
    assert router["authorization"].keys() == {"type", "credentials_file"}
    assert router["authorization"]["type"] == "Bearer"
    (port,) = re.findall(r"--metrics-port (\d+)", PAGE)
    assert worker["static_configs"][0]["targets"] == [f"127.0.0.1:{port}"]
