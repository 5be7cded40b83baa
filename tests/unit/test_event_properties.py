"""What holds of every event that is published, plain or a CloudEvent in any of its modes."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, cast
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from chalicelib import cloudevents, limits, schemas, validation
from chalicelib.errors import InvalidBody, InvalidJson
from chalicelib.events import Event
from chalicelib.inbox import Inbox, Published
from chalicelib.service import FrontDoor
from tests.unit.odd_json import TEXT, VALUES, changed, renamed, spelled

EVENT = {"event_type": "order.created", "payload": {"order": 17}, "source": "shop"}
CLOUD = {
    "specversion": "1.0",
    "id": "17",
    "source": "/shop",
    "type": "order.created",
    "time": "2026-01-31T12:00:00Z",
    "subject": "orders/17",
    "datacontenttype": "application/json",
    "data": {"order": 17},
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
}
MEMBERS = ("data_base64", "dataschema", "sequence", "partitionkey", "Upper", "", "data-x", "type")
# What an attribute may hold: no control characters, nothing that JSON cannot carry.
PLAIN = st.text('aZ09 ._:/-%"\\é\u2028\U0001f999', min_size=1, max_size=20)
SANE: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PLAIN, inner, max_size=3),
    max_leaves=6,
)


@dataclass
class Recorder:
    """An inbox that remembers what it was given."""

    given: list[tuple[Event, str, str | None]] = field(default_factory=list)

    def publish(self, draft: Event, body_hash: str = "", key: str | None = None) -> Published:
        self.given.append((replace(draft, id=""), body_hash, key))
        return Published(draft, known=False)


def published(body: Any) -> tuple[Event, str, str | None]:
    """Return what a sound body becomes: the event without its id, its hash, its key."""
    inbox = Recorder()
    nobody = cast("Any", None)
    door = FrontDoor(nobody, nobody, nobody, cast("Inbox", inbox), nobody, nobody)
    door.publish("acme", body, None)
    return inbox.given[0]


def plain(raw: bytes) -> Any:
    """Return the event that came as application/json, as the edge reads it."""
    body = validation.parse(raw)
    validation.check("event", body)
    return body


def checked(name: str, body: Any) -> Any:
    validation.check(name, body)
    return body


def sound_cloudevent(event: object) -> Any:
    validation.check("cloudevent", event)
    cloudevents.require_sound(cast("Any", event))
    return event


def structured(raw: bytes) -> Any:
    """Return the CloudEvent that came as application/cloudevents+json."""
    return sound_cloudevent(cloudevents.from_body(validation.parse(raw)))


def binary(headers: dict[str, str], raw: bytes) -> Any:
    """Return the CloudEvent that came in headers and body."""
    data = validation.parse(raw)
    return sound_cloudevent(cloudevents.from_headers(headers, "application/json", data))


def read_or_refused(read: Callable[..., Any], *given: Any) -> Any:
    """Return what *read* makes of it, or None for a refusal, which can be told."""
    try:
        return read(*given)
    except (InvalidBody, InvalidJson) as refusal:
        json.dumps(refusal.problem("r")).encode("ascii")
        return None


def octets(value: Any) -> bytes:
    return spelled(value).encode()


@given(
    raw=st.binary(max_size=30)
    | VALUES.map(octets)
    | renamed(EVENT, *CLOUD).map(octets)
    | renamed(CLOUD, *MEMBERS, *EVENT).map(octets)
    | changed(spelled(EVENT), '{}[]":,\\u0e1-').map(str.encode)
    | changed(spelled(CLOUD), '{}[]":,\\u0e1-').map(str.encode)
)
def test_any_body_is_an_event_or_refused_without_repeating_it(raw: bytes) -> None:
    for read in (plain, structured):
        body = read_or_refused(read, raw)
        if body and body["source"] != "tinyllama-router":
            event, _, _ = published(body)
            assert json.loads(json.dumps(event.payload)) == event.payload
            assert json.loads(json.dumps(event.attributes)) == event.attributes


@given(body=renamed(CLOUD, *MEMBERS) | renamed(EVENT, *CLOUD))
def test_jsonschema_takes_what_the_compiled_validators_take(body: dict[str, Any]) -> None:
    for name in ("event", "cloudevent"):
        taken = read_or_refused(checked, name, body) is not None
        assert taken == Draft202012Validator(schemas.load(name)).is_valid(body)


@given(
    names=st.dictionaries(st.text("abz09-_ ", max_size=22) | st.sampled_from([*CLOUD]), TEXT),
    raw=VALUES.map(octets),
)
def test_any_headers_are_an_event_or_refused(names: dict[str, str], raw: bytes) -> None:
    headers = {f"ce-{name}": value for name, value in names.items()}

    for given_headers in (headers, headers | as_headers(CLOUD)):
        event = read_or_refused(binary, given_headers, raw)
        assert event is None or event["datacontenttype"] == "application/json"
        assert json.loads(json.dumps(event)) == event


def as_headers(event: dict[str, Any]) -> dict[str, str]:
    """Return an event's attributes as HTTP's binding spells them (section 3.1.3.2)."""
    left_out = {"data", "datacontenttype"}
    return {
        f"ce-{name}": quote(value, safe="".join(map(chr, range(0x21, 0x7F))).replace("%", ""))
        for name, value in event.items()
        if name not in left_out
    }


def unquoted(text: str) -> bool:
    """Whether a header's value may be *text*: what is in quotes is told without them."""
    return text.strip() == text and not (text.startswith('"') and text.endswith('"'))


