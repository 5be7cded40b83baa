"""POST /events and the inbox: what is published waits until somebody acknowledges it."""

from typing import Any

import pytest
import redis

from tests.calls import Api, HandWorker

EVENT = {"event_type": "order.created", "payload": {"id": 7}, "source": "shop"}


def publish(api: Api, **fields: Any) -> str:
    return str(api.post("/events", EVENT | fields).json["event_id"])


def pages(api: Api, path: str) -> list[list[str]]:
    """Follow every next link; return the ids of each page."""
    found = []
    while True:
        answer = api.get(path)
        found.append([event["event_id"] for event in answer.json["events"]])
        link = answer.headers.get("link")
        if link is None:
            return found
        path = "/inbox" + link.removeprefix("<").partition(">")[0]


def test_an_event_is_accepted_and_told_back(api: Api) -> None:
    answer = api.post("/events", EVENT)

    assert answer.status == 201
    told = answer.json
    assert told.pop("event_id").startswith("evt_")
    assert told.pop("timestamp").endswith("Z")
    assert told.pop("message")
    assert told == EVENT | {"status": "accepted", "delivered": False}


@pytest.mark.parametrize("payload", [None, 0, "", [], {}, "naïve 🦙", {"deep": [1, {"a": None}]}])
def test_any_json_value_is_a_payload(api: Api, payload: Any) -> None:
    event_id = publish(api, payload=payload)

    assert api.get(f"/events/{event_id}").json["payload"] == payload


def test_a_repeated_publish_answers_200_with_the_first_event(api: Api) -> None:
    first = api.post("/events", EVENT, idempotency_key="e-1")

    second = api.post("/events", EVENT, idempotency_key="e-1")

    assert (first.status, second.status) == (201, 200)
    assert second.json["event_id"] == first.json["event_id"]
    assert second.headers["idempotency-replayed"] == "true"
    assert len(api.get("/inbox").json["events"]) == 1


def test_another_event_under_the_same_key_is_refused(api: Api) -> None:
    api.post("/events", EVENT, idempotency_key="e-2")

    answer = api.post("/events", EVENT | {"payload": 8}, idempotency_key="e-2")

    assert (answer.status, answer.json["code"]) == (422, "idempotency_key_reused")


def test_one_key_serves_a_job_and_an_event(api: Api) -> None:
    api.post("/events", EVENT, idempotency_key="shared")

    assert api.post("/infer", {"prompt": "hi"}, idempotency_key="shared").status == 202


def test_the_key_of_a_removed_event_answers_410(api: Api, direct: "redis.Redis") -> None:
    event_id = api.post("/events", EVENT, idempotency_key="e-3").json["event_id"]
    direct.delete(f"tl:{{p0}}:event:{event_id}")

    answer = api.post("/events", EVENT, idempotency_key="e-3")

    assert (answer.status, answer.json["code"]) == (410, "event_gone")


def test_the_routers_own_source_is_reserved(api: Api) -> None:
    answer = api.post("/events", EVENT | {"source": "tinyllama-router"})

    assert (answer.status, answer.json["code"]) == (422, "invalid_body")
    assert answer.json["errors"][0]["pointer"] == "/source"


def test_the_inbox_pages_oldest_first_and_ends(api: Api) -> None:
    published = [publish(api, payload=n) for n in range(5)]

    assert pages(api, "/inbox?limit=2") == [published[:2], published[2:4], published[4:]]


def test_an_empty_inbox_is_an_empty_page(api: Api) -> None:
    answer = api.get("/inbox")

    assert (answer.status, answer.json) == (200, {"events": []})
    assert "link" not in answer.headers


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=x", "limit=-1", "limit=%EF%BC%91", "limit=", "cursor=x"],
)
def test_an_unusable_page_parameter_is_named(api: Api, query: str) -> None:
    answer = api.get(f"/inbox?{query}")

    assert (answer.status, answer.json["code"]) == (400, "invalid_parameter")
    assert query.partition("=")[0] in answer.json["detail"]


def test_a_page_stays_within_what_lambda_can_carry(api: Api) -> None:
    escaped_often = '"' * 100_000
    published = [publish(api, payload=escaped_often) for _ in range(12)]

    found = pages(api, "/inbox?limit=200")

    assert len(found) == 2
    assert [event_id for page in found for event_id in page] == published


@pytest.mark.parametrize("path", ["/inbox", "/events"])
def test_an_acknowledged_event_leaves_the_inbox_and_can_be_read(api: Api, path: str) -> None:
    event_id = publish(api)

    first, again = api.delete(f"{path}/{event_id}"), api.delete(f"{path}/{event_id}")

    assert (first.status, first.body, again.status) == (204, b"", 204)
    assert api.get("/inbox").json["events"] == []
    for reading in ("/inbox", "/events"):
        assert api.get(f"{reading}/{event_id}").json["delivered"] is True


@pytest.mark.parametrize("path", ["/inbox", "/events"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_another_tenants_event_answers_as_an_absent_one(api: Api, method: str, path: str) -> None:
    event_id = publish(api)
    globex = Api(api.transport, tenant="globex")

    theirs = globex.request(method, f"{path}/{event_id}")
    absent = globex.request(method, f"{path}/evt_{'0' * 32}")
    malformed = globex.request(method, f"{path}/1")

    assert theirs.status == absent.status == malformed.status == 404
    assert theirs.json["code"] == absent.json["code"] == malformed.json["code"]
    assert theirs.json["detail"].replace(event_id, "") == absent.json["detail"].replace(
        f"evt_{'0' * 32}", ""
    )
    assert globex.get("/inbox").json["events"] == []
    assert len(api.get("/inbox").json["events"]) == 1


def test_the_end_of_a_job_is_an_event(api: Api, hand_worker: HandWorker) -> None:
    job_id = api.post("/infer", {"prompt": "hi"}).json["id"]
    hand_worker.answer()

    (event,) = api.get("/inbox").json["events"]

    assert event["event_type"] == "job.succeeded"
    assert event["source"] == "tinyllama-router"
    assert event["payload"] == {"job_id": job_id, "state": "succeeded", "attempt": 1}
