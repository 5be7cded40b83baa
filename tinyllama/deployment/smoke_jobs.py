"""The smoke test's jobs: one is answered, one is cancelled, both are erased."""

import math
import secrets
from time import monotonic
from typing import Any

from tinyllama.deployment.smoke_calls import Answer, Target

PROMPT = "Say hello in one word."
JOB = "/jobs/{job_id}"
OK = 200
WAIT_SECONDS = 20.0  # below what API Gateway bears
CANCEL_SECONDS = 30.0
DEADLINE_SECONDS = 60.0
ENDS = frozenset({"succeeded", "failed", "cancelled", "expired"})


class Jobs:
    """Two jobs on their way through the API."""

    def __init__(self, api: Target, timeout: float) -> None:
        self._api = api
        self._timeout = timeout
        self._left: list[str] = []
        self.made: set[str] = set()
        self.answered_seconds: float | None = None

    def run(self) -> None:
        """Take the steps. Raises Silent once the API does not answer any more."""
        began = monotonic()
        asked = self._ask()
        if asked:
            self._read(asked, began)
        other = self._submit("a second job", priority="low")
        if other:
            self._cancel(other)
        self._list()
        for job_id in (asked, other):
            if job_id:
                self._erase(job_id)

    def clean_up(self) -> list[str]:
        """Erase what the steps did not; return the ids of jobs that stay."""
        for job_id in list(self._left):
            self._api.send("POST", f"{JOB}/cancel", job_id=job_id)
            answer = self._api.send("DELETE", JOB, job_id=job_id)
            if answer and answer.status == 204:  # noqa: PLR2004
                self._left.remove(job_id)
        return self._left

    def _submit(self, note: str, **how: Any) -> str | None:
        """Submit a job; return its id, None where that failed."""
        body = self._body(how.get("priority"))
        headers = {"Idempotency-Key": how["key"]} if "key" in how else {}

        def check(answer: Answer) -> str:
            where = f"{self._api.root}/jobs/{answer.body['id']}"
            return "" if answer.link("location") == where else "Location leads elsewhere"

        # The job is there whatever else is wrong with its answer: it is used, and must not stay.
        before = len(self._left)
        self._api.call(
            "POST",
            "/infer",
            {202},
            body=body,
            headers=headers,
            note=note,
            check=check,
            keep=self._keep,
        )
        return self._left[-1] if len(self._left) > before else None

    def _keep(self, answer: Answer) -> None:
        job_id = answer.body.get("id") if isinstance(answer.body, dict) else None
        if isinstance(job_id, str):
            self._left.append(job_id)
            self.made.add(job_id)

    def _body(self, priority: str | None) -> dict[str, Any]:
        deadline = math.ceil(self._timeout + DEADLINE_SECONDS)
        body = {"prompt": PROMPT, "max_tokens": 16, "deadline_seconds": deadline}
        return body | ({"priority": priority} if priority else {})

    def _ask(self) -> str | None:
        key = secrets.token_hex(16)
        job_id = self._submit("", key=key)

        def check(answer: Answer) -> str:
            return "" if answer.body["id"] == job_id else "the same key made another job"

        if job_id:
            self._api.call(
                "POST", "/infer", {200, 202}, body=self._body(None), check=check,
                headers={"Idempotency-Key": key}, keep=self._keep_other, note="the same key again",
            )  # fmt: skip
        return job_id

    def _keep_other(self, answer: Answer) -> None:
        if isinstance(answer.body, dict) and answer.body.get("id") not in self.made:
            self._keep(answer)

    def _read(self, job_id: str, began: float) -> None:
        answer = self._await_end(job_id, began, self._timeout)
        if answer is None:
            self._api.call("GET", f"{JOB}/stream", {200}, job_id=job_id)
            return
        seen = {"If-None-Match": answer.headers.get("etag", "")}
        self._api.call("GET", JOB, {304}, job_id=job_id, headers=seen, note="unchanged")
        text = answer.body["result"]["text"]

        def check(told: Answer) -> str:
            whole = told.body["complete"] is True and told.body["text"] == text
            return "" if whole else "it does not tell the job's text"

        self._api.call("GET", f"{JOB}/stream", {200}, job_id=job_id, check=check)

    def _await_end(self, job_id: str, began: float, seconds: float) -> Answer | None:
        """Return the answer that tells the job's success; note whether that came in time."""
        answer = self._look_until_ended(job_id, began + seconds)
        took, passed, state = monotonic() - began, False, _state(answer)
        fault = self._api.fault("GET", JOB, answer)
        if fault:
            why = fault
        elif state is None:
            why = f"expected 200{', got ' + answer.code if answer and answer.code else ''}"
        elif state == "succeeded" and answer is not None and answer.body["result"]:
            engine = answer.body["result"]["engine"]
            why, passed = f"answered after {took:.1f} s by the engine {engine}", True
            self.answered_seconds = round(took, 3)
        elif state in ENDS and answer is not None:
            reason = (answer.body["error"] or {}).get("code", "neither result nor error")
            why = f"the job {state}: {reason}"
        else:
            why = f"no worker answered within {seconds:g} s"
        self._api.note("GET", JOB, answer, began, passed=passed, why=why)
        return answer if passed else None

    def _look_until_ended(self, job_id: str, until: float) -> Answer | None:
        """Return the last answer about a job that has ended, or whose time is up."""
        while True:
            left = max(1.0, min(WAIT_SECONDS, until - monotonic()))
            waiting = {"Prefer": f"wait={math.floor(left)}"}
            answer = self._api.send("GET", JOB, job_id=job_id, headers=waiting)
            if _state(answer) in ENDS | {None} or monotonic() >= until:
                return answer
            self._api.pause(answer)

    def _cancel(self, job_id: str) -> None:
        """Cancel a job, which may have ended already; retry it, which is too late or too early."""

        def check(answer: Answer) -> str:
            ended = answer.status == OK or answer.status == 202 or answer.code == "job_ended"  # noqa: PLR1714, PLR2004
            return "" if ended else answer.code

        self._api.call("POST", f"{JOB}/cancel", {200, 202, 409}, job_id=job_id, check=check)
        self._look_until_ended(job_id, monotonic() + CANCEL_SECONDS)
        # No job has this version, so that none is run again.
        never = {"version": 2**53 - 1}
        self._api.call(
            "POST", f"{JOB}/retry", {409}, job_id=job_id, body=never, note="a version it never had"
        )

    def _list(self) -> None:
        def check(answer: Answer) -> str:
            return "" if len(answer.body["jobs"]) == 1 else "the newest job is not in it"

        page = self._api.call("GET", "/jobs", {200}, limit="1", check=check)
        following = page.link("link") if page else None
        if following:
            self._api.call("GET", "/jobs", {200}, url=following, note="the next page")

    def _erase(self, job_id: str) -> None:
        """Erase a job, one that is still there after its time too."""
        answer = self._api.send("GET", JOB, job_id=job_id)
        if _state(answer) not in ENDS:
            self._api.send("POST", f"{JOB}/cancel", job_id=job_id)
            self._look_until_ended(job_id, monotonic() + CANCEL_SECONDS)
        if self._api.call("DELETE", JOB, {204}, job_id=job_id):
            self._left.remove(job_id)
            self._api.call("GET", JOB, {410}, job_id=job_id, note="erased")


def _state(answer: Answer | None) -> str | None:
    """Return the state of the job that an answer tells, None where it tells none."""
    if answer is None or answer.status != OK or not isinstance(answer.body, dict):
        return None
    state = answer.body.get("state")
    return state if isinstance(state, str) else None
