"""GET /jobs/{id}/stream: what a job says, while it says it."""

import threading
import time
from typing import Any

import pytest

from chalicelib.leasing import Outcome
from tests.calls import Answer, Api, HandWorker

PROMPT = {"prompt": "Say hello"}
ERROR = {"code": "engine_interrupted", "detail": "the stream broke off"}


@pytest.fixture
def job_id(api: Api) -> str:
    """A queued job."""
    return str(api.post("/infer", PROMPT).json["id"])


def following(answer: Answer) -> str:
    """Return the query of the next link."""
    return answer.headers["link"].removeprefix("<").partition(">")[0]


def test_a_job_that_has_not_begun_has_said_nothing(api: Api, job_id: str) -> None:
    answer = api.get(f"/jobs/{job_id}/stream")

    assert answer.status == 200
    assert answer.json == {
        "id": job_id, "state": "queued", "attempt": 0, "reset": False, "text": "",
        "cursor": "0-0", "complete": False,
    }  # fmt: skip
    assert answer.headers["retry-after"] == "1"


def test_the_next_link_leads_on_until_all_is_told(
    api: Api, hand_worker: HandWorker, job_id: str
) -> None:
    claim = hand_worker.claim()
    hand_worker.leases.append(claim, 0, ["One ", "two "])
    first = api.get(f"/jobs/{job_id}/stream")
    hand_worker.leases.append(claim, 2, ["three"])
    told = {"text": "One two three", "finish_reason": "stop", "engine": "e", "model": None}
    hand_worker.leases.finish(claim, Outcome(result=told))

    second = api.get(f"/jobs/{job_id}/stream{following(first)}")

    assert (first.json["text"], first.json["cursor"]) == ("One two ", "1-2")
    assert (second.json["text"], second.json["cursor"]) == ("three", "1-3")
    assert (second.json["complete"], second.json["state"]) == (True, "succeeded")
    assert "link" not in second.headers
    assert "retry-after" not in second.headers


def test_a_new_attempt_begins_anew_with_reset(
    api: Api, hand_worker: HandWorker, job_id: str
) -> None:
    claim = hand_worker.claim()
    hand_worker.leases.append(claim, 0, ["Lost "])
    before = api.get(f"/jobs/{job_id}/stream")
    hand_worker.leases.release(claim)
    hand_worker.leases.append(hand_worker.claim(), 0, ["Hello"])

    after = api.get(f"/jobs/{job_id}/stream{following(before)}")

    assert (after.json["reset"], after.json["attempt"]) == (True, 2)
    assert (after.json["text"], after.json["cursor"]) == ("Hello", "2-1")


@pytest.mark.parametrize("after", ["", "1", "1-", "x-1", "1-1-1", "-1-0", "1-%EF%BC%91"])
def test_an_unusable_cursor_is_named(api: Api, job_id: str, after: str) -> None:
    answer = api.get(f"/jobs/{job_id}/stream?after={after}")

    assert (answer.status, answer.json["code"]) == (400, "invalid_parameter")
    assert answer.json["detail"].startswith("after ")


@pytest.mark.slow
@pytest.mark.parametrize("happens", ["text", "end", "deadline"])
def test_a_reader_waits_until_there_is_more(
    api: Api, hand_worker: HandWorker, happens: str
) -> None:
    limit: dict[str, Any] = {"deadline_seconds": 1} if happens == "deadline" else {}
    job_id = api.post("/infer", PROMPT | limit).json["id"]
    claim = hand_worker.claim()
    acts = {
        "text": lambda: hand_worker.leases.append(claim, 0, ["Hello"]),
        "end": lambda: hand_worker.leases.finish(claim, Outcome(error=ERROR)),
        "deadline": list,
    }
    threading.Timer(0.5, acts[happens]).start()
    before = time.monotonic()

    answer = api.get(f"/jobs/{job_id}/stream", prefer="wait=20")

    assert 0.4 < time.monotonic() - before < 5
    assert answer.headers["preference-applied"] == "wait=20"
    states = {"text": "running", "end": "failed", "deadline": "expired"}
    assert answer.json["state"] == states[happens]
    assert answer.json["text"] == ("Hello" if happens == "text" else "")
    assert answer.json["complete"] == (happens != "text")


@pytest.mark.slow
def test_a_reader_is_told_when_the_time_is_up(api: Api, job_id: str) -> None:
    answer = api.get(f"/jobs/{job_id}/stream", prefer="wait=1")

    assert (answer.json["text"], answer.json["complete"]) == ("", False)
    assert answer.headers["link"] == '<?after=0-0>; rel="next"'
