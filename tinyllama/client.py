"""The Python client: ``tinyllama.Client``. Every call may be repeated, and is where it failed."""

import re
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import chain, islice
from typing import Any, Self, TypedDict, Unpack

from tinyllama import access
from tinyllama.calling import Calling, following, query
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
from tinyllama.repeating import Repeating
from tinyllama.told import NO_ROUTER, Event, Job, Lease, Piece, require

__all__ = [
    "Client", "ClientError", "Event", "Handle", "Job", "Lease", "NotARouter", "Options", "Piece",
    "ProblemError", "Repeating", "Slip", "StillRunning", "Unreachable", "Unusable",
]  # fmt: skip

_PAGE = 100
_FOLLOWED = 50
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
    the router on this machine with a development token. A token without an address is refused:
    nobody can tell which router it is for. *token* may be a function that gives one
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
        return map(Job.read, self._pages("/jobs", "jobs", asked, limit))

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
        return map(Event.read, self._pages("/inbox", "events", asked, limit))

    def follow(self, *, event_type: str | None = None) -> Iterator[Event]:
        """Yield the events of the inbox and those that come, without end; acknowledges none."""
        asked = {"limit": str(_FOLLOWED)} | ({"type": event_type} if event_type else {})
        seen: set[str] = set()
        while True:
            path = f"/inbox?{query(asked)}"
            answer = self._calling.call("GET", path, wait_seconds=WAIT_SECONDS)
            told = answer.json()
            require(told, events=list)
            events = [Event.read(each) for each in told["events"]]
            yield from (each for each in events if each.id not in seen)
            more = following(answer)
            if more is not None:
                asked, seen = more | {"limit": str(_FOLLOWED)}, set()
            elif not events:
                rest(self._calling, answer)
                asked |= {"limit": str(_FOLLOWED)}
            elif len(events) < int(asked["limit"]):
                # Only a full page tells where the next one begins.
                seen |= {each.id for each in events}
                asked |= {"limit": str(len(events))}
            else:
                raise NotARouter(NO_ROUTER)

    def lease(self, count: int = 10, *, seconds: int = 60, wait_seconds: int = 0) -> Lease:
        """Lease the oldest events, so that no other consumer sees them for some *seconds*.

        Waits *wait_seconds* (25 at most) for one to come; there may be none all the same.
        """
        body = {"count": count, "seconds": seconds, "lease": secrets.token_urlsafe(24)}
        answer = self._calling.call("POST", "/inbox/lease", body, wait_seconds=wait_seconds)
        lease = Lease.read(answer.json())
        if wait_seconds and not lease.events:
            rest(self._calling, answer)
        return lease

    def extend(self, lease: Lease | str, seconds: int) -> None:
        """Hold leased events for so many seconds from now on."""
        self._calling.call("POST", "/inbox/extend", {"lease": _token(lease), "seconds": seconds})

    def acknowledge(
        self,
        *events: Event | str,
        lease: Lease | str | None = None,
        all_of: Lease | str | None = None,
    ) -> None:
        """Take events out of the inbox: those named, which *lease* holds if it is given.

        Where none is named none is taken out; ``all_of=lease`` takes out all that a lease holds.
        """
        held = _held(events, lease, all_of)
        if held is not None:
            self._calling.call("POST", "/inbox/ack", held)
        elif lease is None:
            for each in _ids(events):
                self._calling.call("DELETE", f"/inbox/{_id(each)}")

    def release(
        self,
        *events: Event | str,
        lease: Lease | str | None = None,
        all_of: Lease | str | None = None,
    ) -> None:
        """Give events back that *lease* holds, or ``all_of`` a lease: others see them at once.

        Where none is named none is given back.
        """
        if lease is None and all_of is None:
            raise Unusable("only what is leased can be given back: name the lease")
        held = _held(events, lease, all_of)
        if held is not None:
            self._calling.call("POST", "/inbox/release", held)

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
        told = self._calling.read_openly("/health", {503}).json()
        require(told, status=str, checks=dict)
        require(told["checks"], **dict.fromkeys(told["checks"], list))
        for check in chain.from_iterable(told["checks"].values()):
            require(check)
        return dict(told)

    def _get(self, path: str) -> Any:
        return self._calling.call("GET", path).json()

    def _pages(
        self, path: str, member: str, asked: Mapping[str, str | None], limit: int | None
    ) -> Iterator[Any]:
        # Told here, not when the first is asked for.
        if limit is not None and limit < 0:
            raise Unusable("a limit is 0 or more")
        page = {name: value for name, value in asked.items() if value is not None}
        page["limit"] = str(_PAGE if limit is None else max(1, min(limit, _PAGE)))
        found = self._paged(path, member, page)
        return found if limit is None else islice(found, min(limit, sys.maxsize))

    def _paged(self, path: str, member: str, asked: Mapping[str, str]) -> Iterator[Any]:
        while True:
            answer = self._calling.call("GET", f"{path}?{query(asked)}")
            told = answer.json()
            require(told, **{member: list})
            yield from told[member]
            more = following(answer)
            if more is None or more == asked:
                return
            asked = more


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


def _held(
    events: Sequence[Event | str], lease: Lease | str | None, all_of: Lease | str | None
) -> dict[str, Any] | None:
    """Return the body that names events of a lease; None where none is named of any lease."""
    if all_of is not None:
        if events or lease is not None:
            raise Unusable("all_of is the whole lease: name neither events nor a lease beside it")
        return {"lease": _token(all_of)}
    if lease is None or not events:
        return None
    return {"lease": _token(lease), "event_ids": _ids(events)}
