"""Reads what came with a request: its media type, its bytes, the one JSON value in them."""

from collections.abc import Mapping
from typing import Any, cast

from chalice.app import Request

from chalicelib import cloudevents, errors, validation
from chalicelib.routing import JSON, Route

BATCH = "application/cloudevents-batch+json"
MEDIA_TYPE_WANTED = f"send the body as {JSON}, in UTF-8"
_UTF_8 = {"charset=utf-8", 'charset="utf-8"'}


def read(route: Route, schema: str, headers: Mapping[str, str], request: Request) -> Any:
    """Return the body, sound by *schema* or as a CloudEvent; header names are in lower case.

    Raises UnsupportedMediaType, InvalidJson, BodyTooLarge, InvalidBody.
    """
    told = headers.get("content-type", "").lower().split(";")
    media_type, *parameters = (part.strip() for part in told)
    charsets = {text for text in parameters if text.startswith("charset=")}
    if media_type not in route.media_types or charsets - _UTF_8:
        one = ": CloudEvents come one by one" if media_type == BATCH else ""
        wanted = " or ".join(route.media_types)
        raise errors.UnsupportedMediaType(f"send the body as {wanted}, in UTF-8{one}")
    body = validation.parse(raw(request, route.body_bytes))
    if "cloudevent" in route.takes:
        if media_type == cloudevents.MEDIA_TYPE:
            schema, body = "cloudevent", cloudevents.from_body(body)
        elif cloudevents.binary(headers):
            schema, body = "cloudevent", cloudevents.from_headers(headers, media_type, body)
    validation.check(schema, body)
    if schema == "cloudevent":
        cloudevents.require_sound(body)
    return body


def raw(request: Request, most_bytes: int) -> bytes:
    """Return the bytes that came, one at least. Raises InvalidJson, BodyTooLarge."""
    try:
        found = cast("bytes", request.raw_body)
    except ValueError as error:
        raise errors.InvalidJson("the body is not UTF-8") from error
    if not found:
        raise errors.InvalidJson("the body is empty; a chunked one needs a Content-Length instead")
    if len(found) > most_bytes:
        raise errors.BodyTooLarge(f"the body may hold {most_bytes} bytes")
    return found
