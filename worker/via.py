"""The worker's moves over HTTPS, for workers that cannot reach the store."""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Any

from chalicelib import limits, signals
from chalicelib.errors import TOKEN_REASONS, BodyTooLarge, LeaseLost
from chalicelib.jobs import JobState, JsonObject
from chalicelib.leasing import Claim, Outcome
from worker import answers
from worker.credential import Bearer
from worker.leases import RouterOutdated
from worker.patience import BackLater, TokenUseless, retry_after_seconds
from worker.wire import UNKNOWN, Answer, Wire

REFUSED_SECONDS = 5.0
LEASE_SECONDS = 30.0  # until the router tells

NO_CONTENT = 204
OK = frozenset({200, NO_CONTENT})
UNAUTHORIZED = frozenset({401, 403})
# What no waiting mends. Any other 401 may be a clock's, or API Gateway's one word for all.
FOR_GOOD = frozenset(
    {"token_malformed", "token_expired"}
    | {reason for reason, (status, _) in TOKEN_REASONS.items() if status == 403}  # noqa: PLR2004
)
# Of a gateway that knows neither stage nor route; the router's own are problem documents.
NOT_THERE = frozenset({403, 404})
NOT_THERE_HINT = "no answer of a router's: the address may lack its stage, or name another's"
CONFLICT = 409
BUSY = frozenset({429, 502, 503, 504})
# The call itself is refused and always will be.
REFUSED = frozenset({400, 413, 415, 422})
# What results have had since 0.5.0.
NEW_RESULTS = frozenset({"message", "logprobs"})
_POINTER = "/outcome/result/"
# Without them a message says something else, or nothing.
_VITAL = frozenset({"tool_calls", "refusal"})
# How long a router is not offered again what it did not know: it may be upgraded meanwhile.
OFFER_AGAIN_SECONDS = 600.0
# With the pauses between them about a minute: a fault that passes is waited out.
STRIKES = 30
STRIKES_KEPT = 1000


class CallRefused(Exception):
    """The router refuses the move as it is; the message tells move and status."""


class _Odd(Exception):
    """The answer makes no sense here."""