@given(data=SANE, source=PLAIN, subject=PLAIN, extension=PLAIN)
def test_an_event_is_the_same_in_both_modes(
    data: Any, source: str, subject: str, extension: str
) -> None:
    event = CLOUD | {"data": data, "source": source, "subject": subject, "partitionkey": extension}

    whole = structured(octets(event))

    assert whole == event
    if all(map(unquoted, (source, subject, extension))):
        assert published(binary(as_headers(event), octets(data))) == published(whole)


@given(subject=PLAIN)
def test_an_attribute_in_quotes_is_what_stands_in_them(subject: str) -> None:
    escaped = quote(subject, safe=' \\"').replace("\\", "\\\\").replace('"', '\\"')

    event = binary(as_headers(CLOUD) | {"ce-subject": f'"{escaped}"'}, b"{}")

    assert event["subject"] == subject


@given(payload=SANE, source=PLAIN, kind=st.text("aZ09._:/-", min_size=1, max_size=128))
def test_a_sound_event_stays_what_it_is(payload: Any, source: str, kind: str) -> None:
    body = {"event_type": f"a{kind}"[:128], "payload": payload, "source": source}

    event, _, key = published(plain(octets(body)))

    assert (event.event_type, event.payload, event.source) == tuple(body.values())
    assert (event.attributes, key) == (None, None)


@given(first=SANE, second=SANE)
def test_a_repeat_is_known_by_source_and_id_and_another_by_its_data(
    first: Any, second: Any
) -> None:
    one, other = (published(structured(octets(CLOUD | {"data": each}))) for each in (first, second))

    assert one[2] == other[2]
    assert (one[1] == other[1]) == (spelled(first) == spelled(second) or _alike(first, second))


def _alike(first: Any, second: Any) -> bool:
    return json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)


@pytest.mark.parametrize("unit", ['"', "\\", "%", '\\"', "%41", "%ff", "a", "\x7f", "é"])
def test_the_longest_of_headers_are_read_in_bounded_time(unit: str) -> None:
    headers = as_headers(CLOUD) | {"ce-subject": f'"{unit * (limits.BODY_BYTES // len(unit))}'}
    start = time.thread_time()

    with pytest.raises(InvalidBody):
        binary(headers, b"{}")

    # 30 ms on a quiet core; anything quadratic takes many seconds.
    assert time.thread_time() - start < 1
