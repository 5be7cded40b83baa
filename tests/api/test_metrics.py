"""GET /metrics: what Prometheus reads after calls whose outcome is known."""

import json

import pytest
import redis
from prometheus_client.parser import text_string_to_metric_families

import app
from chalicelib import metrics_answers, settings
from chalicelib.errors import NotConfigured, StoreUnavailable
from chalicelib.store import connect
from tests.api import doors
from tests.api.test_refusals import require_problem
from tests.calls import Answer, Api, HandWorker, Transport

PROMPT = {"prompt": "Say hello"}


def samples(answer: Answer) -> dict[str, float]:
    """Return each sample by its name and labels as they are written."""
    found = {}
    for family in text_string_to_metric_families(answer.body.decode()):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sample.labels.items())
            found[sample.name + (f"{{{labels}}}" if labels else "")] = sample.value
    return found


def test_metrics_are_in_prometheus_text_format(api: Api) -> None:
    answer = api.get("/metrics")

    assert answer.status == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.body.endswith(b"\n")
    kinds = {line.split()[2]: line.split()[3] for line in answer.body.decode().splitlines()
             if line.startswith("# TYPE ")}  # fmt: skip
    assert all(name.startswith("tinyllama_") for name in kinds)
    assert {name for name, kind in kinds.items() if kind == "counter"} == {
        name for name in kinds if name.endswith("_total")
    }


def test_every_family_is_there_before_anything_happened(api: Api) -> None:
    found = samples(api.get("/metrics"))

    named = {name.partition("{")[0] for name in found}
    assert {f"tinyllama_{name}_total" for name in metrics_answers._COUNTERS} <= named  # noqa: SLF001
    assert {f"tinyllama_{name}_count" for name in metrics_answers._TIMES} <= named  # noqa: SLF001
    assert found["tinyllama_jobs_ended_total{state=failed}"] == 0
    assert found["tinyllama_store_memory_bytes"] > 0


def test_jobs_are_counted_from_submission_to_end(api: Api, hand_worker: HandWorker) -> None:
    for _ in range(3):
        api.post("/infer", PROMPT)
    hand_worker.answer()
    hand_worker.fail()

    found = samples(api.get("/metrics"))

    assert found["tinyllama_jobs_submitted_total"] == 3
    assert found["tinyllama_attempts_total"] == 2
    assert found["tinyllama_jobs_ended_total{state=succeeded}"] == 1
    assert found["tinyllama_jobs_ended_total{state=failed}"] == 1
    assert found["tinyllama_queue_jobs{state=ready}"] == 1
    assert found["tinyllama_job_wait_seconds_count"] == 2
    assert found["tinyllama_job_wait_seconds_bucket{le=+Inf}"] == 2
    assert found["tinyllama_job_run_seconds_count"] == 1
    assert found["tinyllama_job_run_seconds_sum"] < 60


def test_refusals_are_counted_by_their_code(api: Api) -> None:
    api.get("/jobs/job_1")
    api.post("/infer", {})
    api.post("/infer", {"prompt": 7})
    api.post("/infer", PROMPT)

    found = samples(api.get("/metrics"))

    refused = {name: value for name, value in found.items() if "refusals" in name}
    assert refused == {
        "tinyllama_refusals_total{code=job_not_found}": 1,
        "tinyllama_refusals_total{code=invalid_body}": 2,
    }


def test_a_router_of_another_tenant_reads_the_same_numbers_and_no_name(
    api: Api, transport: Transport
) -> None:
    api.post("/infer", PROMPT | {"model": "secret-model", "metadata": {"for": "acme"}})

    answer = Api(transport, "globex", "metrics:read").get("/metrics")

    assert samples(answer)["tinyllama_jobs_submitted_total"] == 1
    assert b"acme" not in answer.body
    assert b"secret-model" not in answer.body


@pytest.fixture(params=["prod", "production"])
def production(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A router that says it is in production; no other part asks again meanwhile."""
    monkeypatch.setattr(settings, "environment", lambda: request.param)
    return str(request.param)


@pytest.mark.parametrize("transport", ["client"], indirect=True)
def test_in_production_there_is_no_such_route_whatever_the_scope(
    transport: Transport, production: str
) -> None:
    scoped = Api(transport, scope="metrics:read").get("/metrics")
    unscoped = Api(transport, scope="jobs:read").get("/metrics")

    require_problem(scoped, 404, "route_not_found")
    require_problem(unscoped, 403, "scope_insufficient")
    assert production in metrics_answers.PRODUCTION


@pytest.mark.parametrize("transport", ["client"], indirect=True)
def test_a_store_that_is_away_is_told_and_counts_nothing(
    api: Api, monkeypatch: pytest.MonkeyPatch, direct: "redis.Redis"
) -> None:
    away = connect("unix:///nowhere/store.sock")
    monkeypatch.setattr(app, "door", lambda: doors.door(away))

    require_problem(api.get("/metrics"), 503, "store_unavailable")

    assert not direct.exists("tl:{p0}:metrics")


@pytest.mark.parametrize("transport", ["client"], indirect=True)
@pytest.mark.parametrize("broken", [NotConfigured, StoreUnavailable])
def test_a_refusal_that_cannot_be_counted_is_answered_all_the_same(
    api: Api, monkeypatch: pytest.MonkeyPatch, broken: type[Exception]
) -> None:
    def burst() -> None:
        raise broken

    monkeypatch.setattr(app, "tally", burst)

    require_problem(api.get("/jobs/job_1"), 404, "job_not_found")


@pytest.mark.parametrize("transport", ["client"], indirect=True)
def test_what_anybody_can_bring_about_is_not_counted(
    api: Api, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    def burst() -> str:
        raise NotConfigured

    monkeypatch.setattr(app, "contract", burst)

    require_problem(transport("GET", "/openapi.json", {}, b""), 503, "not_configured")

    assert b"tinyllama_refusals_total{" not in api.get("/metrics").body


@pytest.mark.parametrize("transport", ["client"], indirect=True)
def test_what_is_counted_is_told_by_what_it_was(api: Api, hand_worker: HandWorker) -> None:
    api.post("/infer", PROMPT)
    claim = hand_worker.claim()
    hand_worker.leases.append(claim, 0, ["Hello"])
    body = {"event_type": "a", "source": "shop", "payload": json.loads("1")}
    event_id = api.post("/events", body).json["event_id"]
    api.delete(f"/inbox/{event_id}")
    api.delete(f"/inbox/{event_id}")

    found = samples(api.get("/metrics"))

    assert found["tinyllama_job_first_token_seconds_count"] == 1
    assert found["tinyllama_queue_jobs{state=running}"] == 1
    assert found["tinyllama_events_published_total"] == 1
    assert found["tinyllama_events_acknowledged_total"] == 1
