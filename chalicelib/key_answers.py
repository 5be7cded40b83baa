"""How API keys look from outside: never the key itself."""

import re
from typing import TYPE_CHECKING

from chalicelib.answers import moment, next_page
from chalicelib.calls import Call
from chalicelib.errors import ApiKeyNotFound
from chalicelib.jobs import JsonObject
from chalicelib.routing import Reply

if TYPE_CHECKING:  # it brings redis, which the authorizer never needs
    from chalicelib.key_records import KeyPage, KeyRecord

_KEY_ID = re.compile(r"key_[0-9a-f]{32}")


def require_key_id(text: str) -> str:
    """Return *text* if an API key can have that id. Raises ApiKeyNotFound, as for an absent one."""
    if not _KEY_ID.fullmatch(text):
        raise ApiKeyNotFound
    return text


def registered(record: "KeyRecord", *, known: bool) -> Reply:
    """Answer a registration: 200 when the key was registered before, else 201."""
    return Reply(_key(record), 200 if known else 201)


def keys(call: Call, page: "KeyPage", limit: int) -> Reply:
    """Answer a page of API keys, with a link to the next one where there is one."""
    asked = {"tenant": call.query["tenant"]} if "tenant" in call.query else {}
    listed = {"keys": [_key(record) for record in page.keys]}
    return Reply(listed, headers=next_page(page.cursor, limit, asked))


def _key(record: "KeyRecord") -> JsonObject:
    return {
        "id": record.id,
        "tenant": record.tenant,
        "name": record.name,
        "scopes": list(record.scopes),
        "created_at": moment(record.created_at),
        "expires_at": moment(record.expires_at),
        "revoked_at": moment(record.revoked_at),
        "state": record.state,
    }
