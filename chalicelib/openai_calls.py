"""What a call of the OpenAI API says beside its body: the redirect, the retry, the key."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.calls import Call
from chalicelib.errors import JobNotFound

HOPS_MOST = 9
"""How many redirects any client follows (raw aiohttp: 10)."""

HOPS_MOST_KNOWN = 18
"""How many those follow that are known to take 20: openai's own clients and the AI SDK."""

DOORS: Mapping[str, str] = {"/v1/chat/completions": "chat", "/v1/responses": "responses"}
"""By which ``openai.api`` of a job's request its door is known."""

_JOB_ID = re.compile(r"job_[0-9a-f]{32}")
_RETRY_COUNT = re.compile(r"[0-9]{1,9}")
_FOLLOWS_20 = frozenset({"python", "js"})


@dataclass(frozen=True)
class Hops:
    """How many redirects led to a call, and how many its client follows."""

    hop: int
    most: int

    @property
    def may_hop(self) -> bool:
        """Whether one more redirect will be followed."""
        return self.hop < self.most


@dataclass(frozen=True)
class Asking:
    """One POST of the OpenAI API, as far as the relay needs it.

    *api* names its door. *job_id* is that of a followed redirect; *digest* is of path and raw body,
    which is passed over then. *retried* says that the same call came before.
    """

    api: str
    job_id: str | None
    hops: Hops
    digest: str
    retried: bool
    idempotency_key: str | None


def hops(call: Call) -> Hops:
    """Return how far *call* has come. Raises InvalidParameter."""
    most = HOPS_MOST_KNOWN if _follows_20(call.headers) else HOPS_MOST
    return Hops(call.integer("hop", 0, 0, HOPS_MOST_KNOWN), most)


def asking(call: Call) -> Asking:
    """Return what the relay needs of *call*.

    Raises InvalidParameter, and JobNotFound for an id that no job can have, as for an absent job.
    """
    path = call.path.removesuffix("/")
    return Asking(
        api=DOORS[path],
        job_id=_job_id(call),
        hops=hops(call),
        digest=hashlib.sha256(f"{path}\0{call.body_digest}".encode()).hexdigest(),
        retried=_retried(call.headers),
        idempotency_key=call.idempotency_key,
    )


def _job_id(call: Call) -> str | None:
    found = call.query.get("job")
    if found is not None and not _JOB_ID.fullmatch(found):
        raise JobNotFound
    return found


def _follows_20(headers: Mapping[str, str]) -> bool:
    language = headers.get("x-stainless-lang", "").strip().lower()
    return language in _FOLLOWS_20 or headers.get("user-agent", "").startswith("ai/")


def _retried(headers: Mapping[str, str]) -> bool:
    count = headers.get("x-stainless-retry-count", "").strip()
    return bool(_RETRY_COUNT.fullmatch(count)) and int(count) > 0
