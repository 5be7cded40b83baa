"""GET /queue, the dead letters and how they are sent back."""

from typing import Any

import pytest

from chalicelib.leasing import Outcome
from tests.calls import Api, HandWorker

PROMPT = {"prompt": "a secret prompt"}
ERROR = {"code": "engine_unavailable", "detail": "the engine did not answer"}
ABSENT = f"job_{'0' * 32}"


def bury(api: Api, worker: HandWorker) -> dict[str, Any]:
    """Let a job run out of attempts; name it as a redrive does."""
    job_id = api.post("/infer", PROMPT).json["id"]
    for attempt in range(3):
        state = worker.leases.finish(worker.claim(), Outcome(error=ERROR, retryable=True))
        assert state == ("failed" if attempt == 2 else "queued")
        worker.hasten()
    version = api.get(f"/jobs/{job_id}").json["version"]
    return {"tenant": api.tenant, "id": job_id, "version": version}


def test_the_queue_tells_what_waits_what_runs_and_who_works(
    api: Api, hand_worker: HandWorker
) -> None:
    api.post("/infer", PROMPT)
    hand_worker.answer()
    for _ in range(3):
        api.post("/infer", PROMPT)
    hand_worker.claim()
    hand_worker.leases.beat("worker-1", 4)

    queue = api.get("/queue").json

    assert queue["depth"] == {"ready": 2, "delayed": 0, "running": 1}
    assert (queue["workers"], queue["slots"], queue["dead_letters"]) == (1, 4, 0)
    assert 0 <= queue["oldest_seconds"] < 60
    assert queue["throughput_per_minute"] > 0
    assert queue["mean_run_seconds"] > 0


def test_an_empty_queue_knows_no_age_and_no_run(api: Api) -> None:
    queue = api.get("/queue").json

    assert queue["depth"] == {"ready": 0, "delayed": 0, "running": 0}
    assert queue["oldest_seconds"] is queue["mean_run_seconds"] is None


def test_a_job_that_waits_for_another_attempt_tells_when_it_is_ready_again(
    api: Api, hand_worker: HandWorker
) -> None:
    job_id = api.post("/infer", PROMPT).json["id"]
    hand_worker.leases.finish(hand_worker.claim(), Outcome(error=ERROR, retryable=True))

    job = api.get(f"/jobs/{job_id}").json

    assert (job["state"], job["position"]) == ("queued", None)
    assert job["retry_at"] > job["created_at"]
    assert api.get("/queue").json["depth"]["delayed"] == 1


def test_dead_letters_of_all_tenants_are_listed_latest_first_without_prompts(
    api: Api, hand_worker: HandWorker
) -> None:
    mine = bury(api, hand_worker)
    theirs = bury(Api(api.transport, tenant="globex"), hand_worker)

    first = api.get("/dead-letters?limit=1")
    query = first.headers["link"].removeprefix("<").partition(">")[0]
    second = api.get(f"/dead-letters{query}")

    (letter,), (earlier,) = first.json["jobs"], second.json["jobs"]
    assert letter.items() >= theirs.items()
    assert earlier.items() >= mine.items()
    assert (letter["attempt"], letter["error"]) == (3, ERROR)
    assert b"secret" not in first.body + second.body
    assert "link" not in second.headers


def test_a_redriven_dead_letter_waits_again_and_again_is_fine(
    api: Api, hand_worker: HandWorker
) -> None:
    letters = [bury(Api(api.transport, tenant=name), hand_worker) for name in ("acme", "globex")]

    first = api.post("/dead-letters/redrive", {"jobs": letters})
    again = api.post("/dead-letters/redrive", {"jobs": letters})

    assert first.status == again.status == 202
    assert first.json == again.json == {
        "redriven": [letter["id"] for letter in letters], "refused": [],
    }  # fmt: skip
    assert api.get("/dead-letters").json == {"jobs": []}
    assert api.get("/queue").json["depth"]["ready"] == 2


def test_what_cannot_be_redriven_is_told_with_its_code(api: Api, hand_worker: HandWorker) -> None:
    dead = bury(api, hand_worker)
    alive = api.post("/infer", PROMPT).json["id"]
    failed = api.post("/infer", PROMPT).json["id"]
    hand_worker.answer()
    hand_worker.fail()
    version = api.get(f"/jobs/{failed}").json["version"]
    named = [
        dead | {"version": 1},
        dead | {"tenant": "globex"},
        {"tenant": "acme", "id": ABSENT, "version": 1},
        {"tenant": "acme", "id": alive, "version": 1},
        # It failed for good at once: running it again would fail again.
        {"tenant": "acme", "id": failed, "version": version},
    ]

    answer = api.post("/dead-letters/redrive", {"jobs": named})

    codes = [refusal["code"] for refusal in answer.json["refused"]]
    assert codes == [
        "version_conflict", "job_not_found", "job_not_found", "not_retryable", "not_retryable",
    ]  # fmt: skip
    assert [refusal["id"] for refusal in answer.json["refused"]] == [each["id"] for each in named]
    assert answer.json["redriven"] == []


@pytest.mark.parametrize("count", [0, 101])
def test_a_redrive_names_one_to_a_hundred_jobs(api: Api, count: int) -> None:
    named = [{"tenant": "acme", "id": ABSENT, "version": 1}] * count

    answer = api.post("/dead-letters/redrive", {"jobs": named})

    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, "/jobs")
