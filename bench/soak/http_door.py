"""The way into the router over its HTTP API."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from bench.soak.doors import LEASED, SHOWN, Fact, Seen, fact
from chalicelib.errors import RouterError
from chalicelib.jobs import JsonObject

_ANSWER_SECONDS = 30.0
_NOT_MODIFIED = 304
# No proxy: a machine that has one for the world may not except loopback from it.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_BY_CODE = {kind.code: kind for kind in RouterError.__subclasses__()}


class HttpDoor:
    """The API at *url*; *tokens* are bearer tokens by tenant. See Door for what each call does."""

    def __init__(self, url: str, tokens: Mapping[str, str]) -> None:
        self._url = url
        self._tokens = tokens

    def submit(self, tenant: str, request: JsonObject, key: str, wait: float) -> Seen:
        """See Door."""
        headers = {"Idempotency-Key": key} | _waiting(wait)
        return _seen(self._call(tenant, "POST", "/infer", request, headers))

    def fetch(self, tenant: str, seen: Seen, wait: float) -> Seen:
        """See Door."""
        headers = _waiting(wait)
        if wait:
            headers["If-None-Match"] = f'W/"{seen.version}"'
        told = self._call(tenant, "GET", f"/jobs/{seen.id}", None, headers)
        return seen if told is None else _seen(told)

    def listed(self, tenant: str) -> int:
        """See Door."""
        return len(self._call(tenant, "GET", f"/jobs?limit={SHOWN}")["jobs"])

    def read_along(self, tenant: str, seen: Seen) -> str:
        """See Door."""
        return str(self._call(tenant, "GET", f"/jobs/{seen.id}/stream")["text"])

    def cancel(self, tenant: str, job_id: str) -> None:
        """See Door."""
        self._call(tenant, "POST", f"/jobs/{job_id}/cancel")

    def retry(self, tenant: str, seen: Seen) -> Seen:
        """See Door."""
        body = {"version": int(seen.version)}
        return _seen(self._call(tenant, "POST", f"/jobs/{seen.id}/retry", body))

    def erase(self, tenant: str, job_id: str) -> None:
        """See Door."""
        self._call(tenant, "DELETE", f"/jobs/{job_id}")

    def publish(self, tenant: str, payload: JsonObject, key: str) -> str:
        """See Door."""
        body = {"event_type": "soak.happened", "source": "soak", "payload": payload}
        told = self._call(tenant, "POST", "/events", body, {"Idempotency-Key": key})
        return str(told["event_id"])

    def page(self, tenant: str, wait: float) -> list[Fact]:
        """See Door."""
        told = self._call(tenant, "GET", f"/inbox?limit={SHOWN}", None, _waiting(wait))
        return _facts(told)

    def lease(self, tenant: str, token: str, seconds: float) -> list[Fact]:
        """See Door."""
        body = {"lease": token, "count": LEASED, "seconds": int(seconds)}
        return _facts(self._call(tenant, "POST", "/inbox/lease", body))

    def extend(self, tenant: str, token: str, seconds: float) -> None:
        """See Door."""
        self._call(tenant, "POST", "/inbox/extend", {"lease": token, "seconds": int(seconds)})

    def release(self, tenant: str, token: str, event_ids: list[str]) -> None:
        """See Door."""
        self._call(tenant, "POST", "/inbox/release", {"lease": token, "event_ids": event_ids})

    def acknowledge(self, tenant: str, token: str, event_ids: list[str]) -> None:
        """See Door."""
        self._call(tenant, "POST", "/inbox/ack", {"lease": token, "event_ids": event_ids})

    def remove(self, tenant: str, event_id: str) -> None:
        """See Door."""
        self._call(tenant, "DELETE", f"/inbox/{event_id}")

    def gauge(self, tenant: str) -> int:
        """See Door."""
        return int(self._call(tenant, "GET", "/queue")["depth"]["ready"])

    def _call(
        self,
        tenant: str,
        method: str,
        path: str,
        body: JsonObject | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Return the answer's JSON, None where it has no body. Raises RouterError."""
        sent = {"Authorization": f"Bearer {self._tokens[tenant]}"}
        request = urllib.request.Request(  # noqa: S310 - an address of our own on loopback
            self._url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **sent, **(headers or {})},
            method=method,
        )
        try:
            with _OPENER.open(request, timeout=_ANSWER_SECONDS) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            if error.code == _NOT_MODIFIED:
                return None
            raise _problem(error.read()) from None
        except OSError as error:
            raise RouterError(f"{method} was not answered: {error}") from None
        return json.loads(text) if text else None


def _problem(text: bytes) -> RouterError:
    """Return the failure that a problem document names."""
    try:
        told = json.loads(text)
        return _BY_CODE.get(told["code"], RouterError)(f"{told['code']}: {told['detail']}")
    except (ValueError, KeyError, TypeError):
        return RouterError("the answer is no problem document")


def _waiting(seconds: float) -> dict[str, str]:
    return {"Prefer": f"wait={max(1, round(seconds))}"} if seconds else {}


def _seen(told: JsonObject) -> Seen:
    text = told["result"]["text"] if told["result"] else None
    return Seen(told["id"], told["state"], str(told["version"]), text)


def _facts(told: JsonObject) -> list[Fact]:
    return [fact(each["event_id"], each["event_type"], each["payload"]) for each in told["events"]]
