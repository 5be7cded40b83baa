"""Calls to the API as a tenant makes them, and a worker that moves when the test says so."""

import functools
import http.client
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import tinyllama
from chalicelib import keyspace
from chalicelib.bounds import queue_settings
from chalicelib.leasing import Claim, JobLeases, Outcome
from chalicelib.store import Store
from tests import contract_check, leaks


@dataclass(frozen=True)
class Answer:
    """What came back; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __post_init__(self) -> None:
        """Search a refusal for what it must not repeat."""
        leaks.LEDGER.look_at_answer(self.status, self.headers, self.body)

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Transport(Protocol):
    """One way to reach the API."""

    def __call__(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> Answer: ...


@dataclass(frozen=True)
class OverHttp:
    """The API as a server at *url* serves it, a connection for each call."""

    url: str

    def __call__(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Make a call."""
        leaks.LEDGER.note_request(headers, body)
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=40)
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        read = Answer(answer.status, found, answer.read())
        connection.close()
        return read


@dataclass(frozen=True)
class Api:
    """The API as one tenant's caller sees it."""

    transport: Transport
    tenant: str = "acme"
    scope: str | None = None

    def request(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request with a good token; *body* is bytes as they are or a JSON value.

        Fails when the answer is not what the contract says.
        """
        sent = {"Authorization": f"Bearer {token(self.tenant, self.scope)}"}
        if body is not None:
            sent["Content-Type"] = "application/json"
        raw = (
            body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        )
        answer = self.transport(method, path, sent | dict(headers or {}), raw)
        contract_check.check(method, path, answer.status, answer.headers, answer.body)
        return answer

    def get(self, path: str, **headers: str) -> Answer:
        """GET with headers named in Python's way (``if_none_match=…``)."""
        return self.request("GET", path, headers=_named(headers))

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        """POST a JSON value or bytes."""
        return self.request("POST", path, body, _named(headers))

    def delete(self, path: str) -> Answer:
        """DELETE."""
        return self.request("DELETE", path)


@functools.cache
def token(tenant: str, scope: str | None) -> str:
    """Return a development token."""
    return (
        tinyllama.make_token(sub=tenant)
        if scope is None
        else tinyllama.make_token(sub=tenant, scope=scope)
    )


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-").title(): value for name, value in headers.items()}


class HandWorker:
    """A worker that moves when the test says so."""

    def __init__(self, store: Store) -> None:
        self.leases = JobLeases(store, queue_settings())
        self._store = store

    def claim(self) -> Claim:
        """Claim the job whose turn it is, which must be there."""
        claim = self.leases.claim(secrets.token_hex(16))
        assert claim is not None
        return claim

    def answer(self, text: str = "Hello to you") -> Claim:
        """Run the job whose turn it is to its end."""
        claim = self.claim()
        self.leases.append(claim, 0, [text])
        usage = {"prompt_tokens": 1, "completion_tokens": 3, "total_tokens": 4}
        told = {"finish_reason": "stop", "engine": "echo", "model": "echo", "usage": usage}
        self.leases.finish(claim, Outcome(result={"text": text, **told}))
        return claim

    def hasten(self) -> None:
        """Let every job that waits for another attempt be ready now."""
        (places,) = self._store.read(("ZRANGE", keyspace.DELAYED, 0, -1))
        for place in places:
            self._store.read(("ZADD", keyspace.DELAYED, 0, place))

    def fail(self) -> Claim:
        """Run the job whose turn it is to a failure that no attempt mends."""
        claim = self.claim()
        error = {"code": "engine_unavailable", "detail": "the engine did not answer"}
        self.leases.finish(claim, Outcome(error=error))
        return claim
