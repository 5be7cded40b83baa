"""Real jobs, events and leases for the cases to name: without them all would answer 404."""

import random
import secrets
from collections.abc import Callable, Mapping
from typing import Any

type Send = Callable[[str, str, Any, Mapping[str, str]], Any]
type Known = dict[str, list[Any]]

PROMPT = {"prompt": "A secret of the tenant's: say hello"}
EVENT = {"event_type": "order.created", "payload": {"secret": 17}, "source": "shop"}
RESULT = {
    "text": "Hello",
    "finish_reason": "stop",
    "engine": "echo",
    "model": "echo",
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}
LATER = {"input": "A secret of the tenant's: say hello", "background": True}
CHAT = {"messages": [{"role": "user", "content": "A secret: say hello"}], "stream": True}
MODEL = "org/tiny"
ABSENT = f"job_{'0' * 32}"
_KEPT = 400


class Things:
    """Makes what a case needs to succeed, through the API itself.

    *send* makes a call and returns the answer's JSON, None where it has none.
    """

    def __init__(self, send: Send, chance: random.Random, known: Known) -> None:
        self._send = send
        self._chance = chance
        self.known = known

    def ground(self, operation: str, case: Any) -> None:
        """Let *case* name what is there, where its operation names anything."""
        if "job_id" in case.path_parameters:
            case.path_parameters["job_id"] = self._job_for(operation)
        if "event_id" in case.path_parameters:
            case.path_parameters["event_id"] = self.event()
        if "key_id" in case.path_parameters:
            case.path_parameters["key_id"], signed = self._api_key()
            self._send("POST", "/keys", {"key": signed}, {})
        self._ground_openai(operation, case)
        if isinstance(case.body, dict):
            case.body = {**case.body, **self._members(operation)}
        if operation == "submit_job" and self._chance.random() < 0.2:
            case.headers["Idempotency-Key"], case.body = self.ended()
        if operation == "fetch_job" and self._chance.random() < 0.5:
            job = self._send("GET", f"/jobs/{case.path_parameters['job_id']}", None, {})
            case.headers["If-None-Match"] = f'W/"{job.get("version", 1)}"'

    def _ground_openai(self, operation: str, case: Any) -> None:
        if "response_id" in case.path_parameters:
            case.path_parameters["response_id"] = self.response(operation)
        if "model" in case.path_parameters:
            self.held()
            case.path_parameters["model"] = MODEL.replace("/", "%2F")
        if operation == "complete_chat" and case.query and self._chance.random() < 0.5:
            case.query["job"] = self._ended_chat()
        if operation == "create_response" and isinstance(case.body, dict):
            (case.query or {}).pop("job", None)
            case.body = {**case.body, **self._going_on()}

    def job(self) -> str:
        """Submit a job."""
        key = secrets.token_hex(8)
        found = self._send("POST", "/infer", PROMPT, {"Idempotency-Key": key})
        return self._keep("job", str(found.get("id", "")))

    def event(self) -> str:
        """Publish an event, or name one of before."""
        if self.known.get("event") and self._chance.random() < 0.5:
            return str(self._chance.choice(self.known["event"]))
        found = self._send("POST", "/events", EVENT, {})
        return self._keep("event", str(found.get("event_id", "")))

    def response(self, operation: str = "") -> str:
        """Begin a response in the background, or name one of before; one to follow has ended."""
        if self.known.get("response") and operation == "" and self._chance.random() < 0.5:
            return str(self._chance.choice(self.known["response"]))
        begun = self._send("POST", "/v1/responses", LATER, {})
        if operation == "fetch_response" and self._chance.random() < 0.5:
            body = {"token": secrets.token_hex(16), "worker": "by-hand", "slots": 1}
            job = (self._send("POST", "/worker/lease", body, {}) or {}).get("job", {})
            held = {"token": body["token"], "job_id": job.get("id"), "tenant": job.get("tenant")}
            self._send("POST", "/worker/finish", {**held, "outcome": {"result": RESULT}}, {})
        return self._keep("response", str(begun.get("id", "")))

    def held(self) -> dict[str, str]:
        """Lease a job as a worker does: its id, tenant and the lease's token."""
        self.job()
        token = secrets.token_hex(16)
        body = {"token": token, "worker": "by-hand", "slots": 1, "models": [MODEL]}
        found = self._send("POST", "/worker/lease", body, {}) or {}
        job = found.get("job", {"id": ABSENT, "tenant": "acme"})
        return {"job_id": job["id"], "tenant": job["tenant"], "token": token}

    def finished(self, outcome: dict[str, Any]) -> dict[str, str]:
        """Bring a job to its end."""
        held = self.held()
        self._send("POST", "/worker/finish", {**held, "outcome": outcome}, {})
        return held

    def ended(self) -> list[Any]:
        """Submit a job under a key and cancel it, so that a repeat finds it ended: key, body."""
        key = secrets.token_hex(8)
        job = self._send("POST", "/infer", PROMPT, {"Idempotency-Key": key})
        self._send("POST", f"/jobs/{job.get('id', '')}/cancel", None, {})
        return [key, PROMPT]

    def failed(self) -> dict[str, Any]:
        """Bring a job to a failure: its id, tenant and version."""
        error = {"code": "engine_unavailable", "detail": "the engine did not answer"}
        held = self.finished({"error": error})
        job = self._send("GET", f"/jobs/{held['job_id']}", None, {})
        self.known["version"] = [job.get("version", 1)]
        return {"id": held["job_id"], "tenant": held["tenant"], "version": self.known["version"][0]}

    def _ended_chat(self) -> str:
        """Cancel a chat whose stream tells that: its job, or none where the caller is put off."""
        if not self.known.get("chat"):
            self._send("POST", "/v1/chat/completions", CHAT, {})
            newest = self._send("GET", "/jobs?limit=1", None, {}).get("jobs") or [{"id": ABSENT}]
            self._send("POST", f"/jobs/{newest[0]['id']}/cancel", None, {})
            self._keep("chat", str(newest[0]["id"]))
        return str(self._chance.choice(self.known["chat"]))

    def _going_on(self) -> dict[str, Any]:
        """Return what makes a response one of the background, or one that goes on from another."""
        if self._chance.random() < 0.5:
            return {"background": True}
        return {"previous_response_id": self.response()}

    def _api_key(self) -> tuple[str, str]:
        """Return the id of a signed API key and the key."""
        key_id, signed = self._chance.choice(self.known["api_key"])
        return str(key_id), str(signed)

    def _job_for(self, operation: str) -> str:
        if operation == "retry_job":
            return str(self.failed()["id"])
        if operation == "cancel_job" and self._chance.random() < 0.3:
            return self.held()["job_id"]
        if operation in {"cancel_job", "erase_job"} or not self.known.get("job"):
            return self.job()
        return str(self._chance.choice(self.known["job"]))

    def _members(self, operation: str) -> dict[str, Any]:
        """Return what a body of *operation* must say to be about something that is there."""
        if operation in {"append_output", "extend_job", "finish_job", "release_job"}:
            return self.held()
        if operation in {"extend_events", "release_events", "acknowledge_events"}:
            event, lease = self.event(), secrets.token_hex(16)
            found = self._send("POST", "/inbox/lease", {"lease": lease, "count": 3}, {})
            self._keep("lease", lease)
            ids = [each["event_id"] for each in found.get("events", []) if "event_id" in each]
            named = {} if operation == "extend_events" else {"event_ids": ids or [event]}
            return {"lease": lease, **named}
        if operation == "register_key":
            return {"key": self._api_key()[1]}
        if operation == "retry_job":
            return {"version": self.known.get("version", [1])[0]}
        return {"jobs": [self.failed()]} if operation == "redrive_dead_letters" else {}

    def _keep(self, kind: str, value: str) -> str:
        kept = self.known.setdefault(kind, [])
        if value and value not in kept:
            kept.append(value)
            del kept[:-_KEPT]
        return value