class Via:
    """A router's ``/worker`` routes as Leases; one instance serves a process.

    Each lease and extend tells that *worker* lives, has so many *slots* and serves the models that
    it was last offered. Redirections are not followed. *now* tells monotonic seconds. Raises
    NotConfigured for an address that is neither https nor loopback.
    """

    def __init__(
        self,
        url: str,
        credential: Bearer,
        worker: str,
        slots: int,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self._wire = Wire(url)
        self._credential = credential
        self._worker: JsonObject = {"worker": worker, "slots": slots}
        self._models: JsonObject = {}
        self._models_from = 0.0
        self._now = now
        self._lease_seconds = LEASE_SECONDS
        self._telling = threading.Lock()
        self._told: set[tuple[str, int, str]] = set()
        self._strikes: dict[str, int] = {}

    @property
    def router(self) -> str:
        """The address that is called; it holds no password."""
        return self._wire.root

    @property
    def lease_seconds(self) -> float:
        """How long a claim or a renewal holds, as the router last told."""
        return self._lease_seconds

    def offer(self, models: Sequence[str]) -> None:
        """Tell of *models* from now on, if need be once the router knows what that is."""
        self._models = {"models": list(models)}

    def claim(self, token: str) -> Claim | None:
        """Lease the next job; see Leases."""

        def read(answer: Answer) -> Claim | None:
            if answer.status == NO_CONTENT:
                return None
            body = answer.json()
            job = answers.job(body)
            self._heed_lease(body)
            return Claim(job, token)

        return self._call("lease", {"token": token, **self._about()}, read)

    def append(self, claim: Claim, offset: int, chunks: Sequence[str]) -> bool:
        """Add output; see Leases. Raises CallRefused."""
        body = {"offset": offset, "chunks": list(chunks)}
        return self._call(
            "append", _named(claim) | body, lambda a: answers.cancelled(a.json()), final=True
        )

    def extend(self, claim: Claim) -> bool:
        """Renew the lease; see Leases."""

        def read(answer: Answer) -> bool:
            body = answer.json()
            cancel = answers.cancelled(body)
            self._heed_lease(body)
            return cancel

        return self._call("extend", _named(claim) | self._about(), read)

    def finish(self, claim: Claim, outcome: Outcome) -> JobState:
        """Record how the run ended; see Leases. Raises CallRefused, BodyTooLarge too."""
        body = _named(claim) | {"outcome": _outcome(outcome)}
        return self._call("finish", body, lambda a: answers.ended(a.json()), final=True)

    def release(self, claim: Claim) -> None:
        """Give the job back; see Leases."""

        def read(answer: Answer) -> None:
            if answer.status != NO_CONTENT:
                raise ValueError("a release is answered without words")

        self._call("release", _named(claim), read)

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    def _about(self) -> JsonObject:
        return self._worker | (self._models if self._now() >= self._models_from else {})

    def _heed_lease(self, body: Any) -> None:
        self._lease_seconds = answers.lease_seconds(body, self._lease_seconds)

    def _call[T](
        self, move: str, body: JsonObject, read: Callable[[Answer], T], *, final: bool = False
    ) -> T:
        """Return what *read* makes of the answer to a move.

        Raises BackLater, LeaseLost, BodyTooLarge, RouterOutdated and, where *final*, CallRefused. A
        token that is refused is read again, and the move tried once more with it.
        """
        answer = self._post(move, body)
        if (understood := self._without_unknown(body, answer)) is not None:
            answer = self._post(move, understood)
        try:
            found = self._understand(move, answer, read)
        except _Odd:
            if final and (answer.status in REFUSED or self._strike(body["token"]) > STRIKES):
                raise CallRefused(f"{move} {answer.status}") from None
            self._tell("router.unexpected", answer, move=move)
            raise _back_later(answer) from None
        self._untell()
        if final:
            self._strikes.pop(body["token"], None)
        return found

    def _post(self, move: str, body: JsonObject) -> Answer:
        """Return the answer; where the token was refused and a newer one lies there, to that."""
        content = json.dumps(body, ensure_ascii=False).encode()
        if len(content) > limits.WORKER_BODY_BYTES:
            raise BodyTooLarge
        token = self._credential.token()
        answer = self._wire.post(f"/worker/{move}", content, token)
        if answer.status in UNAUTHORIZED and (fresh := self._credential.reread()) != token:
            answer = self._wire.post(f"/worker/{move}", content, fresh)
        return answer

    def _without_unknown(self, body: JsonObject, answer: Answer) -> JsonObject | None:
        """Return *body* without what a router before 0.5.0 refuses, None where it refused no such.

        Workers are upgraded first, and no job is to fail for what its caller can do without.
        Raises RouterOutdated where it cannot.
        """
        refused = answer.refused() if answer.status in REFUSED else ()
        if "models" in body and any(each.startswith("/models") for each in refused):
            self._models_from = self._now() + OFFER_AGAIN_SECONDS
            return {name: body[name] for name in body if name != "models"}
        result = body.get("outcome", {}).get("result") or {}
        unknown = {name for name in NEW_RESULTS & result.keys() if _POINTER + name in refused}
        if not unknown:
            return None
        if "message" in unknown and _VITAL & result["message"].keys():
            raise RouterOutdated
        known = {name: result[name] for name in result if name not in unknown}
        return body | {"outcome": {"result": known}}

    def _understand[T](self, move: str, answer: Answer, read: Callable[[Answer], T]) -> T:
        """Return what *read* makes of a good answer. Raises BackLater, LeaseLost or _Odd."""
        if answer.status in OK:
            try:
                return read(answer)
            except ValueError:
                raise _Odd from None
        # Who claims has no lease to lose.
        if answer.status == CONFLICT and move != "lease" and answer.code() == LeaseLost.code:
            raise LeaseLost
        if answer.status in UNAUTHORIZED:
            self._tell("credential.refused", answer, move=move)
            if self._credential.fixed and answer.code() in FOR_GOOD:
                raise TokenUseless(answer.code(), REFUSED_SECONDS, told=True)
            # It was refused before anybody asked the store.
            raise _back_later(answer, REFUSED_SECONDS, told=True)
        if answer.status in BUSY:
            raise _back_later(answer)
        raise _Odd

    def _strike(self, token: str) -> int:
        """Count one more odd answer under a lease, so that none holds its slot for ever."""
        self._strikes[token] = self._strikes.get(token, 0) + 1
        if len(self._strikes) > STRIKES_KEPT:
            self._strikes.pop(next(iter(self._strikes)))
        return self._strikes.get(token, 0)

    def _tell(self, event: str, answer: Answer, *, move: str) -> None:
        """Log it once, until a call succeeds again."""
        told = (event, answer.status, answer.code())
        with self._telling:
            first = told not in self._told
            self._told.add(told)
        if first:
            why = {"move": move, "status": answer.status, "code": answer.code()}
            if answer.status in NOT_THERE and answer.code() == UNKNOWN:
                why |= {"router": self.router, "hint": NOT_THERE_HINT}
            signals.log(event, signals.Level.WARN, **why)

    def _untell(self) -> None:
        """Let it be told again, since a call succeeded; a token's refusal is over by that."""
        with self._telling:
            refused = any(event == "credential.refused" for event, _, _ in self._told)
            self._told.clear()
        if refused:
            signals.log("credential.accepted")


def _back_later(answer: Answer, least_seconds: float = 0, *, told: bool = False) -> BackLater:
    pause = max(least_seconds, retry_after_seconds(answer.retry_after))
    return BackLater(f"status {answer.status}", pause, told=told)


def _named(claim: Claim) -> JsonObject:
    return {"job_id": claim.job.id, "tenant": claim.job.tenant, "token": claim.token}


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
