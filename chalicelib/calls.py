"""What an authorized request says of itself: preferences, versions, keys, query and body."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib import limits
from chalicelib.errors import InvalidParameter
from chalicelib.jobs import JobState

_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?([0-9]{1,9})\"?(?=$|[,;\s])", re.IGNORECASE)
_ETAG = re.compile(r'(?:W/)?"([0-9]{1,15})"')
_IDEMPOTENCY_KEY = re.compile(rf"[\x21-\x7e]{{1,{limits.IDEMPOTENCY_KEY_CHARS}}}")
_INTEGER = re.compile(r"[0-9]{1,15}")
WORDS: Mapping[str, tuple[str, str]] = {
    "after": ("[0-9]{1,9}-[0-9]{1,9}", "a cursor as it was told, <attempt>-<chunks>"),
    "model": ("[A-Za-z0-9][A-Za-z0-9._:/@-]{0,127}", "a model's name"),
    "stream": ("true|false", "true or false"),
    "state": ("|".join(JobState), f"one of {', '.join(JobState)}"),
    # As tokens and API keys may name it (claims.TENANT).
    "tenant": ("[A-Za-z0-9._:@|/+-]{1,128}", "a tenant's name"),
    "type": ("[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}", "an event's type"),
}
"""What a query parameter that is a word may be: as a pattern of ECMA-262, and told."""


@dataclass(frozen=True)
class Caller:
    """Who calls: the tenant, with which scopes, by which API key (``""`` for an issuer's token).

    *key_digest* is of the key's text (``api_keys.ApiKey``): its id alone proves no registration.
    """

    tenant: str
    scopes: frozenset[str] = frozenset()
    key_id: str = ""
    key_digest: str = ""


NOBODY = Caller("")
"""Who calls a public route."""


@dataclass(frozen=True)
class Call:
    """One authorized request, as a view sees it: the body is already valid.

    *body_digest* is the SHA-256 of the bytes that came, on routes of the OpenAI API.
    """

    caller: Caller
    body: Any
    query: Mapping[str, str]
    headers: Mapping[str, str]
    path: str
    body_digest: str = ""

    @property
    def tenant(self) -> str:
        """Whose things are asked for."""
        return self.caller.tenant

    @property
    def wait_seconds(self) -> int:
        """How long ``Prefer: wait=N`` (RFC 7240) asks to wait, within the limit; 0 without."""
        found = _WAIT.search(self.headers.get("prefer", ""))
        return min(int(found[1]), limits.WAIT_SECONDS) if found else 0

    @property
    def seen_version(self) -> int | None:
        """The version that ``If-None-Match`` names, or None."""
        found = _ETAG.fullmatch(self.headers.get("if-none-match", "").strip())
        return int(found[1]) if found else None

    @property
    def idempotency_key(self) -> str | None:
        """The caller's ``Idempotency-Key``, or None. Raises InvalidParameter."""
        key = self.headers.get("idempotency-key")
        if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
            raise InvalidParameter(
                "Idempotency-Key must be 1 to "
                f"{limits.IDEMPOTENCY_KEY_CHARS} visible ASCII characters"
            )
        return key

    def integer(self, name: str, default: int, least: int, most: int) -> int:
        """Return the query parameter *name* within its bounds. Raises InvalidParameter."""
        text = self.query.get(name)
        if text is None:
            return default
        value = int(text) if _INTEGER.fullmatch(text) else -1
        if not least <= value <= most:
            raise InvalidParameter(f"{name} must be a whole number, {least} to {most}")
        return value

    def word(self, name: str) -> str | None:
        """Return the query parameter *name*, one of ``WORDS``, or None. Raises InvalidParameter."""
        text = self.query.get(name)
        pattern, form = WORDS[name]
        if text is not None and not re.fullmatch(pattern, text):
            raise InvalidParameter(f"{name} must be {form}")
        return text

    @property
    def cloudevent(self) -> bool:
        """Whether the body is a CloudEvent. Raises InvalidParameter where it came with a key."""
        if "specversion" not in self.body:
            return False
        if self.idempotency_key is not None:
            raise InvalidParameter(
                "Idempotency-Key: a CloudEvent is known by its source and id, send no key with it"
            )
        return True

    def link(self, target: str) -> str:
        """Return *target*, relative to the API's root, as seen from this request's path.

        Relative references hold behind any stage prefix and custom domain.
        """
        depth = self.path.count("/") - 1
        return "../" * depth + target
