"""POST /inbox/lease, extend, release and ack: several consumers share an inbox, none is lost."""

import threading
import time
from typing import Any

import pytest
import redis

from chalicelib import keyspace
from tests.calls import Answer, Api

EVENT = {"event_type": "order.created", "payload": 1, "source": "shop"}
MINE, THEIRS = "consumer-one-0001", "consumer-two-0002"


def publish(api: Api, count: int = 1) -> list[str]:
    return [str(api.post("/events", EVENT | {"payload": n}).json["event_id"]) for n in range(count)]


def lease(api: Api, token: str = MINE, **fields: Any) -> Answer:
    return api.post("/inbox/lease", {"lease": token, **fields})


def ids(answer: Answer) -> list[str]:
    return [event["event_id"] for event in answer.json["events"]]


def lapse(direct: "redis.Redis", token: str = MINE, tenant: str = "acme") -> None:
    """Let a lease have lapsed long ago."""
    direct.hset(keyspace.inbox_lease(tenant, token), "end", 1)
    for member in direct.zrange(keyspace.inbox_leases(tenant), 0, -1):
        direct.zadd(keyspace.inbox_leases(tenant), {str(member): 1})


def test_leased_events_are_seen_by_nobody_else(api: Api) -> None:
    published = publish(api, 3)

    mine, theirs = lease(api, count=2), lease(api, THEIRS, count=2)

    assert (ids(mine), ids(theirs)) == (published[:2], published[2:])
    assert api.get("/inbox").json == {"events": []}
    assert api.get(f"/events/{published[0]}").json["delivered"] is False


def test_the_same_token_answers_what_it_holds(api: Api) -> None:
    publish(api, 3)

    first, again = lease(api, count=2), lease(api, count=2)

    assert (again.status, again.json) == (200, first.json)


def test_a_lease_without_a_token_gets_one(api: Api) -> None:
    (event_id,) = publish(api)

    answer = api.post("/inbox/lease", {})

    assert ids(answer) == [event_id]
    acknowledged = api.post("/inbox/ack", {"lease": answer.json["lease"]})
    assert acknowledged.status == 204


def test_a_lapsed_lease_is_lost_and_its_events_are_pending_again(
    api: Api, direct: "redis.Redis"
) -> None:
    published = publish(api, 2)
    lease(api)
    lapse(direct)

    assert [event["event_id"] for event in api.get("/inbox").json["events"]] == published
    for path, more in (("lease", {}), ("extend", {"seconds": 5}), ("release", {}), ("ack", {})):
        answer = api.post(f"/inbox/{path}", {"lease": MINE, **more})
        assert (answer.status, answer.json["code"]) == (409, "lease_lost")


def test_an_extended_lease_holds_for_longer(api: Api) -> None:
    publish(api)
    first = lease(api, seconds=1)

    answer = api.post("/inbox/extend", {"lease": MINE, "seconds": 60})

    assert answer.status == 200
    assert answer.json["until"] > first.json["until"]


def test_released_events_are_pending_in_their_old_places(api: Api) -> None:
    published = publish(api, 3)
    lease(api, count=2)

    one = api.post("/inbox/release", {"lease": MINE, "event_ids": published[1:2]})
    after_one = ids(api.get("/inbox"))
    rest = api.post("/inbox/release", {"lease": MINE})

    assert (one.status, one.body, rest.status) == (204, b"", 204)
    assert after_one == published[1:]
    assert ids(api.get("/inbox")) == published


def test_acknowledged_events_are_delivered_and_again_is_fine(api: Api) -> None:
    published = publish(api, 2)
    lease(api, count=2)

    one = api.post("/inbox/ack", {"lease": MINE, "event_ids": published[:1]})
    again = api.post("/inbox/ack", {"lease": MINE, "event_ids": published[:1]})
    rest = api.post("/inbox/ack", {"lease": MINE})

    assert [answer.status for answer in (one, again, rest)] == [204, 204, 204]
    assert all(api.get(f"/events/{each}").json["delivered"] for each in published)


def test_all_named_events_are_acknowledged_or_none(api: Api) -> None:
    published = publish(api, 2)
    lease(api, count=1)

    answer = api.post("/inbox/ack", {"lease": MINE, "event_ids": published})

    assert (answer.status, answer.json["code"]) == (409, "lease_lost")
    assert api.get(f"/events/{published[0]}").json["delivered"] is False


def test_a_leased_event_can_be_acknowledged_by_its_id(api: Api) -> None:
    (event_id,) = publish(api)
    lease(api)

    assert api.delete(f"/inbox/{event_id}").status == 204
    assert api.get(f"/events/{event_id}").json["delivered"] is True


@pytest.mark.parametrize("path", ["extend", "release", "ack"])
def test_another_tenants_lease_answers_as_an_absent_one(api: Api, path: str) -> None:
    published = publish(api)
    lease(api)
    globex = Api(api.transport, tenant="globex")
    more: dict[str, Any] = {"seconds": 5} if path == "extend" else {"event_ids": published}

    theirs = globex.post(f"/inbox/{path}", {"lease": MINE, **more})
    absent = globex.post(f"/inbox/{path}", {"lease": THEIRS, **more})

    assert (theirs.status, theirs.json["code"]) == (409, "lease_lost")
    assert theirs.json | {"request_id": ""} == absent.json | {"request_id": ""}
    assert ids(lease(globex)) == []


@pytest.mark.parametrize(
    "body",
    [
        {"count": 0}, {"count": 201}, {"seconds": 0}, {"seconds": 43_201}, {"seconds": 1.5},
        {"lease": "short"}, {"lease": "x" * 65}, {"lease": "not-a-token-at-all!"}, {"more": 1},
    ],
)  # fmt: skip
def test_an_unusable_lease_is_refused_by_field(api: Api, body: dict[str, Any]) -> None:
    answer = api.post("/inbox/lease", body)

    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, f"/{next(iter(body))}")


def test_a_whole_number_may_be_written_with_a_fraction_of_zero(api: Api) -> None:
    publish(api, 3)

    answer = api.post("/inbox/lease", {"lease": MINE, "count": 2.0, "seconds": 5.0})

    assert len(ids(answer)) == 2
    assert api.post("/inbox/extend", {"lease": MINE, "seconds": 9.0}).status == 200


@pytest.mark.slow
@pytest.mark.parametrize("token", [{}, {"lease": MINE}])
def test_a_consumer_waits_until_an_event_comes(api: Api, token: dict[str, str]) -> None:
    threading.Timer(0.5, publish, (api,)).start()
    before = time.monotonic()

    answer = api.request("POST", "/inbox/lease", token, {"Prefer": "wait=20"})

    assert 0.4 < time.monotonic() - before < 5
    assert len(ids(answer)) == 1
    assert answer.headers["preference-applied"] == "wait=20"


def test_a_token_that_holds_events_does_not_wait(api: Api) -> None:
    published = publish(api)
    lease(api)

    answer = api.request("POST", "/inbox/lease", {"lease": MINE}, {"Prefer": "wait=20"})

    assert ids(answer) == published
