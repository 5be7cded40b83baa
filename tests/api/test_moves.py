"""Cancel, retry and DELETE of a job, its priority and its deadline."""

from typing import Any

import pytest

from chalicelib.leasing import Outcome
from tests.calls import Answer, Api, HandWorker

PROMPT = {"prompt": "Say hello"}
ABSENT = f"job_{'0' * 32}"


def submit(api: Api, **fields: Any) -> str:
    return str(api.post("/infer", PROMPT | fields).json["id"])


def failed(api: Api, worker: HandWorker) -> tuple[str, int]:
    """Return id and version of a job that failed."""
    job_id = submit(api)
    worker.fail()
    return job_id, api.get(f"/jobs/{job_id}").json["version"]


def told(answer: Answer, asked: str) -> dict[str, Any]:
    return {**answer.json, "detail": answer.json["detail"].replace(asked, ""), "request_id": ""}


def test_a_job_is_told_with_its_priority_and_its_deadline(api: Api) -> None:
    job = api.post("/infer", PROMPT | {"priority": "high", "deadline_seconds": 600}).json

    assert job["priority"] == "high"
    assert job["deadline_at"] > job["created_at"]
    assert (job["retry_at"], job["cancel_requested"], job["eta_seconds"]) == (None, False, None)


def test_jobs_of_high_priority_run_first_and_of_low_last(api: Api, hand_worker: HandWorker) -> None:
    submitted = {name: submit(api, priority=name) for name in ("low", "normal", "high")}

    run = [hand_worker.claim().job for _ in submitted]

    assert [job.id for job in run] == [submitted[name] for name in ("high", "normal", "low")]


def test_priority_and_deadline_are_no_business_of_the_models(
    api: Api, hand_worker: HandWorker
) -> None:
    submit(api, priority="low", deadline_seconds=9.5, seed=1, metadata={"a": "b"})

    assert hand_worker.claim().job.request == PROMPT | {"seed": 1}


@pytest.mark.parametrize("seconds", [0, -1, 604_801, "60", None])
def test_a_deadline_is_a_number_of_seconds_up_to_a_week(api: Api, seconds: Any) -> None:
    answer = api.post("/infer", PROMPT | {"deadline_seconds": seconds})

    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, "/deadline_seconds")


def test_a_job_whose_deadline_passed_has_expired(api: Api) -> None:
    job_id = submit(api, deadline_seconds=0.001)

    job = api.get(f"/jobs/{job_id}", prefer="wait=5").json

    assert (job["state"], job["error"]["code"]) == ("expired", "deadline_exceeded")
    (event,) = api.get("/inbox").json["events"]
    assert event["event_type"] == "job.expired"


def test_an_eta_is_told_once_a_run_was_measured(api: Api, hand_worker: HandWorker) -> None:
    submit(api)
    hand_worker.answer()
    hand_worker.leases.beat("worker-1", 1)

    job = api.post("/infer", PROMPT).json

    assert job["eta_seconds"] >= 0


def test_a_waiting_job_is_cancelled_at_once_and_again_is_fine(api: Api) -> None:
    job_id = submit(api)

    first, again = (
        api.post(f"/jobs/{job_id}/cancel", None),
        api.post(f"/jobs/{job_id}/cancel", None),
    )

    assert (first.status, first.json["state"]) == (200, "cancelled")
    assert (again.status, again.json) == (200, first.json)
    assert first.headers["location"] == f"../../jobs/{job_id}"
    assert [event["event_type"] for event in api.get("/inbox").json["events"]] == ["job.cancelled"]


@pytest.mark.parametrize("media_type", ["application/json", "text/plain", "application/x-www"])
def test_what_comes_with_a_call_that_has_no_body_is_passed_over(api: Api, media_type: str) -> None:
    headers = {"Content-Type": media_type}

    answer = api.request("POST", f"/jobs/{submit(api)}/cancel", b"{", headers)

    assert answer.status == 200


