"""The Python client: ``tinyllama.Client``. Every call may be repeated, and is where it failed."""

import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import Any, Self, TypedDict, Unpack
from urllib.parse import urlencode

from tinyllama import access
from tinyllama.calling import Calling, Repeating, following
from tinyllama.client_errors import (
    ClientError,
    NotARouter,
    ProblemError,
    Slip,
    StillRunning,
    Unreachable,
    Unusable,
)
from tinyllama.handle import WAIT_SECONDS, Handle, rest
from tinyllama.told import NO_ROUTER, Event, Job, Lease, Piece, require

__all__ = [
    "Client", "ClientError", "Event", "Handle", "Job", "Lease", "NotARouter", "Options", "Piece",
    "ProblemError", "Repeating", "Slip", "StillRunning", "Unreachable", "Unusable",
]  # fmt: skip

_PAGE = 100
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Options(TypedDict, total=False):
    """How a prompt is to be answered; docs/api.md has the bounds of each."""

    model: str | None
    max_tokens: int | None
    temperature: float | None
    top_p: float | None
    stop: str | Sequence[str] | None
    seed: int | None
    priority: str | None
    deadline_seconds: float | None
    metadata: Mapping[str, str] | None


class Client:
    """A router as one caller sees it; thread-safe, closed by ``close()`` or ``with``.

    Address and token are those given, else those of *profile* if it is named, else
    ``TINYLLAMA_URL`` and ``TINYLLAMA_TOKEN``, else the profile that ``tinyllama login`` keeps, else
    the router on this machine with a development token. *token* may be a function that gives one
    for each call. Calls that meet 429, 502, 503, 504 or no answer are repeated as *repeating* says.

    All raise ProblemError where the router refuses, Unreachable where nothing answers, Unusable
    where something is missing: each a ClientError.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | Callable[[], str] | None = None,
        *,
        profile: str | None = None,
        repeating: Repeating = Repeating(),  # noqa: B008 - frozen
    ) -> None:
        found = access.find(url, token, profile)
        self._calling = Calling(found.url, found.token, repeating)
        self.url = self._calling.root

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._calling.close()

    def submit(
        self,
        prompt: str | None = None,
        *,
        messages: Sequence[Mapping[str, Any]] | None = None,
        idempotency_key: str | None = None,
        **options: Unpack[Options],
    ) -> Handle:
        """Queue a prompt, or a conversation. However often it is sent, there is one job.

        The same *idempotency_key* within 24 hours gives the same job again; without one the call
        has its own.
        """
        _require_known(options)
        if (prompt is None) == (messages is None):
            raise Unusable("give either a prompt or messages")
        asked = {"prompt": prompt, "messages": messages, **options}
        body = {name: value for name, value in asked.items() if value is not None}
        headers = {"Idempotency-Key": idempotency_key or secrets.token_hex(16)}
        answer = self._calling.call("POST", "/infer", body, headers=headers)
        return Handle(self._calling, Job.read(answer.json()))

    def job(self, job_id: str) -> Handle:
        """Return the job of that id."""
        return Handle(self._calling, Job.read(self._get(f"/jobs/{_id(job_id)}")))

    def erase(self, job_id: str) -> None:
        """Remove a job, its input and its result; again is fine. One that runs stays: 409."""
        self._calling.call("DELETE", f"/jobs/{_id(job_id)}")

    def jobs(
        self, *, state: str | None = None, model: str | None = None, limit: int | None = None
    ) -> Iterator[Job]:
        """Yield the caller's own jobs, newest first, *limit* at most; without results."""
        asked = {"state": state, "model": model}
        return islice(map(Job.read, self._pages("/jobs", "jobs", asked, limit)), limit)

    def publish(
        self,
        event_type: str,
        payload: Any = None,
        *,
        source: str,
        idempotency_key: str | None = None,
    ) -> Event:
        """Put an event into the inbox, once however often it is sent; *payload* is any JSON."""
        body = {"event_type": event_type, "payload": payload, "source": source}
        headers = {"Idempotency-Key": idempotency_key or secrets.token_hex(16)}
        return Event.read(self._calling.call("POST", "/events", body, headers=headers).json())

    def inbox(self, *, event_type: str | None = None, limit: int | None = None) -> Iterator[Event]:
        """Yield events that nobody has acknowledged or leased, oldest first, *limit* at most."""
        asked = {"type": event_type}
        return islice(map(Event.read, self._pages("/inbox", "events", asked, limit)), limit)

    def follow(self, *, event_type: str | None = None) -> Iterator[Event]:
        """Yield the events of the inbox and those that come, without end; acknowledges none."""
        query = {"limit": "1"} | ({"type": event_type} if event_type else {})
        while True:
            path = f"/inbox?{urlencode(query)}"
            answer = self._calling.call("GET", path, wait_seconds=WAIT_SECONDS)
            told = answer.json()
            require(told, events=list)
            yield from map(Event.read, told["events"])
            # A page of one that holds one has a next; else the place to look at stays.
            if (more := following(answer)) is not None:
                query = more
            elif not told["events"]:
                rest(self._calling, answer)
            else:
                raise NotARouter(NO_ROUTER)

    def lease(self, count: int = 10, *, seconds: int = 60, wait_seconds: int = 0) -> Lease:
        """Lease the oldest events, so that no other consumer sees them for some *seconds*.

        Waits *wait_seconds* (25 at most) for one to come; there may be none all the same.
        """
        body = {"count": count, "seconds": seconds, "lease": secrets.token_urlsafe(24)}
        answer = self._calling.call("POST", "/inbox/lease", body, wait_seconds=wait_seconds)
        return Lease.read(answer.json())

    def extend(self, lease: Lease | str, seconds: int) -> None:
        """Hold leased events for so many seconds from now on."""
        self._calling.call("POST", "/inbox/extend", {"lease": _token(lease), "seconds": seconds})

    def acknowledge(self, *events: Event | str, lease: Lease | str | None = None) -> None:
        """Take events out of the inbox: those named, or all of the *lease* where none is."""
        if lease is not None:
            self._calling.call("POST", "/inbox/ack", _held(lease, events))
            return
        for each in _ids(events):
            self._calling.call("DELETE", f"/inbox/{_id(each)}")

    def release(self, lease: Lease | str, *events: Event | str) -> None:
        """Give leased events back, all where none is named: others see them at once."""
        self._calling.call("POST", "/inbox/release", _held(lease, events))

    def queue(self) -> Mapping[str, Any]:
        """Return how the queue stands, all tenants together, as docs/api.md has it."""
        told = self._get("/queue")
        require(told, depth=dict)
        return dict(told)

    def models(self) -> list[str]:
        """Return the names of the models that live workers offer, sorted."""
        told = self._get("/v1/models")
        require(told, data=list)
        for each in told["data"]:
            require(each, id=str)
        return sorted(each["id"] for each in told["data"])

    def health(self) -> Mapping[str, Any]:
        """Return whether the router can do its work (health+json); needs no token."""
        told = self._calling.call("GET", "/health", public={503}).json()
        require(told, status=str, checks=dict)
        return dict(told)

    def _get(self, path: str) -> Any:
        return self._calling.call("GET", path).json()

    def _pages(
        self, path: str, member: str, asked: Mapping[str, str | None], limit: int | None
    ) -> Iterator[Any]:
        query = {name: value for name, value in asked.items() if value is not None}
        query["limit"] = str(_PAGE if limit is None else max(1, min(limit, _PAGE)))
        while True:
            answer = self._calling.call("GET", f"{path}?{urlencode(query)}")
            told = answer.json()
            require(told, **{member: list})
            yield from told[member]
            more = following(answer)
            if more is None or more == query:
                return
            query = more


def _require_known(options: Mapping[str, Any]) -> None:
    """Raise TypeError for an argument that there is not, as Python does of a call."""
    for name in options.keys() - Options.__annotations__.keys():
        near = get_close_matches(name, Options.__annotations__, n=1)
        meant = f" (did you mean {near[0]}?)" if near else ""
        raise TypeError(f"submit() got an unexpected keyword argument {name!r}{meant}")


def _id(text: str) -> str:
    """Return *text* if it may stand in a path. Raises Unusable."""
    if not _ID.fullmatch(text):
        raise Unusable("an id is job_ or evt_ and 32 digits")
    return text


def _ids(events: Sequence[Event | str]) -> list[str]:
    return [each if isinstance(each, str) else each.id for each in events]


def _token(lease: Lease | str) -> str:
    return lease if isinstance(lease, str) else lease.token


def _held(lease: Lease | str, events: Sequence[Event | str]) -> dict[str, Any]:
    return {"lease": _token(lease)} | ({"event_ids": _ids(events)} if events else {})
