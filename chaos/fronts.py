"""The two ways in: the lease queue itself, and the HTTP API."""

import json
import secrets
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any, Protocol

from chalicelib.errors import RouterError, StoreUnavailable
from chalicelib.events import Event
from chalicelib.inbox import Inbox
from chalicelib.jobs import Draft
from chalicelib.queueing import Idempotency, JobQueue
from chalicelib.store import Store
from chaos.config import MAX_ATTEMPTS, queue_settings

EVENT_TYPE = "chaos.happened"
_ANSWER_SECONDS = 30.0
_NO_ANSWER = frozenset({502, 503, 504})
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class NoAnswer(Exception):
    """Nobody knows whether the call was carried out."""


class Refused(Exception):
    """The router said that it did not do it."""


class Front(Protocol):
    """Takes jobs and events in. Raises NoAnswer or Refused; safe to repeat with the same key."""

    def submit(self, tenant: str, key: str, text: str) -> str:
        """Return the id of the job that *text* became."""
        ...

    def publish(self, tenant: str, key: str) -> str:
        """Return the id of the event whose payload names *key*."""
        ...


class QueueFront:
    """The product's own moves on *store*, as the API calls them."""

    def __init__(self, store: Store, max_attempts: int = MAX_ATTEMPTS) -> None:
        settings = queue_settings(max_attempts)
        self._queue, self._inbox = JobQueue(store, settings), Inbox(store, settings)

    def submit(self, tenant: str, key: str, text: str) -> str:
        """See Front. The id is a new one with each call, as it is with each HTTP request."""
        job_id = f"job_{secrets.token_hex(16)}"
        try:
            draft = Draft(job_id, tenant, {"prompt": text})
            return self._queue.submit(draft, Idempotency(key, key)).job.id
        except StoreUnavailable as error:
            raise NoAnswer from error
        except RouterError as error:
            raise Refused(error.code) from error

    def publish(self, tenant: str, key: str) -> str:
        """See Front."""
        event_id = f"evt_{secrets.token_hex(16)}"
        draft = Event(event_id, tenant, EVENT_TYPE, "chaos", {"key": key}, 0, 0)
        try:
            return self._inbox.publish(draft, key, key).event.id
        except StoreUnavailable as error:
            raise NoAnswer from error
        except RouterError as error:
            raise Refused(error.code) from error


class HttpFront:
    """The API at *address*; *tokens* are bearer tokens by tenant."""

    def __init__(self, address: str, tokens: dict[str, str]) -> None:
        self._address = address
        self._tokens = tokens

    def submit(self, tenant: str, key: str, text: str) -> str:
        """See Front."""
        return str(self._post(tenant, "/infer", key, {"prompt": text})["id"])

    def publish(self, tenant: str, key: str) -> str:
        """See Front."""
        body = {"event_type": EVENT_TYPE, "source": "chaos", "payload": {"key": key}}
        return str(self._post(tenant, "/events", key, body)["event_id"])

    def _post(self, tenant: str, path: str, key: str, body: object) -> Any:
        headers = {
            "Authorization": f"Bearer {self._tokens[tenant]}",
            "Content-Type": "application/json",
            "Idempotency-Key": key,
        }
        content = json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 - loopback
            self._address + path, method="POST", data=content, headers=headers
        )
        try:
            with _OPENER.open(request, timeout=_ANSWER_SECONDS) as reply:
                return json.loads(reply.read())
        except urllib.error.HTTPError as error:
            with error:
                told = error.read()
            raise _told(error.code, told) from None
        except (OSError, ValueError, HTTPException) as error:
            raise NoAnswer from error


def _told(status: int, body: bytes) -> Exception:
    try:
        code = json.loads(body)["code"]
    except (ValueError, KeyError, TypeError):
        return NoAnswer(f"{status}")
    if status in _NO_ANSWER and code in {"store_unavailable", "keys_unavailable"}:
        return NoAnswer(code)
    return Refused(f"{status} {code}")
