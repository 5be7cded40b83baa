"""GET /jobs/{id}: how a job stands."""

import threading
import time
from urllib.parse import quote

import pytest

from tests.calls import Answer, Api, HandWorker

PROMPT = {"prompt": "Say hello"}


def submitted(api: Api) -> str:
    return str(api.post("/infer", PROMPT).json["id"])


def test_jobs_ahead_are_told_as_position(api: Api) -> None:
    submitted(api)
    second = submitted(api)

    assert api.get(f"/jobs/{second}").json["position"] == 1


def test_an_unchanged_job_answers_304(api: Api) -> None:
    job_id = submitted(api)
    etag = api.get(f"/jobs/{job_id}").headers["etag"]

    answer = api.get(f"/jobs/{job_id}", if_none_match=etag)

    assert (answer.status, answer.body) == (304, b"")
    assert answer.headers["etag"] == etag


def test_a_changed_job_answers_200_to_an_old_etag(api: Api, hand_worker: HandWorker) -> None:
    job_id = submitted(api)
    etag = api.get(f"/jobs/{job_id}").headers["etag"]
    hand_worker.claim()

    answer = api.get(f"/jobs/{job_id}", if_none_match=etag)

    assert (answer.status, answer.json["state"]) == (200, "running")


@pytest.mark.slow
def test_prefer_wait_returns_as_soon_as_the_version_differs(
    api: Api, hand_worker: HandWorker
) -> None:
    job_id = submitted(api)
    etag = api.get(f"/jobs/{job_id}").headers["etag"]
    threading.Timer(0.5, hand_worker.claim).start()
    before = time.monotonic()

    answer = api.request(
        "GET", f"/jobs/{job_id}", None, {"If-None-Match": etag, "Prefer": "wait=20"}
    )

    assert (answer.status, answer.json["state"]) == (200, "running")
    assert time.monotonic() - before < 5


@pytest.mark.slow
def test_prefer_wait_answers_304_when_nothing_happened(api: Api) -> None:
    job_id = submitted(api)
    etag = api.get(f"/jobs/{job_id}").headers["etag"]

    answer = api.request(
        "GET", f"/jobs/{job_id}", None, {"If-None-Match": etag, "Prefer": "wait=1"}
    )

    assert answer.status == 304


@pytest.mark.slow
def test_prefer_wait_alone_returns_when_the_job_has_ended(
    api: Api, hand_worker: HandWorker
) -> None:
    job_id = submitted(api)
    threading.Timer(0.5, hand_worker.answer).start()

    answer = api.get(f"/jobs/{job_id}", prefer="wait=20")

    assert answer.json["state"] == "succeeded"


def test_a_failed_job_tells_its_error(api: Api, hand_worker: HandWorker) -> None:
    job_id = submitted(api)
    hand_worker.fail()

    job = api.get(f"/jobs/{job_id}").json

    assert (job["state"], job["result"]) == ("failed", None)
    assert job["error"] == {
        "code": "engine_unavailable", "detail": "the engine did not answer",
    }  # fmt: skip


@pytest.mark.parametrize("job_id", ["job_" + "0" * 32, "job_1", "evt_" + "0" * 32, "%20", "é"])
def test_an_absent_job_answers_404(api: Api, job_id: str) -> None:
    answer = api.get(f"/jobs/{quote(job_id, safe='%')}")

    assert (answer.status, answer.json["code"]) == (404, "job_not_found")


def test_another_tenants_job_answers_as_an_absent_one(api: Api) -> None:
    job_id = submitted(api)
    absent_id = f"job_{'0' * 32}"
    globex = Api(api.transport, tenant="globex")

    theirs, absent = globex.get(f"/jobs/{job_id}"), globex.get(f"/jobs/{absent_id}")

    def told(answer: Answer, asked: str) -> dict[str, str]:
        return {**answer.json, "detail": answer.json["detail"].replace(asked, ""), "request_id": ""}

    assert theirs.status == absent.status == 404
    assert told(theirs, job_id) == told(absent, absent_id)
