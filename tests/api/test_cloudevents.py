"""POST /events with CloudEvents 1.0: structured and binary, known by source and id."""

import json
from typing import Any

import pytest

from tests.calls import Answer, Api

STRUCTURED = {"Content-Type": "application/cloudevents+json"}
EVENT: dict[str, Any] = {
    "specversion": "1.0", "id": "17", "source": "/shop", "type": "order.created",
    "time": "2026-01-31T12:00:00Z", "subject": "orders/17", "data": {"order": 17},
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "retries": 2,
    "sampled": True,
}  # fmt: skip
HEADERS = {"Ce-Specversion": "1.0", "Ce-Id": "17", "Ce-Source": "/shop", "Ce-Type": "order.created"}


def send(api: Api, event: Any, **headers: str) -> Answer:
    """Publish in structured mode."""
    return api.request("POST", "/events", event, STRUCTURED | headers)


def send_binary(api: Api, data: Any, **changed: str | None) -> Answer:
    """Publish in binary mode, headers *changed* or, None, left out."""
    named = HEADERS | {f"Ce-{name.title()}": value for name, value in changed.items()}
    headers = {name: value for name, value in named.items() if value is not None}
    return api.request("POST", "/events", data, headers)


def refusal(answer: Answer) -> tuple[str, str]:
    assert (answer.status, answer.json["code"]) == (422, "invalid_body")
    (error,) = answer.json["errors"]
    return error["pointer"], error["detail"]


def test_a_structured_cloudevent_comes_back_whole(api: Api) -> None:
    answer = send(api, EVENT)

    told = api.get(f"/events/{answer.json['event_id']}").json
    assert answer.status == 201
    assert (told["event_type"], told["source"]) == ("order.created", "/shop")
    assert told["payload"] == {"order": 17}
    kept = {"type": told["event_type"], "source": told["source"], "data": told["payload"]}
    assert kept | told["cloudevent"] == EVENT


def test_a_binary_cloudevent_is_decoded_from_its_headers(api: Api) -> None:
    answer = send_binary(
        api, {"order": 17}, subject="caf%C3%A9 100%25", myext='"quoted \\"text\\""', id=" 17 "
    )

    (told,) = api.get("/inbox").json["events"]
    assert answer.status == 201
    assert told["payload"] == {"order": 17}
    assert told["cloudevent"] == {
        "specversion": "1.0", "id": "17", "subject": "caf\u00e9 100%", "myext": 'quoted "text"',
        "datacontenttype": "application/json",
    }  # fmt: skip


def test_another_event_has_no_cloudevent(api: Api) -> None:
    api.post("/events", {"event_type": "a", "payload": None, "source": "b"})

    (told,) = api.get("/inbox").json["events"]

    assert told["cloudevent"] is None


def test_a_cloudevent_is_known_by_its_source_and_id_however_it_comes(api: Api) -> None:
    first = send(api, EVENT)

    again = send(api, EVENT | {"time": "2026-01-31T13:00:00+01:00", "hop": 2})
    binary = send_binary(api, {"order": 17})
    other_source = send(api, EVENT | {"source": "/till"})
    other_id = send(api, EVENT | {"id": "18"})

    assert (first.status, again.status, binary.status) == (201, 200, 200)
    assert first.json["event_id"] == again.json["event_id"] == binary.json["event_id"]
    assert again.headers["idempotency-replayed"] == "true"
    assert (other_source.status, other_id.status) == (201, 201)
    assert Api(api.transport, tenant="globex").request(
        "POST", "/events", EVENT, STRUCTURED
    ).status == 201  # fmt: skip


@pytest.mark.parametrize("change", [{"data": {"order": 18}}, {"type": "order.paid"}])
def test_another_event_of_the_same_source_and_id_is_refused(
    api: Api, change: dict[str, Any]
) -> None:
    send(api, EVENT)

    answer = send(api, EVENT | change)

    assert (answer.status, answer.json["code"]) == (422, "idempotency_key_reused")
    assert "Idempotency-Key" not in str(answer.json)
    assert "this source and id" in answer.json["detail"]


