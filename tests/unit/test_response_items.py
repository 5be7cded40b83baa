"""Items of earlier responses by their ids: each is the item that was answered, or is refused."""

from typing import Any

import pytest

from chalicelib import limits, response_items
from chalicelib.errors import InvalidBody
from chalicelib.jobs import Job, JobState
from chalicelib.openai_errors import ResponseNotFound
from chalicelib.response_objects import response
from tests.unit.openai_jobs import CALL, HEX, responded, result

ANSWERED = responded(
    result=result("I look", message={"tool_calls": [CALL], "reasoning_content": "Hm."})
)
USER = {"role": "user", "content": "And?"}


def reference(item_id: Any) -> dict[str, Any]:
    return {"type": "item_reference", "id": item_id}


def resolved(given: list[Any], job: Job = ANSWERED) -> list[Any]:
    return list(response_items.resolved(given, lambda _: job))


def refusal_of(given: list[Any], job: Job = ANSWERED) -> list[str]:
    with pytest.raises(InvalidBody) as refusal:
        resolved(given, job)
    return [error.pointer for error in refusal.value.errors]


def test_each_item_of_a_response_is_found_by_its_id() -> None:
    items = response(ANSWERED)["output"]

    found = resolved([USER, *(reference(item["id"]) for item in items), USER])

    assert len(items) == 3
    assert found == [USER, *items, USER]


def test_a_response_is_looked_for_once_by_its_own_id() -> None:
    looked: list[str] = []

    def find(response_id: str) -> Job:
        looked.append(response_id)
        return ANSWERED

    list(response_items.resolved([reference(f"msg_{HEX}"), reference(f"fc_{HEX}_0")], find))

    assert looked == [f"resp_{HEX}"]


@pytest.mark.parametrize(
    "item_id", [f"fc_{HEX}_1", f"resp_{HEX}", f"msg_{HEX}_0", "msg_1", None, [], "msg_" + "é" * 32]
)
def test_what_names_no_item_is_refused(item_id: Any) -> None:
    assert refusal_of([USER, reference(item_id)]) == ["/input/1"]


def test_an_item_of_a_response_that_is_not_there_is_refused() -> None:
    def find(_: str) -> Job:
        raise ResponseNotFound

    with pytest.raises(InvalidBody):
        list(response_items.resolved([reference(f"msg_{HEX}")], find))


@pytest.mark.parametrize("state", [JobState.RUNNING, JobState.FAILED])
def test_a_response_without_an_answer_has_no_items(state: JobState) -> None:
    assert refusal_of([reference(f"msg_{HEX}")], responded(state=state)) == ["/input/0"]


def test_what_is_named_counts_as_what_is_sent() -> None:
    job = responded(result=result("x" * (limits.BODY_BYTES // 2)))
    once, twice = [reference(f"msg_{HEX}")], [reference(f"msg_{HEX}")] * 2

    assert len(resolved(once, job)) == 1
    assert refusal_of(twice, job) == ["/input/1"]


def test_items_of_so_many_responses_are_looked_for_and_no_more() -> None:
    numbered = [f"msg_{number:032x}" for number in range(response_items.RESPONSES_MOST + 1)]
    looked: list[str] = []

    def find(response_id: str) -> Job:
        looked.append(response_id)
        return responded(id=response_id.replace("resp_", "job_"))

    with pytest.raises(InvalidBody):
        list(response_items.resolved([reference(each) for each in numbered], find))

    assert len(looked) == response_items.RESPONSES_MOST
