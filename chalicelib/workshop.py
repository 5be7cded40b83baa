"""The use cases of workers that come over HTTPS: the moves of a lease, in JSON. No HTTP itself.

A worker serves every tenant, so it names the tenant with each move; a job that is another's, or
none at all, answers as a lease that was lost.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib import limits
from chalicelib.carriage import carried_bytes, result_bytes, result_carried_bytes
from chalicelib.errors import JobGone, JobNotFound, LeaseLost
from chalicelib.jobs import Job, JobState, JsonObject
from chalicelib.leasing import Claim, JobLeases, Outcome
from chalicelib.patience import Awaited, Patience
from chalicelib.queueing import JobQueue
from chalicelib.spoken import logprob, tool_call
from chalicelib.validation import refused

# Nothing rings when a delayed job is due or a lease lapses: whoever waits looks again.
_LOOK_SECONDS = 1.0
type _Check = Callable[[object], JsonObject]
_TOO_MUCH = "has more control characters than can be carried"


@dataclass(frozen=True)
class Workshop:
    """Hands jobs to workers and takes what came of them. Raises StoreUnavailable."""

    leases: JobLeases
    queue: JobQueue
    patience: Patience

    @property
    def lease_seconds(self) -> float:
        """How long a lease or a renewal holds."""
        return self.leases.lease_seconds

    def lease(self, body: JsonObject, wait_seconds: float) -> Awaited[Claim | None]:
        """Lease the job whose turn it is under the worker's token; waits while there is none."""
        until = self.patience.until(wait_seconds)

        def claimed() -> Claim | None:
            self._heed(body)
            return self.leases.claim(body["token"])

        def again(_: Claim | None, left: float) -> Claim | None:
            self.leases.wait(min(left, _LOOK_SECONDS))
            return claimed()

        return self.patience.wait(until, claimed(), lambda claim: claim is not None, again)

    def append(self, body: JsonObject) -> bool:
        """Add output; returns whether a cancel was asked. Raises LeaseLost, InvalidBody."""
        if carried_bytes("".join(body["chunks"])) > limits.RESULT_CARRIED_BYTES:
            raise refused("/chunks", _TOO_MUCH)
        return self.leases.append(_claim(body), body["offset"], body["chunks"])

    def extend(self, body: JsonObject) -> bool:
        """Renew the lease; returns whether a cancel was asked. Raises LeaseLost."""
        self._heed(body)
        return self.leases.extend(_claim(body))

    def finish(self, body: JsonObject) -> JobState:
        """Record what the run came to; returns the job's state. Raises LeaseLost, InvalidBody."""
        outcome = _outcome(body["outcome"])
        claim = _claim(body, self._attempt(body)) if outcome.retryable else _claim(body)
        return self.leases.finish(claim, outcome)

    def release(self, body: JsonObject) -> None:
        """Give the job back unharmed. Raises LeaseLost."""
        self.leases.release(_claim(body))

    def _heed(self, body: JsonObject) -> None:
        if "worker" in body and "slots" in body:
            self.leases.beat(body["worker"], body["slots"], body.get("models"))

    def _attempt(self, body: JsonObject) -> int:
        """Return which attempt the job is in: the pause before the next one grows with it."""
        try:
            return self.queue.fetch(body["tenant"], body["job_id"]).attempt
        except (JobNotFound, JobGone):
            raise LeaseLost("there is no such lease") from None


def _claim(body: JsonObject, attempt: int = 1) -> Claim:
    """Return the claim that a move names: what the moves need of it, the rest is not known."""
    job = Job(
        id=body["job_id"],
        tenant=body["tenant"],
        state=JobState.RUNNING,
        version=0,
        attempt=max(attempt, 1),
        max_attempts=0,
        request={},
        created_at=0,
    )
    return Claim(job, body["token"])


def _outcome(told: JsonObject) -> Outcome:
    result = _understood(told["result"]) if "result" in told else None
    if result is not None and result_bytes(result) > limits.RESULT_BYTES:
        raise refused("/outcome/result/text", f"may have {limits.RESULT_BYTES} bytes in UTF-8")
    if result is not None and result_carried_bytes(result) > limits.RESULT_CARRIED_BYTES:
        raise refused("/outcome/result/text", _TOO_MUCH)
    if told.get("cancelled") is False:
        raise refused("/outcome/cancelled", "must be true where it is given")
    if "error" not in told and ("retryable" in told or "retry_after_seconds" in told):
        raise refused("/outcome/error", "is required where another attempt is spoken of")
    return Outcome(
        result=result,
        error=told.get("error"),
        cancelled=told.get("cancelled", False),
        retryable=told.get("retryable", False),
        retry_after_seconds=told.get("retry_after_seconds", 0.0),
    )


def _understood(result: JsonObject) -> JsonObject:
    """Return *result* as a worker on the store writes it: without what is empty.

    Raises InvalidBody for what a model cannot have said beside its text.
    """
    checks: Mapping[str, Mapping[str, _Check]] = {
        "message": {"tool_calls": tool_call},
        "logprobs": {"content": logprob, "refusal": logprob},
    }
    found = {name: value for name, value in result.items() if name not in checks}
    for member, of_lists in checks.items():
        said = {
            name: _checked(f"/outcome/result/{member}/{name}", value, of_lists.get(name))
            for name, value in result.get(member, {}).items()
            if value
        }
        if said:
            found[member] = said
    return found


def _checked(pointer: str, value: Any, check: _Check | None) -> Any:
    """Return *value*, each item of a list as *check* returns it. Raises InvalidBody."""
    if check is None:
        return value
    found = []
    for number, item in enumerate(value):
        try:
            found.append(check(item))
        except ValueError as error:
            raise refused(f"{pointer}/{number}", f"is {error}") from None
    return found