def test_the_worker_of_a_running_job_is_asked_to_cancel(api: Api, hand_worker: HandWorker) -> None:
    job_id = submit(api)
    claim = hand_worker.claim()

    answer = api.post(f"/jobs/{job_id}/cancel", None)

    assert (answer.status, answer.json["state"]) == (202, "running")
    assert answer.json["cancel_requested"] is True
    assert hand_worker.leases.extend(claim)
    hand_worker.leases.finish(claim, Outcome(cancelled=True))
    assert api.get(f"/jobs/{job_id}").json["state"] == "cancelled"


def test_a_failed_job_runs_again_at_the_version_that_was_seen(
    api: Api, hand_worker: HandWorker
) -> None:
    job_id, version = failed(api, hand_worker)

    first = api.post(f"/jobs/{job_id}/retry", {"version": version})
    again = api.post(f"/jobs/{job_id}/retry", {"version": version})

    assert (first.status, first.json["state"], first.json["error"]) == (202, "queued", None)
    assert (first.json["attempt"], first.json["max_attempts"]) == (1, 4)
    assert (again.status, again.json["version"]) == (202, first.json["version"])
    hand_worker.answer()
    assert api.get(f"/jobs/{job_id}").json["state"] == "succeeded"


def test_a_version_may_be_written_with_a_fraction_of_zero(
    api: Api, hand_worker: HandWorker
) -> None:
    job_id, version = failed(api, hand_worker)

    answer = api.post(f"/jobs/{job_id}/retry", {"version": float(version)})

    assert (answer.status, answer.json["state"]) == (202, "queued")


@pytest.mark.parametrize("body", [{}, {"version": 0}, {"version": "1"}, {"version": True}, []])
def test_a_retry_names_a_version(api: Api, body: Any) -> None:
    answer = api.post(f"/jobs/{submit(api)}/retry", body)

    assert (answer.status, answer.json["code"]) == (422, "invalid_body")


def test_an_erased_job_is_gone_with_input_and_result(api: Api, hand_worker: HandWorker) -> None:
    job_id = submit(api)
    hand_worker.answer()

    first, again = api.delete(f"/jobs/{job_id}"), api.delete(f"/jobs/{job_id}")

    assert (first.status, first.body, again.status) == (204, b"", 204)
    assert (api.get(f"/jobs/{job_id}").status, api.get("/jobs").json) == (410, {"jobs": []})


def test_a_waiting_job_is_cancelled_when_it_is_erased(api: Api) -> None:
    job_id = submit(api)

    api.delete(f"/jobs/{job_id}")

    (event,) = api.get("/inbox").json["events"]
    assert (event["event_type"], event["payload"]["job_id"]) == ("job.cancelled", job_id)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/jobs/{}", None),
        ("GET", "/jobs/{}/stream", None),
        ("POST", "/jobs/{}/cancel", None),
        ("POST", "/jobs/{}/retry", {"version": 1}),
        ("DELETE", "/jobs/{}", None),
    ],
)
@pytest.mark.parametrize("becomes", ["queued", "running", "failed", "erased"])
def test_another_tenants_job_answers_as_an_absent_one(
    api: Api, hand_worker: HandWorker, method: str, path: str, body: Any, becomes: str
) -> None:
    job_id = submit(api)
    {"running": hand_worker.claim, "failed": hand_worker.fail}.get(becomes, list)()
    if becomes == "erased":
        api.delete(f"/jobs/{job_id}")
    globex = Api(api.transport, tenant="globex")

    theirs = globex.request(method, path.format(job_id), body)
    absent = globex.request(method, path.format(ABSENT), body)
    malformed = globex.request(method, path.format("job_1"), body)

    assert theirs.status == absent.status == malformed.status == 404
    assert told(theirs, job_id) == told(absent, ABSENT)
    assert theirs.json["code"] == malformed.json["code"]
    assert theirs.headers.keys() == absent.headers.keys()
    assert api.get(f"/jobs/{job_id}").status == (410 if becomes == "erased" else 200)
