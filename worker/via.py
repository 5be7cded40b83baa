"""The worker's moves over HTTPS, for workers that cannot reach the store."""

import ipaddress
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import httpx2

from chalicelib import __version__, limits, signals
from chalicelib.errors import BodyTooLarge, LeaseLost, NotConfigured
from chalicelib.jobs import Job, JobState, JsonObject
from chalicelib.leasing import Claim, Outcome
from worker.credential import Credential
from worker.patience import BackLater, retry_after_seconds

CONNECT_SECONDS = 5.0
SILENCE_SECONDS = 15.0
CALL_SECONDS = 30.0
KEEP_ALIVE_SECONDS = 30.0
ANSWER_BYTES = 4 * 1024 * 1024
REFUSED_SECONDS = 5.0
LEASE_SECONDS = 30.0  # until the router tells

NOTHING_READY = 204
OK = frozenset({200, NOTHING_READY})
UNAUTHORIZED = frozenset({401, 403})
CONFLICT = 409
BUSY = frozenset({429, 502, 503, 504})
# The call itself is refused and always will be.
REFUSED = frozenset({400, 413, 415, 422})
_CODE = re.compile(r"[a-z_]{1,40}")
# The other side closed a connection that it kept open until then; every move may be repeated.
_BROKEN = (httpx2.ReadError, httpx2.WriteError, httpx2.RemoteProtocolError)


class CallRefused(Exception):
    """The router refuses the move as it is; the message tells move and status."""


