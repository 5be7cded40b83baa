"""CloudEvents 1.0 as they come over HTTP, and what of them an event keeps. Pure: no I/O."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from chalicelib.errors import FieldError, InvalidBody

type JsonObject = dict[str, Any]

MEDIA_TYPE = "application/cloudevents+json"

_PREFIX = "ce-"
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f]")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_TIME = re.compile(
    r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[Tt]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)"
    r"(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)


def binary(headers: Mapping[str, str]) -> bool:
    """Tell whether headers, named in lower case, hold a CloudEvent's attributes (binary mode)."""
    return any(name.startswith(_PREFIX) for name in headers)


def from_headers(headers: Mapping[str, str], media_type: str, data: object) -> JsonObject:
    """Return the event that came in binary mode, in the form of structured mode.

    Raises InvalidBody naming an attribute whose value cannot be read (HTTP binding, 3.1.3.2).
    """
    event: JsonObject = {
        name.removeprefix(_PREFIX): _attribute(name.removeprefix(_PREFIX), value)
        for name, value in headers.items()
        if name.startswith(_PREFIX)
    }
    if "datacontenttype" in event:
        raise _refused("datacontenttype", "is told by Content-Type in binary mode")
    if "data" in event:
        raise _refused("data", "is the body in binary mode")
    return event | {"datacontenttype": media_type, "data": data}


def from_body(body: object) -> object:
    """Return the event that came in structured mode; an attribute that is null is absent.

    Raises InvalidBody for binary data.
    """
    if not isinstance(body, dict):
        return body
    if body.get("data_base64") is not None:
        raise _refused("data_base64", "binary data is not taken: send JSON as data")
    unset = {name for name, value in body.items() if value is None and name != "data"}
    return {name: body[name] for name in body if name not in unset}


def require_sound(event: JsonObject) -> None:
    """Check what the schema cannot say: that a time is one (RFC 3339), that texts are plain.

    Raises InvalidBody naming the attribute.
    """
    if "time" in event and not _TIME.fullmatch(event["time"]):
        raise _refused("time", "must be a timestamp of RFC 3339")
    for name, value in event.items():
        if name != "data" and isinstance(value, str) and _CONTROLS.search(value):
            raise _refused(name, "must not hold control characters")


def attributes(event: JsonObject) -> JsonObject:
    """Return what a consumer needs beside type, source and data to have the whole event again."""
    return {name: event[name] for name in event if name not in {"type", "source", "data"}}


def _attribute(name: str, value: str) -> str:
    value = value.strip()
    if quoted := _QUOTED.fullmatch(value):
        value = re.sub(r"\\(.)", r"\1", quoted[1])
    try:
        return unquote_to_bytes(value).decode("utf-8")
    except UnicodeError:
        raise _refused(name, "must be percent-encoded UTF-8") from None


def _refused(name: str, detail: str) -> InvalidBody:
    # The schema names every other fault; a header's name is the host's business.
    return InvalidBody(errors=[FieldError(f"/{name[:64]}", detail)])