def test_no_idempotency_key_goes_with_a_cloudevent(api: Api) -> None:
    answer = send(api, EVENT, **{"Idempotency-Key": "k"})

    assert (answer.status, answer.json["code"]) == (400, "invalid_parameter")
    assert "Idempotency-Key" in answer.json["detail"]
    assert api.get("/inbox").json["events"] == []


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"specversion": "0.3"}, "/specversion"),
        ({"id": ""}, "/id"),
        ({"id": 17}, "/id"),
        ({"source": ""}, "/source"),
        ({"source": "tinyllama-router"}, "/source"),
        ({"type": "order created"}, "/type"),
        ({"time": "yesterday"}, "/time"),
        ({"time": "2026-01-31 12:00:00Z"}, "/time"),
        ({"time": "2026-13-31T12:00:00Z"}, "/time"),
        ({"subject": "a\nb"}, "/subject"),
        ({"data_base64": "AAAA"}, "/data_base64"),
        ({"my_ext": "a"}, "/my_ext"),
        ({"MyExt": "a"}, "/MyExt"),
        ({"a" * 21: "a"}, "/" + "a" * 21),
        ({"ext": 1.5}, "/ext"),
        ({"ext": {}}, "/ext"),
        ({"ext": 2**31}, "/ext"),
    ],
)
def test_a_wrong_attribute_is_named(api: Api, change: dict[str, Any], pointer: str) -> None:
    assert refusal(send(api, EVENT | change))[0] == pointer


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type"])
@pytest.mark.parametrize("mode", ["structured", "null", "binary"])
def test_a_missing_attribute_is_named(api: Api, name: str, mode: str) -> None:
    without = {key: value for key, value in EVENT.items() if key != name}

    answer = {
        "structured": lambda: send(api, without),
        "null": lambda: send(api, EVENT | {name: None}),
        "binary": lambda: send_binary(api, 1, **{name: None}),
    }[mode]()

    assert refusal(answer) == (f"/{name}", "is required")


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("subject", "%C0%A0"),
        ("subject", "%FF"),
        ("subject", "a%0Ab"),
        ("time", "noon"),
        ("my-ext", "a"),
        ("datacontenttype", "application/json"),
        ("data", "1"),
    ],
)
def test_a_wrong_header_is_named_by_its_attribute(api: Api, header: str, value: str) -> None:
    answer = api.request("POST", "/events", 1, HEADERS | {f"Ce-{header.title()}": value})

    assert refusal(answer)[0] == f"/{header}"


@pytest.mark.parametrize("data", [None, 0, "", [], {"deep": [1]}])
def test_data_are_any_json_value(api: Api, data: Any) -> None:
    raw, json_type = json.dumps(data).encode(), {"Content-Type": "application/json"}

    structured = send(api, EVENT | {"data": data})
    binary = api.request("POST", "/events", raw, HEADERS | json_type | {"Ce-Id": "18"})

    assert structured.json["payload"] == binary.json["payload"] == data


def test_without_data_the_payload_is_null(api: Api) -> None:
    bare = {name: EVENT[name] for name in ("specversion", "id", "source", "type")}

    assert send(api, bare).json["payload"] is None


@pytest.mark.parametrize("body", [[], "a", 1, None])
def test_a_structured_body_is_an_object(api: Api, body: Any) -> None:
    answer = send(api, json.dumps(body).encode())

    assert refusal(answer) == ("", "must be an object")


def test_a_batch_is_refused(api: Api) -> None:
    answer = api.request(
        "POST", "/events", [EVENT], {"Content-Type": "application/cloudevents-batch+json"}
    )

    assert (answer.status, answer.json["code"]) == (415, "unsupported_media_type")
    assert "one by one" in answer.json["detail"]


def test_no_other_route_takes_a_cloudevent(api: Api) -> None:
    answer = api.request("POST", "/infer", EVENT, STRUCTURED)

    assert (answer.status, answer.json["code"]) == (415, "unsupported_media_type")
