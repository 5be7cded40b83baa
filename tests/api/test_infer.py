"""POST /infer: a prompt goes in, a job comes out."""

import threading
import time
from collections.abc import Callable

import pytest
import redis

from chalicelib import keyspace
from tests.calls import Api, HandWorker

PROMPT = {"prompt": "Say hello"}


def in_a_moment(act: Callable[[], object]) -> threading.Timer:
    """Act half a second from now, on a thread of its own."""
    timer = threading.Timer(0.5, act)
    timer.start()
    return timer


def test_a_prompt_becomes_a_queued_job(api: Api) -> None:
    answer = api.post("/infer", PROMPT | {"model": "tiny", "metadata": {"user": "7"}})

    assert answer.status == 202
    job = answer.json
    assert answer.headers["location"] == f"jobs/{job['id']}"
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["etag"] == 'W/"1"'
    assert (job["state"], job["attempt"], job["position"]) == ("queued", 0, 0)
    assert (job["model"], job["metadata"]) == ("tiny", {"user": "7"})
    assert job["result"] is job["error"] is job["usage"] is None


def test_location_holds_behind_a_trailing_slash(api: Api) -> None:
    answer = api.post("/infer/", PROMPT)

    assert answer.status == 202
    assert answer.headers["location"] == f"../jobs/{answer.json['id']}"


def test_a_finished_job_tells_result_usage_and_timings(api: Api, hand_worker: HandWorker) -> None:
    job_id = api.post("/infer", PROMPT).json["id"]
    hand_worker.answer("Hello to you")

    job = api.get(f"/jobs/{job_id}").json

    assert (job["state"], job["attempt"], job["position"]) == ("succeeded", 1, None)
    assert job["result"] == {
        "text": "Hello to you", "finish_reason": "stop", "engine": "echo", "model": "echo",
    }  # fmt: skip
    assert job["usage"] == {"prompt_tokens": 1, "completion_tokens": 3, "total_tokens": 4}
    assert all(span >= 0 for span in job["timings"].values())


@pytest.mark.slow
def test_prefer_wait_answers_200_as_soon_as_the_job_has_ended(
    api: Api, hand_worker: HandWorker
) -> None:
    in_a_moment(hand_worker.answer)
    before = time.monotonic()

    answer = api.post("/infer", PROMPT, prefer="wait=20")

    assert answer.status == 200
    assert answer.json["state"] == "succeeded"
    assert answer.headers["preference-applied"] == "wait=20"
    assert "retry-after" not in answer.headers
    assert time.monotonic() - before < 5


@pytest.mark.slow
def test_prefer_wait_answers_202_when_the_time_is_up(api: Api) -> None:
    answer = api.post("/infer", PROMPT, prefer="respond-async, wait=1")

    assert answer.status == 202
    assert answer.headers["preference-applied"] == "wait=1"


def test_an_unreadable_preference_is_passed_over(api: Api) -> None:
    answer = api.post("/infer", PROMPT, prefer="wait=soon")

    assert answer.status == 202
    assert "preference-applied" not in answer.headers


def test_the_same_idempotency_key_never_makes_a_second_job(api: Api, direct: "redis.Redis") -> None:
    first = api.post("/infer", PROMPT, idempotency_key="order-1")
    second = api.post("/infer", PROMPT, idempotency_key="order-1")

    assert second.status == 202
    assert second.json["id"] == first.json["id"]
    assert second.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert direct.zcard(keyspace.QUEUE) == 1


def test_the_same_body_is_the_same_whatever_the_order_of_its_fields(api: Api) -> None:
    first = api.post("/infer", b'{"prompt": "a", "seed": 1}', idempotency_key="order-2")

    second = api.post("/infer", b'{"seed":1,"prompt":"\\u0061"}', idempotency_key="order-2")

    assert second.json["id"] == first.json["id"]


def test_another_body_under_the_same_idempotency_key_is_refused(api: Api) -> None:
    api.post("/infer", PROMPT, idempotency_key="order-3")

    answer = api.post("/infer", {"prompt": "Something else"}, idempotency_key="order-3")

    assert (answer.status, answer.json["code"]) == (422, "idempotency_key_reused")


def test_an_idempotency_key_belongs_to_its_tenant(api: Api) -> None:
    mine = api.post("/infer", PROMPT, idempotency_key="order-4")

    theirs = Api(api.transport, tenant="globex").post("/infer", PROMPT, idempotency_key="order-4")

    assert theirs.status == 202
    assert theirs.json["id"] != mine.json["id"]


def test_the_key_of_a_removed_job_answers_410(api: Api, direct: "redis.Redis") -> None:
    job_id = api.post("/infer", PROMPT, idempotency_key="order-5").json["id"]
    direct.delete(f"tl:{{p0}}:job:{job_id}")

    answer = api.post("/infer", PROMPT, idempotency_key="order-5")

    assert (answer.status, answer.json["code"]) == (410, "job_gone")


@pytest.mark.parametrize("key", ["", "a b", "ü", "x" * 256])
def test_an_unusable_idempotency_key_is_refused(api: Api, key: str) -> None:
    answer = api.request(
        "POST", "/infer", PROMPT, {"Idempotency-Key": key.encode().decode("latin-1")}
    )

    assert (answer.status, answer.json["code"]) == (400, "invalid_parameter")
    assert "Idempotency-Key" in answer.json["detail"]
