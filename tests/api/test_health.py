"""GET /health and /status: what works and what does not."""

import json

import pytest

from chalicelib import __version__
from tests.calls import Api, HandWorker, Transport


@pytest.mark.parametrize("path", ["/health", "/status"])
def test_health_is_public_and_warns_without_a_worker(transport: Transport, path: str) -> None:
    answer = transport("GET", path, {}, b"")

    assert answer.status == 200
    assert answer.headers["content-type"] == "application/health+json"
    health = answer.json
    assert (health["status"], health["version"]) == ("warn", __version__)
    assert health["checks"]["store:reachable"][0]["status"] == "pass"
    assert health["checks"]["workers:live"][0] == {
        "status": "warn", "componentType": "component",
        "observedValue": 0, "observedUnit": "workers",
        "output": "no worker is live: prompts are taken and wait",
    }  # fmt: skip


def test_health_passes_with_a_live_worker(transport: Transport, hand_worker: HandWorker) -> None:
    hand_worker.leases.beat("worker-1", 1)

    assert transport("GET", "/health", {}, b"").json["status"] == "pass"


def test_health_counts_what_waits_and_what_runs(
    api: Api, transport: Transport, hand_worker: HandWorker
) -> None:
    api.post("/infer", {"prompt": "a"})
    api.post("/infer", {"prompt": "b"})
    hand_worker.claim()

    checks = transport("GET", "/health", {}, b"").json["checks"]

    assert checks["queue:waiting"][0]["observedValue"] == 1
    assert checks["queue:running"][0]["observedValue"] == 1


def test_the_contract_is_public(transport: Transport) -> None:
    answer = transport("GET", "/openapi.json", {}, b"")

    assert answer.status == 200
    assert json.loads(answer.body)["openapi"].startswith("3.1")
