"""What a call of the OpenAI API says beside its body: redirects, retries, key and patience."""

import hashlib
import math
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
# In these openai's clients say after how many seconds they hang up: without an answer to one call
# (openai-python 3.51, _base_client.py), or to all of a chain of redirects (openai-node, client.js).
_EACH, _WHOLE = "x-stainless-read-timeout", "x-stainless-timeout"
_TIMEOUT = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,9})?")
_HANGS_UP_SECONDS = 2  # so much sooner the answer is on its way
_HELD_LEAST_SECONDS = 1


@dataclass(frozen=True)
class Hops:
    """How many redirects led to a call, how many its client follows, and how long each is held."""

    hop: int
    most: int
    hold_seconds: float

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


def hops(call: Call, hold_seconds: float) -> Hops:
    """Return how far *call* has come; each is held for *hold_seconds*, or less for a hasty client.

    One that hung up while its call is held would seem to wait on, and its next try find no job.
    Raises InvalidParameter.
    """
    most = HOPS_MOST_KNOWN if _follows_20(call.headers) else HOPS_MOST
    hop = call.integer("hop", 0, 0, HOPS_MOST_KNOWN)
    each, whole = _timeout(call.headers, _EACH), _timeout(call.headers, _WHOLE)
    left = min(each, whole - hop * hold_seconds) - _HANGS_UP_SECONDS
    if math.isfinite(whole):
        in_time = whole - _HANGS_UP_SECONDS - _HELD_LEAST_SECONDS
        most = min(most, max(0, math.floor(in_time / hold_seconds)))
    return Hops(hop, most, min(hold_seconds, max(_HELD_LEAST_SECONDS, left)))


def asking(call: Call, hold_seconds: float) -> Asking:
    """Return what the relay needs of *call*, which is held for *hold_seconds* at most.

    Raises InvalidParameter, and JobNotFound for an id that no job can have, as for an absent job.
    """
    path = call.path.removesuffix("/")
    return Asking(
        api=DOORS[path],
        job_id=_job_id(call),
        hops=hops(call, hold_seconds),
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


def _timeout(headers: Mapping[str, str], name: str) -> float:
    """Return the seconds that a client says, infinity where it says none."""
    told = headers.get(name, "").strip()
    return float(told) if _TIMEOUT.fullmatch(told) and float(told) > 0 else math.inf


def _retried(headers: Mapping[str, str]) -> bool:
    count = headers.get("x-stainless-retry-count", "").strip()
    return bool(_RETRY_COUNT.fullmatch(count)) and int(count) > 0