@dataclass(frozen=True)
class _Answer:
    status: int
    retry_after: str | None
    body: bytes

    def json(self) -> Any:
        """Return the body, None when it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def code(self) -> str:
        """Return the code of a problem document (RFC 9457)."""
        body = self.json()
        code = body.get("code") if isinstance(body, dict) else None
        return code if isinstance(code, str) and _CODE.fullmatch(code) else "unknown"


class Via:
    """A router's ``/worker`` routes as Leases; one instance serves a process.

    Each lease and extend tells that *worker* lives and has so many *slots*. Redirections are not
    followed. Raises NotConfigured for an address that is neither https nor loopback.
    """

    def __init__(self, url: str, credential: Credential, worker: str, slots: int) -> None:
        self._root = _root(url)
        self._credential = credential
        self._about: JsonObject = {"worker": worker, "slots": slots}
        self._lease_seconds = LEASE_SECONDS
        self._told: set[tuple[str, int, str]] = set()
        self._client = httpx2.Client(
            headers={
                "Accept": "application/json",
                # What is not compressed cannot grow beyond its bound here.
                "Accept-Encoding": "identity",
                "Content-Type": "application/json",
                "User-Agent": f"tinyllama-worker/{__version__}",
            },
            timeout=httpx2.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS),
            # The worker's threads are what bounds connections: a renewal must find one.
            limits=httpx2.Limits(max_connections=None, keepalive_expiry=KEEP_ALIVE_SECONDS),
            # Proxies and certificates of the environment's are for what leaves the machine.
            trust_env=self._root.startswith("https:"),
        )

    @property
    def lease_seconds(self) -> float:
        """How long a claim or a renewal holds, as the router last told."""
        return self._lease_seconds

    def claim(self, token: str) -> Claim | None:
        """Lease the next job; see Leases."""

        def read(answer: _Answer) -> Claim | None:
            if answer.status == NOTHING_READY:
                return None
            body = answer.json()
            job = _job(body)
            self._heed_lease(body)
            return Claim(job, token)

        return self._call("lease", {"token": token, **self._about}, read)

    def append(self, claim: Claim, offset: int, chunks: Sequence[str]) -> bool:
        """Add output; see Leases. Raises CallRefused."""
        body = {"offset": offset, "chunks": list(chunks)}
        return self._call("append", _named(claim) | body, _cancelled, final=True)

    def extend(self, claim: Claim) -> bool:
        """Renew the lease; see Leases."""

        def read(answer: _Answer) -> bool:
            cancel = _cancelled(answer)
            self._heed_lease(answer.json())
            return cancel

        return self._call("extend", _named(claim) | self._about, read)

    def finish(self, claim: Claim, outcome: Outcome) -> JobState:
        """Record how the run ended; see Leases. Raises CallRefused, BodyTooLarge."""
        body = _named(claim) | {"outcome": _outcome(outcome)}
        return self._call("finish", body, lambda a: JobState(a.json()["state"]), final=True)

    def release(self, claim: Claim) -> None:
        """Give the job back; see Leases."""
        self._call("release", _named(claim), lambda _: None)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _heed_lease(self, body: JsonObject) -> None:
        seconds = body.get("lease_seconds")
        if isinstance(seconds, int | float) and 0 < seconds < float("inf"):
            self._lease_seconds = float(seconds)

    def _call[T](
        self, move: str, body: JsonObject, read: Callable[[_Answer], T], *, final: bool = False
    ) -> T:
        """Return what *read* makes of the answer to a move.

        Raises BackLater, LeaseLost, BodyTooLarge and, where *final*, CallRefused. A token that is
        refused is read again, and the move tried once more with it.
        """
        content = json.dumps(body, ensure_ascii=False).encode()
        if len(content) > limits.WORKER_BODY_BYTES:
            raise BodyTooLarge
        token = self._credential.token()
        answer = self._send(move, content, token)
        if answer.status in UNAUTHORIZED and (fresh := self._credential.reread()) != token:
            answer = self._send(move, content, fresh)
        if answer.status not in OK:
            raise self._failure(move, answer, final=final)
        try:
            found = read(answer)
        except (KeyError, TypeError, ValueError):
            raise self._unusable(move, answer) from None
        self._told.clear()
        return found

    def _failure(self, move: str, answer: _Answer, *, final: bool) -> Exception:
        if answer.status == CONFLICT and answer.code() == LeaseLost.code:
            return LeaseLost()
        if answer.status in REFUSED and final:
            return CallRefused(f"{move} {answer.status}")
        pause = retry_after_seconds(answer.retry_after)
        if answer.status in UNAUTHORIZED:
            self._tell("credential.refused", answer.status, answer.code())
            pause = max(pause, REFUSED_SECONDS)
        elif answer.status not in BUSY:
            return self._unusable(move, answer, pause)
        return BackLater(f"status {answer.status}", pause)

    def _unusable(self, move: str, answer: _Answer, pause: float = 0) -> BackLater:
        self._tell("router.unexpected", answer.status, answer.code(), move=move)
        return BackLater(f"status {answer.status}", pause)

    def _tell(self, event: str, status: int, code: str, **fields: str) -> None:
        """Log it once, until a call succeeds again."""
        if (event, status, code) not in self._told:
            self._told.add((event, status, code))
            signals.log(event, status=status, code=code, **fields)

    def _send(self, move: str, content: bytes, token: str) -> _Answer:
        try:
            return self._send_once(move, content, token)
        except _BROKEN:
            pass
        except httpx2.TransportError as error:
            raise BackLater(type(error).__name__) from None
        try:
            return self._send_once(move, content, token)
        except httpx2.TransportError as error:
            raise BackLater(type(error).__name__) from None

    def _send_once(self, move: str, content: bytes, token: str) -> _Answer:
        until = monotonic() + CALL_SECONDS
        headers = {"Authorization": f"Bearer {token}"}
        url = f"{self._root}/worker/{move}"
        with self._client.stream("POST", url, content=content, headers=headers) as response:
            body = bytearray()
            for piece in response.iter_raw():
                body += piece
                if len(body) > ANSWER_BYTES or monotonic() > until:
                    raise BackLater("endless answer")
            retry_after = response.headers.get("Retry-After")
            return _Answer(response.status_code, retry_after, bytes(body))


def _root(url: str) -> str:
    """Return the address without a trailing slash. Raises NotConfigured without repeating it."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        parts, host = urlsplit(""), ""
    plain = not (parts.username or parts.password or parts.query or parts.fragment)
    safe = parts.scheme == "https" or (parts.scheme == "http" and _loopback(host))
    if not (host and plain and safe):
        raise NotConfigured("--via must be an https address, or http on loopback")
    return url.rstrip("/")


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _named(claim: Claim) -> JsonObject:
    return {"job_id": claim.job.id, "tenant": claim.job.tenant, "token": claim.token}


def _job(body: Any) -> Job:
    """Return the job that a lease holds. Raises ValueError for anything else."""
    match body:
        case {
            "job": {
                "id": str(job_id),
                "tenant": str(tenant),
                "attempt": int(attempt),
                "max_attempts": int(most),
                "request": dict(request),
                "created_at": int(created_at),
            }
        }:
            return Job(
                id=job_id,
                tenant=tenant,
                state=JobState.RUNNING,
                version=0,  # not told over HTTPS
                attempt=attempt,
                max_attempts=most,
                request=request,
                created_at=created_at,
            )
    raise ValueError("the answer holds no job")


def _cancelled(answer: _Answer) -> bool:
    cancel = answer.json()["cancel"]
    if not isinstance(cancel, bool):
        raise TypeError("cancel is true or false")
    return cancel


def _outcome(outcome: Outcome) -> Mapping[str, object]:
    if outcome.cancelled:
        return {"cancelled": True}
    if outcome.error is None:
        return {"result": outcome.result}
    return {
        "error": outcome.error,
        "retryable": outcome.retryable,
        "retry_after_seconds": outcome.retry_after_seconds,
    }
